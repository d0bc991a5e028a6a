"""A table look-up per value, summed over features.

The parts of a row are added one after the other in schema order, so that a score is the same to the last bit however
rows are batched.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from pegel.baseline.outliers.feature_table import FeatureTable, feature_table
from pegel.data.columns import Columns, Missing, Role
from pegel.spec.monitor_spec import OutlierMethod
from pegel.stats.cells import cell_of
from pegel.stats.layout import CategoricalLayout, Layout
from pegel.stats.summary import Summary

SCORED_ROLE = Role.FEATURE
"""Rows of this role are scored: an outlier is an odd request."""


@dataclass(frozen=True, eq=False)
class OutlierTables:
    """Tables of all features of a layout, numeric and categorical, in schema order (predictions take no part)."""

    layout: Layout
    tables: tuple[FeatureTable, ...]

    @classmethod
    def from_summary(cls, summary: Summary, method: OutlierMethod = "ecod") -> OutlierTables:
        """Build the tables by which events are scored from the baseline's summary."""
        return cls._of(summary, method, left_out=0)

    @classmethod
    def of_training(cls, summary: Summary, method: OutlierMethod = "ecod") -> OutlierTables:
        """Build the tables by which the baseline's own rows are scored: each as if it were new to all others.

        Scored by tables that it has helped to make, a row with a rare value seems less odd than a later one, and a
        cut-off from such scores is exceeded too often.
        """
        return cls._of(summary, method, left_out=1)

    @classmethod
    def _of(cls, summary: Summary, method: OutlierMethod, *, left_out: int) -> OutlierTables:
        features = [f for f in summary.features.values() if f.layout.field.role is SCORED_ROLE]
        return cls(summary.layout, tuple(feature_table(feature, method, left_out) for feature in features))

    @property
    def names(self) -> tuple[str, ...]:
        """Return the names of the scored features, in the order of the parts."""
        return tuple(table.name for table in self.tables)

    @property
    def largest(self) -> float:
        """Return the largest score that any row can have."""
        return sum(table.largest for table in self.tables)

    def score(self, columns: Columns) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """Score feature rows: scores, shape (n,), and the part of each feature, shape (n, d), in schema order."""
        parts = np.zeros((len(self.tables), columns.n))
        for j, (_, number) in enumerate(self.layout.numeric(SCORED_ROLE)):
            k = self._place[number.field.name]
            missing = None if columns.missing is None else columns.missing[:, j]
            parts[k] = _numeric_parts(self.tables[k], columns.numeric[:, j], missing)
        for j, (_, category) in enumerate(self.layout.categorical(SCORED_ROLE)):
            k = self._place[category.field.name]
            lookup = self._categories[category.field.name].__getitem__
            parts[k] = np.fromiter(map(lookup, columns.categorical[j].tolist()), dtype=np.float64, count=columns.n)
            if (bad := columns.unparseable[j]) is not None:
                parts[k, bad] = self.tables[k].unparseable
        scores = np.zeros(columns.n)
        for part in parts:
            scores += part
        return scores, parts.T

    @cached_property
    def _place(self) -> dict[str, int]:
        return {table.name: k for k, table in enumerate(self.tables)}

    @cached_property
    def _categories(self) -> dict[str, _CategoryParts]:
        pairs = self.layout.categorical(SCORED_ROLE)
        return {f.field.name: _CategoryParts(self.tables[self._place[f.field.name]], f) for _, f in pairs}


class _CategoryParts(dict[str | None, float]):
    """Part by category, None included; whatever is not frequent is looked up in the vocabulary."""

    def __init__(self, table: FeatureTable, feature: CategoricalLayout) -> None:
        self._parts: list[float] = table.cells.tolist()
        self._vocabulary = feature.vocabulary
        super().__init__(zip(feature.categories, self._parts, strict=False))
        self[None] = table.null

    def __missing__(self, value: str) -> float:
        named = len(self._vocabulary.top)
        return self._parts[named + (self._vocabulary.places[value] - named) // self._vocabulary.buckets]


def _numeric_parts(
    table: FeatureTable, values: NDArray[np.float64], missing: NDArray[np.uint8] | None
) -> NDArray[np.float64]:
    strange = np.flatnonzero(~np.isfinite(values))
    if not strange.size:
        return table.cells[cell_of(values, table.cuts)]
    finite = values.copy()
    finite[strange] = 0.0  # anything that has a cell; what it gives is written over
    parts = table.cells[cell_of(finite, table.cuts)]
    odd = values[strange]
    parts[strange] = np.where(np.isnan(odd), table.nan, np.where(odd > 0, table.posinf, table.neginf))
    if missing is not None:
        why = missing[strange]
        parts[strange[why == Missing.NULL]] = table.null
        parts[strange[why == Missing.UNPARSEABLE]] = table.unparseable
    return parts
