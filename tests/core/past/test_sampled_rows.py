"""Some rows of many, chosen by their event's id."""

from __future__ import annotations

import numpy as np
import pyarrow as pa
import pytest

from pegel.past.sampled_rows import SampledRows, event_keys, is_searched, numbered_keys

pytestmark = pytest.mark.environments("pyarrow")


def rows(first: int, count: int) -> pa.Table:
    """Return rows of events of two rows each."""
    numbers = range(first, first + count)
    return pa.table({"event_id": [f"event {at // 2}" for at in numbers], "x": numbers})


def sampled(order: list[int]) -> pa.Table:
    """Sample 10 batches in some order, at most 800 rows of them."""
    sample = SampledRows(most_rows=800)
    for at in order:
        batch = rows(at * 1_000, 1_000)
        sample.add(batch, event_keys(batch.column("event_id")))
    return sample.table(pa.schema([]))[0]


def test_the_same_rows_are_kept_in_any_order() -> None:
    """Which rows are kept does not depend on the order of batches, and rows of an event go together."""
    there, back = sampled(list(range(10))), sampled(list(range(10))[::-1])

    assert 300 < there.num_rows <= 800
    assert sorted(there.column("x").to_pylist()) == sorted(back.column("x").to_pylist())
    assert {at ^ 1 for at in there.column("x").to_pylist()} == set(there.column("x").to_pylist())


def test_bytes_are_bounded() -> None:
    """However long its texts are, what is kept has no more bytes than it may."""
    sample = SampledRows(most_bytes=1_000_000)
    for at in range(20):
        batch = pa.table({"event_id": [f"{at} {place}" for place in range(50)], "text": ["x" * 20_000] * 50})
        sample.add(batch, event_keys(batch.column("event_id")))

    kept, _keys = sample.table(pa.schema([]))

    assert 0 < kept.nbytes <= 1_000_000
    assert sample.read == 1_000


def test_halves_are_even_and_of_whole_events() -> None:
    """Half of the events are searched; what is kept of many is parted as evenly."""
    ids = rows(0, 20_000).column("event_id")
    keys = event_keys(ids)
    half = is_searched([keys, numbered_keys(0, 20_000)])

    assert np.array_equal(half[:20_000:2], half[1:20_000:2])
    assert abs(half[:20_000].mean() - 0.5) < 0.02
    assert abs(half[20_000:].mean() - 0.5) < 0.02
    assert abs(half[20_000:][numbered_keys(0, 20_000) < 2**61].mean() - 0.5) < 0.05


def test_rows_without_an_id_are_one_event() -> None:
    """Null ids are no error."""
    keys = event_keys(pa.chunked_array([pa.array(["a", None, None], pa.string())]))

    assert keys[1] == keys[2] != keys[0]
