"""Tier 2: a table look-up per value, summed over features.

The tables are plain arrays, so a Spark expression over literals and numpy give identical scores: the parts of a row
are added one after the other in schema order, on both sides.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from pegel.baseline.outliers.feature_table import METHODS, FeatureTable, Method, feature_table
from pegel.data.columns import Columns, Missing, Role
from pegel.errors import NotFound
from pegel.stats.cells import cell_of
from pegel.stats.layout import CategoricalLayout, Layout, NumericLayout
from pegel.stats.summary import Summary


class HasSummary(Protocol):
    """A baseline, as far as it is needed here."""

    @property
    def summary(self) -> Summary:
        """Return the counts of the training rows."""
        ...


@dataclass(frozen=True, eq=False)
class OutlierTables:
    """Tables of all features of a layout, numeric and categorical, in schema order (predictions take no part)."""

    layout: Layout
    tables: tuple[FeatureTable, ...]

    @classmethod
    def from_summary(cls, summary: Summary, method: Method = "ecod") -> OutlierTables:
        """Build the tables from the baseline's summary. Raises NotFound for a method of another name."""
        if method not in METHODS:
            raise NotFound(f"expected one of {', '.join(METHODS)}, given {method!r}: no tables were built.")
        features = [f for f in summary.features.values() if f.layout.field.role is Role.FEATURE]
        return cls(summary.layout, tuple(feature_table(feature, method) for feature in features))

    @classmethod
    def from_baseline(cls, baseline: HasSummary, method: Method = "ecod") -> OutlierTables:
        """Build the tables from a baseline."""
        return cls.from_summary(baseline.summary, method)

    @property
    def names(self) -> tuple[str, ...]:
        """Return the names of the scored features, in the order of the parts."""
        return tuple(table.name for table in self.tables)

    def score(self, columns: Columns) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """Score feature rows: scores, shape (n,), and the part of each feature, shape (n, d), in schema order."""
        parts = np.zeros((len(self.tables), columns.n))
        for j, (_, feature) in enumerate(self.layout.numeric(Role.FEATURE)):
            k = self._place[feature.field.name]
            missing = None if columns.missing is None else columns.missing[:, j]
            parts[k] = _numeric_parts(self.tables[k], feature, columns.numeric[:, j], missing)
        for j, (_, category) in enumerate(self.layout.categorical(Role.FEATURE)):
            k = self._place[category.field.name]
            lookup = self._categories[category.field.name].__getitem__
            parts[k] = np.fromiter(map(lookup, columns.categorical[j].tolist()), dtype=np.float64, count=columns.n)
            if (bad := columns.unparseable[j]) is not None:
                parts[k, bad] = self.tables[k].unparseable
        scores = np.zeros(columns.n)
        for part in parts:
            scores += part
        return scores, parts.T

    def arrays(self) -> list[dict[str, Any]]:
        """Return the tables as plain lists and numbers, one mapping per feature in schema order.

        Each holds `name`, `cells` and the scores `null`, `nan`, `posinf`, `neginf`, `unparseable`. Numeric ones hold
        `edges`: cell i is edges[i-1] < x <= edges[i]. Categorical ones hold `categories` (cell i is the i-th), `known`
        and `hashes` of what is in the cell after them, and `open_vocabulary`, which puts everything else there too;
        otherwise everything else is in the last cell.
        """
        return [_plain(table, self.layout.features[self.layout.index[table.name]]) for table in self.tables]

    @cached_property
    def _place(self) -> dict[str, int]:
        return {table.name: k for k, table in enumerate(self.tables)}

    @cached_property
    def _categories(self) -> dict[str, _CategoryParts]:
        pairs = self.layout.categorical(Role.FEATURE)
        return {f.field.name: _CategoryParts(self.tables[self._place[f.field.name]], f) for _, f in pairs}


class _CategoryParts(dict[str | None, float]):
    """Part by category, None included; whatever is not frequent is looked up in the vocabulary."""

    def __init__(self, table: FeatureTable, feature: CategoricalLayout) -> None:
        self._parts: list[float] = table.cells.tolist()
        self._cells = feature.vocabulary.cells
        super().__init__(zip(feature.categories, self._parts, strict=False))
        self[None] = table.null

    def __missing__(self, value: str) -> float:
        return self._parts[self._cells[value]]


def _numeric_parts(
    table: FeatureTable, feature: NumericLayout, values: NDArray[np.float64], missing: NDArray[np.uint8] | None
) -> NDArray[np.float64]:
    strange = np.flatnonzero(~np.isfinite(values))
    if not strange.size:
        return table.cells[cell_of(values, feature.edges)]
    finite = values.copy()
    finite[strange] = 0.0  # anything that has a cell; what it gives is written over
    parts = table.cells[cell_of(finite, feature.edges)]
    odd = values[strange]
    parts[strange] = np.where(np.isnan(odd), table.nan, np.where(odd > 0, table.posinf, table.neginf))
    if missing is not None:
        why = missing[strange]
        parts[strange[why == Missing.NULL]] = table.null
        parts[strange[why == Missing.UNPARSEABLE]] = table.unparseable
    return parts


def _plain(table: FeatureTable, feature: NumericLayout | CategoricalLayout) -> dict[str, Any]:
    names = ("name", "null", "nan", "posinf", "neginf", "unparseable")
    plain = {name: getattr(table, name) for name in names} | {"cells": table.cells.tolist()}
    if isinstance(feature, NumericLayout):
        return plain | {"edges": feature.edges.tolist()}
    return plain | feature.vocabulary.to_json()
