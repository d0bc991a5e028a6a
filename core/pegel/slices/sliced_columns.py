"""Columns of rows before and rows of now, as a search for slices looks at them: numbers, or codes of texts."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Flags = NDArray[np.bool_]
_INSTANT = pa.timestamp("us")


@dataclass(frozen=True, slots=True, eq=False)
class NumberColumn:
    """Numbers of all rows, those before first; NaN where a row has none, or one that is not finite.

    `is_time`: they are microseconds since 1970.
    """

    name: str
    values: Floats
    is_time: bool = False

    @property
    def missing(self) -> Flags:
        """Return which rows have no value."""
        return np.isnan(self.values)


@dataclass(frozen=True, slots=True, eq=False)
class TextColumn:
    """Texts of all rows, those before first, as places in `texts`; -1 where a row has none."""

    name: str
    codes: NDArray[np.int64]
    texts: pa.StringArray

    @property
    def missing(self) -> Flags:
        """Return which rows have no value."""
        return self.codes < 0


SlicedColumn = NumberColumn | TextColumn


def sliced_column(name: str, before: pa.ChunkedArray, now: pa.ChunkedArray) -> SlicedColumn | None:
    """Return a column of both sides; None where it holds neither numbers nor anything that has a text.

    What is a number on one side alone is compared as text. A side whose values are all null goes with the other.
    """
    kinds = [each.type for each in (before, now) if not pa.types.is_null(each.type)]
    try:
        if kinds and all(map(_is_number, kinds)):
            return NumberColumn(name, np.concatenate([_floats(before), _floats(now)]))
        if kinds and all(map(pa.types.is_temporal, kinds)):
            return NumberColumn(name, np.concatenate([_instants(before), _instants(now)]), is_time=True)
        return _texts(name, before, now)
    except (pa.ArrowException, TypeError, ValueError, OverflowError):
        return None


def _is_number(kind: pa.DataType) -> bool:
    is_number: bool = pa.types.is_integer(kind) or pa.types.is_floating(kind) or pa.types.is_decimal(kind)
    return is_number


def _floats(column: pa.ChunkedArray) -> Floats:
    values = np.array(column.cast(pa.float64(), safe=False).to_numpy(), dtype=np.float64)
    values[~np.isfinite(values)] = np.nan
    return values


def _instants(column: pa.ChunkedArray) -> Floats:
    zoned = pa.types.is_timestamp(column.type) and column.type.tz is not None
    instants = column.cast(pa.timestamp("us", tz="UTC") if zoned else _INSTANT, safe=False)
    return _floats(instants.cast(pa.int64()))


def _texts(name: str, before: pa.ChunkedArray, now: pa.ChunkedArray) -> TextColumn:
    chunks = [chunk for side in (before, now) for chunk in side.cast(pa.string()).chunks]
    coded = pa.chunked_array(chunks, pa.string()).combine_chunks().dictionary_encode()
    codes = np.array(pc.fill_null(coded.indices.cast(pa.int64()), -1), dtype=np.int64)
    return TextColumn(name, codes, coded.dictionary)
