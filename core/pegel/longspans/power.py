"""What a long span can show: with very many rows the baseline alone decides, and more rows would show no more."""

from __future__ import annotations

import math

from pegel.baseline.baseline import Baseline

CERTAIN = 4.0
"""Standard deviations of a difference of means that a test at the level of a long span finds nearly always."""


def smallest_change(rows: int, baseline: Baseline) -> float | None:
    """Return the smallest shift, in standard deviations, that so many independent rows show; None of no rows.

    >>> from types import SimpleNamespace
    >>> [round(smallest_change(rows, SimpleNamespace(rows=50_000)), 3) for rows in (1_000, 100_000, 10_000_000)]
    [0.128, 0.022, 0.018]
    """
    return CERTAIN * math.sqrt(1 / rows + 1 / baseline.rows) if rows and baseline.rows else None
