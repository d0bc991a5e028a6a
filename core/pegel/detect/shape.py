"""Has the shape of a distribution changed? Pearson's X2, guarded by the Williams-corrected G.

Either alone has too small p-values somewhere in the tail; the larger of the two stays near its nominal level.
Source: D. A. Williams, "Improved likelihood ratio tests for complete contingency tables", Biometrika 63 (1976).
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray
from scipy.special import chdtrc, chndtr, xlogy

from pegel.detect.ranks import Counts
from pegel.stats.tails import FLOOR

EXPECTED = 5
"""Smallest expected count of a pool, in the window and in the baseline."""


@dataclass(frozen=True)
class ShapeStatistic:
    """`x2` and `g` (already divided by Williams' factor) with `df` degrees of freedom; `n`, `m` rows.

    `law`: scale and degrees of freedom of X2 in clean windows, see `pegel.stats.dispersion`; None for 1 and `df`.
    """

    x2: float
    g: float
    df: int
    n: int
    m: int
    law: tuple[float, float] | None = None
    name: str = "shape"

    @property
    def statistic(self) -> float:
        """Return Pearson's X2."""
        return self.x2

    @cached_property
    def p_value(self) -> float:
        """Return the larger of both p-values."""
        scale, df = self.law or (1.0, self.df)
        return max(FLOOR, float(chdtrc(df, self.x2 / scale)), float(chdtrc(df, self.g / scale)))

    def p_relevant(self, margin: float) -> float:
        """Return the p-value of "the change is at most `margin`"."""
        scale, df = self.law or (1.0, self.df)
        shift = margin**2 * self.n * self.m / (self.n + self.m) / scale
        # One less the lower tail is exact enough: it is compared with 1 %, never with a level of the budget.
        # (`scipy.stats` has the upper tail, and takes a second to import wherever something is judged.)
        return float(1 - min(chndtr(self.x2 / scale, df, shift), chndtr(self.g / scale, df, shift)))

    def numbers(self) -> dict[str, float]:
        """Return both statistics and their degrees of freedom."""
        numbers = {"x2": self.x2, "g": self.g, "df": self.df, "p": self.p_value}
        return numbers if self.law is None else numbers | {"scale": self.law[0], "df_of_law": self.law[1]}


def pool_ordered(baseline: Counts, window: Counts) -> NDArray[np.int64]:
    """Return the pool of each ordered cell, joined left to right until enough rows are expected on both sides.

    Only the sums of both sides are looked at, so that pooling does not favour any outcome. What remains at the end
    joins the last pool.
    """
    both = (baseline + window).tolist()
    needed = EXPECTED * sum(both) / min(int(baseline.sum()), int(window.sum()))
    pools = np.zeros(len(both), dtype=np.int64)
    pool, rows = 0, 0
    for cell, count in enumerate(both):
        pools[cell] = pool
        rows += count
        if rows >= needed:
            pool, rows = pool + 1, 0
    return np.minimum(pools, max(pool - 1, 0))


def pool_categories(baseline: Counts, window: Counts) -> NDArray[np.int64]:
    """Return the pool of each unordered cell: those with too few expected rows go together into one rest pool.

    If the rest is still too small it joins the smallest cell that stands alone.
    """
    both = baseline + window
    needed = EXPECTED * int(both.sum()) / min(int(baseline.sum()), int(window.sum()))
    alone = both >= needed
    pools = np.where(alone, np.cumsum(alone) - 1, -1)
    rest = int(both[~alone].sum())
    count = int(alone.sum())
    if rest >= needed or count == 0:
        pools[~alone] = count
    else:
        smallest = np.flatnonzero(alone)[np.argmin(both[alone])]
        pools[~alone] = pools[smallest]
    return pools.astype(np.int64)


def shape(baseline: Counts, window: Counts, pools: NDArray[np.int64]) -> ShapeStatistic | None:
    """Compare counts summed per pool. Fewer than two pools leave nothing to test: None."""
    b = np.bincount(pools, weights=baseline)
    w = np.bincount(pools, weights=window)
    kept = b + w > 0
    b, w = b[kept], w[kept]
    k, m, n = b.size, float(b.sum()), float(w.sum())
    if k == 1:
        return None
    t, total = b + w, m + n
    e, f = n * t / total, m * t / total
    x2 = float(((w - e) ** 2 / e + (b - f) ** 2 / f).sum())
    g = 2 * float((xlogy(w, w / e) + xlogy(b, b / f)).sum())
    williams = 1 + (total / n + total / m - 1) * (float((total / t).sum()) - 1) / (6 * total * (k - 1))
    return ShapeStatistic(x2, g / williams, k - 1, int(n), int(m))
