"""Mistakes that monitoring code has made before, each with the behaviour that is required instead."""

from __future__ import annotations

import json
import math
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from pegel.data.columns import Columns, Field, Kind, Missing, Role, Schema
from pegel.detect.count_tests import CountTest
from pegel.detect.location import location
from pegel.detect.quality import quality_tests
from pegel.stats import distances
from pegel.stats.cells import cell_of
from pegel.stats.layout import Layout, build_layout
from pegel.stats.moments import Moments
from pegel.stats.moments import of as moments_of
from pegel.stats.summary import FeatureSummary, Summary

FIELD = Field("x", Kind.NUMERIC)


def layout_of(values: NDArray[Any]) -> Layout:
    """Build cells for one numeric column."""
    return build_layout(Schema((FIELD,)), {"x": values})


def feature_of(layout: Layout, values: NDArray[Any], missing: NDArray[np.uint8] | None = None) -> FeatureSummary:
    """Summarise one numeric column."""
    summary = Summary.empty(layout)
    summary.update(Columns(values.size, values[:, None].astype(np.float64), missing, (), ()), Role.FEATURE)
    return summary.features["x"]


def sides(training: NDArray[Any], window: NDArray[Any]) -> tuple[FeatureSummary, FeatureSummary]:
    """Summarise a numeric column of training and of a window, in the cells of the training."""
    layout = layout_of(training)
    return feature_of(layout, training), feature_of(layout, window)


def test_bounds_are_in_numeric_order() -> None:
    """8 comes before 10 and -10 before -8, in memory and after storage as text."""
    layout = layout_of(np.array([10.0, 8.0, -8.0, -10.0]))
    stored = Layout.from_json(json.loads(json.dumps(layout.to_json())))
    edges = stored.features[0].edges  # type: ignore[union-attr]  # the field is numeric

    assert [-10.0, -8.0, 8.0, 10.0] == edges[1::2].tolist()
    assert [1, 3, 5, 7] == cell_of(np.array([-10.0, -8.0, 8.0, 10.0]), edges).tolist()


def test_values_outside_the_bounds_count_as_change() -> None:
    """A window entirely outside the training range is at the largest distance, and certainly changed."""
    training = np.random.default_rng(0).normal(size=5_000)
    baseline, window = sides(training, training[:200] + 1_000)

    assert 200 == window.cells[-1] == window.counted
    assert 1.0 == pytest.approx(distances.js_divergence(baseline.cells, window.cells))
    assert location(baseline.cells, window.cells).p_value < 1e-100


def test_wasserstein_is_in_feature_units() -> None:
    """A shift by three minutes is three minutes, whatever the cells."""
    training = np.random.default_rng(0).normal(20, 10, size=50_000)
    baseline, window = sides(training, training + 3)
    bounds = distances.bounds(baseline.layout.edges, training.min(), training.max() + 3)  # type: ignore[union-attr]

    assert 3.0 == pytest.approx(distances.w1(baseline.cells, window.cells, bounds), rel=0.02)


def test_a_large_shift_cannot_hide_below_a_threshold() -> None:
    """A shift of 2.3 deviations in 60 rows is decided by a p-value, not by a distance that stays below one half."""
    rng = np.random.default_rng(0)
    training = rng.normal(size=5_000)
    baseline, window = sides(training, rng.normal(2.3, 1, 60))

    assert location(baseline.cells, window.cells).p_value < 1e-20


def test_mean_is_a_mean() -> None:
    """The mean is that of numpy to the last digits, not a midrange, and it is not rounded."""
    values = np.array([0.0, 0.0, 0.001, 10.0])
    found = Moments.of_state(moments_of(values))

    assert (values.mean(), values.var(ddof=1)) == pytest.approx((found.mean, found.variance), rel=1e-14)


def test_window_extremes_are_tested_by_how_often_they_exceed() -> None:
    """One value above the training maximum in 5,000 is no surprise, three in 50 are."""
    assert 0.05 < CountTest("above", 1, 5_000, 0, 50_000).p_value
    assert CountTest("above", 3, 50, 0, 50_000).p_value < 1e-8


def test_window_means_are_not_compared_with_single_values() -> None:
    """A mean that moves by a fifth of a deviation is certain in 5,000 rows, though no single value is unusual."""
    rng = np.random.default_rng(0)
    training = rng.normal(size=20_000)
    baseline, window = sides(training, rng.normal(0.2, 1, 5_000))

    assert location(baseline.cells, window.cells).p_value < 1e-20


def test_null_is_not_zero() -> None:
    """A null has a counter of its own; it is in no cell and not in the mean."""
    layout = layout_of(np.arange(100.0))
    missing = np.array([[Missing.PRESENT], [Missing.NULL]], dtype=np.uint8)
    feature = feature_of(layout, np.array([7.0, np.nan]), missing)

    assert (1, 0, 1, 7.0) == (feature.n_null, feature.n_nan, feature.counted, feature.moments.mean)


def test_counts_are_counts() -> None:
    """Summaries hold integers, so that nothing has to guess whether a number is a count or a share."""
    feature = feature_of(layout_of(np.arange(100.0)), np.arange(3.0))

    assert np.int64 == feature.cells.dtype


def test_nothing_is_not_no_drift() -> None:
    """An empty window has no mean, no deviation and no range, rather than zeros."""
    feature = feature_of(layout_of(np.arange(100.0)), np.empty(0))

    assert (None, None, None, None) == (feature.min, feature.max, feature.moments.sd, feature.moments.skewness)


def test_a_single_statistic_stands_alone() -> None:
    """Count tests need no distribution test to have run before them, also on a window without values."""
    layout = layout_of(np.arange(100.0))
    nulls = np.full((40, 1), Missing.NULL, dtype=np.uint8)
    window = feature_of(layout, np.full(40, np.nan), nulls)
    tests = {test.name: test.p_value for test in quality_tests(feature_of(layout, np.arange(100.0)), window)}

    assert {"nulls", "unparseable", "infinite", "below", "above"} == set(tests)
    assert tests["nulls"] < 1e-20
    assert all(math.isfinite(p) for p in tests.values())
