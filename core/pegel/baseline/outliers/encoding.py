"""How feature rows become the numbers of a forest.

Numbers are placed between the smallest and the largest baseline value, 0 and 1. Cuts of a forest lie in between, so a
value beyond either end, the infinities too, falls where that end falls, and nothing is lost to the forest's 32-bit
floats. A missing number takes the median; a column of 0 and 1 says so if the baseline had missing ones (in a column
that never varied no cut is possible; a first null is for tier 1). A category is the number of its cell, which orders
categories by their frequency; null is -1.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from pegel.baseline.outliers.cell_quantiles import quantiles
from pegel.data.columns import Columns, Role
from pegel.stats.layout import NumericLayout
from pegel.stats.summary import FeatureSummary, Summary
from pegel.stats.vocabulary import Vocabulary


@dataclass(frozen=True)
class Axis:
    """One numeric field: baseline minimum, maximum and median, and whether it was ever missing."""

    low: float
    high: float
    median: float
    gaps: bool

    @classmethod
    def of(cls, feature: FeatureSummary, layout: NumericLayout) -> Axis:
        """Read the axis off the baseline's counts; a field without any finite value is 0 everywhere."""
        low, median, high = quantiles(feature, layout, 0.0, 0.5, 1.0) or (0.0, 0.0, 0.0)
        return cls(low, high, median, gaps=feature.n_null + feature.n_nan + feature.n_unparseable > 0)

    def columns(self, values: NDArray[np.float64]) -> list[NDArray[np.float64]]:
        """Return the field's one or two columns."""
        missing = np.isnan(values)
        inside = np.clip(np.where(missing, self.median, values), self.low, self.high)
        half = self.high / 2 - self.low / 2  # halves, because the whole range may be beyond the floats
        placed = (inside / 2 - self.low / 2) / half if half else np.zeros(values.size)
        return [placed, missing.astype(np.float64)] if self.gaps else [placed]


@dataclass(frozen=True)
class Encoding:
    """How each field is encoded: numeric fields in schema order, then categorical ones."""

    axes: tuple[Axis, ...]
    vocabularies: tuple[Vocabulary, ...]

    @classmethod
    def of(cls, summary: Summary) -> Encoding:
        """Make the encoding of a baseline's features."""
        features = summary.features
        axes = [Axis.of(features[f.field.name], f) for _, f in summary.layout.numeric(Role.FEATURE)]
        return cls(tuple(axes), tuple(f.vocabulary for _, f in summary.layout.categorical(Role.FEATURE)))

    def matrix(self, columns: Columns) -> NDArray[np.float64]:
        """Encode feature rows, shape (n, axes + gaps + categorical fields)."""
        encoded = [column for j, axis in enumerate(self.axes) for column in axis.columns(columns.numeric[:, j])]
        for vocabulary, column in zip(self.vocabularies, columns.categorical, strict=True):
            cells = [-1 if value is None else vocabulary.cells[value] for value in column.tolist()]
            encoded.append(np.array(cells, dtype=np.float64))
        return np.column_stack(encoded) if encoded else np.empty((columns.n, 0))

    def to_json(self) -> dict[str, Any]:
        """Return plain JSON, the inverse of `from_json`."""
        axes = [asdict(axis) for axis in self.axes]
        return {"axes": axes, "vocabularies": [vocabulary.to_json() for vocabulary in self.vocabularies]}

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> Encoding:
        """Read what `to_json` wrote."""
        vocabularies = tuple(Vocabulary.from_json(item) for item in data["vocabularies"])
        return cls(tuple(Axis(**item) for item in data["axes"]), vocabularies)
