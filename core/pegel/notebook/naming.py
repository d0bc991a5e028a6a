"""Names of columns and of files in sentences: harmless, and no more of them than a person reads."""

from __future__ import annotations

from collections.abc import Collection
from pathlib import Path

from pegel.spec.outside_text import LONGEST_SENTENCE, NAME_LIMIT, shown

MOST = 10
"""Names in one sentence."""


def listed(names: Collection[str]) -> str:
    r"""Return names for a sentence, each as one harmless line; of very many the first and how many more there are.

    >>> listed(["delay", "a\nb", ""]), listed([f"x{i}" for i in range(12)])
    ("delay, a b, ''", 'x0, x1, x2, x3, x4, x5, x6, x7, x8, x9 and 2 more')
    """
    return few([shown(name, NAME_LIMIT) or "''" for name in names], ", ")


def few(phrases: Collection[str], between: str) -> str:
    """Return harmless phrases for a sentence; of very many the first and how many more there are."""
    first = between.join(list(phrases)[:MOST])
    return first if len(phrases) <= MOST else f"{first} and {len(phrases) - MOST} more"


def place(path: str | Path) -> str:
    r"""Return a path for a sentence, as one harmless line of at most `LONGEST_SENTENCE` characters.

    >>> place("days/\x1b[31m.csv")
    'days/\\x1b[31m.csv'
    """
    return shown(str(path), LONGEST_SENTENCE)


def reason(error: Exception) -> str:
    """Return what an error of a library says, which may quote the file, as one harmless line without a full stop."""
    return shown(str(error).rstrip().rstrip("."), LONGEST_SENTENCE)
