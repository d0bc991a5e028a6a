"""Which tests say whether a field's distribution has changed; all fields of a window at once."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from pegel.detect import location, scale
from pegel.detect.binary import binary
from pegel.detect.category_groups import CategoryGroups
from pegel.detect.detector import Evidence
from pegel.detect.ranks import Counts, Floats, midranks, rank_statistics
from pegel.detect.shape import Law, pool_ordered, shape_statistics
from pegel.detect.single_category import NAME as SINGLE_CATEGORY
from pegel.detect.single_category import single_categories
from pegel.detect.sparse import location_of, scale_of
from pegel.spec.minimums import MIN_BASELINE, MIN_WINDOW
from pegel.stats.dispersion import Dispersion
from pegel.stats.layout import CategoricalLayout, FieldLayout, NumericLayout

BINARY = 2
POOLS = 3
"""Fewer pooled cells than this leave no shape to test, and scale only where rows lie on both sides of a usual value."""


def too_few(n: int, m: int) -> str | None:
    """Return why values are too few for these tests, `n` of a window and `m` of a baseline; None if there are enough.

    That of the baseline comes first: it is so in every window.
    """
    if m < MIN_BASELINE:
        return f"fewer than {MIN_BASELINE:,} values in training"
    if n < MIN_WINDOW:
        return f"fewer than {MIN_WINDOW} values in the window"
    return None


@dataclass(frozen=True, slots=True)
class Pair:
    """One field's counts per cell, of the baseline and of a window, and how much clean windows vary, if it is known."""

    layout: FieldLayout
    baseline: Counts
    window: Counts
    dispersion: Dispersion | None = None


def drift_tests(
    layout: FieldLayout, baseline: Counts, window: Counts, dispersion: Dispersion | None = None
) -> list[Evidence]:
    """Return the tests of one field; see `tests_of`."""
    return tests_of([Pair(layout, baseline, window, dispersion)])[0]


def tests_of(pairs: Sequence[Pair]) -> list[list[Evidence]]:
    """Return the tests of each field; none when all values of both sides are the same. Each side needs rows.

    Two values are tested exactly; more by location, scale and shape (numbers), or by shape and the single category that
    changed most. Where clean windows are known to vary more than independent rows would, the dispersion corrects it.
    """
    found: list[list[Evidence]] = [[] for _ in pairs]
    values = [int(np.count_nonzero(pair.baseline + pair.window)) for pair in pairs]
    many = [(i, pair) for i, pair in enumerate(pairs) if values[i] > BINARY]
    for i, pair in enumerate(pairs):
        if values[i] == BINARY:
            found[i] = [_two(pair)]
    _test_numbers([(found[i], pair, pair.layout) for i, pair in many if isinstance(pair.layout, NumericLayout)])
    _test_categories([(found[i], pair, pair.layout) for i, pair in many if isinstance(pair.layout, CategoricalLayout)])
    return found


def _test_numbers(chosen: Sequence[tuple[list[Evidence], Pair, NumericLayout]]) -> None:
    """Append the tests of numeric fields to their lists."""
    if not chosen:
        return
    pairs = [pair for _, pair, _ in chosen]
    baseline, window = padded([pair.baseline for pair in pairs]), padded([pair.window for pair in pairs])
    ranks = midranks(baseline, window)
    shifts = location.scores(ranks, np.array([layout.light_tails for _, _, layout in chosen]))
    locations = rank_statistics("location", baseline, window, shifts, _factors("location", pairs))
    scales = rank_statistics("scale", baseline, window, scale.scores(ranks), _factors("scale", pairs))
    grouped = padded([layout.grouped(pair.baseline) for _, pair, layout in chosen])
    now = padded([layout.grouped(pair.window) for _, pair, layout in chosen])
    shapes = shape_statistics(grouped, now, pool_ordered(grouped, now), [_law(pair) for pair in pairs])
    for (found, pair, layout), ranked, spread, changed in zip(chosen, locations, scales, shapes, strict=True):
        moved = location_of(layout, pair.baseline, pair.window, ranked)
        if changed is not None and changed.df + 1 >= POOLS:
            found.extend([moved, spread, changed])
        else:
            wider = scale_of(layout, pair.baseline, pair.window, spread)
            found.extend([moved] if wider is None else [moved, wider])


def _test_categories(chosen: Sequence[tuple[list[Evidence], Pair, CategoricalLayout]]) -> None:
    """Append the tests of categorical fields to their lists."""
    if not chosen:
        return
    pairs = [pair for _, pair, _ in chosen]
    layouts = [layout for _, _, layout in chosen]
    groups = CategoryGroups.of(layouts, [pair.baseline for pair in pairs], [pair.window for pair in pairs])
    shapes = shape_statistics(*groups.pooled(), [_law(pair) for pair in pairs])
    singles = single_categories(groups, [_factor(SINGLE_CATEGORY, pair) for pair in pairs])
    for (found, _, _), changed, single in zip(chosen, shapes, singles, strict=True):
        found.extend(test for test in (changed, single) if test is not None)


def padded(rows: Sequence[Counts]) -> Counts:
    """Return counts of different lengths as one array, filled up with empty cells, shape (rows, longest)."""
    filled = np.zeros((len(rows), max(row.size for row in rows)), dtype=np.int64)
    for line, row in zip(filled, rows, strict=True):
        line[: row.size] = row
    return filled


def _factors(test: str, pairs: Sequence[Pair]) -> Floats:
    return np.array([_factor(test, pair) for pair in pairs])


def factor_of(test: str, n: int, dispersion: Dispersion | None) -> float:
    """Return by how much z of a test varies more than it would for independent rows, in a window of `n` values."""
    return 1.0 if dispersion is None else dispersion.factor(test, n)


def _factor(test: str, pair: Pair) -> float:
    return factor_of(test, int(pair.window.sum()), pair.dispersion)


def _law(pair: Pair) -> Law | None:
    return None if pair.dispersion is None else pair.dispersion.chi_squared


def _two(pair: Pair) -> Evidence:
    """Return the exact test, or the widened rank test where windows vary too much for an exact one."""
    kept = pair.baseline + pair.window > 0
    b, w = pair.baseline[kept], pair.window[kept]
    factor = _factor("location", pair)
    if factor == 1:
        return binary(b, w)
    return rank_statistics("location", b[None], w[None], midranks(b, w)[None], factor)[0]
