"""Cells from baseline values."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from pegel.stats import edges
from pegel.stats.cells import cell_of, count_sorted

FINITE = st.floats(allow_nan=False, allow_infinity=False, width=32)


def between_steps(value: float, share: float) -> float:
    """Return what lies this share of a float32 step above a value that float32 has."""
    return value + share * (float(np.nextafter(np.float32(value), np.float32(np.inf))) - value)


NEAR_A_STEP = st.builds(between_steps, st.floats(-1e6, 1e6, width=32), st.sampled_from([0, 0.25, 0.5, 0.75, 1]))


def test_fifty_thousand_values_have_78_cells() -> None:
    """64 quantile cells, six steps into each tail and two empty ends: 78 cells for 50,000 distinct values."""
    ordered = np.sort(np.random.default_rng(0).normal(size=50_000))
    cuts, discrete = edges.build(ordered)
    counts = count_sorted(ordered, cuts)

    assert (78, False) == (counts.size, discrete)
    assert (0, 0, 50_000) == (counts[0], counts[-1], counts.sum())


def test_quantiles_are_order_statistics() -> None:
    """The edges between are the inverse of the distribution function, without interpolation."""
    cuts, _ = edges.build(np.arange(1.0, 641.0))

    assert set(np.arange(10.0, 640.0, 10.0).tolist()) <= set(cuts.tolist())
    assert set(cuts[1:].tolist()) <= set(np.arange(1.0, 641.0).tolist())


def test_few_values_have_a_cell_each() -> None:
    """K distinct values give 2K + 1 cells: a point for each and a gap on either side."""
    ordered = np.repeat([-2.0, 0.0, 7.5], [5, 1, 4])
    cuts, discrete = edges.build(ordered)

    assert discrete
    assert [0, 5, 0, 1, 0, 4, 0] == count_sorted(ordered, cuts).tolist()
    assert [False, True, False, True, False, True, False] == edges.is_point(cuts).tolist()


def test_a_constant_has_three_cells() -> None:
    """A constant is a discrete feature of one value: below, equal, above."""
    cuts, _ = edges.build(np.full(10, 4.0))

    assert [1, 1, 1] == np.bincount(cell_of(np.array([3.999, 4.0, 4.001]), cuts)).tolist()


def test_minus_zero_is_zero() -> None:
    """Both zeros are one value."""
    cuts, _ = edges.build(np.array([-0.0, 0.0]))

    assert [0, 2, 0] == count_sorted(np.array([-0.0, 0.0]), cuts).tolist()


def test_nothing_has_one_cell() -> None:
    """Without values there is one cell, which holds everything."""
    cuts, discrete = edges.build(np.empty(0))

    assert (0, True) == (cuts.size, discrete)
    assert [3] == count_sorted(np.array([1.0, 2.0, 3.0]), cuts).tolist()


def test_a_heavy_value_has_its_own_cell() -> None:
    """A value with at least 1/64 of the rows is kept apart from its neighbours, as zeros in sparse data are."""
    ordered = np.sort(np.r_[np.zeros(500), np.random.default_rng(0).exponential(size=500)])
    cuts, _ = edges.build(ordered)
    point = edges.is_point(cuts)

    assert 500 == count_sorted(ordered, cuts)[point].max()


@given(st.lists(FINITE, max_size=300), st.lists(FINITE, max_size=50))
def test_counting_sorted_is_counting(baseline: list[float], values: list[float]) -> None:
    """Searching for the edges in sorted values counts as searching for each value among the edges does."""
    cuts, _ = edges.build(np.sort(np.array(baseline)))
    array = np.array(values)

    assert np.all(np.diff(cuts) > 0)
    assert (
        np.bincount(cell_of(array, cuts), minlength=cuts.size + 1).tolist()
        == count_sorted(np.sort(array), cuts).tolist()
    )


@pytest.mark.parametrize("m", [1_000, 50_000])
def test_groups_hold_about_a_sixteenth(m: int) -> None:
    """Shape groups are at most 16, contiguous, and none is below half the target."""
    ordered = np.sort(np.random.default_rng(0).normal(size=m))
    counts = count_sorted(ordered, edges.build(ordered)[0])
    groups = edges.shape_groups(counts)
    rows = np.bincount(groups, weights=counts)

    assert groups.tolist() == sorted(groups.tolist())
    assert rows.size <= 17
    assert rows.min() >= m / 32


@example([0.0, 1.401298464324817e-45])
@example([-3.402823364973241e38, -3.4028235677973366e38])
@example([1.0, 1.0000001192092896])
@example([float(day) for day in range(20261101, 20261109)])
@given(
    st.lists(
        st.floats(allow_nan=False, allow_infinity=False) | st.integers(2**24 - 4, 2**25 + 8).map(float) | NEAR_A_STEP,
        min_size=1,
        max_size=64,
    )
)
def test_float32_does_not_leave_a_point(values: list[float]) -> None:
    """A value of a discrete feature is in its cell as float32, too, unless another value is the same in float32."""
    points = np.unique(np.array(values) + 0.0)
    cuts = edges.cuts(edges.build(points)[0])
    with np.errstate(over="ignore"):
        single = points.astype(np.float32)
    alone = np.isfinite(single) & ([np.count_nonzero(single == one) == 1 for one in single])
    same = np.where(alone, single.astype(np.float64), points)

    assert np.all(np.diff(cuts) > 0)
    assert cell_of(points, cuts).tolist() == cell_of(same, cuts).tolist()
    assert cell_of(points, cuts).tolist() == (2 * np.arange(points.size) + 1).tolist()


@given(st.integers(2**23, 2**26), st.integers(1, 3), st.integers(1, 40))
def test_whole_numbers_keep_their_cells(first: int, step: int, count: int) -> None:
    """Dates written as numbers, counters and amounts in cents are each in the cell of their own, float32 or not."""
    points = np.arange(first, first + step * count, step, dtype=np.float64)
    cuts = edges.cuts(edges.build(points)[0])
    cells = cell_of(points, cuts)

    assert np.all(np.diff(cuts) > 0)
    assert edges.is_point(edges.build(points)[0])[cells].all()
    assert cells.size == np.unique(cells).size


@settings(max_examples=30)
@given(st.lists(FINITE, min_size=65, max_size=100, unique=True))
def test_float32_does_not_pass_an_edge(values: list[float]) -> None:
    """Numbers that a continuous feature was trained with in float32 stay in their cell when more digits follow."""
    ordered = np.sort(np.array(values))
    cuts = edges.cuts(edges.build(ordered)[0])
    longer = [np.nextafter(value, value + side).item() for side in (-1, 1) for value in ordered.tolist()]

    assert [*cell_of(ordered, cuts).tolist()] * 2 == cell_of(np.array(longer), cuts).tolist()


def test_values_that_float32_cannot_tell_apart_keep_exact_cells() -> None:
    """Whole numbers from 2**24 on, and numbers beyond float32, are told apart to the last digit."""
    for points in ([2.0**24, 2.0**24 + 1], [1e300, 2e300], [1e9, 1e9 + 1e-3, 1e9 + 2e-3]):
        built, _ = edges.build(np.array(points))

        assert built.tolist() == edges.cuts(built).tolist()
