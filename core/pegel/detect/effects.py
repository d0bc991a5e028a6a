"""How large a change is, and what it is called."""

from __future__ import annotations

import math
from dataclasses import dataclass, field

import numpy as np
from scipy.special import ndtri

from pegel.detect.count_tests import CountTest
from pegel.detect.detector import Evidence
from pegel.detect.drift import BINARY
from pegel.detect.location import auc
from pegel.stats import distances
from pegel.stats.layout import CategoricalLayout, NumericLayout
from pegel.stats.summary import FeatureSummary

LEAST_SHARE = 1e-4
"""Smaller shares are shown as smaller than this."""


@dataclass(frozen=True, slots=True)
class Effect:
    """A size with its unit, the words for it, and further numbers.

    Units: `sigma` (shift of a normal with the same ranks), `sd ratio`, `d` (z per root of the effective rows),
    `TV` (share of rows that moved), `share`.
    """

    value: float
    unit: str
    what: str
    numbers: dict[str, float] = field(default_factory=dict)


def percent(share: float) -> str:
    """Return a share in words.

    >>> [percent(share) for share in (0, 0.00004, 0.0012, 0.031, 0.225, 0.999, 1)]
    ['0 %', '<0.01 %', '0.12 %', '3.1 %', '22 %', '100 %', '100 %']
    """
    if 0 < share < LEAST_SHARE:
        return f"<{100 * LEAST_SHARE:g} %"
    return f"{float(f'{100 * share:.2g}'):g} %"


def drift_effect(test: Evidence, baseline: FeatureSummary, window: FeatureSummary) -> Effect:
    """Return the effect that belongs to the deciding test of a field."""
    if isinstance(test, CountTest):
        return _rate(test, test.words or test.name)
    two = np.count_nonzero(baseline.cells + window.cells) == BINARY
    if isinstance(baseline.layout, CategoricalLayout) or two:
        return _moved(baseline, window)
    numbers = _numeric_numbers(baseline, window)
    if test.name == "location":
        up = test.statistic > 0
        return Effect(numbers["shift_sigma"], "sigma", f"shifted {'up' if up else 'down'}", numbers)
    if test.name == "scale":
        what = "spread wider" if test.statistic > 0 else "drawn together"
        if "sd_ratio" not in numbers:  # a season has counts, but no standard deviation
            return Effect(test.numbers()["d"], "d", what, numbers)
        return Effect(numbers["sd_ratio"], "sd ratio", what, numbers)
    what = "shape changed" if test.name == "shape" else f"{test.name} changed"
    return Effect(distances.tv(*_groups(baseline, window)), "TV", what, numbers)


def quality_effect(test: CountTest) -> Effect:
    """Return the effect of a count test: the difference of the rates."""
    if test.name in _NEW:
        return Effect(test.difference, "share", f"{_NEW[test.name]}: {test.seen} of {test.n} rows")
    return _rate(test, _RATES[test.name])


def _rate(test: CountTest, counted: str) -> Effect:
    before, now = test.seen_in_baseline / max(test.m, 1), test.seen / max(test.n, 1)
    return Effect(test.difference, "share", f"{counted} {percent(before)} -> {percent(now)}")


_RATES = {
    "nulls": "nulls",
    "infinite": "infinite values",
    "unparseable": "unparseable values",
    "outlier rate": "outliers",
    "error rate": "wrong answers",
}
_NEW = {
    "unseen": "values never seen in training",
    "below": "below the smallest value of training",
    "above": "above the largest value of training",
}


def _numeric_numbers(baseline: FeatureSummary, window: FeatureSummary) -> dict[str, float]:
    b, w = baseline.cells, window.cells
    probability = auc(b, w)
    least = 0.5 / (baseline.counted * window.counted)
    sigma = math.sqrt(2) * float(ndtri(min(max(probability, least), 1 - least)))
    numbers = {"auc": probability, "shift_sigma": sigma, "mean_shift": window.moments.mean - baseline.moments.mean}
    before, now = baseline.moments.sd, window.moments.sd
    if before and now is not None:
        numbers |= {"mean_shift_sigma": numbers["mean_shift"] / before, "sd_ratio": now / before}
    return {name: value for name, value in numbers.items() if math.isfinite(value)}


def _groups(baseline: FeatureSummary, window: FeatureSummary) -> tuple[distances.Counts, distances.Counts]:
    layout = baseline.layout
    if not isinstance(layout, NumericLayout):
        return baseline.cells, window.cells
    return layout.report(baseline.cells), layout.report(window.cells)


def _moved(baseline: FeatureSummary, window: FeatureSummary) -> Effect:
    """Name the cell whose share changed most."""
    p, q = baseline.cells / baseline.counted, window.cells / window.counted
    cell = int(abs(q - p).argmax())
    label = cell_label(baseline, cell)
    what = f"{label} {percent(p[cell])} -> {percent(q[cell])}"
    return Effect(
        distances.tv(baseline.cells, window.cells), "TV", what, {"cell": cell, "share_change": q[cell] - p[cell]}
    )


def cell_label(feature: FeatureSummary, cell: int) -> str:
    """Return what a cell holds, for people."""
    layout = feature.layout
    if isinstance(layout, CategoricalLayout):
        named = layout.categories
        return named[cell] if cell < len(named) else ("other known values", "unseen values")[cell - len(named)]
    edges = layout.edges
    if layout.points[cell]:
        return f"{edges[cell]:g}"
    if cell == 0:
        return f"at most {edges[0]:g}" if edges.size else "any value"
    return f"above {edges[-1]:g}" if cell == edges.size else f"{edges[cell - 1]:g} to {edges[cell]:g}"
