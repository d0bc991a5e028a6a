"""By how much replayed deviations vary more than they should, if that is certain."""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray
from scipy.special import chdtri

GATE = 0.05


def variance_factor(z: NDArray[np.float64]) -> float:
    """Return the variance of deviations, shape (windows,), with a margin for its error; 1 unless certainly more.

    >>> variance_factor(np.array([3.0, -3.0] * 50))
    10.2728
    """
    if z.size == 0:
        return 1.0
    mean = float(np.mean(z * z))
    if z.size * mean <= chdtri(z.size, GATE):
        return 1.0
    return digits(max(1.0, mean * (1 + math.sqrt(2 / z.size))))


def digits(value: float) -> float:
    """Keep six digits: enough for a factor, and the same on every machine."""
    return float(f"{value:.6g}")
