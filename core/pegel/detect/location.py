"""Has a numeric field shifted up or down? Wilcoxon-Mann-Whitney on cells, tie-corrected."""

from __future__ import annotations

from pegel.detect.ranks import Counts, RankStatistic, midranks, rank_statistic


def location(baseline: Counts, window: Counts) -> RankStatistic:
    """Return the rank statistic with midranks as scores; z > 0 means that the window lies higher.

    >>> import numpy as np
    >>> result = location(np.array([500, 500, 500]), np.array([10, 20, 60]))
    >>> round(result.z, 3)
    6.27
    """
    return rank_statistic("location", baseline, window, midranks(baseline, window))


def auc(baseline: Counts, window: Counts) -> float:
    """Return the probability that a window value exceeds a baseline value, ties counting half."""
    below = baseline.cumsum() - baseline / 2
    return float(window @ below / (int(baseline.sum()) * int(window.sum())))
