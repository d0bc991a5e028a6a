"""Do two features go together as in training? Of any kinds, in any form; changes of each by itself do not count.

The tables of all pairs are compared by `pegel.detect.association`. What a correlation sees in pairs of numbers is seen
here, too, less sharply; what it does not, as numbers on a circle, and pairs with categories, is seen here alone.
"""

from __future__ import annotations

import math
from collections.abc import Collection
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray
from scipy.special import chdtrc

from pegel.detect.association import associations, cramers_v, moved_to, residual_squares
from pegel.stats import tails
from pegel.stats.dispersion import Dispersion
from pegel.stats.noise import Noise
from pegel.stats.pair_tables import PairTables

MIN_ROWS = 50
"""A pair is judged by no fewer rows that have both values, neither in the window nor in the baseline."""
LEAST_CHANGE = 0.05
"""A smaller change is not worth a page. It is measured as the root of the part of chi-squared beyond chance that each
row contributes (Cohen's w), which of two values is about the change of their correlation."""
LOOKED_AT = 8
"""So many pairs, those that look most changed, are tested with care; the others need not be."""
Places = NDArray[np.intp]


@dataclass(frozen=True, slots=True, kw_only=True)
class DependenceChange:
    """The change of one pair; `first` and `second` are places among the paired features.

    `n` and `m`: rows of window and baseline with both values. `before` and `now`: Cramer's V, from 0 to 1.
    `statistic`, `df`: chi-squared and its degrees of freedom; `scale`, `law_df`: those of its law in clean windows.
    `rare_p`: p-value of rows in combinations too rare for that. `moved`: part of the window's rows that have another
    combination of groups than if both went together as in training. `single_p` is that of this pair, `p_value` over all
    `pairs` that were judged.
    """

    first: int
    second: int
    n: int
    m: int
    before: float
    now: float
    moved: float
    statistic: float
    df: int
    scale: float
    law_df: float
    rare_p: float
    single_p: float
    pairs: int

    @property
    def p_value(self) -> float:
        """Return the p-value times the number of pairs."""
        return tails.bounded(self.pairs * self.single_p)

    @property
    def size(self) -> float:
        """Return the change as Cohen's w, without what chance adds: 0 if it is no more than that."""
        rows = self.n * self.m / (self.n + self.m)
        return math.sqrt(max(self.statistic / self.scale - self.law_df, 0.0) * self.scale / rows)

    @property
    def relevant(self) -> bool:
        """Say whether the change is large enough to matter."""
        return max(self.size, self.moved if self.rare_p < 1 else 0.0) >= LEAST_CHANGE

    def numbers(self) -> dict[str, float]:
        """Return what the p-value follows from."""
        return {
            "before": self.before,
            "now": self.now,
            "moved": self.moved,
            "size": self.size,
            "chi_squared": self.statistic,
            "df": self.df,
            "scale": self.scale,
            "df_of_law": self.law_df,
            "p_of_rare": self.rare_p,
            "pairs": self.pairs,
            "p": self.p_value,
        }


def judged_pairs(trained: PairTables, now: PairTables, chosen: Collection[int] | None = None) -> tuple[Places, Places]:
    """Return first and second place of the pairs that have enough rows on both sides.

    `chosen`: places of the features that are watched; None for all.
    """
    places = np.array(sorted(range(trained.size) if chosen is None else chosen), dtype=np.intp)
    second, first = (places[side] for side in np.tril_indices(len(places), k=-1))
    fewer = np.minimum(_rows(trained, first, second), _rows(now, first, second))
    return first[fewer >= MIN_ROWS], second[fewer >= MIN_ROWS]


def dependence(
    trained: PairTables,
    now: PairTables,
    noise: Noise,
    positions: tuple[int, ...],
    *,
    chosen: Collection[int] | None = None,
    told: Collection[int] = (),
) -> DependenceChange | None:
    """Return the pair whose dependence changed most certainly, of those that changed enough to matter if there are any.

    None if no pair has 50 rows on either side with both values, and enough combinations of them.

    Args:
        trained: Tables of the baseline.
        now: Tables of the window.
        noise: What is known of the baseline's windows.
        positions: Of the paired features among all fields: by these the noise of pairs is known.
        chosen: Places of the features that are watched; None for all.
        told: Places of both features of a pair that is not returned, because its change is known.
    """
    first, second = judged_pairs(trained, now, chosen)
    if not first.size:
        return None
    baseline, window = trained.of_pairs(first, second), now.of_pairs(first, second)
    order = np.argsort(-residual_squares(baseline, window), kind="stable").tolist()
    likely = [place for place in order if {int(first[place]), int(second[place])} != set(told)][:LOOKED_AT]
    found = zip(*(part.tolist() for part in associations(baseline[likely], window[likely])), strict=True)
    changes = []
    for place, values in zip(likely, found, strict=True):
        j, k = int(first[place]), int(second[place])
        law = _law(noise, (positions[j], positions[k]))
        change = _change(baseline[place], window[place], values, law)
        changes.append(replace(change, first=j, second=k, pairs=first.size))
    tested = [change for change in changes if change.df or change.rare_p < 1]
    return min(tested, key=lambda change: (not change.relevant, change.p_value, -change.size), default=None)


def _rows(tables: PairTables, first: Places, second: Places) -> NDArray[np.int64]:
    return np.asarray(tables.of_pairs(first, second).sum(axis=(-1, -2)))


def _law(noise: Noise, key: tuple[int, int]) -> Dispersion | float:
    """Return what is known of a pair's statistic in clean windows: how it was replayed, or the factor of its scale."""
    if noise.replayed:
        return noise.pairs.get(key, 1.0)
    return noise.repeats


def _change(
    baseline: NDArray[np.int64],
    window: NDArray[np.int64],
    found: tuple[float, int, float],
    law: Dispersion | float,
) -> DependenceChange:
    """Return the change of the only pair of two features: of one table of each side."""
    value, df, rare_p = found
    n, m = int(window.sum()), int(baseline.sum())
    scale, law_df = law.chi_squared(df, n) if isinstance(law, Dispersion) and df else (1.0, float(df))
    if isinstance(law, float):
        scale = law
    # Rare rows that come in bursts have no law that is known here.
    rare_p = rare_p if (scale, law_df) == (1.0, df) else 1.0
    common_p = float(chdtrc(law_df, value / scale)) if df else 1.0
    parts = (df > 0) + (rare_p < 1)
    expected = moved_to(baseline, window)
    return DependenceChange(
        first=0,
        second=1,
        n=n,
        m=m,
        before=cramers_v(baseline),
        now=cramers_v(window),
        moved=float(np.abs(window - expected).sum() / (2 * n)),
        statistic=value,
        df=df,
        scale=scale,
        law_df=law_df,
        rare_p=rare_p,
        single_p=tails.bounded(max(parts, 1) * min(common_p, rare_p)),
        pairs=1,
    )
