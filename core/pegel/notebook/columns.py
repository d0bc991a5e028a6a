"""Arrow columns as what is counted: numbers with reasons for their absence, or categories."""

from __future__ import annotations

from typing import Any, TypeAlias

import numpy as np
import pyarrow as pa
import pyarrow.compute
from numpy.typing import NDArray

from pegel.columns import Columns, Field, Kind, Missing

Column: TypeAlias = Any
"""An Arrow array or chunked array; Arrow ships no types."""


def kind_of(arrow: pa.DataType) -> Kind | str:
    """Return how a column of this type is measured, or why it is not."""
    if pa.types.is_dictionary(arrow):
        return kind_of(arrow.value_type)
    if pa.types.is_integer(arrow) or pa.types.is_floating(arrow) or pa.types.is_decimal(arrow):
        return Kind.NUMERIC
    if pa.types.is_boolean(arrow) or _is_text(arrow):
        return Kind.CATEGORICAL
    if pa.types.is_temporal(arrow):
        return "times always differ between then and now"
    if pa.types.is_null(arrow):
        return "holds no value from which to tell numbers from text"
    return f"{arrow} is neither a number nor a category"


def _is_text(arrow: pa.DataType) -> bool:
    return bool(pa.types.is_string(arrow) or pa.types.is_large_string(arrow) or pa.types.is_string_view(arrow))


def numbers(column: Column) -> tuple[NDArray[np.float64], NDArray[np.uint8] | None]:
    """Return float64 values, and codes of `Missing` if any is absent.

    Integers beyond 2**53 become the nearest float. Text is parsed; what is no number is unparseable.
    """
    if pa.types.is_dictionary(column.type):
        column = column.cast(column.type.value_type)
    if _is_text(column.type):
        return _parsed(column)
    if kind_of(column.type) is not Kind.NUMERIC and not pa.types.is_boolean(column.type):
        nulls = np.asarray(column.is_null())
        codes = np.where(nulls, Missing.NULL, Missing.UNPARSEABLE).astype(np.uint8)
        return np.full(len(column), np.nan), codes
    if pa.types.is_boolean(column.type):
        column = column.cast(pa.uint8())
    values = np.array(column.cast(pa.float64(), safe=False).to_numpy(zero_copy_only=False), dtype=np.float64)
    if column.null_count == 0:
        return values, None
    return values, np.where(np.asarray(column.is_null()), Missing.NULL, Missing.PRESENT).astype(np.uint8)


def _parsed(column: Column) -> tuple[NDArray[np.float64], NDArray[np.uint8]]:
    parsed: dict[str | None, tuple[float, Missing]] = {None: (np.nan, Missing.NULL)}
    texts = column.to_pylist()
    for text in set(texts) - {None}:
        try:
            parsed[text] = (float(text), Missing.PRESENT)
        except ValueError:
            parsed[text] = (np.nan, Missing.UNPARSEABLE)
    pairs = [parsed[text] for text in texts]
    return np.array([value for value, _ in pairs]), np.array([code for _, code in pairs], dtype=np.uint8)


def categories(column: Column) -> tuple[NDArray[np.object_], NDArray[np.bool_] | None]:
    """Return strings or None, and a mask of values that are neither text nor null, if any.

    Numbers and truth values count as the text they are written as: `1`, `true`.
    """
    if pa.types.is_dictionary(column.type):
        column = column.cast(column.type.value_type)
    if not isinstance(kind_of(column.type), Kind) and not pa.types.is_null(column.type):
        return np.full(len(column), None, dtype=object), ~np.asarray(column.is_null())
    texts = column if _is_text(column.type) else column.cast(pa.string())
    if isinstance(texts, pa.ChunkedArray):
        texts = pa.concat_arrays(texts.chunks) if texts.num_chunks else pa.array([], pa.string())
    # One Python string per distinct value instead of one per row; the last place stands for null.
    encoded = texts.dictionary_encode()
    distinct = np.array([*encoded.dictionary.to_pylist(), None], dtype=object)
    return distinct[encoded.indices.fill_null(-1).to_numpy(zero_copy_only=False)], None


def values_of(field: Field, column: Column) -> NDArray[Any]:
    """Return a whole column as `pegel.layout.build_layout` expects it."""
    return numbers(column)[0] if field.kind is Kind.NUMERIC else categories(column)[0]


def columns_of(fields: tuple[Field, ...], batch: pa.RecordBatch) -> Columns:
    """Return a batch's rows for fields of one role, in their order; columns are found by name."""
    numeric = [numbers(batch.column(field.name)) for field in fields if field.kind is Kind.NUMERIC]
    text = [categories(batch.column(field.name)) for field in fields if field.kind is Kind.CATEGORICAL]
    n = batch.num_rows
    matrix = np.stack([values for values, _ in numeric], axis=1) if numeric else np.empty((n, 0))
    missing = None
    if any(codes is not None for _, codes in numeric):
        missing = np.zeros(matrix.shape, dtype=np.uint8)
        for j, (_, codes) in enumerate(numeric):
            missing[:, j] = 0 if codes is None else codes
    return Columns(n, matrix, missing, tuple(values for values, _ in text), tuple(bad for _, bad in text))
