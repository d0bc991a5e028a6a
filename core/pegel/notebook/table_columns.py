"""Arrow columns as what is counted: numbers with reasons for their absence, or categories."""

from __future__ import annotations

from typing import Any, TypeAlias

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from pegel.data.columns import Columns, Field, Kind, Missing

Column: TypeAlias = Any
"""An Arrow array; Arrow ships no types."""


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

    Integers beyond 2**53 become the nearest float, truth values 0 and 1. Text is parsed; what is no number is
    unparseable.
    """
    column = _plain(column)
    if _is_text(column.type):
        return _parsed(column)
    if kind_of(column.type) is not Kind.NUMERIC and not pa.types.is_boolean(column.type):
        nulls = _nulls(column)
        codes = np.where(nulls, Missing.NULL, Missing.UNPARSEABLE).astype(np.uint8)
        return np.full(len(column), np.nan), codes
    if pa.types.is_boolean(column.type):
        column = column.cast(pa.uint8())
    values = _values(column.cast(pa.float64(), safe=False), np.dtype(np.float64))
    if column.null_count == 0:
        return values, None
    nulls = _nulls(column)
    return np.where(nulls, np.nan, values), np.where(nulls, Missing.NULL, Missing.PRESENT).astype(np.uint8)


def _values(column: Column, kind: np.dtype[Any]) -> NDArray[Any]:
    """Return the memory of a column of numbers; what stands at nulls is undefined.

    `to_numpy` would do the same, but imports pandas wherever it is installed: half of the time of a small check.
    """
    data = column.buffers()[1]
    if data is None:
        return np.empty(0, dtype=kind)
    return np.frombuffer(data, kind, count=len(column), offset=column.offset * kind.itemsize)


def _nulls(column: Column) -> NDArray[np.bool_]:
    """Return which values of a column are null, for the same reason without `to_numpy`."""
    return np.asarray(_values(column.is_null().cast(pa.uint8()), np.dtype(np.uint8)), dtype=np.bool_)


def _plain(column: Column) -> Column:
    return column.cast(column.type.value_type) if pa.types.is_dictionary(column.type) else column


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
    texts = _texts(column)
    if texts is None:
        return np.full(len(column), None, dtype=object), ~_nulls(column)
    # One Python string per distinct value instead of one per row; the last place stands for null.
    encoded = texts.dictionary_encode()
    distinct = np.array([*encoded.dictionary.to_pylist(), None], dtype=object)
    places = _values(encoded.indices, np.dtype(np.int32))
    return distinct[np.where(_nulls(encoded.indices), -1, places) if encoded.indices.null_count else places], None


def counts(column: Column) -> dict[str, int]:
    """Return how often each category stands in a column; nulls are left out."""
    texts = _texts(column)
    if texts is None:
        return {}
    found = texts.drop_null().value_counts()
    return dict(zip(found.field("values").to_pylist(), found.field("counts").to_pylist(), strict=True))


def _texts(column: Column) -> Column | None:
    """Return a column as text; None if it holds neither text, numbers nor truth values."""
    column = _plain(column)
    if not isinstance(kind_of(column.type), Kind) and not pa.types.is_null(column.type):
        return None
    return column if pa.types.is_string(column.type) else column.cast(pa.string())


def columns_of(fields: tuple[Field, ...], batch: pa.RecordBatch) -> Columns:
    """Return a batch's rows for fields of one role, in their order; columns are found by name."""
    names = [field.name for field in fields if field.kind is Kind.NUMERIC]
    # One column lies after the other in memory, because they are counted one after the other.
    values = np.empty((len(names), batch.num_rows))
    missing = None
    for j, name in enumerate(names):
        values[j], codes = numbers(batch.column(name))
        if codes is not None:
            missing = np.zeros(values.shape, dtype=np.uint8) if missing is None else missing
            missing[j] = codes
    text = [categories(batch.column(field.name)) for field in fields if field.kind is Kind.CATEGORICAL]
    return Columns(
        n=batch.num_rows,
        numeric=values.T,
        missing=None if missing is None else missing.T,
        categorical=tuple(found for found, _ in text),
        unparseable=tuple(bad for _, bad in text),
    )


def finite(column: Column) -> NDArray[np.float64]:
    """Return the finite numbers of a column."""
    values, _ = numbers(column)
    return values[np.isfinite(values)]
