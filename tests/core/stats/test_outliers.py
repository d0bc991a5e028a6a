"""Outlier scores."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from pegel.baseline import Baseline
from pegel.columns import Columns, Field, Kind, Missing, Role, Schema
from pegel.layout import build_layout
from pegel.outliers import OutlierTables, outlier_cutoff, top_features
from pegel.summary import Summary


def ecod(values: np.ndarray[Any, Any]) -> np.ndarray[Any, Any]:
    """Score rows of one column by their own distribution function: the larger tail of each value."""
    order = np.sort(values)
    left = np.searchsorted(order, values, side="right") / values.size
    right = 1 - np.searchsorted(order, values, side="left") / values.size
    return np.maximum(-np.log(left), -np.log(right))


def test_equals_ecod_where_every_value_has_a_cell() -> None:
    """With a cell for each value the scores are those of ECOD on rows."""
    matrix = np.random.default_rng(0).poisson((2.0, 9.0), size=(3_000, 2)).astype(np.float64)
    schema = Schema((Field("a", Kind.NUMERIC), Field("b", Kind.NUMERIC)))
    columns = Columns(3_000, matrix, None, (), ())
    summary = Summary.empty(build_layout(schema, {"a": matrix[:, 0], "b": matrix[:, 1]}))
    summary.update(columns, Role.FEATURE)
    scores, parts = OutlierTables.from_summary(summary).score(columns)

    assert ecod(matrix[:, 0]) + ecod(matrix[:, 1]) == pytest.approx(scores, abs=1e-12)
    assert (3_000, 2) == parts.shape


def test_every_state_has_a_score(baseline: Baseline) -> None:
    """Nulls, infinities, nonsense and unseen categories score by how rare they were in training."""
    numeric = np.array([[np.nan, 3.0], [np.inf, 3.0], [5.0, 3.0]])
    codes = np.array([[Missing.NULL, 0], [0, 0], [0, 0]], dtype=np.uint8)
    carriers = np.array(["WN", "ZZ", None], dtype=object)
    columns = Columns(3, numeric, codes, (carriers,), (np.array([False, False, True]),))
    _, parts = OutlierTables.from_baseline(baseline).score(columns)
    nulls = baseline.summary.features["delay"].n_null

    assert -math.log((nulls + 0.5) / 20_001) == pytest.approx(parts[0, 0])
    assert [-math.log(0.5 / 20_001)] * 3 == pytest.approx([parts[1, 0], parts[1, 1], parts[2, 1]])
    assert parts[0, 1] == pytest.approx(-math.log(0.22), abs=0.05)


def test_cutoff() -> None:
    """As many baseline rows score above the cut-off as the rate says, less one for the cut-off itself."""
    scores = np.random.default_rng(0).permutation(20_000).astype(np.float64)

    assert 19_980.0 == outlier_cutoff(scores, 0.001)
    assert outlier_cutoff(scores, 0.0004) is None


def test_a_rare_row_is_an_outlier(baseline: Baseline, draw: Callable[..., Any]) -> None:
    """A row far out in two features scores above the cut-off, and the features that made it so are named first."""
    columns = Columns(1, np.array([[400.0, 30.0]]), None, (np.array(["AA"], dtype=object),), (None,))
    tables = OutlierTables.from_baseline(baseline)
    scores, parts = tables.score(columns)

    assert baseline.outlier_cutoff is not None
    assert scores[0] > baseline.outlier_cutoff.score
    assert {"delay", "stops"} == {name for name, _ in top_features(parts[0], tables.names, k=2)}
