"""Outlier scores from tables."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from scipy.stats import skew

from pegel.baseline.baseline import Baseline
from pegel.baseline.outliers import OutlierTables, top_features
from pegel.data.columns import Columns, Field, Kind, Missing, Role, Schema
from pegel.stats.layout import build_layout
from pegel.stats.summary import Summary


def pyod_ecod(matrix: NDArray[np.float64]) -> NDArray[np.float64]:
    """Score rows by their own distribution functions, in the words of `pyod.models.ecod` (pyod itself is not here)."""

    def ecdf(column: NDArray[np.float64]) -> NDArray[np.float64]:
        return np.searchsorted(np.sort(column), column, side="right") / column.size

    left = -np.log(np.apply_along_axis(ecdf, 0, matrix))
    right = -np.log(np.apply_along_axis(ecdf, 0, -matrix))
    sign = np.sign(skew(matrix, axis=0))
    skewed = left * -np.sign(sign - 1) + right * np.sign(sign + 1)
    scores: NDArray[np.float64] = np.maximum(skewed, np.maximum(left, right)).sum(axis=1)
    return scores


def test_equals_pyod_where_every_value_has_a_cell() -> None:
    """With a cell for each value the scores are those of pyod's ECOD; a symmetric feature adds both its tails."""
    counts = np.random.default_rng(0).poisson((2.0, 9.0), size=(3_000, 2)).astype(np.float64)
    matrix = np.column_stack([counts, 20 - counts[:, 1], np.resize([-3.0, -1.0, 0.0, 1.0, 3.0], 3_000)])
    names = ("right", "more", "left", "symmetric")
    columns = Columns(3_000, matrix, None, (), ())
    layout = build_layout(Schema(tuple(Field(n, Kind.NUMERIC) for n in names)), dict(zip(names, matrix.T, strict=True)))
    summary = Summary.empty(layout, exact=True)
    summary.update(columns, Role.FEATURE)
    scores, parts = OutlierTables.from_summary(summary).score(columns)

    assert pyod_ecod(matrix) == pytest.approx(scores, abs=1e-12)
    assert (3_000, 4) == parts.shape
    assert 0 == summary.features["symmetric"].moments.skewness


def test_every_state_has_a_score(baseline: Baseline) -> None:
    """Nulls, infinities, nonsense and unseen categories score by how rare they were in training."""
    numeric = np.array([[np.nan, 3.0], [np.inf, 3.0], [5.0, 3.0]])
    codes = np.array([[Missing.NULL, 0], [0, 0], [0, 0]], dtype=np.uint8)
    carriers = np.array(["WN", "ZZ", None], dtype=object)
    columns = Columns(3, numeric, codes, (carriers,), (np.array([False, False, True]),))
    _, parts = baseline.outlier_tables.score(columns)
    nulls = baseline.summary.features["delay"].n_null

    assert -math.log((nulls + 0.5) / 20_001) == pytest.approx(parts[0, 0])
    assert [-math.log(0.5 / 20_001)] * 3 == pytest.approx([parts[1, 0], parts[1, 1], parts[2, 1]])
    assert parts[0, 1] == pytest.approx(-math.log(0.22), abs=0.05)


def test_a_rare_row_is_an_outlier(baseline: Baseline, draw: Callable[..., Any]) -> None:
    """A row far out in two features scores above the cut-off, and the features that made it so are named first."""
    columns = Columns(1, np.array([[400.0, 30.0]]), None, (np.array(["AA"], dtype=object),), (None,))
    tables = baseline.outlier_tables
    scores, parts = tables.score(columns)

    assert baseline.outlier_cutoff is not None
    assert scores[0] > baseline.outlier_cutoff.score
    assert {"delay", "stops"} == {name for name, _ in top_features(parts[0], tables.names, k=2)}
