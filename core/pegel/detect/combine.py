"""Several tests of one field, one p-value: each test has a share of the field's level."""

from __future__ import annotations

import math
from collections.abc import Sequence
from functools import lru_cache

from pegel.detect.detector import Evidence

WEIGHTS = {"location": 0.6, "scale": 0.3, "shape": 0.1, "single category": 0.02}
"""Shifts are the most frequent change by far, so most of the level goes to them; shape sees what both others miss.
Categories have no shift: shape has five sixths of their level, the single category that changed most a sixth."""
OTHER = 0.1
"""The weight of every other test, count tests among them."""


def shares(tests: Sequence[Evidence]) -> list[float]:
    """Return each test's share of the level; together 1.

    Source: weighted Bonferroni correction; B. Holm, "A simple sequentially rejective multiple test procedure",
    Scandinavian Journal of Statistics 6 (1979), section 4.
    """
    return list(_shares(tuple(test.name for test in tests)))


@lru_cache(maxsize=256)
def _shares(names: tuple[str, ...]) -> tuple[float, ...]:
    weights = [WEIGHTS.get(name, OTHER) for name in names]
    whole = sum(weights)
    return tuple(weight / whole for weight in weights)


def corrected(tests: Sequence[Evidence]) -> list[float]:
    """Return each test's p-value over its share, at most 1: the smallest is the field's p-value.

    Raises ValueError, with the test's name, for a p-value that is none.
    """
    for test in tests:
        if math.isnan(test.p_value):
            raise ValueError(f"expected a p-value of 0 to 1 from {test.name}, given NaN: the field was not judged.")
    return [min(1.0, test.p_value / share) for test, share in zip(tests, shares(tests), strict=True)]
