"""How large a change is, and what it is called."""

from __future__ import annotations

import math

import numpy as np
from scipy.special import ndtri

from pegel.baseline.outliers.cell_quantiles import quantiles
from pegel.detect.category_effects import category_effect, others
from pegel.detect.count_tests import CountTest
from pegel.detect.detector import Evidence
from pegel.detect.drift import BINARY
from pegel.detect.effect import Effect, from_to
from pegel.detect.location import auc
from pegel.detect.scale import spread_ratio
from pegel.spec.plain_numbers import plain
from pegel.stats import distances
from pegel.stats.layout import CategoricalLayout, NumericLayout
from pegel.stats.summary import FeatureSummary

EDGE_DIGITS = 6
"""Of the ends of a cell: two cells beside each other are told apart."""


def drift_effect(test: Evidence, baseline: FeatureSummary, window: FeatureSummary) -> Effect:
    """Return the effect that belongs to the deciding test of a field."""
    if isinstance(test, CountTest):
        return _rate(test, test.words or test.name)
    if np.count_nonzero(baseline.cells + window.cells) == BINARY:
        return _moved(baseline, window)
    if isinstance(baseline.layout, CategoricalLayout):
        return category_effect(test, baseline.layout, baseline.cells, window.cells)
    return _numeric_effect(test, baseline, window)


def _numeric_effect(test: Evidence, baseline: FeatureSummary, window: FeatureSummary) -> Effect:
    numbers = _numeric_numbers(baseline, window)
    if test.name == "location":
        up = test.statistic > 0
        return Effect(numbers["shift_sigma"], "sigma", f"shifted {'up' if up else 'down'}", numbers)
    if test.name == "scale":
        what = "spread wider" if test.statistic > 0 else "drawn together"
        ratio = spread_ratio(baseline.cells, window.cells)
        if (ratio > 1) != (test.statistic > 0):  # a shift or the tails say otherwise: one ratio would mislead
            return Effect(test.numbers()["d"], "d", what, numbers)
        return Effect(ratio, "sd ratio", what, numbers)
    what = "shape changed" if test.name == "shape" else f"{test.name} changed"
    return Effect(distances.tv(*_groups(baseline, window)), "TV", what, numbers)


def quality_effect(test: CountTest) -> Effect:
    """Return the effect of a count test: the difference of the rates."""
    if test.name in _NEW:
        expected = test.seen_in_baseline * test.n / max(test.m, 1)
        among = f", where {expected:,.0f} were to be expected" if round(expected) else ""
        return Effect(test.difference, "share", f"{_NEW[test.name]}: {test.seen:,} of {test.n:,} rows{among}")
    return _rate(test, _RATES[test.name])


def _rate(test: CountTest, counted: str) -> Effect:
    before, now = test.seen_in_baseline / max(test.m, 1), test.seen / max(test.n, 1)
    return Effect(test.difference, "share", f"{counted} {from_to(before, now)}")


_RATES = {
    "nulls": "nulls",
    "infinite": "infinite values",
    "unparseable": "unparseable values",
    "outlier rate": "outliers",
}
_NEW = {
    "unseen": "values never seen in training",
    "off grid": "values finer than ever in training",
    "below": "below the smallest value of training",
    "above": "above the largest value of training",
}


def _numeric_numbers(baseline: FeatureSummary, window: FeatureSummary) -> dict[str, float]:
    b, w = baseline.cells, window.cells
    probability = auc(b, w)
    least = 0.5 / (baseline.counted * window.counted)
    sigma = math.sqrt(2) * float(ndtri(min(max(probability, least), 1 - least)))
    numbers = {"auc": probability, "shift_sigma": sigma, "mean_shift": window.moments.mean - baseline.moments.mean}
    if (shift := _median_shift(baseline, window)) is not None:
        numbers["median_shift"] = shift
    before, now = baseline.moments.sd, window.moments.sd
    if before and now is not None:
        numbers |= {"mean_shift_sigma": numbers["mean_shift"] / before, "sd_ratio": now / before}
    return {name: value for name, value in numbers.items() if math.isfinite(value)}


def _median_shift(baseline: FeatureSummary, window: FeatureSummary) -> float | None:
    if not isinstance(baseline.layout, NumericLayout):
        return None
    medians = [quantiles(side, baseline.layout, 0.5) for side in (baseline, window)]
    return None if medians[0] is None or medians[1] is None else medians[1][0] - medians[0][0]


def _groups(baseline: FeatureSummary, window: FeatureSummary) -> tuple[distances.Counts, distances.Counts]:
    return baseline.layout.report(baseline.cells), baseline.layout.report(window.cells)


def _moved(baseline: FeatureSummary, window: FeatureSummary) -> Effect:
    """Name the one of two values whose share changed most."""
    p, q = baseline.cells / baseline.counted, window.cells / window.counted
    cell = int(abs(q - p).argmax())
    what = f"{cell_label(baseline, cell)} {from_to(p[cell], q[cell])}"
    return Effect(
        distances.tv(baseline.cells, window.cells), "TV", what, {"cell": cell, "share_change": q[cell] - p[cell]}
    )


def cell_label(feature: FeatureSummary, cell: int) -> str:
    """Return what a cell holds, for people."""
    layout = feature.layout
    if isinstance(layout, CategoricalLayout):
        named = layout.categories
        return named[cell] if cell < len(named) else others(layout.vocabulary, buckets=1)
    edges = layout.edges
    if layout.points[cell]:
        return plain(edges[cell], EDGE_DIGITS)
    if cell == 0:
        return f"at most {plain(edges[0], EDGE_DIGITS)}" if edges.size else "any value"
    below = plain(edges[cell - 1], EDGE_DIGITS)
    return f"above {below}" if cell == edges.size else f"{below} to {plain(edges[cell], EDGE_DIGITS)}"
