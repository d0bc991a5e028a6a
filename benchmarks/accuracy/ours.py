"""The library's own drift tests on thousands of windows at once: its vectorised functions, put together as it does.

`agrees` compares with the library's decision on single windows; the suites assert it on every baseline.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from benchmarks.accuracy.at_once import NOTHING, ExactTests, Flags, Judged, RankTests, ShapeTests, SingleTests, Tests
from benchmarks.accuracy.streams import Law, Rows
from numpy.typing import NDArray
from scipy.special import chdtrc

from pegel.data.columns import Field, Kind, Schema
from pegel.detect import combine, location, scale
from pegel.detect.binary import BinaryTest
from pegel.detect.category_groups import CategoryGroups
from pegel.detect.drift import BINARY, POOLS, drift_tests, factor_of
from pegel.detect.ranks import Counts, Floats, midranks, standardise
from pegel.detect.shape import pool_ordered, shape_values
from pegel.detect.single_category import NAME, deviances, single_category
from pegel.judge.decision import Criterion, decide
from pegel.judge.findings import Verdict
from pegel.stats import tails
from pegel.stats.cells import cell_of, count_sorted
from pegel.stats.dispersion import Dispersion
from pegel.stats.layout import CategoricalLayout, FieldLayout, NumericLayout, build_layout

WORTH = 0.3
"""P-values of single categories that are certainly larger are not computed."""


@dataclass(frozen=True)
class Watched:
    """One feature of a baseline: its cells, its counts, and how clean windows vary if that is known."""

    layout: FieldLayout
    baseline: Counts
    dispersion: Dispersion | None = None

    @classmethod
    def of(cls, one: Field, rows: Rows) -> Watched:
        """Freeze the cells of baseline rows and count them; categories are numbered."""
        layout = build_layout(Schema((one,)), {one.name: column(one, rows)}).features[0]
        return cls(layout, count(layout, rows[None])[0])

    def probabilities(self, law: Law) -> Rows:
        """Return the probability of each cell under a law."""
        if isinstance(self.layout, NumericLayout):
            return np.diff(law.below(self.layout.edges), prepend=0.0, append=1.0)
        codes = np.arange(1_000.0)
        mass = np.diff(law.below(codes), prepend=0.0)
        return np.bincount(cells(self.layout, codes), weights=mass, minlength=self.layout.size).astype(np.float64)

    def draw(self, rng: np.random.Generator, law: Law, n: int, windows: int) -> Counts:
        """Draw windows of `n` independent rows: counts per cell, exactly as those of rows would be."""
        mass = np.maximum(self.probabilities(law), 0.0)
        return rng.multinomial(n, mass / mass.sum(), size=windows).astype(np.int64)


def column(one: Field, rows: Rows) -> NDArray[np.float64] | NDArray[np.object_]:
    """Return rows as the library takes them."""
    return texts(rows) if one.kind is Kind.CATEGORICAL else rows


def texts(rows: Rows) -> NDArray[np.object_]:
    """Return numbered categories as text."""
    return rows.astype(np.int64).astype(str).astype(object)


def cells(layout: FieldLayout, rows: Rows) -> NDArray[np.intp]:
    """Return the cell of each row, any shape."""
    flat = rows.ravel()
    if isinstance(layout, NumericLayout):
        return cell_of(flat, layout.cuts).reshape(rows.shape)
    codes, place = np.unique(flat, return_inverse=True)
    return layout.vocabulary.cell_of(texts(codes))[place].reshape(rows.shape)


def count(layout: FieldLayout, windows: Rows) -> Counts:
    """Count rows per cell, shape (windows, cells), of windows of shape (windows, rows)."""
    if isinstance(layout, NumericLayout):
        return np.stack([count_sorted(line, layout.cuts) for line in np.sort(windows, axis=1)])
    return tally(cells(layout, windows), layout.size)


def tally(places: NDArray[np.intp], size: int) -> Counts:
    """Count cells, shape (windows, size), of places of shape (windows, rows)."""
    flat = places + size * np.arange(len(places))[:, None]
    return np.bincount(flat.ravel(), minlength=size * len(places)).reshape(-1, size)


def judge(watched: Watched, windows: Counts, *, plain: bool = False) -> Judged:
    """Test windows, given as counts of shape (windows, cells). `plain`: location by plain ranks, whatever the tails."""
    b, w = watched.baseline, windows
    kept: Flags = np.asarray((b + w).any(axis=0))
    if isinstance(watched.layout, CategoricalLayout) and kept.sum() > BINARY:
        return Judged(_categories(watched.layout, b, w, watched.dispersion))
    b, w = np.broadcast_to(b[kept], (len(w), int(kept.sum()))), w[:, kept]
    if kept.sum() == BINARY or isinstance(watched.layout, CategoricalLayout):
        return Judged([_exact(b, w, watched.dispersion)])
    light = np.full(len(w), watched.layout.light_tails and not plain)
    ranks = midranks(b, w)
    shapes = _groups(watched.layout, kept, b, w, watched.dispersion)
    tests: list[Tests] = [
        _ranks("location", b, w, location.scores(ranks, light), watched.dispersion),
        _ranks("scale", b, w, scale.scores(ranks), watched.dispersion),
        shapes,
    ]
    weights = np.array([combine.WEIGHTS[test.name] for test in tests])[:, None]
    used = np.stack([np.ones(len(w)), shapes.pools >= POOLS, shapes.pools >= POOLS])
    shares = weights * used / (weights * used).sum(axis=0)
    # A test that is not made never decides: a p-value above 1, and any share.
    pairs = zip(tests, shares, used, strict=True)
    return Judged([replace(t, p=np.where(u > 0, t.p, 2.0), share=np.where(u > 0, s, 1.0)) for t, s, u in pairs])


def _categories(layout: CategoricalLayout, b: Counts, w: Counts, noise: Dispersion | None) -> list[Tests]:
    """Return the tests of shape and of the single category that changed most."""
    groups = CategoryGroups.of([layout] * len(w), [b] * len(w), list(w))
    shapes = _shapes(*groups.pooled(), noise)
    made = _near(groups)
    factor = factor_of(NAME, int(w[0].sum()), noise)
    singles = [single_category(groups, i, factor) if yes or factor > 1 else None for i, yes in enumerate(made)]
    p = np.array([1.0 if one is None else one.p_value for one in singles])
    weights = combine.WEIGHTS["shape"], combine.WEIGHTS[NAME]
    used = np.where(shapes.pools > 1, weights[0], 0.0)
    share = weights[1] / (used + weights[1])
    single = SingleTests(NAME, p, share, shapes.n, shapes.m, singles=singles)
    return [replace(shapes, share=np.where(used > 0, 1 - share, 1.0)), single]


def _near(groups: CategoryGroups) -> Flags:
    """Say where the test of the single category may matter: nobody asks for a level near `WORTH`."""
    used = np.count_nonzero(groups.baseline + groups.window, axis=1)
    largest = deviances(groups.baseline, groups.window).max(axis=1)
    return np.asarray(used * chdtrc(1, 2 * largest) < WORTH)


def _ranks(name: str, b: Counts, w: Counts, scores: Floats, noise: Dispersion | None) -> RankTests:
    z, skewness = standardise(b, w, scores)
    n, m = int(w[0].sum()), int(b[0].sum())
    factor = factor_of(name, n, noise)
    root = factor**0.5
    p = tails.two_sided(z / root, skewness * root)
    longer = 1.0 if noise is None else noise.long_factor(name)
    return RankTests(name, p, np.ones(len(w)), n, m, z=z, skewness=skewness, factor=factor, longer=longer)


def _exact(b: Counts, w: Counts, noise: Dispersion | None) -> RankTests:
    ranks = _ranks("location", b, w, midranks(b, w), noise)
    if ranks.factor != 1:
        return ranks
    seen, place = np.unique(w[:, 1], return_inverse=True)
    before = int(b[0, 1])
    p = np.array([BinaryTest(int(x), ranks.n, before, ranks.m, NOTHING).p_value for x in seen])[place]
    return ExactTests(
        "binary", p, ranks.share, ranks.n, ranks.m, ranks.z, ranks.skewness, seen=w[:, 1], seen_in_baseline=before
    )


def _shapes(b: Counts, w: Counts, pools: Counts, noise: Dispersion | None) -> ShapeTests:
    divergence, df, excess = shape_values(b, w, pools)
    scaled, law_df = 1.0, df.astype(np.float64)
    if noise is not None and noise.shape is not None:
        scaled, per_df = noise.chi_squared(1, int(w[0].sum()))
        law_df, excess = law_df * per_df, 0.0 * excess
    p = np.where(df < 1, 1.0, np.maximum(chdtrc(law_df, divergence / scaled), tails.FLOOR))
    n, m = int(w[0].sum()), int(b[0].sum())
    return ShapeTests("shape", p, np.ones(len(w)), n, m, divergence / scaled, df + 1, law_df, excess, scaled)


def _groups(layout: NumericLayout, kept: Flags, b: Counts, w: Counts, noise: Dispersion | None) -> ShapeTests:
    starts = np.flatnonzero(np.diff(layout.groups[kept], prepend=-1))
    b, w = np.add.reduceat(b, starts, axis=1), np.add.reduceat(w, starts, axis=1)
    return _shapes(b, w, pool_ordered(b, w), noise)


def agrees(watched: Watched, windows: Counts, judged: Judged, level: float, margin: float) -> bool:
    """Say whether the library's own decision on single windows is the same: p-value and verdict."""
    flags, bar = judged.flags(level, margin), Criterion("drift", level, 1.0, margin)
    for window, p, flag in zip(windows, judged.p, flags, strict=False):
        decision = decide(drift_tests(watched.layout, watched.baseline, window, watched.dispersion), bar)
        significant = decision.verdict is not Verdict.OK
        same = np.isclose(min(decision.p_value, WORTH), min(p, WORTH))
        if (decision.verdict is Verdict.DRIFT) != flag or (not significant and not same):
            return False
    return True
