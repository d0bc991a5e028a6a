"""Distances between a baseline and a window, as effect sizes. They are reported, never compared with a threshold.

Every function takes counts per cell, `b` of the baseline and `w` of the window, and drops cells that are empty on both
sides. What is undefined is None, never 0.
"""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray
from scipy.special import rel_entr, xlogy

Counts = NDArray[np.int64]
Floats = NDArray[np.float64]


def _shares(b: Counts, w: Counts) -> tuple[Floats, Floats]:
    kept = b + w > 0
    return b[kept] / b.sum(), w[kept] / w.sum()


def _smoothed(b: Counts, w: Counts) -> tuple[Floats, Floats]:
    """Add half a row to each cell of each side (Jeffreys), so that empty cells stay finite."""
    kept = b + w > 0
    cells = int(kept.sum())
    return (b[kept] + 0.5) / (b.sum() + cells / 2), (w[kept] + 0.5) / (w.sum() + cells / 2)


def psi(b: Counts, w: Counts) -> float:
    """Return the population stability index: natural logarithm, half a row added to each cell."""
    p, q = _smoothed(b, w)
    return float(((q - p) * np.log(q / p)).sum())


def psi_excess(b: Counts, w: Counts) -> float:
    """Return `psi` less what is expected without any change; about 0 for equal distributions."""
    cells = int((b + w > 0).sum())
    return psi(b, w) - (cells - 1) * (1 / int(w.sum()) + 1 / int(b.sum()))


def kl(b: Counts, w: Counts) -> float:
    """Return the divergence of the window from the baseline: natural logarithm, half a row added to each cell."""
    p, q = _smoothed(b, w)
    return float(rel_entr(q, p).sum())


def js_divergence(b: Counts, w: Counts) -> float:
    """Return the Jensen-Shannon divergence to base 2, between 0 and 1."""
    p, q = _shares(b, w)
    middle = (p + q) / 2
    total = xlogy(p, p / middle).sum() + xlogy(q, q / middle).sum()
    return max(0.0, float(total) / (2 * math.log(2)))


def js_distance(b: Counts, w: Counts) -> float:
    """Return the square root of the Jensen-Shannon divergence to base 2."""
    return math.sqrt(js_divergence(b, w))


def hellinger(b: Counts, w: Counts) -> float:
    """Return the Hellinger distance, between 0 and 1."""
    p, q = _shares(b, w)
    return math.sqrt(max(0.0, 1 - float(np.sqrt(p * q).sum())))


def tv(b: Counts, w: Counts) -> float:
    """Return the total variation: the share of rows that would have to move."""
    p, q = _shares(b, w)
    return float(np.abs(p - q).sum()) / 2


def linf(b: Counts, w: Counts) -> float:
    """Return the largest change of a cell's share."""
    p, q = _shares(b, w)
    return float(np.abs(p - q).max())


def ks(b: Counts, w: Counts) -> float:
    """Return the largest difference of the distribution functions at the edges; a lower bound of the true one."""
    return float(np.abs(np.cumsum(b) / b.sum() - np.cumsum(w) / w.sum()).max())


def ks_upper(b: Counts, w: Counts) -> float:
    """Return an upper bound of the difference of the distribution functions anywhere, also within cells."""
    p, q = b / b.sum(), w / w.sum()
    before = np.cumsum(q) - q - (np.cumsum(p) - p)
    return float(np.maximum(before + q, p - before).max())


def w1(b: Counts, w: Counts, points: Floats) -> float:
    """Return the Wasserstein-1 distance in feature units, with rows spread evenly within cells.

    `points`: bounds of all cells, shape (cells + 1,): the edges between the smaller minimum and the larger maximum of
    both sides, see `bounds`.
    """
    a, c = _ends(b, w)
    same = a * c >= 0
    both = np.abs(a) + np.abs(c)
    crossing = (a * a + c * c) / np.where(both > 0, 2 * both, 1)
    return float((np.diff(points) * np.where(same, np.abs(a + c) / 2, crossing)).sum())


def energy(b: Counts, w: Counts, points: Floats) -> float:
    """Return the energy distance, in the square root of feature units, with rows spread evenly within cells."""
    a, c = _ends(b, w)
    return math.sqrt(2 * float((np.diff(points) * (a * a + a * c + c * c) / 3).sum()))


def bounds(edges: Floats, low: float, high: float) -> Floats:
    """Return the bounds of all cells; the two end cells reach to the extremes of both sides."""
    return np.concatenate([[min(low, *edges[:1])], edges, [max(high, *edges[-1:])]])


def _ends(b: Counts, w: Counts) -> tuple[Floats, Floats]:
    """Return the difference of the distribution functions at the lower and the upper end of each cell."""
    upper = np.cumsum(b) / b.sum() - np.cumsum(w) / w.sum()
    return np.r_[0.0, upper[:-1]], upper
