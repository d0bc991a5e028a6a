"""How unusual one event is: four tiers, from rules on single values to a fitted forest.

1. `bounds`: rules on single values, from the baseline's counts alone.
2. `tables`: a table per feature, summed over features; ECOD by default, HBOS as an option. The stream runs this.
3. `mahalanobis`: distance of the numbers of a row from their common centre, with correlations.
4. `forest`: an isolation forest, fitted on rows; for batch.

`cutoff` turns a budget of outliers per day into the score above which an event is one.
"""

from __future__ import annotations

from pegel.outliers.bounds import Bounds, Broken, Rule
from pegel.outliers.cutoff import MIN_ROWS, affordable, outlier_cutoff, realised_rate, refusal
from pegel.outliers.feature_table import FeatureTable, Method
from pegel.outliers.forest import Forest
from pegel.outliers.mahalanobis import Distances, Mahalanobis
from pegel.outliers.reasons import top_features
from pegel.outliers.tables import HasSummary, OutlierTables

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
