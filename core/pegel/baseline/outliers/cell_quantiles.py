"""Quantiles of a baseline from the counts of its cells."""

from __future__ import annotations

import numpy as np

from pegel.stats.layout import NumericLayout
from pegel.stats.summary import FeatureSummary

IQR_OF_NORMAL = 1.349
"""The IQR of a normal distribution, in standard deviations."""


def quantiles(feature: FeatureSummary, layout: NumericLayout, *shares: float) -> list[float] | None:
    """Return for each share (0 to 1, both inclusive) the value that this share of the baseline values does not exceed.

    Cells are right-closed, and values lie evenly in (low, high] of their cell: after r of a cell's b values the
    quantile is low + (high - low) * r / b, so at an edge it is the order statistic. The open cells at the ends reach to
    the smallest and the largest value; a cell that can hold one value only gives that value. Only finite values count;
    None if there were none.
    """
    if feature.min is None or feature.max is None:
        return None
    ends = np.r_[feature.min, np.clip(layout.edges, feature.min, feature.max), feature.max].tolist()
    upto = np.cumsum(feature.cells)
    first = int(np.flatnonzero(feature.cells)[0])
    found = []
    for share in shares:
        rank = round(share * int(upto[-1]), 9)  # 0.07 of 100 rows is 7 rows, not a little more
        cell = max(first, int(np.searchsorted(upto, rank, side="left")))
        low, high = ends[cell : cell + 2]
        inside = 1.0 if layout.points[cell] else 1 - (int(upto[cell]) - rank) / int(feature.cells[cell])
        found.append(low * (1 - inside) + high * inside)
    return found
