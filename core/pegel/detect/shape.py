"""Has the shape of a distribution changed? Pearson's X2, guarded by the Williams-corrected G.

Either alone has too small p-values somewhere in the tail; the larger of the two stays near its nominal level. As in
`pegel.detect.ranks`, counts may have leading axes, shape (..., cells), and empty cells change nothing.

Source: D. A. Williams, "Improved likelihood ratio tests for complete contingency tables", Biometrika 63 (1976).
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.special import chdtrc, chndtr, xlogy

from pegel.detect.ranks import Counts, Floats
from pegel.stats import tails

Law = Callable[[int], tuple[float, float]]
"""Scale and degrees of freedom of X2 in clean windows, for nominal degrees of freedom."""
EXPECTED = 5
"""Smallest expected count of a pool, in the window and in the baseline."""


@dataclass(frozen=True, slots=True)
class ShapeStatistic:
    """`x2` and `g` (already divided by Williams' factor) with `df` degrees of freedom; `n`, `m` rows.

    `scale`, `law_df`: in clean windows X2 is `scale` times a chi-squared variable of `law_df` degrees of freedom, see
    `pegel.stats.dispersion`; 1 and `df` where rows are independent. `p_value` is the larger one of both statistics.
    """

    x2: float
    g: float
    df: int
    n: int
    m: int
    scale: float
    law_df: float
    p_value: float
    name: str = "shape"

    @property
    def statistic(self) -> float:
        """Return Pearson's X2."""
        return self.x2

    def p_relevant(self, margin: float) -> float:
        """Return the p-value of "the change is at most `margin`"."""
        shift = margin**2 * self.n * self.m / (self.n + self.m) / self.scale
        # One less the lower tail is exact enough: it is compared with 1 %, never with a level of the budget.
        # (`scipy.stats` has the upper tail, and takes a second to import wherever something is judged.)
        x2, g = self.x2 / self.scale, self.g / self.scale
        return float(1 - min(chndtr(x2, self.law_df, shift), chndtr(g, self.law_df, shift)))

    def numbers(self) -> dict[str, float]:
        """Return both statistics and their degrees of freedom."""
        numbers = {"x2": self.x2, "g": self.g, "df": self.df, "p": self.p_value}
        corrected = (self.scale, self.law_df) != (1.0, self.df)
        return numbers | {"scale": self.scale, "df_of_law": self.law_df} if corrected else numbers


def pool_ordered(baseline: Counts, window: Counts) -> NDArray[np.int64]:
    """Return the pool of each ordered cell, joined left to right until enough rows are expected on both sides.

    Only the sums of both sides are looked at, so that pooling does not favour any outcome. What remains at the end
    joins the last pool.
    """
    both, needed = _needed(baseline, window)
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


def pool_categories(baseline: Counts, window: Counts) -> NDArray[np.int64]:
    """Return the pool of each unordered cell: those with too few expected rows go together into one rest pool.

    If the rest is still too small it joins the smallest cell that stands alone.
    """
    both, needed = _needed(baseline, window)
    alone = both >= needed[..., None]
    count = alone.sum(axis=-1)
    rest = np.where(alone, 0, both).sum(axis=-1)
    pools = np.cumsum(alone, axis=-1) - 1
    smallest = np.where(alone, both, np.iinfo(np.int64).max).argmin(axis=-1)
    joined = np.take_along_axis(pools, smallest[..., None], axis=-1)[..., 0]
    stands = (rest >= needed) | (count == 0)
    return np.where(alone, pools, np.where(stands, count, joined)[..., None])


def shape_values(
    baseline: Counts, window: Counts, pools: NDArray[np.int64]
) -> tuple[Floats, Floats, NDArray[np.int64]]:
    """Return X2, corrected G and degrees of freedom of counts summed per pool, shape (...); without any, zeros."""
    b, w = _pooled(baseline, pools), _pooled(window, pools)
    t = b + w
    kept = t > 0
    m, n = b.sum(axis=-1, keepdims=True), w.sum(axis=-1, keepdims=True)
    total = m + n
    safe = np.where(kept, t, 1.0)
    e, f = n * safe / total, m * safe / total
    x2 = np.where(kept, (w - e) ** 2 / e + (b - f) ** 2 / f, 0.0).sum(axis=-1)
    g = 2 * np.where(kept, xlogy(w, w / e) + xlogy(b, b / f), 0.0).sum(axis=-1)
    df = kept.sum(axis=-1) - 1
    spread = np.where(kept, total / safe, 0.0).sum(axis=-1) - 1
    m, n, total = m[..., 0], n[..., 0], total[..., 0]
    williams = 1 + (total / n + total / m - 1) * spread / (6 * total * np.maximum(df, 1))
    return x2, g / williams, df


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
    x2, g, df = shape_values(baseline, window, pools)
    values = zip(x2.tolist(), g.tolist(), df.tolist(), strict=True)
    sizes = zip(window.sum(axis=-1).tolist(), baseline.sum(axis=-1).tolist(), strict=True)
    given = laws or [None] * len(df)
    return [shape_statistic_of(*each) for each in zip(values, sizes, given, strict=True)]


def shape_statistic_of(
    values: tuple[float, float, int], sizes: tuple[int, int], law: Law | None
) -> ShapeStatistic | None:
    """Return the test for X2, corrected G and degrees of freedom, and rows of window and baseline; None without any."""
    x2, g, df = values
    if df < 1:
        return None
    scale, law_df = (1.0, float(df)) if law is None else law(df)
    p = max(tails.bounded(float(chdtrc(law_df, value / scale))) for value in (x2, g))
    return ShapeStatistic(x2, g, df, *sizes, scale, law_df, p)


def shape(baseline: Counts, window: Counts, pools: NDArray[np.int64]) -> ShapeStatistic | None:
    """Compare counts of one field, summed per pool. Fewer than two pools leave nothing to test: None."""
    return shape_statistics(baseline[None], window[None], pools[None])[0]


def _needed(baseline: Counts, window: Counts) -> tuple[Counts, Floats]:
    """Return the counts of both sides, and how many of them a pool needs."""
    both = baseline + window
    smaller = np.minimum(baseline.sum(axis=-1), window.sum(axis=-1))
    return both, EXPECTED * both.sum(axis=-1) / np.maximum(smaller, 1)


def _pooled(counts: Counts, pools: NDArray[np.int64]) -> Floats:
    """Return sums per pool, same shape; pools that do not occur hold 0."""
    cells = counts.shape[-1]
    rows = np.arange(counts.size // cells).reshape((*counts.shape[:-1], 1))
    flat = np.bincount((rows * cells + pools).ravel(), weights=counts.ravel(), minlength=counts.size)
    return flat.reshape(counts.shape).astype(np.float64)
