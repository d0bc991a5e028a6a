"""Linear rank statistics on cells: the common ground of the location and the scale test.

Source: J. Hájek, Z. Šidák, P. K. Sen, "Theory of Rank Tests" (1999), section 3.3: permutation moments of a linear rank
statistic; ties enter exactly because scores are per cell.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from pegel.stats import tails

Counts = NDArray[np.int64]
Ranks = NDArray[np.float64]
NOISE = 1e-24
"""Scores that vary less than this, squared, are equal but for rounding."""


@dataclass(frozen=True)
class RankStatistic:
    """A standardised difference of mean scores: `z` with permutation skewness `skewness`; `n`, `m` rows.

    `factor`: by how much the variance of z exceeds 1 in clean windows, see `pegel.stats.dispersion`.
    """

    name: str
    z: float
    skewness: float
    n: int
    m: int
    factor: float = 1.0

    @property
    def statistic(self) -> float:
        """Return z."""
        return self.z

    @cached_property
    def p_value(self) -> float:
        """Return the two-sided p-value."""
        return tails.two_sided(self.z / math.sqrt(self.factor), self.skewness * math.sqrt(self.factor))

    def tail(self, sign: int) -> float:
        """Return the one-sided p-value in the direction of `sign`, 1 or -1."""
        root = math.sqrt(self.factor)
        return tails.upper(sign * self.z / root, sign * self.skewness * root)

    def p_relevant(self, margin: float) -> float:
        """Return the one-sided p-value at |z| less the margin: of "the change is at most `margin`"."""
        sign = math.copysign(1.0, self.z)
        beyond = abs(self.z) - margin * math.sqrt(self.n * self.m / (self.n + self.m))
        root = math.sqrt(self.factor)
        return tails.upper(beyond / root, sign * self.skewness * root)

    def numbers(self) -> dict[str, float]:
        """Return z, its skewness, and z per square root of the effective number of rows."""
        effect = self.z / math.sqrt(self.n * self.m / (self.n + self.m))
        numbers = {"z": self.z, "skewness": self.skewness, "d": effect, "p": self.p_value}
        return numbers if self.factor == 1 else numbers | {"factor": self.factor}


def midranks(baseline: Counts, window: Counts) -> NDArray[np.float64]:
    """Return the pooled midranks per cell, between 0 and 1."""
    both = baseline + window
    ranks: NDArray[np.float64] = (np.cumsum(both) - both / 2) / both.sum()
    return ranks


def rank_statistic(name: str, baseline: Counts, window: Counts, scores: NDArray[np.float64]) -> RankStatistic:
    """Compare the mean score of the window with that of the baseline. Equal scores everywhere give z = 0."""
    m, n = int(baseline.sum()), int(window.sum())
    total = n + m
    # Dot products of floats go through BLAS; those of integers with floats do not.
    b, w = baseline.astype(np.float64), window.astype(np.float64)
    both = b + w
    deviations = scores - both.dot(scores) / total
    squares = deviations * deviations
    spread = float(both.dot(squares))
    if spread <= NOISE * total:
        return RankStatistic(name, 0.0, 0.0, n, m)
    sd = math.sqrt(spread / (total - 1))
    z = (w.dot(deviations) / n - b.dot(deviations) / m) / (sd * math.sqrt(1 / n + 1 / m))
    third = both.dot(squares * deviations) / total
    skewness = third / sd**3 * (m - n) / math.sqrt(n * m * total)
    return RankStatistic(name, float(z), float(skewness), n, m)
