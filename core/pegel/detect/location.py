"""Has a numeric field shifted up or down? Wilcoxon-Mann-Whitney on cells, tie-corrected."""

from __future__ import annotations

from pegel.detect.ranks import Counts, Ranks, RankStatistic, midranks, rank_statistic


def location(baseline: Counts, window: Counts, ranks: Ranks | None = None) -> RankStatistic:
    """Return the rank statistic with midranks as scores; z > 0 means that the window lies higher.

    `ranks`: the pooled midranks, if they are known already.

    >>> import numpy as np
    >>> result = location(np.array([500, 500, 500]), np.array([10, 20, 60]))
    >>> round(result.z, 3)
    6.27
    """
    return rank_statistic("location", baseline, window, midranks(baseline, window) if ranks is None else ranks)


def auc(baseline: Counts, window: Counts) -> float:
    """Return the probability that a window value exceeds a baseline value, ties counting half."""
    below = baseline.cumsum() - baseline / 2
    return float(window @ below / (int(baseline.sum()) * int(window.sum())))
