"""Columns of text that hold times: CSV read by pandas has them so, and as categories they would never be seen again."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime

import pyarrow as pa

ONE_IN = 10
"""One value in so many may be something else in a column of times."""
LOOKED = 1_000
"""Values of each block that are looked at."""


def written_instant(text: str) -> datetime | None:
    """Return what a text says by ISO 8601, with its zone if it has one; None if it is no time."""
    try:
        return datetime.fromisoformat(text.strip())
    except ValueError:
        return None


def are_written_times(blocks: Iterable[pa.Array]) -> bool:
    """Say whether a column of text holds times with a date that has hyphens, since other digits may be a code.

    Args:
        blocks: The column, from its beginning. It is read as far as it takes to see that it holds something else.
    """
    times = others = 0
    for block in blocks:
        texts = [text for text in block.slice(0, LOOKED).to_pylist() if text is not None]
        here = sum(map(_is_day, texts))
        times, others = times + here, others + len(texts) - here
        if others * ONE_IN > times + others:
            return False
    return times > 0


def _is_day(text: str) -> bool:
    return text.strip()[4:5] == "-" and written_instant(text) is not None
