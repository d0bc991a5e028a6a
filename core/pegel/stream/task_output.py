"""What tasks return: partials, unreadable records kept aside, and how far each partition was read."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field

from pegel.stream.partial import Partial
from pegel.stream.row_sample import RowSample
from pegel.stream.traced_records import TracedRecord

SampledPane = tuple[str, int, str]
"""A monitor's key, the start of a pane in microseconds since the epoch, and the baseline by which it is counted."""


@dataclass(frozen=True, slots=True)
class DeadLetter:
    """An unreadable record to be kept aside as it came. `topic`: on which it lay."""

    value: bytes
    headers: tuple[tuple[str, bytes], ...]
    reason: str
    topic: str = ""

    @property
    def size_bytes(self) -> int:
        """Return about how much memory it takes."""
        return len(self.value) + sum(len(name) + len(value) for name, value in self.headers)


@dataclass(slots=True)
class PartitionRead:
    """The records of one partition that a task took: offsets from `start` (inclusive) to `end` (exclusive).

    `minutes` counts their events by minute of event time, microseconds since the epoch, before anything decided about
    them; a record is one event, or both of a pair.
    `heads`: the newest event time by monitor (`KEY_OF_NOBODY`: of what no monitor counts), none of them in the future.
    """

    topic: str
    partition: int
    start: int
    end: int
    records: int = 0
    size_bytes: int = 0
    minutes: dict[int, int] = field(default_factory=dict)
    heads: dict[str, int] = field(default_factory=dict)

    def add(self, other: PartitionRead) -> None:
        """Add what another task, or another record batch, took of the same partition."""
        self.start, self.end = min(self.start, other.start), max(self.end, other.end)
        self.records += other.records
        self.size_bytes += other.size_bytes
        for minute, records in other.minutes.items():
            self.minutes[minute] = self.minutes.get(minute, 0) + records
        for key, head_us in other.heads.items():
            self.heads[key] = max(head_us, self.heads.get(key, head_us))


@dataclass(slots=True)
class TaskOutput:
    """Everything that the tasks of one batch returned."""

    partials: list[Partial] = field(default_factory=list)
    letters: list[DeadLetter] = field(default_factory=list)
    reads: dict[tuple[str, int], PartitionRead] = field(default_factory=dict)
    answering: set[str] = field(default_factory=set)
    """Keys of monitors whose endpoint answered a probe: it logs answers."""
    samples: dict[SampledPane, RowSample] = field(default_factory=dict)
    """Of monitors that ask for them: rows of requests."""
    traced: list[TracedRecord] = field(default_factory=list)
    """Records that ask for spans, as many as the plan allows of each task."""
    untraced: int = 0
    """How many more do."""

    def sampled(self, pane: SampledPane, sample: RowSample) -> None:
        """Add a sample of other rows of one pane; it may be changed later."""
        if pane in self.samples:
            self.samples[pane].merge(sample)
        else:
            self.samples[pane] = sample

    def took(self, read: PartitionRead) -> None:
        """Add records of one partition."""
        where = (read.topic, read.partition)
        if where in self.reads:
            self.reads[where].add(read)
        else:
            self.reads[where] = read

    @property
    def size_bytes(self) -> int:
        """Return the bytes of all bodies that were read."""
        return sum(read.size_bytes for read in self.reads.values())

    @property
    def records(self) -> int:
        """Return how many records were read."""
        return sum(read.records for read in self.reads.values())


def together(outputs: Iterable[TaskOutput]) -> TaskOutput:
    """Return what all tasks found together."""
    whole = TaskOutput()
    for output in outputs:
        whole.partials += output.partials
        whole.letters += output.letters
        whole.answering |= output.answering
        whole.traced += output.traced
        whole.untraced += output.untraced
        for read in output.reads.values():
            whole.took(read)
        for pane, sample in output.samples.items():
            whole.sampled(pane, sample)
    return whole
