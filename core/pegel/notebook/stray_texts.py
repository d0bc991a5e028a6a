"""Columns of numbers that a few texts among them have made categories: whoever has such a column should know it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass

import pyarrow as pa

from pegel.data.arrow_columns import categories
from pegel.data.columns import Missing
from pegel.data.conversions import TRUTH, parsed
from pegel.notebook.decimal_sign import NULLS
from pegel.spec.outside_text import NAME_LIMIT, quoted

ONE_IN = 10
"""One value in so many may be something else in a column that is one of numbers to a person."""
_TRUTH_WORDS = TRUTH.keys() - {"0", "1"}


@dataclass(frozen=True)
class StrayTexts:
    """What in a column of numbers is no number.

    `count`: how many of its `values`, nulls left out, are none. `first`: the first of these, if possible one that is no
    word for a null; None where all are values of another type, such as times.
    """

    count: int
    values: int
    first: str | None

    def __str__(self) -> str:
        """Return it in words, harmless and short.

        >>> str(StrayTexts(1, 5_001, "oops"))
        "1 of 5,001 values is no number: 'oops'"
        """
        verb, first = ("is no number", "") if self.count == 1 else ("are no numbers", "the first ")
        what = "a value of another type" if self.first is None else quoted(self.first, NAME_LIMIT)
        return f"{self.count:,} of {self.values:,} values {verb}: {first}{what}"


def stray_texts(blocks: Iterable[pa.Array], rows: int) -> StrayTexts | None:
    """Return what is no number in a column where at most one value in `ONE_IN` is none; None for any other column.

    Args:
        blocks: The column, from its beginning. It is read as far as it takes to see that it is text.
        rows: How many it has in all.
    """
    numbers = others = 0
    first: dict[int, str | None] = {}  # a word, a word for a null, a value of another type
    for block in blocks:
        texts, strange = categories(block)
        for text, times in Counter(texts.tolist()).items():
            match _kind(text):
                case Missing.PRESENT:
                    numbers += times
                case Missing.UNPARSEABLE:
                    others += times
                    first.setdefault(1 if text in NULLS else 0, text)
        if strange is not None and strange.any():
            others += int(strange.sum())
            first.setdefault(2, None)
        if others * ONE_IN > rows:
            return None
    values = numbers + others
    return StrayTexts(others, values, first[min(first)]) if 0 < others * ONE_IN <= values else None


def _kind(text: str | None) -> Missing:
    """Return whether a text is a number, nothing, or something else, as truth values are."""
    if text is None:
        return Missing.NULL
    return Missing.UNPARSEABLE if text in _TRUTH_WORDS else parsed(text)[1]
