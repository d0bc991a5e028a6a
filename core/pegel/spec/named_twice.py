"""Names that stand in a list more than once."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable


def named_twice(names: Iterable[str]) -> list[str]:
    """Return the names that stand there more than once, sorted; in one pass, however many there are.

    >>> named_twice(["b", "a", "b", "c"])
    ['b']
    """
    return sorted(name for name, times in Counter(names).items() if times > 1)
