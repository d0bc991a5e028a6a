"""Training data as columns: from Parquet through Arrow to what layouts and summaries take."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray
from pyspark.sql import DataFrame

from pegel.data.columns import Columns, Field, Kind, Missing, Role, Schema
from pegel.errors import InvalidSpec

AT_ONCE = 20_000_000
"""Values that the driver holds at the same time; larger tables are fetched one column after the other."""


class TrainingColumns(Mapping[str, NDArray[Any]]):
    """Full columns of a table by name, fetched when asked for: float64 with NaN, or objects of str and None."""

    def __init__(self, frame: DataFrame, schema: Schema, *, at_once: int = AT_ONCE) -> None:
        """Fetch everything now if it has at most `at_once` values.

        Raises InvalidSpec when columns are absent or of a wrong type.
        """
        check(frame, schema)
        self._frame = frame
        self._fields = {field.name: field for field in schema.fields}
        names = list(self._fields)
        small = frame.count() * len(names) <= at_once
        self._table: pa.Table | None = _fetch(frame, names) if small else None

    def __getitem__(self, name: str) -> NDArray[Any]:
        """Return one column."""
        table = self._table if self._table is not None else _fetch(self._frame, [name])
        return column(table.column(name), self._fields[name])[0]

    def __iter__(self) -> Iterator[str]:
        """Return the names in schema order."""
        return iter(self._fields)

    def __len__(self) -> int:
        """Return the number of columns."""
        return len(self._fields)


def check(frame: DataFrame, schema: Schema) -> None:
    """Raise InvalidSpec unless every field of the schema is a column that can hold it."""
    types = dict(frame.dtypes)
    absent = [field.name for field in schema.fields if field.name not in types]
    if absent:
        raise InvalidSpec(
            f"baseline.source: the training data lacks {', '.join(absent)}; it has {', '.join(types)}. "
            "Register data with these columns, or a schema without them; no baseline was built."
        )
    texts = [field.name for field in schema.fields if field.kind is Kind.NUMERIC and not _is_number(types[field.name])]
    if texts:
        raise InvalidSpec(
            f"baseline.source: {', '.join(texts)} should be numeric, given {', '.join(types[name] for name in texts)}. "
            "Register them as categorical or convert them; no baseline was built."
        )


def columns(batch: pa.RecordBatch, schema: Schema, role: Role) -> Columns:
    """Return the rows of an Arrow batch for one role."""
    fields = schema.of_role(role)
    numeric = [column(batch.column(field.name), field) for field in fields if field.kind is Kind.NUMERIC]
    texts = [column(batch.column(field.name), field)[0] for field in fields if field.kind is Kind.CATEGORICAL]
    matrix = np.empty((batch.num_rows, len(numeric)), dtype=np.float64)
    codes = np.zeros(matrix.shape, dtype=np.uint8)
    for at, (values, nulls) in enumerate(numeric):
        matrix[:, at] = values
        codes[nulls, at] = Missing.NULL
    missing = codes if codes.any() else None
    return Columns(batch.num_rows, matrix, missing, tuple(texts), tuple(None for _ in texts))


def column(values: pa.Array | pa.ChunkedArray, field: Field) -> tuple[NDArray[Any], NDArray[np.bool_]]:
    """Return one column as numpy, and which of its values are null (NaN in numeric ones)."""
    nulls = np.asarray(pc.is_null(values).to_numpy(zero_copy_only=False), dtype=np.bool_)
    if field.kind is Kind.CATEGORICAL:
        return np.array(values.cast(pa.string()).to_pylist(), dtype=np.object_), nulls
    if pa.types.is_boolean(values.type):
        values = values.cast(pa.int8())
    # Integers beyond 2**53 lose their last digits, as they do in every model that computes with doubles.
    numbers = values.cast(pa.float64(), safe=False).to_numpy(zero_copy_only=False)
    return np.where(nulls, np.nan, np.asarray(numbers, dtype=np.float64)), nulls


def _fetch(frame: DataFrame, names: list[str]) -> pa.Table:
    return frame.select(*[f"`{name}`" for name in names]).toArrow()


def _is_number(kind: str) -> bool:
    plain = {"tinyint", "smallint", "int", "bigint", "float", "double", "boolean"}
    return kind in plain or kind.startswith("decimal")
