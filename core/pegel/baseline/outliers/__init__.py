"""How unusual one event is: four tiers, from rules on single values to a fitted forest.

1. `bounds`: rules on single values, from the baseline's counts alone.
2. `tables`: a table per feature, summed over features; ECOD by default, HBOS as an option. The stream runs this.
3. `mahalanobis`: distance of the numbers of a row from their common centre, with correlations.
4. `forest`: an isolation forest, fitted on rows; for batch.

`cutoff` turns a budget of outliers per day into the score above which an event is one.
"""

from __future__ import annotations

from pegel.baseline.outliers.bounds import Bounds, Broken, Rule
from pegel.baseline.outliers.cutoff import MIN_ROWS, affordable, outlier_cutoff, realised_rate, refusal
from pegel.baseline.outliers.feature_table import FeatureTable, Method
from pegel.baseline.outliers.forest import Forest
from pegel.baseline.outliers.mahalanobis import Distances, Mahalanobis
from pegel.baseline.outliers.outlier_tables import HasSummary, OutlierTables
from pegel.baseline.outliers.reasons import top_features

__all__ = [
    "MIN_ROWS",
    "Bounds",
    "Broken",
    "Distances",
    "FeatureTable",
    "Forest",
    "HasSummary",
    "Mahalanobis",
    "Method",
    "OutlierTables",
    "Rule",
    "affordable",
    "outlier_cutoff",
    "realised_rate",
    "refusal",
    "top_features",
]
