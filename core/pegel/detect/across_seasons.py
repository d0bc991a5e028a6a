"""Windows that cross seasons: each season against its own rows of the baseline, then put together.

Source: P. H. van Elteren, "On the combination of independent two sample tests of Wilcoxon", Bulletin of the
International Statistical Institute 37 (1960); here with weights by rows of the window.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from pegel.detect import location, scale
from pegel.detect.category_groups import CategoryGroups
from pegel.detect.detector import Evidence
from pegel.detect.drift import BINARY, POOLS, factor_of
from pegel.detect.ranks import Counts, Floats, RankStatistic, midranks, standardise
from pegel.detect.shape import ShapeStatistic, pool_ordered, shape_statistic_of, shape_values
from pegel.detect.sparse import has_both_sides
from pegel.stats import tails
from pegel.stats.dispersion import Dispersion
from pegel.stats.layout import CategoricalLayout, FieldLayout, NumericLayout

BySeason = Sequence[tuple[Counts, Counts]]


def seasonal_tests(layout: FieldLayout, by_season: BySeason, dispersion: Dispersion | None = None) -> list[Evidence]:
    """Return the tests of one field from baseline and window counts of each season. Empty seasons are left out."""
    by_season = [(b, w) for b, w in by_season if b.any() and w.any()]
    if not by_season:
        return []
    b, w = np.stack([one for one, _ in by_season]), np.stack([one for _, one in by_season])
    values = int(np.count_nonzero((b + w).sum(axis=0)))
    if values < BINARY:
        return []
    found: list[Evidence] = []
    ranks = midranks(b, w)
    numeric = isinstance(layout, NumericLayout)
    if numeric or values == BINARY:
        light = isinstance(layout, NumericLayout) and layout.light_tails and values > BINARY
        shifts = location.scores(ranks, np.full(len(b), light))
        found.append(_together("location", b, w, shifts, dispersion))
    changed = _shape(layout, b, w, dispersion) if values > BINARY else None
    wide = changed is not None and changed.df + 1 >= POOLS
    if isinstance(layout, NumericLayout) and values > BINARY and (wide or has_both_sides(layout, b.sum(axis=0))):
        found.append(_together("scale", b, w, scale.scores(ranks), dispersion))
    return found if changed is None or (numeric and not wide) else [*found, changed]


def _together(name: str, b: Counts, w: Counts, scores: Floats, dispersion: Dispersion | None) -> RankStatistic:
    """Add up the seasons' differences of mean scores, each weighted by its share of the window's rows."""
    z, skewness = standardise(b, w, scores)
    n, m = w.sum(axis=1).astype(np.float64), b.sum(axis=1).astype(np.float64)
    pooled = b + w
    mean = (pooled * scores).sum(axis=1) / (n + m)
    spread = (pooled * (scores - mean[:, None]) ** 2).sum(axis=1) / (n + m - 1)
    sd = n * np.sqrt(spread * (1 / n + 1 / m))
    whole = float(np.sqrt((sd**2).sum()))
    factor = factor_of(name, int(n.sum()), dispersion)
    if whole == 0:
        return RankStatistic(name, 0.0, 0.0, int(n.sum()), int(m.sum()), factor, 1.0)
    total, tilt = float((sd * z).sum()) / whole, float((sd**3 * skewness).sum()) / whole**3
    root = factor**0.5
    p = float(tails.two_sided(total / root, tilt * root))
    return RankStatistic(name, total, tilt, int(n.sum()), _effective(n, m), factor, p)


def _effective(n: Floats, m: Floats) -> int:
    """Return the size of a single baseline that would leave as much to chance as the seasons do together."""
    rows = float(n.sum())
    variance = float(((n / rows) ** 2 * (1 / n + 1 / m)).sum())
    return round(1 / max(variance - 1 / rows, 1e-12))


def _shape(layout: FieldLayout, b: Counts, w: Counts, dispersion: Dispersion | None) -> ShapeStatistic | None:
    """Add up divergences and degrees of freedom: independent seasons, so the sum is chi-squared again."""
    if isinstance(layout, CategoricalLayout):
        b, w, pools = CategoryGroups.of([layout] * len(b), list(b), list(w)).pooled()
    else:
        b, w = layout.grouped(b), layout.grouped(w)
        pools = pool_ordered(b, w)
    divergence, df, excess = shape_values(b, w, pools)
    n, m = w.sum(axis=1).astype(np.float64), b.sum(axis=1).astype(np.float64)
    law = None if dispersion is None else dispersion.chi_squared
    values = (float(divergence.sum()), int(df.sum()), float(excess.sum()))
    return shape_statistic_of(values, (int(n.sum()), _effective(n, m)), law)
