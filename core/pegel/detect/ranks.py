"""Linear rank statistics on cells: the common ground of the location and the scale test.

Everything here takes counts with any leading axes, shape (..., cells), and so tests many fields (or windows) at once;
fields of fewer cells are filled up with empty ones, which change nothing.

Source: J. Hájek, Z. Šidák, P. K. Sen, "Theory of Rank Tests" (1999), section 3.3: permutation moments of a linear rank
statistic; ties enter exactly because scores are per cell.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from pegel.stats import tails

Counts = NDArray[np.int64]
Floats = NDArray[np.float64]
NOISE = 1e-24
"""Scores that vary less than this, squared, are equal but for rounding."""


@dataclass(frozen=True, slots=True)
class RankStatistic:
    """A standardised difference of mean scores: `z` with permutation skewness `skewness`; `n`, `m` rows.

    `factor`: by how much the variance of z exceeds 1 in clean windows, see `pegel.stats.dispersion`; the two-sided
    `p_value` allows for it, as do `one_sided`, the tails above and below z, if they are known already.
    """

    name: str
    z: float
    skewness: float
    n: int
    m: int
    factor: float
    p_value: float
    one_sided: tuple[float, float] | None = None

    @property
    def statistic(self) -> float:
        """Return z."""
        return self.z

    def tail(self, sign: int) -> float:
        """Return the one-sided p-value in the direction of `sign`, 1 or -1."""
        if self.one_sided is not None:
            return self.one_sided[sign < 0]
        root = math.sqrt(self.factor)
        return float(tails.upper(sign * self.z / root, sign * self.skewness * root))

    def p_relevant(self, margin: float) -> float:
        """Return the one-sided p-value at |z| less the margin: of "the change is at most `margin`"."""
        sign = math.copysign(1.0, self.z)
        beyond = abs(self.z) - margin * math.sqrt(self.n * self.m / (self.n + self.m))
        root = math.sqrt(self.factor)
        return float(tails.upper(beyond / root, sign * self.skewness * root))

    def numbers(self) -> dict[str, float]:
        """Return z, its skewness, and z per square root of the effective number of rows."""
        effect = self.z / math.sqrt(self.n * self.m / (self.n + self.m))
        numbers = {"z": self.z, "skewness": self.skewness, "d": effect, "p": self.p_value}
        return numbers if self.factor == 1 else numbers | {"factor": self.factor}


def midranks(baseline: Counts, window: Counts) -> Floats:
    """Return the pooled midranks per cell, between 0 and 1, shape (..., cells)."""
    both = baseline + window
    ranks: Floats = (np.cumsum(both, axis=-1) - both / 2) / both.sum(axis=-1, keepdims=True)
    return ranks


def standardise(baseline: Counts, window: Counts, scores: Floats) -> tuple[Floats, Floats]:
    """Compare the mean score of the window with that of the baseline: z and its permutation skewness, shape (...).

    Equal scores everywhere give z = 0.
    """
    b, w = baseline.astype(np.float64), window.astype(np.float64)
    m, n = b.sum(axis=-1), w.sum(axis=-1)
    both, total = b + w, n + m
    deviations = scores - (_dot(both, scores) / total)[..., None]
    squares = deviations * deviations
    spread = _dot(both, squares)
    flat = spread <= NOISE * total
    sd = np.sqrt(np.where(flat, 1.0, spread) / (total - 1))
    z = (_dot(w, deviations) / n - _dot(b, deviations) / m) / (sd * np.sqrt(1 / n + 1 / m))
    third = _dot(both, squares * deviations) / total
    skewness = third / sd**3 * (m - n) / np.sqrt(n * m * total)
    return np.where(flat, 0.0, z), np.where(flat, 0.0, skewness)


def rank_statistics(
    name: str, baseline: Counts, window: Counts, scores: Floats, factors: Floats | float = 1.0
) -> list[RankStatistic]:
    """Test many fields at once: counts and scores of shape (fields, cells), variance factors of shape (fields,)."""
    z, skewness = standardise(baseline, window, scores)
    factors = np.broadcast_to(np.asarray(factors, dtype=np.float64), z.shape)
    root = np.sqrt(factors)
    above, below = tails.upper(z / root, skewness * root), tails.upper(-z / root, -skewness * root)
    sizes = (window.sum(axis=-1), baseline.sum(axis=-1), factors, tails.doubled(above, below))
    columns = [column.tolist() for column in (z, skewness, *sizes)]
    columns.append([*zip(above.tolist(), below.tolist(), strict=True)])
    return [RankStatistic(name, *values) for values in zip(*columns, strict=True)]


def _dot(a: Floats, b: Floats) -> Floats:
    found: Floats = np.einsum("...i,...i->...", a, b)
    return found
