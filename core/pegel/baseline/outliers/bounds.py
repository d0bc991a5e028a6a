"""Tier 1: rules on single values, from the baseline's counts alone. Nothing is fitted and nothing is remembered.

A rule exists only where it can mean something: "null" only for fields that never were null in training, robust z and
fences only for fields whose middle half varies. Rules on numbers look at finite values only.

Sources: J. Tukey, "Exploratory Data Analysis", 1977 (fences); B. Iglewicz, D. Hoaglin, "How to Detect and Handle
Outliers", 1993 (limit of robust z; here with IQR / 1.349 in place of the median deviation).
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import count
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from pegel.baseline.outliers import checks
from pegel.baseline.outliers.cell_quantiles import IQR_OF_NORMAL, quantiles
from pegel.data.columns import Columns, Missing, Role
from pegel.stats.layout import CategoricalLayout, NumericLayout
from pegel.stats.summary import FeatureSummary, Summary

Z_LIMIT = 3.5
FENCES = {"fence": 1.5, "far_fence": 3.0}
"""How many IQRs beyond the quartiles a fence stands."""


class Rule(NamedTuple):
    """What a row may break.

    `name`: null, nan, infinite, unparseable, unseen, range, quantile, robust_z, fence or far_fence.
    """

    feature: str
    name: str


@dataclass(frozen=True, eq=False)
class Broken:
    """Which row broke which rule. `flags`: bool, shape (rows, rules)."""

    rules: tuple[Rule, ...]
    flags: NDArray[np.bool_]

    def of(self, row: int) -> list[Rule]:
        """Return the rules that one row broke, in schema order."""
        return [self.rules[k] for k in np.flatnonzero(self.flags[row]).tolist()]


class _Placed(NamedTuple):
    rule: Rule
    place: int
    test: checks.Test


@dataclass(frozen=True, eq=False)
class Bounds:
    """The rules of a baseline, ready for rows."""

    tests: tuple[_Placed, ...]

    @classmethod
    def from_summary(cls, summary: Summary, rate: float, z_limit: float = Z_LIMIT) -> Bounds:
        """Make the rules.

        Args:
            summary: The baseline's counts.
            rate: Share of baseline rows, at most, that break any `quantile` rule; each side of each of d features has
                rate / (2 d) of it. Below one row, the rule falls together with `range`.
            z_limit: Robust z-scores up to this size, inclusive, are usual.
        """
        features = [f for f in summary.features.values() if f.layout.field.role is Role.FEATURE]
        side = rate / (2 * max(1, len(features)))
        numeric, categorical = count(), count()
        tests: list[_Placed] = []
        for feature in features:
            if isinstance(feature.layout, NumericLayout):
                place, found = next(numeric), _numeric(feature, feature.layout, side, z_limit)
            else:
                place, found = next(categorical), _categorical(feature, feature.layout)
            tests += [_Placed(Rule(feature.layout.field.name, name), place, test) for name, test in found]
        return cls(tuple(tests))

    @property
    def rules(self) -> tuple[Rule, ...]:
        """Return the rules, in schema order."""
        return tuple(placed.rule for placed in self.tests)

    def broken(self, columns: Columns) -> Broken:
        """Hold feature rows against every rule."""
        flags = np.zeros((len(self.tests), columns.n), dtype=np.bool_)
        for k, placed in enumerate(self.tests):
            flags[k] = placed.test(columns, placed.place)
        return Broken(self.rules, flags.T)


def _numeric(
    feature: FeatureSummary, layout: NumericLayout, side: float, z_limit: float
) -> Iterator[tuple[str, checks.Test]]:
    if not feature.n_null:
        yield "null", checks.coded(Missing.NULL)
    if not feature.n_nan:
        yield "nan", checks.is_nan
    if not feature.n_posinf + feature.n_neginf:
        yield "infinite", checks.is_infinite
    if not feature.n_unparseable:
        yield "unparseable", checks.coded(Missing.UNPARSEABLE)
    found = quantiles(feature, layout, 0.0, side, 0.25, 0.5, 0.75, 1 - side, 1.0)
    if found is None:
        return
    least, low, q1, median, q3, high, most = found
    yield "range", checks.outside(least, most)
    yield "quantile", checks.outside(low, high)
    iqr = q3 - q1
    if iqr > 0:
        reach = z_limit * iqr / IQR_OF_NORMAL
        yield "robust_z", checks.outside(median - reach, median + reach)
        for name, factor in FENCES.items():
            yield name, checks.outside(q1 - factor * iqr, q3 + factor * iqr)


def _categorical(feature: FeatureSummary, layout: CategoricalLayout) -> Iterator[tuple[str, checks.Test]]:
    if not feature.n_null:
        yield "null", checks.is_null
    if not feature.n_unparseable:
        yield "unparseable", checks.is_unparseable
    if not layout.open_vocabulary:
        yield "unseen", checks.unseen(layout)
