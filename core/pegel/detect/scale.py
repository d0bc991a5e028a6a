"""Has a numeric field spread wider or drawn together? Klotz scores on cells, bounded.

Source: J. Klotz, "Nonparametric tests for scale", Annals of Mathematical Statistics 33 (1962).
"""

from __future__ import annotations

import numpy as np
from scipy.special import ndtri

from pegel.detect.ranks import Counts, Floats, RankStatistic, midranks, rank_statistics

CLIP = 1 / 256


def scores(ranks: Floats) -> Floats:
    """Return the squared normal scores of pooled midranks, any shape."""
    found: Floats = ndtri(np.clip(ranks, CLIP, 1 - CLIP)) ** 2
    return found


def scale(baseline: Counts, window: Counts) -> RankStatistic:
    """Return the rank statistic with squared normal scores; z > 0 means that the window is spread wider.

    >>> result = scale(np.array([500, 500, 500]), np.array([40, 10, 40]))
    >>> result.z > 4
    True
    """
    return rank_statistics("scale", baseline[None], window[None], scores(midranks(baseline, window))[None])[0]
