"""Segments as a spec asks for them: columns whose values part the rows, each by its categories or by cuts."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

from pegel.spec.named_twice import named_twice
from pegel.spec.outside_text import NAME_LIMIT, quoted, shown

USUAL_TOP = 10
"""Categories of a column that have a segment of their own, unless `top` says otherwise."""
MOST_OF_COLUMN = 20
"""Categories, or parts between cuts, of one column."""
MOST_IN_ALL = 50
"""Segments of one model: each is counted and judged like a whole, and all share a part of one budget."""
_FIELDS = ("column", "cuts", "top")
_AS_IN = "write a name as in `airline`, or a mapping as in `{column: distance, cuts: [500, 1000]}`"


@dataclass(frozen=True, slots=True)
class SegmentColumn:
    """A column that parts the rows.

    `cuts`: of numbers, strictly rising; a part holds what is above one cut and up to the next, that one included.
    `top`: of categories, how many of the most frequent ones have a segment of their own; None where cuts are stated.
    """

    column: str
    cuts: tuple[float, ...] = ()
    top: int | None = USUAL_TOP

    @property
    def most(self) -> int:
        """Return how many segments it has at most: with categories, the others are one."""
        return len(self.cuts) + 1 if self.top is None else self.top + 1


def segment_columns(value: Any) -> tuple[SegmentColumn, ...]:
    """Return what a spec asks for. Raises ValueError with the column, what was expected and what to write."""
    given = (value,) if isinstance(value, str | Mapping | SegmentColumn) else value
    if not isinstance(given, list | tuple):
        raise ValueError(f"expected a list of columns; {_AS_IN}")  # noqa: TRY004  pydantic's way
    columns = tuple(_column(item) for item in given)
    names = [one.column for one in columns]
    if twice := named_twice(names):
        raise ValueError(f"{', '.join(map(quoted, twice))} is named more than once; name it once")
    if (most := sum(one.most for one in columns)) > MOST_IN_ALL:
        raise ValueError(
            f"expected at most {MOST_IN_ALL} segments in all, given columns with up to {most}: each is judged by "
            "itself, within one budget; name fewer columns, or state fewer with `top`"
        )
    return columns


def _column(item: Any) -> SegmentColumn:
    if isinstance(item, SegmentColumn):
        return item
    if isinstance(item, str):
        return SegmentColumn(_name(item))
    if not isinstance(item, Mapping):
        raise ValueError(f"expected the name of a column or a mapping, given {quoted(item)}; {_AS_IN}")  # noqa: TRY004  the same
    if unknown := [str(name) for name in item if name not in _FIELDS]:
        raise ValueError(f"unknown field {', '.join(map(quoted, unknown))}; a column has {', '.join(_FIELDS)}")
    if item.get("column") is None:
        raise ValueError(f"expected `column`, the name of one; {_AS_IN}")
    name, cuts, top = _name(item["column"]), item.get("cuts"), item.get("top")
    if cuts is None or (not isinstance(cuts, str) and not cuts):
        return SegmentColumn(name, top=USUAL_TOP if top is None else _top(name, top))
    if top is not None:
        raise ValueError(f"{_told(name)}: `cuts` are of numbers, `top` is of categories; state one of them")
    return SegmentColumn(name, _cuts(name, cuts), None)


def _name(value: Any) -> str:
    if (
        not isinstance(value, str)
        or not value
        or any(letter == "\0" or "\ud800" <= letter <= "\udfff" for letter in value)
    ):
        raise ValueError(f"expected the name of a column, given {quoted(value)}; {_AS_IN}")
    return str(value)


def _top(name: str, value: Any) -> int:
    number = int(value) if isinstance(value, str) and value.isdecimal() and len(value) < NAME_LIMIT else value
    if not isinstance(number, int) or isinstance(number, bool) or not 1 <= number <= MOST_OF_COLUMN:
        raise ValueError(
            f"{_told(name)}: expected `top`, 1 to {MOST_OF_COLUMN} categories with a segment of their own; given "
            f"{quoted(value)}. All others are one segment"
        )
    return number


def _cuts(name: str, value: Any) -> tuple[float, ...]:
    items = [value] if isinstance(value, str | int | float) else value
    if not isinstance(items, list | tuple):
        raise ValueError(f"{_told(name)}: expected `cuts`, a list of numbers as in [500, 1000]; given {quoted(value)}")  # noqa: TRY004  the same
    cuts = tuple(_number(name, item) for item in items)
    if len(cuts) >= MOST_OF_COLUMN:
        raise ValueError(
            f"{_told(name)}: expected at most {MOST_OF_COLUMN - 1} cuts, which make {MOST_OF_COLUMN} segments; given "
            f"{len(cuts)}"
        )
    if any(one >= other for one, other in pairwise(cuts)):
        written = ", ".join(f"{cut:.17g}" for cut in cuts)
        raise ValueError(f"{_told(name)}: the cuts {written} do not rise; write each once, the smallest first")
    return cuts


def _number(name: str, item: Any) -> float:
    try:
        number = math.nan if isinstance(item, bool) else float(item)
    except (TypeError, ValueError, OverflowError):
        number = math.nan
    if not math.isfinite(number):
        raise ValueError(f"{_told(name)}: expected finite numbers as cuts, given {quoted(item)}")
    return number + 0.0  # no negative zero: it would be another wish for the same segments


def _told(name: str) -> str:
    return shown(name, NAME_LIMIT)
