"""Has the shape of a distribution changed? A power divergence of pooled counts, between Pearson's X2 and G.

Pearson's X2 has too small p-values where a few of many rows are expected (up to sixfold at 1e-4), G where a few are
expected everywhere (1.3-fold at 1e-2); the power of one third lies between them and stays near its nominal level in
both. As in `pegel.detect.ranks`, counts may have leading axes, shape (..., cells), and empty cells change nothing.

Source: N. Cressie, T. R. C. Read, "Multinomial goodness-of-fit tests", Journal of the Royal Statistical Society B 46
(1984).
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy.special import chdtrc, chndtr

from pegel.detect.ranks import Counts, Floats
from pegel.stats import tails

Law = Callable[[int, int], tuple[float, float]]
"""Scale and degrees of freedom of the divergence in clean windows, for nominal degrees of freedom."""
EXPECTED = 5
"""Smallest expected count of a pool, in the window and in the baseline."""
_FACTOR = 2 / (1 / 3 * (1 + 1 / 3))
_THIRD, _FOURTH = -2 / 9, 5 / 54
"""Of (1 + u)**(4/3), times the factor: what a deviation u of a count adds in its third and its fourth power."""


@dataclass(frozen=True, slots=True)
class ShapeStatistic:
    """`divergence` of the power of one third with `df` degrees of freedom; `n`, `m` rows.

    `scale`, `law_df`: in clean windows the divergence is `scale` times a chi-squared variable of `law_df` degrees of
    freedom, see `pegel.stats.dispersion`; 1 and `df` where rows are independent.
    """

    divergence: float
    df: int
    n: int
    m: int
    scale: float
    law_df: float
    p_value: float
    excess: float = 0.0
    """By how much the mean of the divergence exceeds that of its law in clean windows."""
    name: str = "shape"

    @property
    def statistic(self) -> float:
        """Return the divergence."""
        return self.divergence

    @property
    def centred_p(self) -> float:
        """Return the p-value of the divergence shrunk to the mean of its law: over many windows a bias adds up."""
        shrunk = self.divergence * self.df / (self.df + self.excess)
        return tails.bounded(float(chdtrc(self.law_df, shrunk / self.scale)))

    def p_relevant(self, margin: float) -> float:
        """Return the p-value of "the change is at most `margin`"."""
        shift = margin**2 * self.n * self.m / (self.n + self.m) / self.scale
        # One less the lower tail is exact enough: it is compared with 1 %, never with a level of the budget.
        # (`scipy.stats` has the upper tail, and takes a second to import wherever something is judged.)
        return float(1 - chndtr(self.divergence / self.scale, self.law_df, shift))

    def numbers(self) -> dict[str, float]:
        """Return the statistic and its degrees of freedom."""
        numbers = {"divergence": self.divergence, "df": self.df, "p": self.p_value}
        corrected = (self.scale, self.law_df) != (1.0, self.df)
        return numbers | {"scale": self.scale, "df_of_law": self.law_df} if corrected else numbers


def pool_ordered(baseline: Counts, window: Counts) -> NDArray[np.int64]:
    """Return the pool of each ordered cell, joined left to right until enough rows are expected on both sides.

    Only the sums of both sides are looked at, so that pooling does not favour any outcome.
    """
    return joined_neighbours(baseline + window, needed_rows(baseline, window))


def joined_neighbours(both: Counts, needed: Floats) -> NDArray[np.int64]:
    """Return the pool of each cell, shape (..., cells), joined left to right until a pool has the needed rows.

    What remains at the end joins the last pool.
    """
    pools = np.empty(both.shape, dtype=np.int64)
    pool = np.zeros(both.shape[:-1], dtype=np.int64)
    rows = np.zeros(both.shape[:-1], dtype=np.int64)
    for cell in range(both.shape[-1]):
        pools[..., cell] = pool
        rows = rows + both[..., cell]
        full = rows >= needed
        pool = pool + full
        rows = np.where(full, 0, rows)
    return np.minimum(pools, np.maximum(pool - 1, 0)[..., None])


def needed_rows(baseline: Counts, window: Counts) -> Floats:
    """Return how many rows of both sides together a pool needs, shape (...)."""
    smaller = np.minimum(baseline.sum(axis=-1), window.sum(axis=-1))
    needed: Floats = EXPECTED * (baseline + window).sum(axis=-1) / np.maximum(smaller, 1)
    return needed


class Divergences(NamedTuple):
    """Of counts with leading axes: divergences, degrees of freedom, and how far means exceed these, shape (...)."""

    values: Floats
    df: NDArray[np.int64]
    excess: Floats


def shape_values(baseline: Counts, window: Counts, pools: NDArray[np.int64]) -> Divergences:
    """Return the divergences of counts summed per pool; zeros where there are none."""
    b, w = pooled(baseline, pools), pooled(window, pools)
    t = b + w
    kept = t > 0
    m, n = b.sum(axis=-1, keepdims=True), w.sum(axis=-1, keepdims=True)
    safe = np.where(kept, t, 1.0)
    e, f = n * safe / (n + m), m * safe / (n + m)
    parts = w * (np.cbrt(w / e) - 1) + b * (np.cbrt(b / f) - 1)
    divergences = np.maximum(_FACTOR * parts.sum(axis=-1), 0.0)
    return Divergences(divergences, kept.sum(axis=-1) - 1, _excess(t, n, m))


def _excess(both: Floats, n: Counts, m: Counts) -> Floats:
    """Return how far the means of divergences exceed their degrees of freedom: some thousandths in each pool.

    They are the third and the fourth term of the divergence's series in the deviations of counts, whose moments are
    those of the hypergeometric law; the second term gives the degrees of freedom.

    Args:
        both: Rows of both sides per pool, shape (..., cells).
        n: Rows of the window, shape (..., 1).
        m: Rows of the baseline, likewise.
    """
    total = n + m
    share = both / total
    variance = n * m / total * share * (1 - share)
    third = variance * (1 - 2 * share) * (m - n) / total
    fourth = 3 * variance**2 + variance
    safe = np.where(both > 0, share, 1.0)
    e, f = n * safe, m * safe
    terms = _THIRD * third * (e**-2 - f**-2) + _FOURTH * fourth * (e**-3 + f**-3)
    return np.asarray(terms.sum(axis=-1))


def shape_statistics(
    baseline: Counts, window: Counts, pools: NDArray[np.int64], laws: Sequence[Law | None] | None = None
) -> list[ShapeStatistic | None]:
    """Test many fields at once, counts and pools of shape (fields, cells). None where there are fewer than two pools.

    Args:
        baseline: Counts of the baseline.
        window: Counts of the window.
        pools: The pool of each cell.
        laws: Per field what windows do when nothing changes, if it is known; None for independent rows.
    """
    values = zip(*(column.tolist() for column in shape_values(baseline, window, pools)), strict=True)
    sizes = zip(window.sum(axis=-1).tolist(), baseline.sum(axis=-1).tolist(), strict=True)
    return [shape_statistic_of(*each) for each in zip(values, sizes, laws or [None] * len(pools), strict=True)]


def shape_statistic_of(
    values: tuple[float, int, float], sizes: tuple[int, int], law: Law | None
) -> ShapeStatistic | None:
    """Return the test for a divergence, its degrees of freedom (None for 0) and excess, and rows of both sides.

    A law of windows that were replayed has the excess in it.
    """
    divergence, df, excess = values
    if df < 1:
        return None
    scale, law_df = (1.0, float(df)) if law is None else law(df, sizes[0])
    p = tails.bounded(float(chdtrc(law_df, divergence / scale)))
    return ShapeStatistic(divergence, df, *sizes, scale, law_df, p, excess if (scale, law_df) == (1.0, df) else 0.0)


def shape(baseline: Counts, window: Counts, pools: NDArray[np.int64]) -> ShapeStatistic | None:
    """Compare counts of one field, summed per pool. Fewer than two pools leave nothing to test: None."""
    return shape_statistics(baseline[None], window[None], pools[None])[0]


def pooled(counts: Counts, pools: NDArray[np.int64]) -> Floats:
    """Return sums per pool, same shape; pools that do not occur hold 0."""
    cells = counts.shape[-1]
    rows = np.arange(counts.size // cells).reshape((*counts.shape[:-1], 1))
    flat = np.bincount((rows * cells + pools).ravel(), weights=counts.ravel(), minlength=counts.size)
    return flat.reshape(counts.shape).astype(np.float64)
