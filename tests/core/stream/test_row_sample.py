"""A sample of rows is the same however the rows came, bounded, and drawn as if by lot."""

from __future__ import annotations

import pickle
import sys
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from pegel.data.columns import Columns
from pegel.stream.row_sample import LARGEST_ROW_BYTES, PER_VALUE_BYTES, Priorities, RowSample, priorities

PRIORITIES = st.lists(st.integers(0, 60) | st.integers(0, 2**64 - 1), max_size=40)
"""Few enough that some are the same."""
BOUNDS = st.fixed_dictionaries({"most_rows": st.integers(1, 12), "most_bytes": st.integers(0, 1_000)})


def rows_of(given_: list[int]) -> tuple[Columns, Priorities]:
    """Return rows that say their priority, in a number, in a text of some length, and in what is missing."""
    values = np.array(given_, dtype=np.uint64)
    numbers, codes = values.astype(np.float64)[:, None], (values % 3).astype(np.uint8)[:, None]
    texts = np.array([None if one % 5 == 0 else "x" * (one % 7) for one in given_], dtype=np.object_)
    mask = values % 4 == 0
    return Columns(
        len(given_), numbers, codes if codes.any() else None, (texts,), (mask if mask.any() else None,)
    ), values


def sampled(given_: list[int], **bounds: int) -> RowSample:
    """Return the sample of such rows."""
    columns, values = rows_of(given_)
    return RowSample.of(columns, values, **bounds)


def content(sample: RowSample) -> list[Any]:
    """Return everything that a sample says; which of several rows of one priority comes first says nothing."""
    rows = sample.columns
    missing = np.zeros(rows.numeric.shape, dtype=np.uint8) if rows.missing is None else rows.missing
    strange = np.zeros(rows.n, dtype=np.bool_) if rows.unparseable[0] is None else rows.unparseable[0]
    facts = (sample.priorities, sample.sizes, sample.is_empty, rows.numeric[:, 0], missing[:, 0], strange)
    of_rows = zip(*(fact.tolist() for fact in facts), map(str, rows.categorical[0]), strict=True)
    return [sample.seen, sample.limit, rows.n, sorted(of_rows)]


@given(st.lists(PRIORITIES, min_size=1, max_size=6), BOUNDS, st.randoms())
def test_it_is_the_same_however_the_rows_came(parts: list[list[int]], bounds: dict[str, int], order: Any) -> None:
    """In one batch or several, one added to the other or put together, in whatever order."""
    whole = content(sampled([one for part in parts for one in part], **bounds))
    added = sampled(parts[0], **bounds)
    for part in parts[1:]:
        added.add(*rows_of(part))
    order.shuffle(parts)
    samples = [sampled(part, **bounds) for part in parts]
    while len(samples) > 1:
        samples[-2].merge(samples.pop())

    assert whole == content(added)
    assert whole == content(samples[0])


@given(PRIORITIES, BOUNDS)
def test_it_holds_the_rows_below_its_limit_and_no_more_than_fit(given_: list[int], bounds: dict[str, int]) -> None:
    """Rows of one priority are in it together or not at all; without a limit it is whole."""
    sample = sampled(given_, **bounds)
    below = sorted(one for one in given_ if sample.limit is None or one < sample.limit)

    assert below == sample.priorities.tolist()
    assert sample.columns.n <= bounds["most_rows"]
    assert int(sample.sizes.sum()) <= bounds["most_bytes"]
    assert sample.is_whole == (len(below) == len(given_))


@given(PRIORITIES, BOUNDS)
def test_one_more_row_would_not_fit(given_: list[int], bounds: dict[str, int]) -> None:
    """A row is left out only for the bounds: with all rows of the limit it would be too many or too much."""
    sample = sampled(given_, **bounds)
    if sample.limit is None:
        return
    more = sampled([one for one in given_ if one <= sample.limit], most_rows=100, most_bytes=10_000)
    beyond = {"most_rows": more.columns.n, "most_bytes": int(more.sizes.sum())}

    assert [name for name, amount in beyond.items() if amount > bounds[name]]


def test_a_row_that_is_too_large_is_in_no_sample_and_is_counted() -> None:
    """One row that would be all of a sample leaves the others in it."""
    texts = np.array(["a", "b" * (LARGEST_ROW_BYTES + 1), None], dtype=np.object_)
    columns = Columns(3, np.empty((3, 0)), None, (texts,), (None,))
    sample = RowSample.of(columns, np.array([1, 2, 3], dtype=np.uint64))

    assert (["a", None], 1, 3, False) == (
        sample.rows.categorical[0].tolist(),
        sample.too_large,
        sample.seen,
        sample.is_whole,
    )
    # What is left of the texts is an "a", with what any text takes.
    assert 3 * PER_VALUE_BYTES + sys.getsizeof("a") >= sample.sizes.sum()


@pytest.mark.parametrize(("text", "size"), [(None, 9), ("abc", 61), ("äbc", 97)])
def test_a_text_counts_as_the_most_that_it_takes(text: str | None, size: int) -> None:
    """One byte a letter of ASCII, four of any other text."""
    columns = Columns(1, np.empty((1, 0)), None, (np.array([text], dtype=np.object_),), (None,))

    assert size == int(RowSample.of(columns, np.array([1], dtype=np.uint64)).sizes[0])


def drawn(identities: NDArray[np.uint64], rows: int) -> Priorities:
    """Return the priorities of events of so many rows each."""
    return priorities(np.repeat(identities, rows), np.tile(np.arange(rows), identities.size))


def test_every_row_has_the_same_chance() -> None:
    """Of neighbouring identities and of rows of one event, each tenth of the priorities has a tenth of the rows."""
    counts, _ = np.histogram(drawn(np.arange(10_000, dtype=np.uint64), 10).astype(np.float64), 10, (0, 2.0**64))

    # Five standard deviations of a binomial of 100,000 rows.
    assert abs(counts - 10_000).max() < 5 * np.sqrt(100_000 * 0.1 * 0.9)


def test_no_two_rows_share_a_priority() -> None:
    """Rows of one event are told apart, and so are events."""
    assert 200_000 == np.unique(drawn(np.arange(20_000, dtype=np.uint64) * 2, 10)).size


def test_it_travels() -> None:
    """A worker sends it as it is."""
    sample = sampled([3, 1, 2], most_rows=2)

    assert content(sample) == content(pickle.loads(pickle.dumps(sample)))  # noqa: S301  our own


@pytest.mark.parametrize("text", ["", "a", "B" * 40, "é", "数" * 20])
def test_a_row_takes_no_less_than_is_counted_for_it(text: str) -> None:
    """The bytes of a text are those that it takes in memory, so that the bound of a sample is one."""
    column = np.array([f"{text}{at}" for at in range(100)], dtype=np.object_)
    columns = Columns(100, np.empty((100, 0)), None, (column,), (None,))
    sample = RowSample.of(columns, np.arange(100, dtype=np.uint64))

    assert sum(map(sys.getsizeof, column.tolist())) <= sample.sizes.sum()
