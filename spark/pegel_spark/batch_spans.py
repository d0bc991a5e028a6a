"""The spans of traced events in a driver: the batch that read them, its task, and the windows that they are in."""

from __future__ import annotations

from collections import Counter, deque
from collections.abc import Iterable
from dataclasses import dataclass, field

from pegel.data.event_tracing import EventSpan, EventTracing
from pegel.data.instants import to_us
from pegel.stream.result_rows import WindowRow
from pegel.stream.task_output import TaskOutput
from pegel.stream.traced_records import TracedRecord

MOST_OF_BATCH = 16
"""Traced events of one batch that have spans; of each task so many are told, the others are counted."""
EVENTS_TRACED = 100
"""Events of which spans are begun in a second, in many batches."""
MOST_WAITING = 1_000
"""Traced events whose windows are waited for; beyond them the oldest have no span of a window."""
UNTOLD, UNCLOSED = "over_batch", "over_waiting"


@dataclass(frozen=True, slots=True)
class _Waiting:
    """An event that was counted, and the span below which those of its windows stand."""

    record: TracedRecord
    batch: EventSpan
    committed_ns: int


@dataclass(slots=True)
class BatchSpans:
    """Spans of one driver. Times are nanoseconds since the epoch.

    What waits for its window is in memory alone: after a restart the windows of events that were read before have no
    spans. The windows themselves know nothing of traces.
    """

    tracing: EventTracing
    group: str
    _read: list[tuple[TracedRecord, EventSpan]] = field(default_factory=list)
    """Of the batch that is being committed."""
    _waiting: deque[_Waiting] = field(default_factory=lambda: deque(maxlen=MOST_WAITING))

    def __post_init__(self) -> None:
        """Count from nothing: whoever reads the counts in another thread finds their names."""
        self.counts.update({UNTOLD: 0, UNCLOSED: 0})

    @property
    def counts(self) -> Counter[str]:
        """Return what became of events and spans."""
        return self.tracing.counts

    def read(self, output: TaskOutput, began_ns: int) -> None:
        """Begin the spans of a batch that was given out at `began_ns` and is counted now."""
        for _, uncommitted in self._read:
            uncommitted.end(error="not_committed")
        self._read = []
        self.counts[UNTOLD] += output.untraced + max(0, len(output.traced) - MOST_OF_BATCH)
        for record in output.traced[:MOST_OF_BATCH]:
            topic, partition = record.address
            span = self.tracing.follow(
                [record.traceparent],
                "batch",
                "consumer",
                start_ns=began_ns,
                attributes={
                    "messaging.system": "kafka",
                    "messaging.destination.name": topic,
                    "messaging.destination.partition.id": str(partition),
                    "messaging.kafka.offset": record.offset,
                    "messaging.batch.message_count": output.records,
                    "pegel.event_id": record.event_id,
                    "pegel.group": self.group,
                    "pegel.monitor": record.key,
                },
            )
            if span is not None:
                self._read.append((record, span))
                task = span.child("count", "internal", start_ns=record.began_ns)
                task.end(end_ns=record.ended_ns)

    def committed(self, windows: Iterable[WindowRow], at_ns: int) -> None:
        """End the spans of the batch, and tell of events whose windows are final now."""
        for record, span in self._read:
            span.end(end_ns=at_ns)
            if record.key:
                self.counts[UNCLOSED] += len(self._waiting) == MOST_WAITING
                self._waiting.append(_Waiting(record, span, at_ns))
        self._read = []
        if self._waiting:
            for row in windows:
                if row.final and not row.segment:
                    self._close(row, at_ns)

    def close(self) -> None:
        """Send what waits."""
        self.tracing.close()

    def _close(self, row: WindowRow, at_ns: int) -> None:
        """Tell of the events in one window, and forget those that no later one can hold."""
        start_us, end_us, kept = to_us(row.span.start), to_us(row.span.end), []
        for waiting in self._waiting:
            if waiting.record.key != row.key or waiting.record.time_us >= end_us:
                kept.append(waiting)
                continue
            if waiting.record.time_us >= start_us:
                kept.append(waiting)
                waiting.batch.child(
                    "window",
                    "internal",
                    start_ns=waiting.committed_ns,
                    attributes={
                        "pegel.monitor": row.key,
                        "pegel.window.start": row.span.start.isoformat(),
                        "pegel.window.end": row.span.end.isoformat(),
                        "pegel.window.rows": row.rows,
                        "pegel.window.verdict": str(row.verdict),
                    },
                ).end(end_ns=at_ns)
        self._waiting = deque(kept, maxlen=MOST_WAITING)
