"""What changed, as one bounded number per row, whose mean over the rows of now differs from that before.

Of numbers it is the place among the rows before (or how far out that is), of a category whether it is the one that
became more or less frequent, of missing values and errors whether there is one. Bounded numbers give no single row, how
large its value ever is, weight of its own.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from enum import StrEnum

import numpy as np

from pegel.slices.sliced_columns import Flags, Floats, NumberColumn, SlicedColumn, TextColumn
from pegel.spec.outside_text import NAME_LIMIT, shown

MOST_CATEGORIES = 20


class Aspect(StrEnum):
    """Of which kind the change of a column is."""

    VALUES = "values"
    MISSING = "missing"
    ERRORS = "errors"
    """The column holds how wrong the answer to each row was: 0 or 1, or a size."""


@dataclass(frozen=True, slots=True, eq=False)
class ChangeScore:
    """A number for each row, those before first; NaN: the row has no value and is not looked at.

    `what`, `less`: what is said if its mean becomes larger, or smaller.
    """

    what: str
    less: str
    values: Floats


def change_scores(column: SlicedColumn, aspect: Aspect, is_now: Flags) -> Iterator[ChangeScore]:
    """Yield the numbers by which a change may show; whoever searches takes the one by which it shows most."""
    missing = column.missing
    if aspect is Aspect.MISSING:
        yield ChangeScore("more often missing", "less often missing", missing.astype(np.float64))
    elif isinstance(column, TextColumn):
        counts = np.bincount(column.codes[~missing], minlength=len(column.texts))
        for code in np.argsort(-counts, kind="stable")[:MOST_CATEGORIES]:
            name = shown(column.texts[int(code)].as_py(), NAME_LIMIT)
            hits = np.where(missing, np.nan, column.codes == code)
            yield ChangeScore(f"more often {name}", f"less often {name}", hits)
    elif aspect is Aspect.ERRORS:
        yield ChangeScore("more errors", "fewer errors", _places(column, is_now))
    else:
        places = _places(column, is_now)
        yield ChangeScore("larger", "smaller", places)
        yield ChangeScore("more spread", "less spread", np.abs(2 * places - 1))


def _places(column: NumberColumn, is_now: Flags) -> Floats:
    """Return where each value stands among those before: 0 below all, 1 above all, of equal ones the middle."""
    before = np.sort(column.values[~is_now & ~column.missing])
    if not before.size:
        return np.full(column.values.size, np.nan)
    low = np.searchsorted(before, column.values, side="left")
    high = np.searchsorted(before, column.values, side="right")
    return np.where(column.missing, np.nan, (low + high) / (2 * before.size))
