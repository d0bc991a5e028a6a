"""Latencies: quantiles within the stated error of the exact ones, counts that add up bit by bit."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pegel.stats.answer_latencies import LONGEST, RELATIVE_ERROR, Latencies, boundary

MILLISECONDS = st.lists(st.integers(-10, 300) | st.integers(0, 2**45), max_size=60)


def of(*parts: list[int]) -> Latencies:
    """Return the latencies of these parts."""
    latencies = Latencies()
    for part in parts:
        latencies.update(np.array(part, dtype=np.int64))
    return latencies


def exact(values: list[int], rank: float) -> int:
    """Return the smallest value with at least the share `rank` up to it."""
    return sorted(values)[max(0, int(np.ceil(rank * len(values))) - 1)]


@given(MILLISECONDS, st.sampled_from([0.0, 0.5, 0.95, 0.99, 1.0]))
def test_a_quantile_is_within_the_stated_error_and_exact_where_it_is_short(values: list[int], rank: float) -> None:
    """Below 128 ms it is a value that occurred; above, at most 0.8 % from it; without any value there is none."""
    forward = [value for value in values if value >= 0]
    quantile = of(values).quantile(rank)

    if not forward:
        assert None is quantile
    else:
        true = exact(forward, rank)
        assert quantile is not None
        assert abs(quantile - true) <= (RELATIVE_ERROR * true if true >= 128 else 0)


@given(MILLISECONDS)
def test_one_by_one_is_as_many_at_once(values: list[int]) -> None:
    """Latencies that are counted as they come are those that are counted together."""
    latencies = Latencies()
    for value in values:
        latencies.count(value)

    assert of(values) == latencies


@given(MILLISECONDS, MILLISECONDS, MILLISECONDS)
def test_merged_in_any_order_and_stored_in_between_the_bytes_are_those_of_the_whole(
    a: list[int], b: list[int], c: list[int]
) -> None:
    """However latencies are split, merged and stored, nobody can tell it from the result."""
    left, right = of(b), of(c)
    left.merge(of(a))
    left = Latencies.from_bytes(left.to_bytes())
    left.merge(right)
    right.merge(Latencies.from_json(of(a).to_json()))
    right.merge(of(b))

    assert of(a, b, c).to_bytes() == left.to_bytes()
    assert of(a + b + c).to_bytes() == right.to_bytes()


@given(MILLISECONDS, st.integers(0, 2**45))
def test_latencies_are_counted_exactly_from_a_boundary_on(values: list[int], duration: int) -> None:
    """Those of `boundary(duration)` and longer are counted; it is at most a cell above the duration."""
    limit = boundary(duration)

    assert sum(value >= limit for value in values) == of(values).at_least(limit)
    assert duration <= limit <= duration * (1 + 2 * RELATIVE_ERROR)
    assert limit == boundary(limit)


@pytest.mark.parametrize("value", [LONGEST, LONGEST + 1, 2**63 - 1])
def test_what_no_clock_can_mean_is_counted_as_the_longest(value: int) -> None:
    """Any 63 bits are a duration; nothing overflows."""
    quantile = of([value]).quantile(1)

    assert quantile is not None
    assert abs(quantile - LONGEST) <= RELATIVE_ERROR * LONGEST
