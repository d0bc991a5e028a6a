"""Exact tails against an independent computation in integers."""

from __future__ import annotations

from fractions import Fraction
from math import comb

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pegel.stats import hypergeometric


def in_integers(seen: int, window: int, seen_in_baseline: int, baseline: int) -> float:
    """Sum binomial coefficients, without any rounding."""
    marked, total = seen + seen_in_baseline, window + baseline
    k = max(seen, marked - baseline)
    term = favourable = comb(marked, k) * comb(total - marked, window - k)
    for i in range(k, min(marked, window)):
        term = term * (marked - i) * (window - i) // ((i + 1) * (total - marked - window + i + 1))
        favourable += term
    return float(Fraction(favourable, comb(total, window)))


@st.composite
def tables(draw: st.DrawFn) -> tuple[int, int, int, int]:
    """Draw how often something was seen, of how many rows, on both sides."""
    window, baseline = draw(st.integers(1, 400)), draw(st.integers(1, 2000))
    return draw(st.integers(0, window)), window, draw(st.integers(0, baseline)), baseline


@given(tables())
def test_upper_tail(table: tuple[int, int, int, int]) -> None:
    """The upper tail equals the sum of integers to 1e-11, for any table."""
    assert in_integers(*table) == pytest.approx(hypergeometric.upper(*table), rel=1e-11)


@given(tables())
def test_tails_overlap_in_one_mass(table: tuple[int, int, int, int]) -> None:
    """Both tails together exceed 1 by the mass of the point they share."""
    seen, window, before, baseline = table
    lower, above = hypergeometric.lower(*table), 0.0
    if seen < window and before > 0:
        above = hypergeometric.upper(seen + 1, window, before - 1, baseline)

    assert pytest.approx(1.0, abs=1e-10) == lower + above


@pytest.mark.parametrize(
    "table", [(0, 1, 0, 1), (0, 60, 0, 20_000), (60, 60, 20_000, 20_000), (0, 0, 5, 100), (3, 10, 0, 0)]
)
def test_nothing_to_tell(table: tuple[int, int, int, int]) -> None:
    """Nothing seen, everything seen, or an empty side can never be surprising."""
    assert hypergeometric.two_sided(*table) == 1.0


def test_millions_of_rows() -> None:
    """Among a million rows the tail still agrees with the sum of integers."""
    table = (260, 2_000, 100_000, 1_000_000)

    assert in_integers(*table) == pytest.approx(hypergeometric.upper(*table), rel=1e-10)
