"""Spans of traced events in a driver, by a real exporter and receiver; windows are final when the test says so."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta

import pytest

from pegel.data.asked_tracing import tracing_of
from pegel.data.instants import to_us
from pegel.stream.task_output import TaskOutput
from pegel.stream.traced_records import TracedRecord
from pegel.testing import ReceivedSpan, TraceReceiver
from pegel.testing.samples import sample_span, sample_window
from pegel_spark.batch_spans import MOST_OF_BATCH, MOST_WAITING, UNCLOSED, UNTOLD, BatchSpans

TRACE, LOGGER = "0af7651916cd43dd8448eb211c80319c", "b7ad6b7169203331"
START = sample_span().start
RECORD = TracedRecord(f"00-{TRACE}-{LOGGER}-01", ("t", 0), 7, "e1", "delays/1", to_us(START), 2_000, 3_000)


@pytest.fixture
def spans(span_receiver: TraceReceiver) -> Iterator[BatchSpans]:
    """Those of a driver that sends to it."""
    tracing = tracing_of("pegel-driver", per_second=10_000)
    assert tracing is not None
    made = BatchSpans(tracing, "default")
    yield made
    made.close()


def all_sent(spans: BatchSpans, span_receiver: TraceReceiver) -> list[ReceivedSpan]:
    """Return the spans of the trace, once all are there."""
    spans.close()
    return span_receiver.of_trace(TRACE)


def test_an_event_has_the_batch_that_read_it_and_its_window(spans: BatchSpans, span_receiver: TraceReceiver) -> None:
    """Batch below the logger's span, the task and the window below the batch; a later window is not its own."""
    spans.read(TaskOutput(traced=[RECORD]), began_ns=1_000)
    spans.committed([], at_ns=4_000)
    spans.committed([sample_window(0, verdict="ok"), sample_window(0, segment="part")], at_ns=9_000)
    spans.committed([sample_window(1)], at_ns=10_000)
    batch, count, window = all_sent(spans, span_receiver)

    assert ["batch", "count", "window"] == [batch.name, count.name, window.name]
    assert [LOGGER, batch.id, batch.id] == [batch.parent, count.parent, window.parent]
    assert [(1_000, 4_000), (2_000, 3_000), (4_000, 9_000)] == [
        (span.start_ns, span.end_ns) for span in (batch, count, window)
    ]
    assert ("e1", 7, "t") == tuple(
        batch.attributes[name] for name in ("pegel.event_id", "messaging.kafka.offset", "messaging.destination.name")
    )
    assert {
        "pegel.monitor": "delays/1",
        "pegel.window.start": START.isoformat(),
        "pegel.window.end": (START + timedelta(minutes=1)).isoformat(),
        "pegel.window.rows": 600,
        "pegel.window.verdict": "ok",
    } == window.attributes


def test_windows_that_are_not_its_own_are_left_out(spans: BatchSpans, span_receiver: TraceReceiver) -> None:
    """Of another model, before its time, provisional: none of them holds the event; a window's end is not in it."""
    spans.read(TaskOutput(traced=[replace(RECORD, time_us=to_us(sample_span(1).start))]), began_ns=1)
    windows = [sample_window(0), sample_window(1, model="fraud"), sample_window(1, final=False)]
    spans.committed(windows, at_ns=5)

    assert ["batch", "count"] == [span.name for span in all_sent(spans, span_receiver)]


def test_a_batch_that_was_not_committed_says_so(spans: BatchSpans, span_receiver: TraceReceiver) -> None:
    """Its records are read again, in a batch that has a span of its own."""
    spans.read(TaskOutput(traced=[RECORD]), began_ns=1_000)
    spans.read(TaskOutput(traced=[RECORD]), began_ns=2_000)
    spans.committed([], at_ns=4_000)
    batches = [span for span in all_sent(spans, span_receiver) if span.name == "batch"]

    assert [(True, "not_committed"), (False, None)] == [
        (span.is_error, span.attributes.get("error.type")) for span in batches
    ]


def test_a_flood_is_bounded_and_counted(spans: BatchSpans) -> None:
    """So many of a batch have spans, and so many wait for windows; a record with words of its own has none."""
    spans.read(TaskOutput(traced=[replace(RECORD, traceparent="nonsense")], untraced=5), began_ns=1)
    for _ in range(100):
        spans.read(TaskOutput(traced=[RECORD] * 20), began_ns=1)
        spans.committed([], at_ns=2)

    counts = spans.counts
    assert 5 + 100 * 4 == counts[UNTOLD]
    assert 100 * MOST_OF_BATCH - MOST_WAITING == counts[UNCLOSED]
