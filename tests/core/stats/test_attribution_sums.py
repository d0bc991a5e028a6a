"""Sums of attributions are exact: whatever parts rows come in, they are those of all rows."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pegel.stats.attribution_sums import MOST_STEPS, AttributionSums, Integers, PredictionScale


def sums_of(seed: int, rows: int, features: int = 3) -> tuple[np.random.Generator, Integers]:
    """Return whole steps of so many rows."""
    rng = np.random.default_rng(seed)
    return rng, rng.integers(-MOST_STEPS, MOST_STEPS, (rows, features + 1), endpoint=True)


@given(seed=st.integers(0, 2**32), rows=st.integers(0, 60), cuts=st.lists(st.integers(0, 60), max_size=4))
def test_parts_add_up_to_the_whole(seed: int, rows: int, cuts: list[int]) -> None:
    """Any split of the rows, merged in any order, gives the sums of the rows, to the last bit."""
    rng, steps = sums_of(seed, rows)
    parts = [AttributionSums.of(part) for part in np.split(steps, sorted(min(cut, rows) for cut in cuts))]
    merged = AttributionSums.empty(3)
    for at in rng.permutation(len(parts)).tolist():
        merged.merge(parts[at])

    assert AttributionSums.of(steps).to_json() == merged.to_json()
    assert merged.to_json() == AttributionSums.from_json(merged.to_json()).to_json()


def test_means_and_variances_are_those_of_the_rows() -> None:
    """Integers lose nothing, also where the mean is far larger than the spread."""
    steps = np.random.default_rng(1).integers(MOST_STEPS - 20, MOST_STEPS, (500, 3), endpoint=True)
    sums = AttributionSums.of(-steps)

    assert (-steps).mean(axis=0) == pytest.approx(sums.means, rel=1e-15)
    assert steps.mean(axis=0) == pytest.approx(sums.mean_sizes, rel=1e-15)
    assert steps.var(axis=0, ddof=1) == pytest.approx(sums.variances, rel=1e-12)
    assert steps.var(axis=0, ddof=1) == pytest.approx(sums.size_variances, rel=1e-12)


def test_steps_are_rounded_and_cut() -> None:
    """1,024 steps are a standard deviation, and nothing is farther off than 1,024 of these."""
    scale = PredictionScale(center=10.0, sigma=2.0)

    assert [1024, -512, MOST_STEPS, -MOST_STEPS] == scale.steps(np.array([2.0, -1.0, 1e9, -1e9])).tolist()
    assert [[512, -1024]] == scale.rows(np.array([[1.0]]), np.array([8.0])).tolist()


def test_fewer_than_two_rows_have_no_variance() -> None:
    """What is not defined is NaN, not 0."""
    empty = AttributionSums.empty(1)

    assert np.isnan(empty.means).all()
    assert np.isnan(empty.mean_sizes).all()
    assert np.isnan(AttributionSums.of(np.ones((1, 2), dtype=np.int64)).variances).all()


def test_sums_of_other_features_are_not_added() -> None:
    """Nothing changes where they do not fit."""
    sums = AttributionSums.empty(2)
    with pytest.raises(ValueError, match="expected sums of 2 features, given 3"):
        sums.merge(AttributionSums.empty(3))
    assert AttributionSums.empty(2).to_json() == sums.to_json()


def test_damaged_sums_are_refused() -> None:
    """Three sums have as many columns."""
    data = AttributionSums.empty(2).to_json() | {"sizes": [1]}
    with pytest.raises(ValueError, match="three sums of as many columns"):
        AttributionSums.from_json(data)
