"""Normal scores of cells: as integers, so that sums of products of rows are exact, and where they suit best."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy.special import ndtri

SCALE = 1024
CLIP = 1 / 256


def normal_scores(counts: NDArray[np.int64]) -> NDArray[np.int64]:
    """Return `round(1024 * probit(mid-distribution))` per cell of a baseline, clipped at 1/256 from both ends.

    No rows give zeros. Scores lie within -2724 and 2724.
    """
    m = int(counts.sum())
    if m == 0:
        return np.zeros(counts.size, dtype=np.int64)
    below = np.cumsum(counts) - counts / 2
    scores = np.rint(SCALE * ndtri(np.clip(below / m, CLIP, 1 - CLIP)))
    return np.asarray(scores, dtype=np.int64)


def score_skewness(scores: NDArray[np.int64], counts: NDArray[np.int64]) -> float:
    """Return the skewness of the scores of all rows; 0 where they do not vary.

    >>> score_skewness(np.array([0, 1024]), np.array([90, 10])) > 2.6
    True
    """
    m = int(counts.sum())
    if m == 0:
        return 0.0
    weights = counts / m
    deviations = scores - float(weights @ scores)
    variance = float(weights @ deviations**2)
    return float(weights @ deviations**3) / variance**1.5 if variance > 0 else 0.0


def off_mode(counts: NDArray[np.int64]) -> float:
    """Return the share of values outside the most frequent cell; 0 without values.

    >>> off_mode(np.array([90, 10]))
    0.1
    """
    m = int(counts.sum())
    return (m - int(counts.max())) / m if m else 0.0


OUTER, INNER = 1 / 32, 1 / 4
"""Where spreads are taken, from both ends: quantiles that are edges of cells, so that counts know them exactly."""
LIGHT = 3.4
"""Largest outer spread over the inner one: normal 2.8, exponential 3.1, Student's t5 3.3, t3 3.8, Laplace 4."""


def light_tailed(edges: NDArray[np.float64], counts: NDArray[np.int64]) -> bool:
    """Say whether shifts of a feature are seen better by normal scores than by plain ranks: its tails are light.

    Chosen from the baseline alone, so that no window can influence by what it is judged. Source: R. V. Hogg, "Adaptive
    robust procedures", Journal of the American Statistical Association 69 (1974).

    >>> light_tailed(np.array([0.0, 1, 2, 3, 4]), np.array([1, 20, 29, 29, 20, 1]))
    True
    >>> light_tailed(np.array([0.0, 10, 11, 12, 50]), np.array([10, 10, 40, 40, 10, 10]))
    False
    """
    m = int(counts.sum())
    if m == 0:
        return False
    wanted = np.array([OUTER, INNER, 1 - INNER, 1 - OUTER]) * m
    low, lower, upper, high = edges[np.searchsorted(np.cumsum(counts), wanted).clip(max=edges.size - 1)].tolist()
    return bool(0 < high - low <= LIGHT * (upper - lower))
