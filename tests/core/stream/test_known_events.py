"""Copies are found however many events are known, and finding them costs what the batch costs."""

from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from pegel.stream.known_events import KnownEvents

IDS = st.lists(st.integers(0, 40), max_size=30)


def ids(values: list[int]) -> np.ndarray[tuple[int], np.dtype[np.uint64]]:
    """Return identities."""
    return np.array(values, dtype=np.uint64)


@given(st.lists(IDS, max_size=8), IDS)
def test_what_was_added_is_known_and_nothing_else(added: list[list[int]], sought: list[int]) -> None:
    """In whatever portions it came."""
    known = KnownEvents()
    for some in added:
        known.add(ids(some))

    assert sorted({*sought} & {one for some in added for one in some}) == known.among(ids(sought)).tolist()


def test_many_small_batches_leave_few_runs() -> None:
    """A search looks into as many runs as the number of events has binary digits, not into one for each batch."""
    known = KnownEvents()
    for batch in range(3_000):
        known.add(np.arange(20, dtype=np.uint64) * 1_000_003 + batch)

    assert 60_000 == sum(run.size for run in known.runs)
    assert len(known.runs) <= 16
    assert all(longer.size > 2 * shorter.size for longer, shorter in zip(known.runs, known.runs[1:], strict=False))
