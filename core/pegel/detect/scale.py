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


def spread_ratio(baseline: Counts, window: Counts) -> float:
    """Return by how much wider a window is spread than the baseline, as the test sees it: in normal scores.

    The ratio of root mean squares of the normal scores of the baseline's ranks; of normal values it is the ratio of
    standard deviations, and no extreme value moves it.

    >>> round(spread_ratio(np.array([500, 500, 500]), np.array([40, 10, 40])), 2)
    1.15
    """
    squares = scores(midranks(baseline, np.zeros_like(baseline)))
    before, now = float(baseline @ squares) / float(baseline.sum()), float(window @ squares) / float(window.sum())
    return float(np.sqrt(now / before)) if before else 1.0
