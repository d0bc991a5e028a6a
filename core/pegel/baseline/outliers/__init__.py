"""How unusual one event is: a table per feature, summed over features, by ECOD or, where a spec says so, by HBOS.

`cutoff` turns a budget of outliers per day into the score above which an event is one.
"""

from __future__ import annotations

from pegel.baseline.outliers.cutoff import MIN_ROWS, affordable, outlier_cutoff, refusal
from pegel.baseline.outliers.feature_table import FeatureTable
from pegel.baseline.outliers.outlier_tables import OutlierTables
from pegel.baseline.outliers.reasons import top_features
from pegel.baseline.outliers.score_tail import ScoreTail

__all__ = [
    "MIN_ROWS",
    "FeatureTable",
    "OutlierTables",
    "ScoreTail",
    "affordable",
    "outlier_cutoff",
    "refusal",
    "top_features",
]
