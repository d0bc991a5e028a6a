"""Sums of products of powers: exact, mergeable, and what the variance of a correlation follows from."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from pegel.stats.fourth import COARSE, EXACT, ORDERS, FourthProducts
from pegel.stats.normal_scores import SCALE

LARGEST = 2_724
"""No normal score is further from 0."""


def summed(scores: NDArray[np.int64]) -> FourthProducts:
    """Sum rows."""
    found = FourthProducts(scores.shape[1])
    found.update(scores)
    return found


def drawn(seed: int, n: int, rho: float, df: float = np.inf) -> NDArray[np.int64]:
    """Draw scores of a normal pair, or of one with joint heavy tails for small `df`."""
    rng = np.random.default_rng(seed)
    values = rng.multivariate_normal([0, 0], [[1, rho], [rho, 1]], size=n)
    if np.isfinite(df):
        values /= np.sqrt(rng.chisquare(df, n) / df)[:, None]
    return np.clip(np.rint(SCALE * values), -LARGEST, LARGEST).astype(np.int64)


def by_rows(scores: NDArray[np.int64]) -> float:
    """Return Var(g) / (1 - r**2)**2 of the rounded scores of a pair, computed row by row."""
    x, y = np.rint(scores / COARSE).T
    x, y = (x - x.mean()) / x.std(), (y - y.mean()) / y.std()
    r = float(np.mean(x * y))
    return float(np.var(x * y - r * (x * x + y * y) / 2) / (1 - r * r) ** 2)


@given(st.integers(0, 2**32 - 1), st.lists(st.integers(0, 300), max_size=5))
def test_any_split_in_any_order_gives_the_same_sums(seed: int, cuts: list[int]) -> None:
    """Parts merged in any order have the sums of all rows, bit by bit; no rows are the identity."""
    rng = np.random.default_rng(seed)
    scores = rng.integers(-LARGEST, LARGEST + 1, (300, 3))
    parts = [summed(part) for part in np.array_split(scores, sorted(cuts))]
    merged = FourthProducts(3)
    for i in rng.permutation(len(parts)):
        merged.merge(parts[i])

    assert np.array_equal(summed(scores).sums, merged.sums)
    assert np.array_equal(summed(scores).sums, summed(rng.permutation(scores)).sums)


def test_large_sums_are_exact() -> None:
    """Rows of the largest scores at once, more than floats could add exactly, give the sums of Python's integers."""
    n = 40 * EXACT + 1
    scores = np.full((n, 1), LARGEST, dtype=np.int64)
    largest = round(LARGEST / COARSE)

    assert EXACT * largest**4 < 2**53
    assert [n * largest ** (a + b) for a, b in ORDERS] == summed(scores).sums.ravel().tolist()


def test_each_pair_has_the_rows_that_have_both() -> None:
    """Where numbers are missing, each pair's sums and its factor are those of the rows in which both are there."""
    scores = drawn(7, 4_000, 0.5, 4.0)
    scores = np.column_stack([scores, drawn(8, 4_000, 0.0)[:, :1]])
    present = np.random.default_rng(9).random(scores.shape) < [0.7, 1, 0.4]
    every = FourthProducts(3)
    every.update(scores, present)
    factors = every.kappas()

    for j, k in ((0, 1), (0, 2), (1, 2)):
        both = scores[present[:, j] & present[:, k]][:, [j, k]]
        assert np.array_equal(summed(both).sums[:, 0, 1], every.sums[:, j, k])
        assert summed(both).kappas()[0, 1] == factors[j, k] == factors[k, j]


@pytest.mark.parametrize("rho", [-0.9, 0.0, 0.3, 0.9])
@pytest.mark.parametrize("df", [4.0, np.inf])
def test_kappa_is_that_of_the_rows(rho: float, df: float) -> None:
    """The variance factor from sums is the one computed from rows, to the six digits that are kept."""
    scores = drawn(1, 20_000, rho, df)

    assert by_rows(scores) == pytest.approx(float(summed(scores).kappas()[0, 1]), rel=1e-5)


def test_kappa_tells_heavy_joint_tails() -> None:
    """A normal pair has the factor 1 within its error; a pair that is far out together has clearly more."""
    normal, heavy = (float(summed(drawn(2, 100_000, 0.3, df)).kappas()[0, 1]) for df in (np.inf, 4.0))

    assert normal == pytest.approx(1, abs=0.03)
    assert heavy > 1.4


def test_nothing_to_correct() -> None:
    """Without rows, and for a field that does not vary, the factor is 1."""
    constant = drawn(3, 1_000, 0.5) * np.array([1, 0])

    assert np.array_equal(np.ones((2, 2)), FourthProducts(2).kappas())
    assert np.array_equal(np.ones((2, 2)), summed(constant).kappas())
    assert (0, 0) == FourthProducts(0).kappas().shape


def test_copies_have_a_factor() -> None:
    """A field beside its own copy, or its mirror image, has a finite factor above 0."""
    one = drawn(4, 5_000, 0.0)[:, :1]
    factors = [float(summed(np.hstack([one, sign * one])).kappas()[0, 1]) for sign in (1, -1)]

    assert all(0.1 < factor < 10 for factor in factors)
