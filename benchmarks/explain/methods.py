"""Rows per second of each method of attributions, on one core: `python -m benchmarks.explain.methods`.

Each figure stands beside its floor; below it the program ends with 1. Attributions are checked to add up as in the
worker, which is part of the time. A run takes some seconds a method.
"""

from __future__ import annotations

import os
import sys
import time
from pathlib import Path
from typing import Any

os.environ.setdefault("OMP_NUM_THREADS", "1")

import numpy as np
from sklearn.ensemble import HistGradientBoostingRegressor
from sklearn.linear_model import LinearRegression
from sklearn.neural_network import MLPRegressor

from pegel.data.columns import Field, Kind, Role, Schema
from pegel_serving.attribution.choose_method import method_for
from pegel_serving.attribution.explained import refuse_other_sums
from pegel_serving.fitted_model import FittedModel
from pegel_serving.metadata import Metadata

FEATURES, TRAINED, SECONDS = 20, 5_000, 1.0
FLOORS = {
    "linear": 20_000.0,
    "tree: 100 trees of 31 leaves": 500.0,
    "tree: 100 trees of 8 leaves": 1_500.0,
    "permutation: a net": 200.0,
}
"""Rows per second that a loaded machine reaches, too: a quarter or less of what an idle one does."""


def models() -> dict[str, Any]:
    """Return a fitted model for each line."""
    draw = np.random.default_rng(1)
    x = draw.normal(size=(TRAINED, FEATURES))
    y = x[:, 0] + x[:, 1] * x[:, 2] + draw.normal(size=TRAINED)
    trees = HistGradientBoostingRegressor(max_iter=100, max_leaf_nodes=31, early_stopping=False, random_state=0)
    small = HistGradientBoostingRegressor(max_iter=100, max_leaf_nodes=8, early_stopping=False, random_state=0)
    net = MLPRegressor(hidden_layer_sizes=(16,), max_iter=20, random_state=0, tol=1.0)
    made = (LinearRegression(), trees, small, net)
    return {line: model.fit(x, y) for line, model in zip(FLOORS, made, strict=True)}


def rows_per_second(model: Any) -> float:
    """Explain batches of 500 rows for a while, the preparation of the method left out."""
    fields = tuple(Field(f"f{at}", Kind.NUMERIC) for at in range(FEATURES))
    schema = Schema((*fields, Field("answer", Kind.NUMERIC, Role.PREDICTION)))
    served = FittedModel(model, Metadata("measured", 1, schema), Path())
    rows = np.random.default_rng(2).normal(size=(500, FEATURES)).astype(object)
    method = method_for(served, rows)
    seeds = [(1, at) for at in range(len(rows))]
    method.explain(rows[:10], seeds[:10])
    done, begun = 0, time.process_time()
    while (taken := time.process_time() - begun) < SECONDS:
        explained = method.explain(rows, seeds)
        refuse_other_sums(explained, method.precision)
        done += len(rows)
    return done / taken


def main() -> int:
    """Print a line for each method. Returns the exit code."""
    missed = 0
    for line, model in models().items():
        figure = rows_per_second(model)
        missed += figure < FLOORS[line]
        print(f"{line:30s} {figure:12,.0f} rows/s of CPU time (floor {FLOORS[line]:,.0f})")
    return int(missed > 0)


if __name__ == "__main__":
    sys.exit(main())
