"""Cells become bars: nothing is lost, nothing is invented."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pegel.data.columns import Columns, Field, Kind, Role, Schema
from pegel.report.shapes import Bars, OutlinedHistogram, quantile, shape, share_above
from pegel.stats.layout import build_layout
from pegel.stats.summary import FeatureSummary, Summary

finite = st.floats(-1e12, 1e12)


def numeric(values: Sequence[float], training: Sequence[float] | None = None) -> FeatureSummary:
    """Return the summary of numbers in the cells of `training` (by default their own)."""
    layout = build_layout(Schema((Field("x", Kind.NUMERIC),)), {"x": np.array(training or values, dtype=np.float64)})
    summary = Summary.empty(layout)
    column = np.array(values, dtype=np.float64)[:, None]
    summary.update(Columns(len(values), column, None, (), ()), Role.FEATURE)
    return summary.features["x"]


def words(values: Sequence[str], training: Sequence[str]) -> FeatureSummary:
    """Return the summary of categories in the cells of `training`."""
    layout = build_layout(Schema((Field("x", Kind.CATEGORICAL),)), {"x": np.array(training, dtype=object)})
    summary = Summary.empty(layout)
    columns = Columns(len(values), np.empty((len(values), 0)), None, (np.array(values, dtype=object),), (None,))
    summary.update(columns, Role.FEATURE)
    return summary.features["x"]


@given(st.lists(finite, min_size=1, max_size=400), st.lists(finite, max_size=50))
def test_every_row_is_in_a_bar_or_told_as_outside(training: list[float], window: list[float]) -> None:
    """The shares of a picture and what lies outside add up to one, on both sides, for any numbers."""
    drawn = shape(numeric(training), numeric(window, training))
    sides: list[float] = []
    if isinstance(drawn, OutlinedHistogram):
        left, right, now_left, now_right = drawn.outside
        sides = [drawn.baseline.sum() + left + right]
        sides += [] if drawn.now is None else [drawn.now.sum() + now_left + now_right]
        assert np.all(np.diff(drawn.edges) > 0)
    elif isinstance(drawn, Bars):
        sides = [drawn.baseline.sum()] + ([] if drawn.now is None else [drawn.now.sum()])

    np.testing.assert_allclose(sides, 1.0, rtol=1e-9)
    assert drawn is not None


def test_whole_numbers_get_whole_bars() -> None:
    """Minutes are counted by whole minutes: a uniform feature looks uniform, without a comb."""
    drawn = shape(numeric([float(v) for v in range(1, 101)] * 20), None)

    assert isinstance(drawn, OutlinedHistogram)
    assert np.all(drawn.edges == np.round(drawn.edges))
    inner = drawn.baseline[1:-1]
    np.testing.assert_allclose(inner, inner[0], rtol=0.35)


def test_few_values_have_a_bar_each() -> None:
    """A feature of seven values is drawn as seven labelled bars; a value never seen in training is among the others."""
    training = [float(day) for day in range(1, 8)] * 10
    drawn = shape(numeric(training), numeric([1.0, 1.0, 2.0, 2.5], training))

    assert isinstance(drawn, Bars)
    assert ("1", "2", "3", "4", "5", "6", "7", "others") == drawn.labels
    assert drawn.now is not None
    assert [0.5, 0.25, 0, 0, 0, 0, 0, 0.25] == drawn.now.tolist()


def test_a_category_that_grew_is_shown() -> None:
    """Of many categories the largest of either side are shown; the rest and the unseen are one bar each."""
    training = [f"c{i:02}" for i in range(20) for _ in range(40 - i)]
    drawn = shape(words(training, training), words(["c19"] * 9 + ["new"], training))

    assert isinstance(drawn, Bars)
    assert {"c00", "c19", "others", "unseen"} <= set(drawn.labels)
    assert drawn.now is not None
    assert 0.9 == drawn.now[drawn.labels.index("c19")]
    assert 0.1 == drawn.now[drawn.labels.index("unseen")]


def test_no_values_give_no_picture() -> None:
    """A baseline without values is not drawn, a window without values leaves the outline alone."""
    drawn = shape(numeric([1.0, 2.0]), numeric([], [1.0, 2.0]))

    assert shape(numeric([], [1.0]), None) is None
    assert drawn is not None
    assert drawn.now is None


@pytest.mark.parametrize("share", [0.05, 0.5, 0.95])
def test_quantiles_are_those_of_the_rows(share: float) -> None:
    """Quantiles read off the cells are within one percent of rank of the rows' own."""
    values = np.random.default_rng(3).lognormal(size=20_000)
    found = quantile(numeric(values.tolist()), share)

    assert abs(float(np.mean(values <= found)) - share) < 0.01
    assert abs(share_above(numeric(values.tolist()), found) - (1 - share)) < 0.01
