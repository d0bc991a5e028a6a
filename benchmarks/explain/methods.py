"""Rows per second of each method of attributions, on one core: `python -m benchmarks.explain.methods [--write]`.

Each figure stands beside its floor; below it the program ends with 1. Attributions are checked to add up as in the
worker, which is part of the time. A run takes some seconds a method. Boosters are measured where they are installed.
"""

from __future__ import annotations

import argparse
import importlib
import importlib.util
import os
import sys
import time
from pathlib import Path
from typing import Any

os.environ.setdefault("OMP_NUM_THREADS", "1")

import numpy as np
from benchmarks.page import put, when
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
    "native: LightGBM, 100 trees of 31 leaves": 300.0,
    "native: XGBoost, 100 trees of 31 leaves": 200.0,
}
SPECIFIED = {
    "linear": "18,000,000 (without checks)",
    "tree: 100 trees of 31 leaves": "3,030",
    "native: LightGBM, 100 trees of 31 leaves": "1,820",
    "native: XGBoost, 100 trees of 31 leaves": "1,280",
}
"""What the specification measured, by the libraries alone."""
PAGE = Path("docs/measured.md")
"""Rows per second that a loaded machine reaches, too: a quarter or less of what an idle one does."""


def models() -> dict[str, Any]:
    """Return a fitted model for each line."""
    draw = np.random.default_rng(1)
    x = draw.normal(size=(TRAINED, FEATURES))
    y = x[:, 0] + x[:, 1] * x[:, 2] + draw.normal(size=TRAINED)
    trees = HistGradientBoostingRegressor(max_iter=100, max_leaf_nodes=31, early_stopping=False, random_state=0)
    small = HistGradientBoostingRegressor(max_iter=100, max_leaf_nodes=8, early_stopping=False, random_state=0)
    net = MLPRegressor(hidden_layer_sizes=(16,), max_iter=20, random_state=0, tol=1.0)
    made = (LinearRegression(), trees, small, net, *_boosters())
    return {line: model.fit(x, y) for line, model in zip(FLOORS, made, strict=True) if model is not None}


def _boosters() -> list[Any]:
    """Return a booster of each library; None where it is not installed."""
    known: list[Any] = []
    for library, name, quiet in (
        ("lightgbm", "LGBMRegressor", {"num_leaves": 31, "verbose": -1}),
        ("xgboost", "XGBRegressor", {"max_leaves": 31}),
    ):
        there = importlib.util.find_spec(library) is not None
        made = getattr(importlib.import_module(library), name) if there else None
        known.append(None if made is None else made(n_estimators=100, n_jobs=1, **quiet))
    return known


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
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--write", action="store_true", help=f"put it into {PAGE}")
    asked, known = parser.parse_args(), models()
    lines, missed = ["| method | rows/s | floor | specified |", "|---|---|---|---|"], 0
    for line, floor in FLOORS.items():
        figure = rows_per_second(known[line]) if line in known else None
        missed += figure is not None and figure < floor
        told = "not installed here" if figure is None else f"{figure:,.0f}"
        lines.append(f"| {line} | {told} | {floor:,.0f} | {SPECIFIED.get(line, '')} |")
        print(lines[-1], flush=True)
    if asked.write:
        command = "python -m benchmarks.explain.methods"
        head = f"Run on {when()} by `{command}`: rows per second of CPU time, {FEATURES} features, sums looked at."
        put(PAGE, "attribution methods", "\n".join([head, "", *lines]))
    return int(missed > 0)


if __name__ == "__main__":
    sys.exit(main())
