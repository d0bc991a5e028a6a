"""A table written as training data: one Parquet file that every engine reads alike."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path

import pyarrow as pa
from pyarrow import parquet

from pegel.data.arrow_columns import kind_of
from pegel.data.columns import Field, Kind, Schema
from pegel.errors import InvalidSpec, PermanentError
from pegel.featurestore import TimeRange
from pegel.notebook import table_reading
from pegel.notebook.column_facts import TableFacts
from pegel.notebook.naming import listed
from pegel.notebook.registered import LABEL, TIME
from pegel.notebook.stored_columns import StoredColumn
from pegel.notebook.table_schema import schema_of
from pegel.notebook.time_column import TimeColumn
from pegel.spec.outside_text import LONGEST_NAME, shown

NOTHING = "nothing was registered"
UNREADABLE = frozenset(".`")
"""Signs in names by which Spark's Arrow functions no longer find a column, quoted or not."""


@dataclass(frozen=True)
class NamedColumns:
    """The columns of a table that somebody has said something about."""

    predictions: tuple[str, ...] = ()
    categorical: tuple[str, ...] = ()
    units: Mapping[str, str] | None = None
    time: str | None = None
    label: str | None = None

    def __post_init__(self) -> None:
        """Raise InvalidSpec where one column is said to be two things."""
        for argument, name in (("time", self.time), ("label", self.label)):
            if name is not None and name in {*self.predictions, *(self.units or ())}:
                raise InvalidSpec(
                    f"{argument}: expected a column beside the fields, given {listed([name])}: {NOTHING}."
                )
        if self.time is not None and self.time in {self.label, *self.categorical}:
            raise InvalidSpec(f"time: expected a column that is nothing else, given {listed([self.time])}: {NOTHING}.")


class TrainingFile:
    """What is stored of a table.

    `left_out`: columns that are no fields, each with the reason. `stored`: the fields by name, and the label if any.
    `times`: the column of times, if one is named; else `unnamed_times` are those it could be.
    """

    def __init__(self, table: table_reading.Table, columns: NamedColumns) -> None:
        """Choose fields and types. Raises PermanentError if there are no rows or fields, or a column is not there."""
        beside = [name for name in (columns.time, columns.label) if name is not None]
        if absent := table.absent(beside):
            raise PermanentError(f"expected the columns {listed(absent)}, given a table without them: {NOTHING}.")
        schema, self.left_out = schema_of(
            table, columns.predictions, columns.categorical, columns.units or {}, without=beside, otherwise=NOTHING
        )
        self.schema, unfit = _readable_names(schema, beside)
        self.left_out += unfit
        if table.rows == 0 or not self.schema.fields:
            raise PermanentError(
                f"expected rows of numbers or categories, given {table.rows:,} rows and {len(self.schema.fields)} such "
                f"columns: {NOTHING}."
            )
        types = {column.name: column.type for column in table.schema}
        self._table = table
        self.stored = {field.name: StoredColumn.of(field, types[field.name]) for field in self.schema.fields}
        if columns.label is not None:
            self.stored[columns.label] = StoredColumn.of(_label(columns, types), types[columns.label])
        self.times = None if columns.time is None else TimeColumn(columns.time, types[columns.time])
        dated = [column.name for column in table.schema if _is_instant(column.type)]
        self.unnamed_times = [] if columns.time else dated
        self.facts = TableFacts(self.schema, [*self.stored])
        self._names = {TIME: columns.time, LABEL: columns.label}

    @property
    def covered(self) -> TimeRange | None:
        """Return the times of the rows that were written."""
        return None if self.times is None else self.times.covered

    def write(self, path: Path, progress: table_reading.Progress) -> None:
        """Write all rows, in groups whose size depends on the columns only: equal rows give an equal file.

        Raises PermanentError if the column of times holds none.
        """
        told = {key: name for key, name in self._names.items() if name is not None}
        schema = self._arrow().with_metadata(told)
        texts = [field.name for field in schema if pa.types.is_string(field.type)]
        written = 0
        with parquet.ParquetWriter(path, schema, compression="zstd", use_dictionary=texts) as writer:
            batches = map(self._converted, self._table.batches(schema.names))
            for group in groups(batches, table_reading.rows_at_once(len(schema))):
                writer.write_table(group.combine_chunks(), row_group_size=group.num_rows)
                written += group.num_rows
                progress(written / self._table.rows)
        if self.times is not None and self.times.covered is None:
            raise PermanentError(f"time: expected times, given {listed([self.times.name])} without any: {NOTHING}.")

    def _converted(self, batch: pa.RecordBatch) -> pa.RecordBatch:
        stored = {name: column.stored(batch.column(name)) for name, column in self.stored.items()}
        if self.times is not None:
            stored[self.times.name] = self.times.stored(batch.column(self.times.name))
        schema = self._arrow()
        converted = pa.RecordBatch.from_arrays([stored[name] for name in schema.names], schema=schema)
        self.facts.look(converted)
        return converted

    def _arrow(self) -> pa.Schema:
        fields = [pa.field(name, column.arrow) for name, column in self.stored.items()]
        return pa.schema(fields if self.times is None else [*fields, self.times.field])


def _label(columns: NamedColumns, types: Mapping[str, pa.DataType]) -> Field:
    """Return how labels are kept. Raises PermanentError if they are neither numbers nor categories."""
    name = str(columns.label)
    kind = Kind.CATEGORICAL if name in columns.categorical else kind_of(types[name])
    if not isinstance(kind, Kind):
        raise PermanentError(
            f"label: expected numbers or categories, given {listed([name])} ({shown(kind)}): {NOTHING}."
        )
    return Field(name, kind)


def _readable_names(schema: Schema, beside: list[str]) -> tuple[Schema, list[str]]:
    """Return the fields that Spark can tell apart by name, and the others with the reason."""
    kept: list[Field] = []
    taken = {name.lower(): name for name in beside}
    left_out = []
    for field in schema.fields:
        name = shown(field.name, LONGEST_NAME)
        other = taken.setdefault(field.name.lower(), field.name)
        if not UNREADABLE.isdisjoint(field.name):
            left_out.append(f"{name} (Spark cannot read a name with a dot or a backtick: rename it)")
        elif other != field.name:
            left_out.append(f"{name} (Spark cannot tell it from {shown(other, LONGEST_NAME)})")
        else:
            kept.append(field)
    return replace(schema, fields=tuple(kept)), left_out


def _is_instant(arrow: pa.DataType) -> bool:
    return bool(pa.types.is_timestamp(arrow) or pa.types.is_date(arrow))


def groups(batches: Iterator[pa.RecordBatch], rows: int) -> Iterator[pa.Table]:
    """Cut batches anew: all of `rows` rows but the last, wherever the batches ended."""
    waiting: list[pa.RecordBatch] = []
    held = 0
    for whole in batches:
        rest = whole
        while held + rest.num_rows >= rows:
            yield pa.Table.from_batches([*waiting, rest.slice(0, rows - held)])
            rest, waiting, held = rest.slice(rows - held), [], 0
        if rest.num_rows:
            waiting.append(rest)
            held += rest.num_rows
    if held:
        yield pa.Table.from_batches(waiting)
