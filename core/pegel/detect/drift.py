"""Which tests say whether a field's distribution has changed."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from pegel.detect.binary import BinaryTest, binary
from pegel.detect.location import location
from pegel.detect.protocol import Evidence
from pegel.detect.ranks import Counts, RankStatistic, midranks
from pegel.detect.scale import scale
from pegel.detect.shape import ShapeStatistic, pool_categories, pool_ordered, shape
from pegel.layout import CategoricalLayout, FieldLayout, NumericLayout
from pegel.stats.dispersion import Dispersion

MIN_WINDOW = 50
"""Fewer values than this in a window are not judged for drift."""
BINARY = 2
MIN_BASELINE = 1_000
"""Fewer values than this in a baseline are not judged against."""


def drift_tests(
    layout: FieldLayout, baseline: Counts, window: Counts, dispersion: Dispersion | None = None
) -> list[Evidence]:
    """Return the tests of one field; none when all values of both sides are the same.

    Two values are tested exactly; more by location, scale and shape (numbers), or by shape alone (categories). Where
    clean windows are known to vary more than independent rows would, `dispersion` corrects for it.
    """
    if isinstance(layout, CategoricalLayout):
        # A value that is new to the baseline is counted with the other rare ones; it has a count test of its own.
        baseline, window = _join_unseen(baseline), _join_unseen(window)
    kept = baseline + window > 0
    values = int(kept.sum())
    if values <= BINARY:
        return [_two(binary(baseline[kept], window[kept]), dispersion)] if values == BINARY else []
    if isinstance(layout, CategoricalLayout):
        tested = _shape(baseline, window, pool_categories(baseline, window), dispersion)
        return [] if tested is None else [tested]
    grouped, now = _grouped(layout, baseline), _grouped(layout, window)
    tested = _shape(grouped, now, pool_ordered(grouped, now), dispersion)
    ranks = midranks(baseline, window)
    found: list[Evidence] = [_widened(test(baseline, window, ranks), dispersion) for test in (location, scale)]
    return found if tested is None else [*found, tested]


def _widened(test: RankStatistic, dispersion: Dispersion | None) -> RankStatistic:
    return test if dispersion is None else replace(test, factor=dispersion.factor(test.name, test.n))


def _two(test: BinaryTest, dispersion: Dispersion | None) -> Evidence:
    """Return the exact test, or the widened rank test where windows vary too much for an exact one."""
    widened = _widened(test.ranks, dispersion)
    return test if widened.factor == 1 else widened


def _shape(baseline: Counts, window: Counts, pools: Counts, dispersion: Dispersion | None) -> ShapeStatistic | None:
    tested = shape(baseline, window, pools)
    if tested is None or dispersion is None or dispersion.shape is None:
        return tested
    return replace(tested, law=dispersion.chi_squared(tested.df))


def _grouped(layout: NumericLayout, cells: Counts) -> Counts:
    return np.bincount(layout.groups, weights=cells).astype(np.int64)


def _join_unseen(cells: Counts) -> Counts:
    joined = cells[:-1].copy()
    joined[-1] += cells[-1]
    return joined
