"""Has a numeric field shifted up or down? Wilcoxon-Mann-Whitney on cells, tie-corrected.

Fields with light tails are tested by normal scores (van der Waerden) instead of plain ranks: no test by ranks sees a
shift of a normal better. On heavy tails they would lose what they gain there.

Source: B. L. van der Waerden, "Order tests for the two-sample problem", Indagationes Mathematicae 14 (1952).
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy.special import ndtri

from pegel.detect.ranks import Counts, Floats, RankStatistic, midranks, rank_statistics

CLIP = 1 / 256


def scores(ranks: Floats, light_tails: NDArray[np.bool_]) -> Floats:
    """Return pooled midranks, shape (fields, cells), as normal scores where tails are light, shape (fields,)."""
    if not light_tails.any():
        return ranks
    return np.where(light_tails[:, None], ndtri(np.clip(ranks, CLIP, 1 - CLIP)), ranks)


def location(baseline: Counts, window: Counts, *, light_tails: bool = False) -> RankStatistic:
    """Return the rank statistic of one field; z > 0 means that the window lies higher.

    >>> result = location(np.array([500, 500, 500]), np.array([10, 20, 60]))
    >>> round(result.z, 3)
    6.27
    """
    chosen = scores(midranks(baseline, window)[None], np.array([light_tails]))
    return rank_statistics("location", baseline[None], window[None], chosen)[0]


def auc(baseline: Counts, window: Counts) -> float:
    """Return the probability that a window value exceeds a baseline value, ties counting half."""
    below = baseline.cumsum() - baseline / 2
    return float(window @ below / (int(baseline.sum()) * int(window.sum())))
