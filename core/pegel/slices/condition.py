"""What one column may say of a row, in words that a person reads: `airline = WN`, `distance >= 1,000`, `no income`."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

import numpy as np
from numpy.typing import NDArray

from pegel.slices.sliced_columns import Flags, Floats, NumberColumn, SlicedColumn, TextColumn
from pegel.spec.outside_text import NAME_LIMIT, shown

MOST_VALUES = 20
"""Values of a column that have conditions of their own: the most frequent ones of a text, all of fewer numbers."""
LISTED = 3
"""At most so many of a column's few numbers are listed instead of being told by a bound."""
_PARTS = (0.02, *(part / 20 for part in range(1, 20)), 0.98)
"""Bounds of numbers are looked for at these parts of the rows."""
_EXACT = 1e15
"""Below it whole numbers are told in full."""
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


@dataclass(frozen=True, slots=True)
class Condition:
    """What holds of a column. `least` inclusive, `below` exclusive; `values`: it is one of them; none of these: null.

    `listed`: the numbers within these bounds, where they are few enough to name.
    """

    column: str
    values: tuple[str, ...] = ()
    least: float | None = None
    below: float | None = None
    listed: tuple[float, ...] = ()
    is_time: bool = False

    def __str__(self) -> str:
        """Return it in words.

        >>> str(Condition("day_of_week", least=6.0, listed=(6.0, 7.0))), str(Condition("distance", below=1250.0))
        ('day_of_week in {6, 7}', 'distance < 1,250')
        """
        name = shown(self.column, NAME_LIMIT)
        values = [shown(value, NAME_LIMIT) for value in self.values] or [self._number(one) for one in self.listed]
        if len(values) == 1:
            return f"{name} = {values[0]}"
        if values:
            return f"{name} in {{{', '.join(values)}}}"
        if self.least is not None:
            return f"{name} >= {self._number(self.least)}"
        return f"no {name}" if self.below is None else f"{name} < {self._number(self.below)}"

    def to_json(self) -> dict[str, Any]:
        """Return plain JSON."""
        told = {"values": self.values, "least": self.least, "below": self.below, "listed": self.listed}
        kept = {
            name: list(one) if isinstance(one, tuple) else one for name, one in told.items() if one not in {None, ()}
        }
        return {"column": self.column, "text": str(self)} | (kept or {"missing": True})

    def _number(self, value: float) -> str:
        if self.is_time:
            try:
                return f"{_EPOCH + timedelta(microseconds=value):%Y-%m-%d %H:%M}"
            except OverflowError:
                return f"{value:g}"
        return f"{value:,.0f}" if value.is_integer() and abs(value) < _EXACT else f"{value:.6g}"


def conditions(column: SlicedColumn, looked_at: Flags) -> Iterator[tuple[Condition, Flags]]:
    """Yield conditions of a column with the rows of which they are true; values and bounds come of `looked_at` alone.

    Each value of a text with many is one only if it is among the most frequent ones.
    """
    missing = column.missing
    if missing.any():
        yield Condition(column.name), missing
    if isinstance(column, TextColumn):
        yield from _of_texts(column, looked_at)
        return
    found = column.values[looked_at & ~missing]
    distinct = np.unique(found)
    if distinct.size > MOST_VALUES:
        yield from _bounds(column, found)
    elif distinct.size > 1:
        yield from _of_few(column, distinct)


def _of_texts(column: TextColumn, looked_at: Flags) -> Iterator[tuple[Condition, Flags]]:
    codes = column.codes[looked_at & (column.codes >= 0)]
    counts = np.bincount(codes, minlength=len(column.texts))
    for code in np.argsort(-counts, kind="stable")[:MOST_VALUES]:
        if counts[code]:
            yield Condition(column.name, values=(column.texts[int(code)].as_py(),)), column.codes == code


def _of_few(column: NumberColumn, distinct: Floats) -> Iterator[tuple[Condition, Flags]]:
    values, last = column.values, distinct.size - 1
    for place, value in enumerate(distinct.tolist()):
        yield _among(column, (value,), value, None), values == value
        if 0 < place < last:
            yield _among(column, distinct[place:], value, None), values >= value
            yield _among(column, distinct[:place], None, value), values < value


def _among(column: NumberColumn, those: Any, least: float | None, below: float | None) -> Condition:
    listed = tuple(map(float, those)) if len(those) <= LISTED else ()
    return Condition(column.name, least=least, below=below, listed=listed, is_time=column.is_time)


def _bounds(column: NumberColumn, found: Floats) -> Iterator[tuple[Condition, Flags]]:
    ordered: NDArray[np.float64] = np.sort(found)
    bounds = dict.fromkeys(_readable(ordered, part, keep=column.is_time) for part in _PARTS)
    for bound in bounds:
        yield Condition(column.name, least=bound, is_time=column.is_time), column.values >= bound
        yield Condition(column.name, below=bound, is_time=column.is_time), column.values < bound


def _readable(ordered: Floats, part: float, *, keep: bool) -> float:
    """Return the number of fewest digits that parts the rows as this part does, give or take one of a hundred."""
    low, middle, high = (
        float(ordered[min(ordered.size - 1, int(max(0.0, each) * ordered.size))])
        for each in (part - 0.01, part, part + 0.01)
    )
    if keep or not low < high or not math.isfinite(high - low):
        return middle
    for digits in range(1, 16):
        rounded = float(f"{middle:.{digits}g}")
        if low <= rounded <= high:
            return rounded
    return middle
