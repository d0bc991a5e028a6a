"""Cells -> what is drawn: shares of rows per bar, of baseline and window alike.

Cells are fine where the baseline is dense and wide in the tails; a person wants bars of equal width. A cell's count is
spread evenly over its width, a cell that holds one value stays at that value.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from pegel.stats.layout import CategoricalLayout, NumericLayout
from pegel.stats.summary import FeatureSummary

BARS = 36
SHOWN = 0.99
"""Share of the rows of each side that the picture covers at least; what lies outside is told in words."""
SEPARATE_VALUES = 12
"""Discrete features of at most so many values get one labelled bar per value."""
CATEGORIES = 8

Array = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class OutlinedHistogram:
    """Bars of equal width: `edges` shape (k + 1,), `baseline` and `now` shares of rows per bar, shape (k,).

    `outside` holds the shares of rows left and right of the picture: (baseline left, right, now left, right).
    """

    edges: Array
    baseline: Array
    now: Array | None
    outside: tuple[float, float, float, float]


@dataclass(frozen=True, slots=True)
class Bars:
    """One bar per label: shares of rows of baseline and window."""

    labels: tuple[str, ...]
    baseline: Array
    now: Array | None


def shape(baseline: FeatureSummary, now: FeatureSummary | None) -> OutlinedHistogram | Bars | None:
    """Return what to draw of one field; None when the baseline has no values."""
    if baseline.counted == 0:
        return None
    current = now if now is not None and now.counted else None
    if isinstance(baseline.layout, CategoricalLayout):
        return _categories(baseline.layout, baseline, current)
    values = baseline.layout.edges[baseline.layout.points[:-1]]
    if baseline.layout.discrete and values.size <= SEPARATE_VALUES:
        return _values(baseline.layout, values, baseline, current)
    return _histogram(baseline, current)


def quantile(feature: FeatureSummary, share: float) -> float:
    """Return about the value below which `share` of a numeric field's rows lie."""
    low, high = _bounds(feature)
    cumulative = np.concatenate([[0.0], np.cumsum(feature.cells)]) / max(feature.counted, 1)
    cell = int(np.clip(np.searchsorted(cumulative, share, side="left") - 1, 0, feature.cells.size - 1))
    mass = cumulative[cell + 1] - cumulative[cell]
    part = (share - cumulative[cell]) / mass if mass > 0 else 1.0
    return float(low[cell] + (high[cell] - low[cell]) * min(max(part, 0.0), 1.0))


def share_above(feature: FeatureSummary, value: float) -> float:
    """Return about the share of a numeric field's rows above `value`."""
    return 1.0 - float(_cumulative(feature, np.array([value]))[0])


def _bounds(feature: FeatureSummary) -> tuple[Array, Array]:
    """Return where each cell's rows lie, lower and upper bound; the outer cells end at the extremes seen."""
    assert isinstance(feature.layout, NumericLayout)  # noqa: S101  callers have checked; says so to the type checker
    edges, points = feature.layout.edges, feature.layout.points
    least = feature.min if feature.min is not None else (float(edges[0]) if edges.size else 0.0)
    most = feature.max if feature.max is not None else (float(edges[-1]) if edges.size else 0.0)
    low, high = np.concatenate([[least], edges]), np.concatenate([edges, [most]])
    low[0], high[-1] = min(least, high[0]), max(most, low[-1])
    return np.where(points, high, low), high


def _cumulative(feature: FeatureSummary, at: Array) -> Array:
    """Return the share of rows at or below each value of `at`."""
    low, high = _bounds(feature)
    width = high - low
    with np.errstate(invalid="ignore", divide="ignore", over="ignore"):
        part = np.clip((at[:, None] - low) / width, 0.0, 1.0)
    inside = np.where(width > 0, part, at[:, None] >= high)
    total: Array = inside @ feature.cells.astype(np.float64) / max(feature.counted, 1)
    return total


def _histogram(baseline: FeatureSummary, now: FeatureSummary | None) -> OutlinedHistogram | None:
    sides = [baseline] if now is None else [baseline, now]
    tail = (1 - SHOWN) / 2
    least = min(quantile(side, tail) for side in sides)
    most = max(quantile(side, 1 - tail) for side in sides)
    if not math.isfinite(most - least):
        return None  # a range wider than any float
    edges = _even_edges(least, most)
    before, left, right = _shares(baseline, edges)
    if now is None:
        return OutlinedHistogram(edges, before, None, (left, right, 0.0, 0.0))
    after, now_left, now_right = _shares(now, edges)
    return OutlinedHistogram(edges, before, after, (left, right, now_left, now_right))


def _even_edges(least: float, most: float) -> Array:
    """Return round, evenly spaced edges around [least, most]: whole numbers wherever the range allows."""
    spread = most - least if most > least else max(abs(least), 1.0)
    # Far from zero a narrow range has few numbers in it: bars no narrower than the numbers are apart.
    step = round_step(max(spread / BARS, 8 * float(np.spacing(max(abs(least), abs(most))))))
    first = math.floor(least / step) - (1 if math.isclose(math.floor(least / step) * step, least) else 0)
    last = max(math.ceil(most / step), first + 4)
    edges: Array = np.arange(first, last + 1, dtype=np.float64) * step
    return edges


def round_step(step: float) -> float:
    """Return the smallest of 1, 2, 5 times a power of ten that is at least about `step`."""
    power = 10.0 ** math.floor(math.log10(step))
    return next(factor * power for factor in (1, 2, 5, 10) if factor * power >= step * 0.8)


def _shares(feature: FeatureSummary, edges: Array) -> tuple[Array, float, float]:
    cumulative = _cumulative(feature, edges)
    return np.diff(cumulative), float(cumulative[0]), float(1 - cumulative[-1])


def _values(layout: NumericLayout, values: Array, baseline: FeatureSummary, now: FeatureSummary | None) -> Bars:
    cells = np.flatnonzero(layout.points)
    labels = [f"{value:g}" for value in values]
    return _bars(
        labels,
        [np.append(side.cells[cells], side.counted - side.cells[cells].sum()) for side in (baseline, now) if side],
    )


def _categories(layout: CategoricalLayout, baseline: FeatureSummary, now: FeatureSummary | None) -> Bars:
    """Choose the largest categories of either side, in the baseline's order; the rest is one bar."""
    sides = [side for side in (baseline, now) if side is not None]
    named = len(layout.categories)
    weight = np.max([side.cells[:named] / max(side.counted, 1) for side in sides], axis=0) if named else np.empty(0)
    chosen = np.sort(np.argsort(-weight, kind="stable")[:CATEGORIES])
    rows = []
    for side in sides:
        shown = side.cells[chosen]
        rows.append(np.append(shown, [side.counted - side.n_unseen - shown.sum(), side.n_unseen]))
    return _bars([layout.categories[cell] for cell in chosen], rows, ("others", "unseen"))


def _bars(labels: list[str], rows: list[NDArray[np.int64]], rest: tuple[str, ...] = ("others",)) -> Bars:
    """Return bars with the rest at the end; a rest that nobody has is left out."""
    keep = [True] * len(labels) + [any(row[len(labels) + i] > 0 for row in rows) for i in range(len(rest))]
    shares = [row[keep] / max(row.sum(), 1) for row in rows]
    named = tuple(label for label, kept in zip([*labels, *rest], keep, strict=True) if kept)
    return Bars(named, shares[0], shares[1] if len(shares) > 1 else None)
