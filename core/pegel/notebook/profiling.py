"""A baseline from a table."""

from __future__ import annotations

import warnings
from collections import deque
from collections.abc import Callable, Collection, Iterator, Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from os import cpu_count
from typing import Any

import pyarrow as pa
from numpy.typing import NDArray

from pegel.baseline import Baseline
from pegel.columns import Field, Kind, Role, Schema
from pegel.detect.replay import replay
from pegel.errors import PermanentError
from pegel.layout import Layout, build_layout
from pegel.notebook import tables
from pegel.notebook.columns import columns_of, kind_of, values_of
from pegel.spec import Watch
from pegel.summary import Summary

AHEAD = 4
"""Batches read ahead of counting."""


def profile(
    data: Any,
    *,
    predictions: Collection[str] = (),
    categorical: Collection[str] = (),
    units: Mapping[str, str] | None = None,
    window_rows: int | None = None,
    name: str = "table",
    version: int = 1,
) -> Baseline:
    """Learn what a table looks like.

    Args:
        data: Any table: pandas, polars, pyarrow, a mapping of columns, a path to a Parquet or CSV file.
        predictions: Columns that a model has predicted.
        categorical: Numeric columns that are to be taken as categories, such as codes.
        units: Unit per numeric column, for people: `{"delay": "min"}`.
        window_rows: If the rows are in order of time: how many rows the tables have that will be checked. Windows of so
            many rows are then replayed, and where they vary more than independent rows would, checks allow for it.
        name: Of the model, or whatever else the table belongs to.
        version: Of the same.

    Columns that are neither numbers nor categories (times, lists, ...) are left out with a warning that names them.

    Raises:
        PermanentError: If there is nothing to learn from, or a column that is named is not there.
    """
    table = tables.read(data)
    schema = _schema(table, predictions, categorical, units or {})
    if table.rows == 0 or not schema.fields:
        raise PermanentError(
            f"expected rows of numbers or categories, given {table.rows} rows and {len(schema.fields)} such columns: "
            "no baseline was made."
        )
    layout = _layout(table, schema)
    return Baseline.build(
        layout=layout,
        summary=summarise(table, layout, exact=True),
        model=name,
        version=version,
        source=table.source,
        scores=None,
        watch=Watch(),
        dispersion=None if window_rows is None else replay(layout, _FullColumns(table, schema), window_rows),
    )


class _FullColumns(Mapping[str, NDArray[Any]]):
    """Full columns of a table, each read when it is asked for."""

    def __init__(self, table: tables.Table, schema: Schema) -> None:
        self._table = table
        self._fields = {field.name: field for field in schema.fields}

    def __getitem__(self, name: str) -> NDArray[Any]:
        return values_of(self._fields[name], self._table.column(name))

    def __iter__(self) -> Iterator[str]:
        return iter(self._fields)

    def __len__(self) -> int:
        return len(self._fields)


def summarise(table: tables.Table, layout: Layout, *, exact: bool = False) -> Summary:
    """Count all rows of a table, on all cores."""
    roles = [(role, layout.schema.of_role(role)) for role in Role]

    def count(batch: pa.RecordBatch) -> Summary:
        part = Summary.empty(layout, exact=exact)
        for role, fields in roles:
            if fields:
                part.update(columns_of(fields, batch), role)
        return part

    whole = Summary.empty(layout, exact=exact)
    with ThreadPoolExecutor(cpu_count()) as pool:
        for part in _mapped(pool, count, table.batches()):
            whole.merge(part)
    return whole


def _mapped(
    pool: ThreadPoolExecutor, count: Callable[[pa.RecordBatch], Summary], batches: Iterator[pa.RecordBatch]
) -> Iterator[Summary]:
    """Map in order with only a few batches read ahead, so that a file larger than memory does not fill it."""
    waiting: deque[Future[Summary]] = deque()
    for batch in batches:
        waiting.append(pool.submit(count, batch))
        if len(waiting) > AHEAD:
            yield waiting.popleft().result()
    while waiting:
        yield waiting.popleft().result()


def _layout(table: tables.Table, schema: Schema) -> Layout:
    """Freeze the cells column by column, so that only a few columns are in memory at a time."""

    def freeze(field: Field) -> Layout:
        return build_layout(Schema((field,)), {field.name: values_of(field, table.column(field.name))})

    with ThreadPoolExecutor(cpu_count()) as pool:
        parts = list(pool.map(freeze, schema.fields))
    return Layout(schema, tuple(part.features[0] for part in parts))


def _schema(
    table: tables.Table, predictions: Collection[str], categorical: Collection[str], units: Mapping[str, str]
) -> Schema:
    names = table.schema.names
    if absent := [name for name in (*predictions, *categorical, *units) if name not in names]:
        raise PermanentError(f"expected columns {absent}, given a table without them: no baseline was made.")
    fields, left_out = [], []
    for column in table.schema:
        kind = kind_of(column.type)
        if not isinstance(kind, Kind):
            left_out.append(f"{column.name} ({kind})")
            continue
        role = Role.PREDICTION if column.name in predictions else Role.FEATURE
        chosen = Kind.CATEGORICAL if column.name in categorical else kind
        fields.append(Field(column.name, chosen, role, units.get(column.name)))
    if left_out:
        warnings.warn(f"not measured: {'; '.join(left_out)}", stacklevel=3)
    return Schema(tuple(sorted(fields, key=lambda field: field.role is Role.PREDICTION)))
