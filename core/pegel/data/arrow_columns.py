"""Whole Arrow columns as what is counted: `pegel.data.conversions`, without Python work per clean value."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from typing import Any, TypeAlias

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from pegel.data.columns import Columns, Field, Kind, Missing
from pegel.data.conversions import category_of, parsed
from pegel.data.plain_types import plain_array, plain_type

Column: TypeAlias = Any
"""An Arrow array; Arrow ships no types."""
Numbers: TypeAlias = tuple[NDArray[np.float64], NDArray[np.uint8] | None]
"""Float64 values, NaN where there is none, and codes of `Missing` if any is absent."""
Categories: TypeAlias = tuple[NDArray[np.object_], NDArray[np.bool_] | None]
"""Strings or None, and a mask of values that are unparseable, if any."""

_LISTS = (
    pa.types.is_list,
    pa.types.is_large_list,
    pa.types.is_fixed_size_list,
    pa.types.is_list_view,
    pa.types.is_large_list_view,
)
_NUMERIC = (pa.types.is_integer, pa.types.is_floating, pa.types.is_decimal, pa.types.is_null)


def kind_of(arrow: pa.DataType) -> Kind | str:
    """Return how a column of this type is measured, or why it is not. Of several types, text makes it a category.

    Encodings do not count: categories that are integers are numbers, because no file keeps that they were categories.
    A column without a type, because it has no value, is one of numbers: that is what pandas makes of it.
    """
    arrow = plain_type(arrow)
    if pa.types.is_union(arrow):
        has_text = any(pa.types.is_string(plain_type(field.type)) for field in arrow)
        return Kind.CATEGORICAL if has_text else Kind.NUMERIC
    if any(holds(arrow) for holds in _NUMERIC):
        return Kind.NUMERIC
    if pa.types.is_boolean(arrow) or pa.types.is_string(arrow):
        return Kind.CATEGORICAL
    return _why_not(arrow)


def _why_not(arrow: pa.DataType) -> str:
    if pa.types.is_temporal(arrow):
        return "times always differ between then and now"
    kind = arrow.type_name if isinstance(arrow, pa.OpaqueType) else arrow
    return f"{kind} is neither a number nor a category"


def numbers(column: Column) -> Numbers:
    """Return what a column is in a numeric field, see `pegel.data.conversions.number_of`."""
    column = plain_array(column)
    if pa.types.is_string(column.type):
        return _parsed(column)
    if pa.types.is_boolean(column.type):
        column = column.cast(pa.uint8())
    if pa.types.is_union(column.type) or kind_of(column.type) is not Kind.NUMERIC:
        return _gathered_numbers(column)
    values = _values(column.cast(pa.float64(), safe=False), np.dtype(np.float64))
    if column.null_count == 0:
        return values, None
    nulls = _nulls(column)
    return np.where(nulls, np.nan, values), np.where(nulls, Missing.NULL, Missing.PRESENT).astype(np.uint8)


def categories(column: Column) -> Categories:
    """Return what a column is in a categorical field, see `pegel.data.conversions.category_of`."""
    column = plain_array(column)
    if not _is_simple(column.type):
        return _gathered_categories(column)
    # One Python string per distinct value instead of one per row; the last place stands for null.
    encoded = _encodable(column).dictionary_encode()
    distinct = np.array([*_texts(encoded.dictionary), None], dtype=object)
    places = _values(encoded.indices, np.dtype(np.int32))
    return distinct[np.where(_nulls(encoded.indices), -1, places) if encoded.indices.null_count else places], None


def counts(column: Column) -> dict[str, int]:
    """Return how often each category stands in a column; nulls and what is unparseable are left out."""
    column = plain_array(column)
    tally: Counter[str | None] = Counter()
    if _is_simple(column.type):
        pairs = _encodable(column).value_counts()
        for text, count in zip(_texts(pairs.field("values")), pairs.field("counts").to_pylist(), strict=True):
            tally[text] += count
    else:
        tally.update(_gathered_categories(column)[0].tolist())
    return {text: count for text, count in tally.items() if text is not None}


def finite(column: Column) -> NDArray[np.float64]:
    """Return the finite numbers of a column."""
    values, _ = numbers(column)
    return values[np.isfinite(values)]


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
        categorical=tuple(texts for texts, _ in text),
        unparseable=tuple(strange for _, strange in text),
    )


# --- columns in which values may be of several types ------------------------------------------------------------------


def _parts(column: Column) -> Iterator[tuple[NDArray[np.intp], Column]]:
    """Yield the rows of a mixed column by type, and of a column of lists those with one value: where, and what."""
    if pa.types.is_union(column.type):
        codes = _values(column, np.dtype(np.int8))
        # In a sparse one every child has a place for each row.
        places = _offsets(column) if column.type.mode == "dense" else np.arange(len(column))
        for code in np.unique(codes).tolist():
            where = np.flatnonzero(codes == code)
            yield where, column.field(column.type.type_codes.index(code)).take(pa.array(places[where]))
    elif any(is_list(column.type) for is_list in _LISTS):
        alone = pc.fill_null(pc.equal(pc.list_value_length(column), 1), fill_value=False)
        yield np.flatnonzero(_values(alone.cast(pa.uint8()), np.dtype(np.uint8))), column.filter(alone).flatten()


def _offsets(column: Column) -> NDArray[np.int32]:
    return np.frombuffer(column.buffers()[2], np.int32, count=len(column), offset=4 * column.offset)


def _gathered_numbers(column: Column) -> Numbers:
    values = np.full(len(column), np.nan)
    codes = np.where(_nulls(column), Missing.NULL, Missing.UNPARSEABLE).astype(np.uint8)
    for where, part in _parts(column):
        values[where], missing = numbers(part)
        codes[where] = Missing.PRESENT if missing is None else missing
    return values, codes


def _gathered_categories(column: Column) -> Categories:
    texts = np.full(len(column), None, dtype=object)
    strange = ~_nulls(column)
    for where, part in _parts(column):
        texts[where], bad = categories(part)
        strange[where] = False if bad is None else bad
    return texts, strange if strange.any() else None


# --- single types -----------------------------------------------------------------------------------------------------


def _is_simple(arrow: pa.DataType) -> bool:
    """Say whether all values of a column are numbers, all are texts, all are truth values, or all are null."""
    return isinstance(kind_of(arrow), Kind) and not pa.types.is_union(arrow)


def _encodable(column: Column) -> Column:
    """Return a column of a type whose equal values Arrow finds; whole numbers and truth values as texts."""
    if pa.types.is_floating(column.type) or pa.types.is_string(column.type):
        return column
    if pa.types.is_decimal(column.type):
        return column.cast(pa.decimal256(column.type.precision, column.type.scale))
    return column.cast(pa.string())


def _texts(distinct: Column) -> list[str | None]:
    values = distinct.to_pylist()
    return values if pa.types.is_string(distinct.type) else [category_of(value)[0] for value in values]


def _parsed(column: Column) -> Numbers:
    texts = column.to_pylist()
    known = {text: (np.nan, Missing.NULL) if text is None else parsed(text) for text in set(texts)}
    pairs = [known[text] for text in texts]
    return np.array([value for value, _ in pairs]), np.array([code for _, code in pairs], dtype=np.uint8)


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
