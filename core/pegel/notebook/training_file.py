"""A table written as training data: one Parquet file that every engine reads alike."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path

import pyarrow as pa
from pyarrow import parquet

from pegel.data.arrow_columns import kind_of
from pegel.data.columns import Field, Kind
from pegel.errors import InvalidSpec, PermanentError
from pegel.featurestore import TimeRange
from pegel.notebook import table_reading
from pegel.notebook.column_facts import TableFacts
from pegel.notebook.column_type import ColumnType, keeping, too_long, type_of
from pegel.notebook.naming import listed
from pegel.notebook.registered import LABEL, TIME
from pegel.notebook.stored_columns import StoredColumn
from pegel.notebook.table_schema import schema_of
from pegel.notebook.time_column import TimeColumn
from pegel.spec.outside_text import NAME_LIMIT, shown

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

    `left_out`: columns that are not stored, each with the reason. `stored`: the fields by name, and the label if any.
    `instants`: the columns of times by name, which are stored beside the fields. `times`: that of each row's time.
    """

    def __init__(self, table: table_reading.Table, columns: NamedColumns) -> None:
        """Choose fields and types. Raises PermanentError if there are no rows or fields, or a column is not there."""
        beside = [name for name in (columns.time, columns.label) if name is not None]
        if absent := table.absent(beside):
            raise PermanentError(f"expected the columns {listed(absent)}, given a table without them: {NOTHING}.")
        given = schema_of(
            table, columns.predictions, columns.categorical, columns.units or {}, without=beside, otherwise=NOTHING
        )
        unfit = _unreadable_names([*(field.name for field in given.schema.fields), *sorted(given.times)], beside)
        self.schema = replace(given.schema, fields=tuple(one for one in given.schema.fields if one.name not in unfit))
        self.left_out = [phrase for name, phrase in given.left_out.items() if name not in given.times]
        self.left_out += unfit.values()
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
        self.instants = {} if self.times is None else {self.times.name: self.times}
        self.instants |= {
            name: TimeColumn(name, types[name], of_rows=False)
            for name in table.schema.names
            if name in given.times and name not in unfit
        }
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
        schema = self._arrow.with_metadata(told)
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
        stored |= {name: column.stored(batch.column(name)) for name, column in self.instants.items()}
        schema = self._arrow
        converted = pa.RecordBatch.from_arrays([stored[name] for name in schema.names], schema=schema)
        self.facts.look(converted)
        return converted

    @cached_property
    def _arrow(self) -> pa.Schema:
        """Return the columns as they are stored; the metadata of each says what its type alone does not."""
        fields = [pa.field(name, column.arrow) for name, column in self.stored.items()]
        fields += [column.field for column in self.instants.values()]
        types = self._types | dict.fromkeys(self.without_categories)
        return pa.schema([keeping(field, types[field.name]) for field in fields])

    @cached_property
    def without_categories(self) -> list[str]:
        """Return the columns whose categories are too long to be kept."""
        return too_long(self._types)

    @cached_property
    def _types(self) -> dict[str, ColumnType | None]:
        """Return as what each stored column is given to a model."""
        return {name: self._type_of(name) for name in (*self.stored, *self.instants)}

    def _type_of(self, name: str) -> ColumnType | None:
        is_text = pa.types.is_string(self._table.schema.field(name).type)
        return type_of(pa.timestamp("us")) if is_text and name in self.instants else self._table.type_of(name)


def _label(columns: NamedColumns, types: Mapping[str, pa.DataType]) -> Field:
    """Return how labels are kept. Raises PermanentError if they are neither numbers nor categories."""
    name = str(columns.label)
    kind = Kind.CATEGORICAL if name in columns.categorical else kind_of(types[name])
    if not isinstance(kind, Kind):
        raise PermanentError(
            f"label: expected numbers or categories, given {listed([name])} ({shown(kind)}): {NOTHING}."
        )
    return Field(name, kind)


def _unreadable_names(names: Iterable[str], beside: Iterable[str]) -> dict[str, str]:
    """Return the columns whose names Spark cannot read, or tell from one before, in words with the reason."""
    taken = {name.lower(): name for name in beside}
    unfit = {}
    for column in names:
        name = shown(column, NAME_LIMIT)
        other = taken.setdefault(column.lower(), column)
        if not UNREADABLE.isdisjoint(column):
            unfit[column] = f"{name} (Spark cannot read a name with a dot or a backtick: rename it)"
        elif other != column:
            unfit[column] = f"{name} (Spark cannot tell it from {shown(other, NAME_LIMIT)})"
    return unfit


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
