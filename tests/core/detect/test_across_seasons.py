"""Windows that cross seasons: each season against its own rows, then put together."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from scipy.stats import norm, rankdata

from pegel.data.columns import Field, Kind, Schema
from pegel.detect.across_seasons import seasonal_tests
from pegel.detect.drift import drift_tests
from pegel.detect.single_category import NAME as SINGLE_CATEGORY
from pegel.stats.cells import count_sorted
from pegel.stats.dispersion import Dispersion
from pegel.stats.layout import FieldLayout, NumericLayout, build_layout

Counts = NDArray[np.int64]


def layout_of(values: NDArray[Any]) -> FieldLayout:
    """Freeze the cells of one field."""
    kind = Kind.CATEGORICAL if values.dtype == object else Kind.NUMERIC
    return build_layout(Schema((Field("x", kind),)), {"x": values}).features[0]


def counts(layout: FieldLayout, values: NDArray[Any]) -> Counts:
    """Count values in cells."""
    if isinstance(layout, NumericLayout):
        return count_sorted(np.sort(values), layout.edges)
    return layout.vocabulary.count(values)[0]


def letters(rng: np.random.Generator, n: int, a: float = 0.4) -> NDArray[Any]:
    """Draw one of four letters."""
    rest = (1 - a) / 3
    return np.array(["a", "b", "c", "d"], dtype=object)[rng.choice(4, n, p=[a, rest, rest, rest])]


def heavy(rng: np.random.Generator, n: int, shift: float = 0.0) -> NDArray[np.float64]:
    """Draw numbers with heavy tails, which are tested by plain ranks."""
    return rng.standard_t(3, n) + shift


@pytest.mark.parametrize("factors", [None, Dispersion(100, 50, {"location": 1.5, "scale": 1.2}, (1.3, 20.0, 15))])
@pytest.mark.parametrize("draw", [heavy, np.random.Generator.normal, letters])
def test_one_part_is_the_plain_test(draw: Any, factors: Dispersion | None) -> None:
    """A window in one season has the tests that it has without seasons, with the same statistics and p-values."""
    rng = np.random.default_rng(0)
    trained = draw(rng, size=5_000) if draw is np.random.Generator.normal else draw(rng, 5_000)
    now = draw(rng, size=200) if draw is np.random.Generator.normal else draw(rng, 200)
    layout = layout_of(trained)
    b, w = counts(layout, trained), counts(layout, now)
    parted = seasonal_tests(layout, [(b, w)], factors)
    # Single categories are not compared season by season.
    plain = [test for test in drift_tests(layout, b, w, factors) if test.name != SINGLE_CATEGORY]

    assert [one.name for one in plain] == [one.name for one in parted]
    assert [(200, 5_000)] * len(plain) == [(one.n, one.m) for one in parted]
    for one, other in zip(plain, parted, strict=True):
        assert one.statistic == pytest.approx(other.statistic, rel=1e-9)
        assert one.p_value == pytest.approx(other.p_value, rel=1e-9)
        assert one.p_relevant(0.1) == pytest.approx(other.p_relevant(0.1), rel=1e-6)


def test_two_parts_by_hand() -> None:
    """The statistic of two seasons is the sum of n times the difference of mean scores, over its standard deviation."""
    rng = np.random.default_rng(1)
    sides = [(heavy(rng, 3_000), heavy(rng, 150, 0.2)), (heavy(rng, 2_000, 3.0), heavy(rng, 60, 3.2))]
    # So few values that each has a cell of its own: ranks of cells are ranks of rows.
    sides = [(np.round(b), np.round(w)) for b, w in sides]
    sides = [(np.clip(b, -8, 10), np.clip(w, -8, 10)) for b, w in sides]
    layout = layout_of(np.concatenate([b for b, _ in sides]))
    assert isinstance(layout, NumericLayout)
    assert (True, True) == (layout.discrete, layout.light_tails)
    total = variance = 0.0
    for b, w in sides:
        ranks = (rankdata(np.concatenate([b, w])) - 0.5) / (b.size + w.size)
        scores = norm.ppf(np.clip(ranks, 1 / 256, 255 / 256))
        total += w.size * (scores[b.size :].mean() - scores[: b.size].mean())
        variance += w.size**2 * scores.var(ddof=1) * (1 / w.size + 1 / b.size)
    found = seasonal_tests(layout, [(counts(layout, b), counts(layout, w)) for b, w in sides])[0]

    assert "location" == found.name
    assert total / math.sqrt(variance) == pytest.approx(found.statistic, rel=1e-9)
    assert 2 * float(norm.sf(abs(found.statistic))) == pytest.approx(found.p_value, rel=0.02)


def test_shapes_add_up() -> None:
    """The divergence of categories is the sum over seasons, and so are its degrees of freedom."""
    rng = np.random.default_rng(2)
    sides = [(letters(rng, 3_000), letters(rng, 200)), (letters(rng, 3_000, 0.7), letters(rng, 300, 0.7))]
    layout = layout_of(np.concatenate([b for b, _ in sides]))
    by_season = [(counts(layout, b), counts(layout, w)) for b, w in sides]
    (found,) = seasonal_tests(layout, by_season)
    alone: list[Any] = [drift_tests(layout, b, w)[0] for b, w in by_season]

    assert sum(one.divergence for one in alone) == pytest.approx(found.statistic)
    assert sum(one.df for one in alone) == found.numbers()["df"] == 6
    assert found.p_value > 0.001


def test_rows_on_both_sides_of_a_usual_value_become_more() -> None:
    """As many more changes up as down are seen season by season, too."""
    trained, now = (np.repeat([-1.0, 0.0, 1.0], counts) for counts in ([100, 9_800, 100], [20, 460, 20]))
    layout = layout_of(trained)
    location, scale = seasonal_tests(layout, 2 * [(counts(layout, trained), counts(layout, now))])

    assert ("location", "scale") == (location.name, scale.name)
    assert location.p_value > 0.5
    assert scale.p_value < 1e-9


def test_parts_that_differ_are_no_change() -> None:
    """Where each season is as in training the crossing window is clean, although it looks changed as a whole."""
    rng = np.random.default_rng(3)
    trained = [rng.normal(0, 1, 4_000), rng.normal(2, 1, 4_000)]
    layout = layout_of(np.concatenate(trained))
    now = [rng.normal(0, 1, 380), rng.normal(2, 1, 20)]
    by_season = [(counts(layout, b), counts(layout, w)) for b, w in zip(trained, now, strict=True)]
    whole = drift_tests(layout, by_season[0][0] + by_season[1][0], by_season[0][1] + by_season[1][1])

    assert min(one.p_value for one in whole) < 1e-10
    assert min(one.p_value for one in seasonal_tests(layout, by_season)) > 0.01


def test_clean_windows() -> None:
    """Of 300 crossing windows without a change, p-values of each test are below a tenth about as often as promised."""
    rng = np.random.default_rng(4)
    trained = [rng.normal(0, 1, 4_000), rng.normal(1, 2, 2_000)]
    layout = layout_of(np.concatenate(trained))
    baselines = [counts(layout, b) for b in trained]
    low = dict.fromkeys(("location", "scale", "shape"), 0)
    for _ in range(300):
        now = [counts(layout, rng.normal(0, 1, 120)), counts(layout, rng.normal(1, 2, 80))]
        for one in seasonal_tests(layout, list(zip(baselines, now, strict=True))):
            low[one.name] += one.p_value < 0.1

    assert all(12 <= count <= 52 for count in low.values())


def test_empty_parts_are_left_out() -> None:
    """A season without rows on either side adds nothing; without any season, or any variation, there is no test."""
    rng = np.random.default_rng(5)
    trained = rng.normal(size=5_000)
    layout = layout_of(trained)
    b, w = counts(layout, trained), counts(layout, rng.normal(size=200))
    nothing = np.zeros_like(b)
    only = np.zeros_like(b)
    only[3] = 50
    plain = seasonal_tests(layout, [(b, w)])
    more = seasonal_tests(layout, [(b, w), (b, nothing), (nothing, w)])

    assert [one.numbers() for one in plain] == [one.numbers() for one in more]
    assert [] == seasonal_tests(layout, [(b, nothing)]) == seasonal_tests(layout, [(only, only)])
