"""Have two fields come to move together, or ceased to? Differences of Fisher-transformed correlations of normal scores.

Tests of single fields are blind to this. The variance is corrected by `kappa`, taken from baseline rows
(`pegel.stats.fourth`): without it, a pair with heavy joint tails gives tens of times as many false alarms as promised.

Source: R. A. Fisher, "On the probable error of a coefficient of correlation", Metron 1 (1921); the correction is the
influence-function variance of r over its value for a normal pair.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.special import ndtr

from pegel.stats import tails
from pegel.stats.comoments import Comoments

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
        return tails.bounded(2 * self.pairs * float(ndtr(-abs(self.z))))

    @property
    def change(self) -> float:
        """Return the difference of the Fisher-transformed correlations."""
        return float(_fisher(self.now) - _fisher(self.before))

    def numbers(self) -> dict[str, float]:
        """Return both correlations, z and how many pairs were looked at."""
        return {"before": self.before, "now": self.now, "z": self.z, "pairs": self.pairs, "p": self.p_value}

    @property
    def relevant(self) -> bool:
        """Say whether the change is large enough to matter."""
        return abs(self.change) >= LEAST_CHANGE


def correlation(
    baseline: Comoments, window: Comoments, kappa: NDArray[np.float64], chosen: Sequence[int] | None = None
) -> CorrelationChange | None:
    """Return the pair whose correlation changed most; None with fewer than 50 complete rows or no pair that varies.

    Args:
        baseline: Co-moments of the baseline.
        window: Co-moments of the window.
        kappa: Variance factor of each pair, see `pegel.stats.fourth`.
        chosen: Places of the fields that are watched; None for all.
    """
    if min(baseline.n, window.n) < MIN_ROWS:
        return None
    before, now = baseline.correlations(), window.correlations()
    spread = np.sqrt(kappa * (1 / (window.n - 3) + 1 / (baseline.n - 3)))
    z = np.tril((_fisher(now) - _fisher(before)) / spread, k=-1)
    if chosen is not None:
        left_out = np.setdiff1d(np.arange(len(z)), chosen)
        z[left_out] = z[:, left_out] = np.nan
    pairs = int(np.isfinite(z[np.tril_indices(len(z), k=-1)]).sum())
    if pairs == 0:
        return None
    first, second = np.unravel_index(np.nanargmax(np.abs(z)), z.shape)
    place = int(second), int(first)
    return CorrelationChange(*place, float(before[place]), float(now[place]), float(z[first, second]), pairs)


def _fisher(r: NDArray[np.float64] | float) -> NDArray[np.float64]:
    transformed: NDArray[np.float64] = np.arctanh(np.clip(np.asarray(r), -CLIP, CLIP))
    return transformed
