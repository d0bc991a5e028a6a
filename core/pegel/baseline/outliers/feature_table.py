"""The table of one feature: what each state of the field adds to a row's score."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from pegel.baseline.outliers.ecod import ecod
from pegel.baseline.outliers.hbos import hbos
from pegel.baseline.outliers.rarity import frequencies, rare
from pegel.spec.monitor_spec import OutlierMethod
from pegel.stats.layout import NumericLayout
from pegel.stats.summary import FeatureSummary


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


def feature_table(feature: FeatureSummary, method: OutlierMethod) -> FeatureTable:
    """Build the table of a field from its baseline counts."""
    rows = feature.n
    # Whether nothing is a null or a NaN is for the library to say that wrote it: pandas knows no difference.
    absent = feature.n_null + feature.n_nan
    return FeatureTable(
        name=feature.layout.field.name,
        cells=_cells(feature, method),
        null=rare(absent, rows),
        nan=rare(absent, rows),
        posinf=rare(feature.n_posinf, rows),
        neginf=rare(feature.n_neginf, rows),
        unparseable=rare(feature.n_unparseable, rows),
    )


def _cells(feature: FeatureSummary, method: OutlierMethod) -> NDArray[np.float64]:
    if not isinstance(feature.layout, NumericLayout):
        return frequencies(feature)
    return ecod(feature) if method == "ecod" else hbos(feature, feature.layout)
