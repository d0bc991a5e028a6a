"""In which steps numbers are measured, and which values lie between them."""

from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from pegel.stats.decimal_grids import NO_GRID, digits_of, off_grid


def test_the_steps_of_a_column_are_the_finest_that_any_value_needs() -> None:
    """Whole numbers need no digit, cents two; what was measured in no steps at all has none."""
    rng = np.random.default_rng(1)

    assert [0, 2, 6, NO_GRID] == [
        digits_of(values) for values in (np.arange(9.0), np.array([1.0, 9.99]), np.array([1e-6]), rng.normal(size=100))
    ]


@given(st.lists(st.integers(-(10**9), 10**9), min_size=1), st.integers(0, 6))
def test_what_was_rounded_is_on_its_grid_also_through_float32(steps: list[int], digits: int) -> None:
    """Neither the binary form of decimals nor a client's float32 makes a value finer than it is."""
    values = np.round(np.array(steps) / 10.0**digits, digits)

    assert not off_grid(values, digits).any()
    assert not off_grid(values.astype(np.float32).astype(np.float64), digits).any()


def test_a_step_between_the_steps_is_seen_and_what_is_missing_is_not() -> None:
    """Half a cent is finer than cents; NaN and the infinities are no values."""
    values = np.array([9.995, 10.0, np.nan, np.inf, -np.inf, 1e15, 0.12345])

    assert [True, False, False, False, False, False, True] == off_grid(values, 2).tolist()
