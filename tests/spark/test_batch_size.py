"""How many records a batch holds: fewer of large ones, and of those that lie far apart in time."""

from __future__ import annotations

from pegel.stream.partial import Partial
from pegel.stream.task_output import PartitionRead, TaskOutput
from pegel_spark.batch_size import BYTES_PER_TRIGGER, MIN_RECORDS, BatchSize

SUMMARY = bytes(60_000)


def output(records: int, panes: int) -> TaskOutput:
    """Return what tasks make of records of 1,000 bytes in so many panes."""
    partials = [Partial(key="wide/1", pane_us=pane, head_us=0, summaries={"b": SUMMARY}) for pane in range(panes)]
    read = PartitionRead("t", 0, start=0, end=records, records=records, size_bytes=1_000 * records)
    return TaskOutput(partials=partials, reads={("t", 0): read})


def test_a_sparse_backlog_makes_the_next_batch_small() -> None:
    """After one batch in which each record has a pane of its own, what is counted of the next one fits the bound."""
    size = BatchSize(record_bytes=1_000.0)
    before = size.records
    size.saw(output(records=3_000, panes=3_000))

    assert BYTES_PER_TRIGGER // 61_000 == size.records < before


def test_a_first_batch_is_small_enough_for_what_nobody_has_seen() -> None:
    """Before any record was seen, a batch holds so many that it fits the bound if each is as large as a pane."""
    assert BatchSize().records * (len(SUMMARY) + 1_000) <= BYTES_PER_TRIGGER


def test_a_dense_stream_makes_batches_large_again() -> None:
    """Where many records share a pane their bodies decide, after some batches."""
    size = BatchSize()
    size.saw(output(records=3_000, panes=3_000))
    for _ in range(30):
        size.saw(output(records=3_000, panes=1))

    assert 0.99 < size.records * 1_020 / BYTES_PER_TRIGGER < 1.01


def test_a_trickle_says_nothing_about_a_backlog() -> None:
    """One record a batch has a pane of its own always: its body alone is believed."""
    size = BatchSize()
    before = size.records
    for _ in range(30):
        size.saw(output(records=1, panes=1))

    assert size.records > before > MIN_RECORDS


def test_huge_records_still_come_in_batches() -> None:
    """However large records are, a batch holds so many that the stream gets on."""
    size = BatchSize()
    size.saw(TaskOutput(reads={("t", 0): PartitionRead("t", 0, start=0, end=1, records=1, size_bytes=10**8)}))

    assert MIN_RECORDS == size.records
