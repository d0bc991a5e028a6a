"""Training data in a table that no feature store knows: described by its columns, read where it is."""

from __future__ import annotations

from dataclasses import dataclass, field

from pyspark.sql import SparkSession

from pegel.baseline.baseline import Baseline
from pegel.data.columns import Kind, Schema
from pegel.featurestore import SourceRef
from pegel.featurestore.stored_table import StoredTable
from pegel.featurestore.table_fields import TableFields
from pegel.spec.plain_numbers import how_many
from pegel.spec.table_reference import TableRef
from pegel_spark import training_table
from pegel_spark.training_columns import kind_of


@dataclass(slots=True)
class TableTrainingData:
    """One table as it was when it was first asked for; whatever reference it is asked for, it is that one.

    `time_column`: that of the spec, no field.
    """

    spark: SparkSession
    ref: TableRef
    table: StoredTable
    time_column: str | None = None
    _fields: TableFields | None = field(default=None, init=False)
    _pinned: StoredTable | None = field(default=None, init=False)

    def describe(self, _: SourceRef | str) -> Schema:
        """Return the fields. Raises what `training_table.read` raises, and InvalidSpec."""
        return self._described().schema

    def read_training_data(self, _: SourceRef | str) -> StoredTable:
        """Return where the rows are: whatever is written meanwhile, a job reads one version from beginning to end.

        Raises as `describe` does.
        """
        if self._pinned is None:
            self._pinned = training_table.pinned(self.table)
        return self._pinned

    def remarks(self, _: Baseline) -> list[str]:
        """Return what is worth knowing of a baseline of the table."""
        fields = self._described()
        absent, nameless = fields.left_out, fields.nameless
        told = [f"not watched, as neither numbers nor texts: {', '.join(absent)}"] if absent else []
        return [*told, f"not watched, without a name: {how_many(nameless, 'column')}"] if nameless else told

    def _described(self) -> TableFields:
        if self._fields is None:
            columns: dict[str, Kind | None] = {
                name: kind_of(kind)
                for name, kind in training_table.read(self.spark, self.read_training_data("")).dtypes
            }
            self._fields = TableFields.of(self.ref, columns, self.time_column)
        return self._fields
