"""Numbers as people read them: few digits, thousands apart, powers of ten only where nobody could count the digits."""

from __future__ import annotations

THOUSAND = 1_000
LONGEST = 1e15
"""From here on a number has more digits than anybody counts."""


def plain(value: float, digits: int = 2) -> str:
    """Return a number with so many significant digits, 6 at most; below 0.0001, and from 1e15 on, with an exponent.

    >>> [plain(value) for value in (0.398, 1250.0, 5e6, 0.00012, -100, 0, 1e308)]
    ['0.4', '1,200', '5,000,000', '0.00012', '-100', '0', '1e+308']
    """
    rounded = float(f"{value:.{digits}g}")
    return f"{rounded:,.0f}" if THOUSAND <= abs(rounded) < LONGEST else f"{rounded:g}"


def how_many(count: float, thing: str) -> str:
    """Return a count with what is counted, whose plural ends in s.

    >>> [how_many(count, "row") for count in (0, 1, 1250)]
    ['0 rows', '1 row', '1,250 rows']
    """
    number = f"{count:,.0f}" if float(count).is_integer() else plain(count, 6)
    return f"{number} {thing}{'' if count == 1 else 's'}"
