"""Names of columns in sentences: harmless, and no more of them than a person reads."""

from __future__ import annotations

from collections.abc import Collection

from pegel.spec.outside_text import LONGEST_NAME, shown

MOST = 10
"""Names in one sentence."""


def listed(names: Collection[str]) -> str:
    r"""Return names for a sentence, each as one harmless line; of very many the first and how many more there are.

    >>> listed(["delay", "a\nb"]), listed([f"x{i}" for i in range(12)])
    ('delay, a b', 'x0, x1, x2, x3, x4, x5, x6, x7, x8, x9 and 2 more')
    """
    first = ", ".join(shown(name, LONGEST_NAME) for name in list(names)[:MOST])
    return first if len(names) <= MOST else f"{first} and {len(names) - MOST} more"
