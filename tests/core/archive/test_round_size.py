"""How much an archiving run reads at once."""

from __future__ import annotations

from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from pegel.archive.round_size import FIRST_RECORDS, GROWTH, RoundSize

MOST = 500_000


def test_small_events_are_read_by_their_number() -> None:
    """It grows by steps, up to the records of a round, and stays there."""
    size, rounds = RoundSize(MOST, 2 * 1024**3), list[int]()
    for _ in range(4):
        rounds.append(size.records)
        size.saw(size.records, 400 * size.records)

    assert [FIRST_RECORDS, GROWTH * FIRST_RECORDS, MOST, MOST] == rounds


def test_large_events_are_read_by_their_bytes() -> None:
    """As many as fit, and one at least; events of others, of which nothing is kept, are read by their number."""
    size = RoundSize(MOST, 1_000_000)
    size.saw(FIRST_RECORDS, 50_000 * FIRST_RECORDS)
    few = size.records
    size.saw(20, 20 * 10_000_000)
    one = size.records
    size.saw(1, 0)
    size.saw(0, 7)

    assert (20, 1, GROWTH) == (few, one, size.records)


@given(st.lists(st.integers(1, 1_000_000), min_size=1, max_size=8))
def test_a_round_holds_no_more_than_its_bytes_while_sizes_stay(sizes: list[int]) -> None:
    """Where events are at most as large as before, the bound is kept, or the round has one record."""
    size, most = RoundSize(MOST, 10_000_000), 10_000_000
    shrinking = sorted(sizes, reverse=True)
    size.saw(size.records, shrinking[0] * size.records)
    for before, now in pairwise(shrinking):
        assert now <= before
        assert size.records * now <= max(most, now)
        size.saw(size.records, now * size.records)


def test_few_records_are_one_round() -> None:
    """Where a round may have fewer than the first one, it begins with these."""
    assert 300 == RoundSize(300, 10**9).records


def test_a_round_is_divided_by_the_bytes_that_it_is_expected_to_have() -> None:
    """Before anybody knows, a record is taken for a large one; then by what the round before had; never into none."""
    size = RoundSize(MOST, 2 * 1024**3)
    first = size.pieces(FIRST_RECORDS)
    size.saw(FIRST_RECORDS, 90_000 * FIRST_RECORDS)
    large = size.pieces(size.records)
    size.saw(size.records, 0)

    assert (15, 16, 1) == (first, large, size.pieces(MOST))
