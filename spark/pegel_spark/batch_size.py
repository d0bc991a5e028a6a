"""How many records one batch should hold, learned from the batches before it, so that its bytes are bounded."""

from __future__ import annotations

from dataclasses import dataclass

from pegel.stream.task_output import TaskOutput

BYTES_PER_TRIGGER = 64 * 1024 * 1024
"""Bytes of bodies, and of what is counted of them, that one batch is meant to hold: seconds of work, whatever the size
of a record."""
ASSUMED_RECORD_BYTES = 64 * 1024
"""What a record takes before any was seen: a first batch of 1,024 is seconds of work also where each has a large body,
or lies in a pane of its own."""
MIN_RECORDS = 100


@dataclass(slots=True)
class BatchSize:
    """The size of the next batch. `record_bytes`: what a record takes, its body and what is counted of it."""

    record_bytes: float = ASSUMED_RECORD_BYTES

    def saw(self, output: TaskOutput) -> None:
        """Learn from a batch; larger records are believed at once, smaller ones by and by.

        Where each record lies in a pane of its own, what is counted of it is many times its body. Where many share a
        pane it is nothing to speak of; of a few records nobody can tell which it is.
        """
        if not output.records:
            return
        counted = output.partial_bytes if output.records >= MIN_RECORDS else 0
        record_bytes = (output.size_bytes + counted) / output.records
        is_larger = record_bytes > self.record_bytes
        self.record_bytes += (1.0 if is_larger else 0.3) * (record_bytes - self.record_bytes)

    @property
    def records(self) -> int:
        """Return how many records a batch should hold at most."""
        return max(MIN_RECORDS, int(BYTES_PER_TRIGGER / max(1.0, self.record_bytes)))
