"""Distances against scipy, and on supports that do not meet."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats
from scipy.spatial import distance

from pegel.stats import distances

COUNTS = st.lists(st.tuples(st.integers(0, 50), st.integers(0, 50)), min_size=2, max_size=12).filter(
    lambda pairs: sum(b for b, _ in pairs) > 0 and sum(w for _, w in pairs) > 0
)
NAMES = ("psi", "kl", "js_divergence", "js_distance", "hellinger", "tv", "linf", "ks", "ks_upper")


@given(COUNTS)
def test_finite_and_not_negative(pairs: list[tuple[int, int]]) -> None:
    """Every distance is finite and not negative, also where cells are empty on one side."""
    b, w = np.array(pairs).T
    for name in NAMES:
        value = getattr(distances, name)(b, w)

        assert math.isfinite(value)
        assert value >= -1e-15


@given(COUNTS)
def test_parity(pairs: list[tuple[int, int]]) -> None:
    """Jensen-Shannon is scipy's with base 2; Wasserstein and energy are scipy's for evenly spread cells."""
    b, w = np.array(pairs).T
    bounds = np.arange(b.size + 1.0)
    expected = float(np.nan_to_num(distance.jensenshannon(b / b.sum(), w / w.sum(), base=2)))

    assert expected == pytest.approx(distances.js_distance(b, w), abs=1e-7)

    # Each cell as many points, evenly spread.
    points = np.concatenate([i + (np.arange(200) + 0.5) / 200 for i in range(b.size)])
    weights = [np.repeat(side / 200, 200) for side in (b, w)]

    assert stats.wasserstein_distance(points, points, *weights) == pytest.approx(distances.w1(b, w, bounds), abs=2e-2)
    assert stats.energy_distance(points, points, *weights) == pytest.approx(distances.energy(b, w, bounds), abs=2e-2)


def test_apart() -> None:
    """Distributions that nowhere meet are at the largest distance, and the divergence is large, not absent."""
    b, w = np.array([1000, 0]), np.array([0, 1000])

    assert (1.0, 1.0, 1.0, 1.0) == (
        distances.js_divergence(b, w),
        distances.hellinger(b, w),
        distances.tv(b, w),
        distances.ks(b, w),
    )
    assert distances.kl(b, w) > 7


def test_excess_is_zero_on_average() -> None:
    """Without any change the mean of the excess of PSI is about nothing, where PSI itself is not."""
    rng = np.random.default_rng(0)
    draws = [(rng.multinomial(5000, [0.1] * 10), rng.multinomial(200, [0.1] * 10)) for _ in range(400)]

    assert np.mean([distances.psi_excess(b, w) for b, w in draws]) == pytest.approx(0, abs=0.003)
    assert np.mean([distances.psi(b, w) for b, w in draws]) > 0.03
