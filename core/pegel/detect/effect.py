"""What the effect of a test is: a size with its unit, and words."""

from __future__ import annotations

from dataclasses import dataclass, field

MOST_DIGITS = 8
"""Of shares that differ by little."""
LEAST_SHARE = 1e-4
"""Smaller shares are shown as smaller than this."""


@dataclass(frozen=True, slots=True)
class Effect:
    """A size with its unit, the words for it, and further numbers.

    Units: `sigma` (shift of a normal with the same ranks), `sd ratio`, `d` (z per root of the effective rows),
    `TV` (share of rows that moved), `share`.
    """

    value: float
    unit: str
    what: str
    numbers: dict[str, float] = field(default_factory=dict)


def percent(share: float) -> str:
    """Return a share in words.

    >>> [percent(share) for share in (0, 0.00004, 0.0012, 0.031, 0.225, 0.999, 1)]
    ['0 %', '<0.01 %', '0.12 %', '3.1 %', '22 %', '100 %', '100 %']
    """
    if 0 < share < LEAST_SHARE:
        return f"<{100 * LEAST_SHARE:g} %"
    return f"{float(f'{100 * share:.2g}'):g} %"


def percents(before: float, now: float) -> tuple[str, str]:
    """Return two shares in words, with as many digits as tell them apart.

    >>> percents(0.9968, 0.9999), percents(0.5, 0.5)
    (('99.7 %', '100 %'), ('50 %', '50 %'))
    """
    texts = percent(before), percent(now)
    digits = 2
    while texts[0] == texts[1] and before != now and digits < MOST_DIGITS:
        first, second = (f"{float(f'{100 * share:.{digits}g}'):g} %" for share in (before, now))
        texts, digits = (first, second), digits + 1
    return texts


def percent_of(part: int, whole: int) -> str:
    """Return how much of a whole a part is: 100 % is said of all alone. Of nothing it is 0 %.

    >>> percent_of(4_284, 4_286), percent_of(4_286, 4_286), percent_of(0, 0)
    ('99.95 %', '100 %', '0 %')
    """
    return percents(part / whole, 1.0)[0] if whole else percent(0)


def from_to(before: float, now: float) -> str:
    """Return how a share changed, with as many digits as tell both apart.

    >>> from_to(0.225, 0.31), from_to(0.99961, 0.99994), from_to(0.00002, 0.00005), from_to(0.2, 0.2)
    ('22 % -> 31 %', '99.96 % -> 99.99 %', '0.002 % -> 0.005 %', '20 % -> 20 %')
    """
    return " -> ".join(percents(before, now))
