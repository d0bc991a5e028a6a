"""Events of one id are looked at together, and never many bytes of them."""

from __future__ import annotations

from itertools import pairwise

import pyarrow as pa
import pytest

from pegel.archive.logged_events import EVENTS
from pegel_spark.archive_rows import BYTES_AT_ONCE, whole_ids


def batch(count: int, body_bytes: int) -> pa.RecordBatch:
    """Return so many pairs of a request and its answer, ordered by id."""
    columns = {
        "event_id": [f"e{at // 2:06d}" for at in range(2 * count)],
        "is_answer": [at % 2 == 1 for at in range(2 * count)],
        "body": [b"0" * body_bytes] * (2 * count),
    }
    return pa.RecordBatch.from_arrays(
        [pa.array(columns.get(name, [None] * (2 * count)), EVENTS.field(name).type) for name in EVENTS.names],
        names=EVENTS.names,
    )


@pytest.mark.parametrize(("count", "body_bytes"), [(2_000, 10_000), (20, 3_000_000), (12_000, 10), (1, 20_000_000)])
def test_few_bytes_of_whole_ids_at_once(count: int, body_bytes: int) -> None:
    """Whatever Spark hands over at once, rows are made of about BYTES_AT_ONCE, and no id is in two of them."""
    tables = list(whole_ids(iter([batch(count, body_bytes)])))
    ids = [set(table.column("event_id").to_pylist()) for table in tables]
    pair = 2 * (body_bytes + 100)

    assert 2 * count == sum(table.num_rows for table in tables)
    assert all(not one & other for one, other in pairwise(ids))
    assert max(table.nbytes for table in tables) <= 2 * BYTES_AT_ONCE + 2 * pair
