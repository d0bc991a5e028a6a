"""Has a numeric field spread wider or drawn together? Klotz scores on cells, bounded.

Source: J. Klotz, "Nonparametric tests for scale", Annals of Mathematical Statistics 33 (1962).
"""

from __future__ import annotations

import numpy as np
from scipy.special import ndtri

from pegel.detect.ranks import Counts, Ranks, RankStatistic, midranks, rank_statistic

CLIP = 1 / 256


def scale(baseline: Counts, window: Counts, ranks: Ranks | None = None) -> RankStatistic:
    """Return the rank statistic with squared normal scores; z > 0 means that the window is spread wider.

    `ranks`: the pooled midranks, if they are known already.

    >>> result = scale(np.array([500, 500, 500]), np.array([40, 10, 40]))
    >>> result.z > 4
    True
    """
    ranks = midranks(baseline, window) if ranks is None else ranks
    return rank_statistic("scale", baseline, window, ndtri(np.clip(ranks, CLIP, 1 - CLIP)) ** 2)
