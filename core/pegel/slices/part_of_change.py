"""How much of a change is gone once a slice's rows are left out on both sides, and how sure that is.

With mu the mean of all rows of a side and mu_c that of the rows outside of the slice, the slice contributes
`(mu - mu_c)` of now, less that before, to the difference of means. It contributes where its rows changed in another way
than the others, and where rows that differ anyway became more or fewer; a change of everything contributes nothing. Of
slices that contain each other the ratio of the contribution to its standard error is largest for the one that changed:
with more rows it is diluted, with fewer it has fewer rows.

The standard error is that of the influence function of `mu - mu_c`: w the slice's part of the rows, a row in it counts
`t - mu`, one outside `t - mu - (t - mu_c)/(1 - w)` (Hampel et al., Robust Statistics, 1986, chapter 2). By it a slice
is tested. Slices are compared by the standard error that there would be without a slice, `w v / ((1 - w) rows)` with
the variance v of all rows, as a score test does (Rao 1948): rows of which half changed vary so much by that alone that
the narrow slice would look no clearer than a wide one around it.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]


@dataclass(frozen=True, slots=True, eq=False)
class SideSums:
    """Of one side: rows, sum and sum of squares of the score in each slice (arrays of any shape), and in all rows."""

    count: Floats
    total: Floats
    squares: Floats
    rows: float
    whole: float
    whole_squares: float

    @property
    def mean(self) -> float:
        """Return the mean of all rows."""
        return self.whole / self.rows

    @property
    def variance_of_mean(self) -> float:
        """Return the squared standard error of that mean."""
        return max(0.0, self.whole_squares / self.rows - self.mean**2) / self.rows

    @property
    def share(self) -> Floats:
        """Return which part of the rows each slice has."""
        return np.asarray(self.count / self.rows)

    def contribution(self) -> tuple[Floats, Floats]:
        """Return `mu - mu_c` of each slice and its squared standard error; NaN for a slice of all rows."""
        inside, outside = self.count, self.rows - self.count
        with np.errstate(divide="ignore", invalid="ignore"):
            w = inside / self.rows
            mean_in, mean_out = self.total / inside, (self.whole - self.total) / outside
            spread_in = np.maximum(0.0, self.squares / inside - mean_in**2)
            spread_out = np.maximum(0.0, (self.whole_squares - self.squares) / outside - mean_out**2)
            gap = self.mean - mean_out
            within = w * (spread_in + (mean_in - self.mean) ** 2)
            beyond = (1 - w) * (spread_out * (w / (1 - w)) ** 2 + gap**2)
            variance = (within + beyond) / self.rows
        # Where a side has no row of the slice nothing is left out of it.
        return np.where(inside > 0, gap, 0.0), np.where(inside > 0, variance, 0.0)


@dataclass(frozen=True, slots=True, eq=False)
class Contributions:
    """What slices contribute to the difference of two sides, in its way positive.

    `part`: of the difference; `z`: in standard errors; `rank`: in those that there would be if no slice were special.
    """

    part: Floats
    z: Floats
    rank: Floats
    share_before: Floats
    share_now: Floats


def difference(before: SideSums, now: SideSums) -> tuple[float, float]:
    """Return the difference of the means, and how many of its standard errors that is."""
    apart = now.mean - before.mean
    error = (before.variance_of_mean + now.variance_of_mean) ** 0.5
    return apart, apart / error if error else 0.0


def contributions(before: SideSums, now: SideSums) -> Contributions:
    """Return what each slice contributes; 0 where nothing can be told."""
    apart, _z = difference(before, now)
    (was, was_variance), (is_, is_variance) = before.contribution(), now.contribution()
    with np.errstate(divide="ignore", invalid="ignore"):
        moved = is_ - was
        part = moved / apart if apart else np.zeros_like(moved)
        z = np.sign(apart) * moved / np.sqrt(was_variance + is_variance)
        # A bound that parts the rows of now from those before, as one of times does, makes no slice clearer.
        share = np.maximum(before.share, now.share)
        widths = share / (1 - share) * (1 / before.rows + 1 / now.rows)
        rank = np.sign(apart) * moved / np.sqrt(_variance(before, now) * widths)
    known = np.isfinite(part) & np.isfinite(z) & np.isfinite(rank)
    part, z, rank = (np.where(known, each, 0.0) for each in (part, z, rank))
    return Contributions(part, z, rank, before.share, now.share)


def _variance(before: SideSums, now: SideSums) -> float:
    """Return the variance of the score in the rows of both sides."""
    rows = before.rows + now.rows
    mean = (before.whole + now.whole) / rows
    return max(0.0, (before.whole_squares + now.whole_squares) / rows - mean**2)
