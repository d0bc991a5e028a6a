"""How unusual one event is: table look-ups per cell, summed over features (ECOD).

The tables are plain arrays, so a Spark expression over literals and numpy give identical scores: the parts of a row
are added one after the other in schema order, on both sides.

Source: Z. Li et al., "ECOD: unsupervised outlier detection using empirical cumulative distribution functions", IEEE
TKDE 35(12), 2023; in the form that takes the larger tail of each feature, then sums.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from pegel.columns import Columns, Missing, Role
from pegel.layout import CategoricalLayout, Layout, NumericLayout
from pegel.stats.cells import cell_of
from pegel.summary import FeatureSummary, Summary

MIN_ROWS = 10
"""A cut-off needs at least this many baseline rows beyond it."""


class HasSummary(Protocol):
    """A baseline, as far as it is needed here."""

    @property
    def summary(self) -> Summary:
        """Return the counts of the training rows."""
        ...


@dataclass(frozen=True, eq=False)
class FeatureTable:
    """What each state of one field adds to a row's score. `cells`: float64, one value per cell."""

    name: str
    cells: NDArray[np.float64]
    null: float
    nan: float
    posinf: float
    neginf: float
    unparseable: float


@dataclass(frozen=True, eq=False)
class OutlierTables:
    """Tables of all features of a layout, numeric and categorical, in schema order (predictions take no part)."""

    layout: Layout
    tables: tuple[FeatureTable, ...]

    @classmethod
    def from_summary(cls, summary: Summary) -> OutlierTables:
        """Build the tables from the baseline's summary."""
        features = [f for f in summary.features.values() if f.layout.field.role is Role.FEATURE]
        return cls(summary.layout, tuple(_table(feature) for feature in features))

    @classmethod
    def from_baseline(cls, baseline: HasSummary) -> OutlierTables:
        """Build the tables from a baseline."""
        return cls.from_summary(baseline.summary)

    @property
    def names(self) -> tuple[str, ...]:
        """Return the names of the scored features, in the order of the parts."""
        return tuple(table.name for table in self.tables)

    def score(self, columns: Columns) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """Score feature rows: scores, shape (n,), and the part of each feature, shape (n, d), in schema order."""
        parts = np.zeros((len(self.tables), columns.n))
        place = {table.name: k for k, table in enumerate(self.tables)}
        for j, (_, feature) in enumerate(self.layout.numeric(Role.FEATURE)):
            k = place[feature.field.name]
            missing = None if columns.missing is None else columns.missing[:, j]
            parts[k] = _numeric_parts(self.tables[k], feature, columns.numeric[:, j], missing)
        for j, (_, category) in enumerate(self.layout.categorical(Role.FEATURE)):
            k = place[category.field.name]
            parts[k] = _categorical_parts(self.tables[k], category, columns.categorical[j], columns.unparseable[j])
        scores = np.zeros(columns.n)
        for part in parts:
            scores += part
        return scores, parts.T


def _rare(seen: int, m: int) -> float:
    """Return the score of a state that `seen` of `m` baseline rows were in."""
    return -math.log((seen + 0.5) / (m + 1))


def _table(feature: FeatureSummary) -> FeatureTable:
    rows = feature.n
    return FeatureTable(
        name=feature.layout.field.name,
        cells=_ecod(feature) if isinstance(feature.layout, NumericLayout) else _frequencies(feature),
        null=_rare(feature.n_null, rows),
        nan=_rare(feature.n_nan, rows),
        posinf=_rare(feature.n_posinf, rows),
        neginf=_rare(feature.n_neginf, rows),
        unparseable=_rare(feature.n_unparseable, rows),
    )


def _ecod(feature: FeatureSummary) -> NDArray[np.float64]:
    m = feature.counted
    if m == 0:
        return np.zeros(feature.cells.size)
    upto = np.cumsum(feature.cells)
    below = upto - feature.cells
    left = np.array([-math.log(max(count, 0.5) / m) for count in upto.tolist()])
    right = np.array([-math.log(max(m - count, 0.5) / m) for count in below.tolist()])
    table: NDArray[np.float64] = left + right if feature.moments.skewness == 0 else np.maximum(left, right)
    return table


def _frequencies(feature: FeatureSummary) -> NDArray[np.float64]:
    m = feature.counted
    return np.array([_rare(count, m) for count in feature.cells.tolist()])


def _numeric_parts(
    table: FeatureTable, feature: NumericLayout, values: NDArray[np.float64], missing: NDArray[np.uint8] | None
) -> NDArray[np.float64]:
    cells = cell_of(values, feature.edges)
    parts = table.cells[cells]
    strange = ~np.isfinite(values)
    if strange.any():
        parts[np.isnan(values)] = table.nan
        parts[values == np.inf] = table.posinf
        parts[values == -np.inf] = table.neginf
        if missing is not None:
            parts[missing == Missing.NULL] = table.null
            parts[missing == Missing.UNPARSEABLE] = table.unparseable
    return parts


def _categorical_parts(
    table: FeatureTable, feature: CategoricalLayout, column: NDArray[np.object_], bad: NDArray[np.bool_] | None
) -> NDArray[np.float64]:
    parts = np.full(column.size, table.null)
    present = np.array([value is not None for value in column.tolist()], dtype=np.bool_)
    parts[present] = table.cells[feature.vocabulary.cell_of(column[present])]
    if bad is not None:
        parts[bad] = table.unparseable
    return parts


def outlier_cutoff(scores: NDArray[np.float64], rate: float) -> float | None:
    """Return the score above which a share `rate` of baseline rows lies; None if fewer than ten rows would.

    The cut-off is the floor(rate * m)-th largest baseline score; an outlier scores strictly more.
    """
    beyond = math.floor(rate * scores.size)
    if beyond < MIN_ROWS:
        return None
    place = scores.size - beyond
    return float(np.partition(scores, place)[place])


def top_features(parts: NDArray[np.float64], names: Sequence[str], k: int = 3) -> list[tuple[str, float]]:
    """Return the `k` features that add most to one row's score, largest first; ties in schema order."""
    order = np.argsort(-parts, kind="stable")[:k]
    return [(names[i], float(parts[i])) for i in order.tolist()]
