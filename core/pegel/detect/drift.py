"""Which tests say whether a field's distribution has changed."""

from __future__ import annotations

import numpy as np

from pegel.detect.binary import binary
from pegel.detect.location import location
from pegel.detect.protocol import Evidence
from pegel.detect.ranks import Counts
from pegel.detect.scale import scale
from pegel.detect.shape import pool_categories, pool_ordered, shape
from pegel.layout import CategoricalLayout, FieldLayout, NumericLayout

MIN_WINDOW = 50
"""Fewer values than this in a window are not judged for drift."""
BINARY = 2
MIN_BASELINE = 1_000
"""Fewer values than this in a baseline are not judged against."""


def drift_tests(layout: FieldLayout, baseline: Counts, window: Counts) -> list[Evidence]:
    """Return the tests of one field; none when all values of both sides are the same.

    Two values are tested exactly; more by location, scale and shape (numbers), or by shape alone (categories).
    """
    if isinstance(layout, CategoricalLayout):
        # A value that is new to the baseline is counted with the other rare ones; it has a count test of its own.
        baseline, window = _join_unseen(baseline), _join_unseen(window)
    kept = baseline + window > 0
    values = int(kept.sum())
    if values <= BINARY:
        return [binary(baseline[kept], window[kept])] if values == BINARY else []
    if isinstance(layout, CategoricalLayout):
        tested = shape(baseline, window, pool_categories(baseline, window))
        return [] if tested is None else [tested]
    grouped, now = _grouped(layout, baseline), _grouped(layout, window)
    tested = shape(grouped, now, pool_ordered(grouped, now))
    ranks: list[Evidence] = [location(baseline, window), scale(baseline, window)]
    return ranks if tested is None else [*ranks, tested]


def _grouped(layout: NumericLayout, cells: Counts) -> Counts:
    return np.bincount(layout.groups, weights=cells).astype(np.int64)


def _join_unseen(cells: Counts) -> Counts:
    joined = cells[:-1].copy()
    joined[-1] += cells[-1]
    return joined
