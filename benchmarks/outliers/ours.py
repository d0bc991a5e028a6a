"""What Pegel's tables say of rows: scores and, where asked for, the time they take."""

from __future__ import annotations

from collections.abc import Callable
from time import perf_counter

import numpy as np
from benchmarks.outliers.pyod_scores import BATCH, RUNS
from numpy.typing import NDArray
from threadpoolctl import threadpool_limits

from pegel.baseline.outliers import OutlierTables
from pegel.data.columns import Columns, Field, Kind, Role, Schema
from pegel.stats.layout import build_layout
from pegel.stats.summary import Summary

Score = Callable[[Columns], NDArray[np.float64]]


def columns_of(rows: NDArray[np.float64]) -> Columns:
    """Return rows of numbers, none of them missing."""
    return Columns(len(rows), np.ascontiguousarray(rows), None, (), ())


def tables(rows: NDArray[np.float64]) -> dict[str, Score]:
    """Fit the tables of every method on rows."""
    names = [f"f{j}" for j in range(rows.shape[1])]
    layout = build_layout(Schema(tuple(Field(n, Kind.NUMERIC) for n in names)), dict(zip(names, rows.T, strict=True)))
    summary = Summary.empty(layout, exact=True)
    summary.update(columns_of(rows), Role.FEATURE)
    ecod, hbos = OutlierTables.from_summary(summary), OutlierTables.from_summary(summary, "hbos")
    return {"ecod": lambda given: ecod.score(given)[0], "hbos": lambda given: hbos.score(given)[0]}


def seconds(score: Score, rows: NDArray[np.float64]) -> float:
    """Return how long it takes to score `BATCH` rows at most on one thread, best of `RUNS`."""
    given, best = columns_of(rows[:BATCH]), float("inf")
    with threadpool_limits(1):
        for _ in range(RUNS):
            start = perf_counter()
            score(given)
            best = min(best, perf_counter() - start)
    return best
