"""The table of one feature: what each state of the field adds to a row's score."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from pegel.baseline.outliers.ecod import ecod
from pegel.baseline.outliers.hbos import hbos
from pegel.baseline.outliers.rarity import frequencies, rare
from pegel.spec.monitor_spec import OutlierMethod
from pegel.stats.edges import previous
from pegel.stats.layout import NumericLayout
from pegel.stats.summary import FeatureSummary


@dataclass(frozen=True, eq=False)
class FeatureTable:
    """What each state of one field adds to a row's score.

    `cells`: float64, one value per cell between `cuts`; of categories see `pegel.baseline.outliers.rarity`, and there
    are no cuts.
    """

    name: str
    cells: NDArray[np.float64]
    cuts: NDArray[np.float64]
    null: float
    nan: float
    posinf: float
    neginf: float
    unparseable: float

    @property
    def largest(self) -> float:
        """Return the most that the field adds to a row's score."""
        missing = (self.null, self.nan, self.posinf, self.neginf, self.unparseable)
        return float(max(*missing, *self.cells.tolist()))


def feature_table(feature: FeatureSummary, method: OutlierMethod, left_out: int = 0) -> FeatureTable:
    """Build the table of a field from its baseline counts.

    `left_out`: 0 for later rows; 1 for rows of the baseline itself, each of which is scored by all others.
    """
    rows, layout = feature.n - left_out, feature.layout
    # Whether nothing is a null or a NaN is for the library to say that wrote it: pandas knows no difference.
    absent = rare(feature.n_null + feature.n_nan - left_out, rows)
    return FeatureTable(
        name=layout.field.name,
        cells=_cells(feature, method, left_out),
        cuts=_cuts(layout, left_out) if isinstance(layout, NumericLayout) else np.empty(0),
        null=absent,
        nan=absent,
        posinf=rare(feature.n_posinf - left_out, rows),
        neginf=rare(feature.n_neginf - left_out, rows),
        unparseable=rare(feature.n_unparseable - left_out, rows),
    )


def _cells(feature: FeatureSummary, method: OutlierMethod, left_out: int) -> NDArray[np.float64]:
    layout = feature.layout
    if not isinstance(layout, NumericLayout):
        return frequencies(feature, layout, left_out)
    return ecod(feature, left_out) if method == "ecod" else hbos(feature, layout, left_out)


def _cuts(layout: NumericLayout, left_out: int) -> NDArray[np.float64]:
    """Return where values are cut; without the row that has the smallest or the largest value, it lies beyond all."""
    if layout.discrete or not left_out:
        return layout.cuts
    cuts = layout.cuts.copy()
    smallest, below_largest = np.nextafter(layout.edges[0], np.inf), previous(layout.edges[-1:])[0]
    if cuts[1] > smallest:
        cuts[0] = smallest
    if cuts[-2] < below_largest:
        cuts[-1] = below_largest
    return cuts
