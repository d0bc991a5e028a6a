"""Moments: equal to numpy's, and the same however the rows are split."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray
from scipy import stats

from pegel.stats import moments
from pegel.stats.exact import ExactSums, exact_sum
from pegel.stats.moments import Moments

VALUES = st.lists(st.floats(-1e6, 1e6).map(lambda x: round(x, 6)), max_size=60).map(np.array)
WILD = st.lists(st.floats(allow_nan=False, allow_infinity=False), max_size=40).map(np.array)


def close(expected: NDArray[np.float64], actual: NDArray[np.float64], scale: float) -> bool:
    """Compare two states within the published bounds, with `scale` the largest absolute value."""
    n = max(expected[0], 1)
    sd = np.sqrt(expected[2] / n)
    allowed = [
        0,
        1e-9 * sd + 1e-14 * scale,
        1e-9 * expected[2] + 1e-14 * n * scale**2,
        1e-9 * n * sd**3 + 1e-14 * n * scale**3,
        1e-9 * expected[4] + 1e-14 * n * scale**4,
    ]
    return bool(np.all(np.abs(expected - actual) <= allowed))


@given(st.lists(VALUES, min_size=1, max_size=5))
def test_any_split_gives_the_whole(parts: list[NDArray[np.float64]]) -> None:
    """Merging the moments of parts gives the moments of all rows within the published bounds."""
    whole = np.concatenate(parts)
    merged = np.zeros(moments.SIZE)
    for part in parts:
        merged = moments.merge(merged, moments.of(part))

    assert close(moments.of(whole), merged, np.abs(whole).max(initial=0.0))


def test_parity() -> None:
    """Mean, variance, skewness and kurtosis equal those of numpy and scipy."""
    values = np.random.default_rng(0).lognormal(size=5_000)
    found = Moments.of_state(moments.of(values))

    assert (found.mean, found.variance, found.sd) == pytest.approx(
        (values.mean(), values.var(ddof=1), values.std(ddof=1))
    )
    assert found.skewness == pytest.approx(stats.skew(values), rel=1e-9)
    assert found.kurtosis == pytest.approx(stats.kurtosis(values, fisher=False), rel=1e-9)


def test_far_from_zero() -> None:
    """At a mean of a million and a deviation of 0.1 the variance is right to 1e-9."""
    noise = np.random.default_rng(0).normal(size=4_096)
    values = 1e6 + np.round(noise * 0.1, 6)
    expected = float(np.var((values - 1e6).astype(np.longdouble), ddof=1))
    halves = moments.merge(moments.of(values[:1000]), moments.of(values[1000:]))

    assert Moments.of_state(halves).variance == pytest.approx(expected, rel=1e-9)


def test_undefined_is_none() -> None:
    """What is undefined is None: the variance of one value, the skewness of a constant."""
    one, constant = Moments.of_state(moments.of(np.array([3.0]))), Moments.of_state(moments.of(np.full(5, 3.0)))

    assert (None, None, None) == (one.variance, one.sd, one.skewness)
    assert (0.0, None, None) == (constant.variance, constant.skewness, constant.kurtosis)


@given(WILD, st.integers(0, 99))
def test_exact_sums_know_no_order(values: NDArray[np.float64], seed: int) -> None:
    """An exact sum of any finite values is the same integer in any order and any split."""
    shuffled = np.random.default_rng(seed).permutation(values)
    cut = len(values) // 3
    parts = [exact_sum(part) for part in (shuffled[:cut], shuffled[cut:])]

    assert None not in parts
    assert exact_sum(values) == sum(part or 0 for part in parts)


@given(st.lists(VALUES, min_size=1, max_size=4), st.sampled_from([-10, 0, 5, 30]))
def test_rounded_sums_know_no_order(parts: list[NDArray[np.float64]], top: int) -> None:
    """Summing in pieces of bits is as order-free, and off by at most 2**(top - 78) per value."""
    whole = np.concatenate(parts)
    rounded = exact_sum(whole, top)

    assert rounded == sum(exact_sum(part[::-1], top) or 0 for part in parts)
    assert abs((rounded or 0) - (exact_sum(whole) or 0)) <= whole.size << (top - 78 + 1126)


@given(st.lists(st.integers(-(2**52), 2**52), max_size=40))
def test_exact_sums_are_sums(values: list[int]) -> None:
    """The exact sum of integers is their sum."""
    assert sum(values) << 1126 == exact_sum(np.array(values, dtype=np.float64))


@given(VALUES, st.integers(-1000, 1000).map(float))
def test_exact_moments(values: NDArray[np.float64], center: float) -> None:
    """Moments from exact sums agree with the floating ones, whatever the center, and M2 is never negative."""
    sums = ExactSums(center, reach=np.abs(values - center).max(initial=0.0))
    sums.update(values)
    scale = max(np.abs(values).max(initial=0.0), abs(center))

    assert close(moments.of(values), sums.state(), scale)
    assert sums.state()[2] >= 0


def test_powers_that_overflow() -> None:
    """Where a power is beyond the largest float its moment is NaN, and the mean is still there."""
    sums = ExactSums(0.0, reach=5.0)
    sums.update(np.array([1e200, -1e200, 3.0]))
    state = sums.state()

    assert (3.0, 1.0) == (state[0], state[1])
    assert np.isnan(state[2:]).all()
