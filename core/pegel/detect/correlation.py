"""Have two fields come to move together, or ceased to? Differences of Fisher-transformed correlations of normal scores.

Tests of single fields are blind to this. The variance is corrected by `kappa`, taken from baseline rows: without it, a
pair with heavy joint tails gives tens of times as many false alarms as promised.

Source: R. A. Fisher, "On the probable error of a coefficient of correlation", Metron 1 (1921); the correction is the
influence-function variance of r over its value for a normal pair.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.special import ndtr

from pegel.stats.comoments import Comoments
from pegel.stats.tails import FLOOR

CLIP = 1 - 1e-6
MIN_ROWS = 50
LEAST_CHANGE = 0.05
"""A smaller change of the Fisher-transformed correlation is not worth a page."""


@dataclass(frozen=True, slots=True)
class CorrelationChange:
    """The pair that changed most, by position; `p_value` is over all `pairs`; `change` is of atanh r."""

    first: int
    second: int
    before: float
    now: float
    z: float
    pairs: int

    @property
    def p_value(self) -> float:
        """Return the two-sided p-value times the number of pairs."""
        return max(FLOOR, min(1.0, 2 * self.pairs * float(ndtr(-abs(self.z)))))

    @property
    def change(self) -> float:
        """Return the difference of the Fisher-transformed correlations."""
        return float(_fisher(self.now) - _fisher(self.before))

    @property
    def relevant(self) -> bool:
        """Say whether the change is large enough to matter."""
        return abs(self.change) >= LEAST_CHANGE


def kappas(scores: NDArray[np.int64]) -> NDArray[np.float64]:
    """Return the variance factor of each pair from complete baseline rows of scores, shape (rows, size).

    1 for a normal pair; larger for joint heavy tails. Pairs that do not vary get 1.
    """
    values = scores.astype(np.float64)
    values -= values.mean(axis=0)
    sd = values.std(axis=0)
    values /= np.where(sd > 0, sd, 1.0)
    size = values.shape[1]
    found = np.ones((size, size))
    for j in range(size):
        for k in range(j):
            r = float(np.clip(np.mean(values[:, j] * values[:, k]), -CLIP, CLIP))
            influence = values[:, j] * values[:, k] - r / 2 * (values[:, j] ** 2 + values[:, k] ** 2)
            if sd[j] > 0 and sd[k] > 0:
                found[j, k] = found[k, j] = influence.var() / (1 - r * r) ** 2
    return found


def correlation(baseline: Comoments, window: Comoments, kappa: NDArray[np.float64]) -> CorrelationChange | None:
    """Return the pair whose correlation changed most; None with fewer than 50 complete rows or no pair that varies."""
    if min(baseline.n, window.n) < MIN_ROWS:
        return None
    before, now = baseline.correlations(), window.correlations()
    spread = np.sqrt(kappa * (1 / (window.n - 3) + 1 / (baseline.n - 3)))
    z = np.tril((_fisher(now) - _fisher(before)) / spread, k=-1)
    pairs = int(np.isfinite(z[np.tril_indices(len(z), k=-1)]).sum())
    if pairs == 0:
        return None
    first, second = np.unravel_index(np.nanargmax(np.abs(z)), z.shape)
    place = int(second), int(first)
    return CorrelationChange(*place, float(before[place]), float(now[place]), float(z[first, second]), pairs)


def _fisher(r: NDArray[np.float64] | float) -> NDArray[np.float64]:
    transformed: NDArray[np.float64] = np.arctanh(np.clip(np.asarray(r), -CLIP, CLIP))
    return transformed
