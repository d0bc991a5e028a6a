"""What tasks return: partials, unreadable records kept aside, and how far each partition was read. As Arrow rows."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import asdict, dataclass, field
from typing import Any

import pyarrow as pa

from pegel.stream import packing
from pegel.stream.partial import Partial

SCHEMA = pa.schema([("kind", pa.string()), ("data", pa.binary())])
SQL_SCHEMA = "kind string, data binary"
"""The same in Spark's words."""
_PARTIAL, _LETTER, _READ, _ANSWERING = "partial", "letter", "read", "answering"


@dataclass(frozen=True, slots=True)
class DeadLetter:
    """An unreadable record to be kept aside as it came."""

    value: bytes
    headers: tuple[tuple[str, bytes], ...]
    reason: str

    @property
    def size_bytes(self) -> int:
        """Return about how much memory it takes."""
        return len(self.value) + sum(len(name) + len(value) for name, value in self.headers)

    def to_bytes(self) -> bytes:
        """Return everything packed, the inverse of `from_bytes`."""
        value = {"reason": self.reason, "names": [name for name, _ in self.headers]}
        return packing.pack(value, (self.value, *(value for _, value in self.headers)))

    @classmethod
    def from_bytes(cls, data: bytes) -> DeadLetter:
        """Read what `to_bytes` wrote."""
        value, (body, *headers) = packing.unpack(data)
        return cls(body, tuple(zip(value["names"], headers, strict=True)), value["reason"])


@dataclass(slots=True)
class PartitionRead:
    """The records of one partition that a task took: offsets from `start` (inclusive) to `end` (exclusive).

    `minutes` counts them by minute of event time, microseconds since the epoch, before anything looked into them.
    """

    topic: str
    partition: int
    start: int
    end: int
    records: int = 0
    size_bytes: int = 0
    minutes: dict[int, int] = field(default_factory=dict)

    def add(self, other: PartitionRead) -> None:
        """Add what another task, or another record batch, took of the same partition."""
        self.start, self.end = min(self.start, other.start), max(self.end, other.end)
        self.records += other.records
        self.size_bytes += other.size_bytes
        for minute, records in other.minutes.items():
            self.minutes[minute] = self.minutes.get(minute, 0) + records

    def to_json(self) -> dict[str, Any]:
        """Return plain JSON, the inverse of `from_json`."""
        return asdict(self) | {"minutes": list(self.minutes.items())}

    @classmethod
    def from_json(cls, data: dict[str, Any]) -> PartitionRead:
        """Read what `to_json` wrote."""
        return cls(**data | {"minutes": dict(data["minutes"])})


@dataclass(slots=True)
class TaskOutput:
    """Everything that the tasks of one batch returned."""

    partials: list[Partial] = field(default_factory=list)
    letters: list[DeadLetter] = field(default_factory=list)
    reads: dict[tuple[str, int], PartitionRead] = field(default_factory=dict)
    answering: set[str] = field(default_factory=set)
    """Keys of monitors whose endpoint answered a probe: it logs answers."""

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
    def partial_bytes(self) -> int:
        """Return the bytes of all summaries and identities that came back."""
        summaries = (summary for partial in self.partials for summary in partial.summaries.values())
        return sum(len(summary) for summary in summaries) + sum(partial.ids.nbytes for partial in self.partials)

    @property
    def records(self) -> int:
        """Return how many records were read."""
        return sum(read.records for read in self.reads.values())


def encode(output: TaskOutput) -> pa.RecordBatch:
    """Return what a task found in the schema `SCHEMA`."""
    rows = [(_PARTIAL, partial.to_bytes()) for partial in output.partials]
    rows += [(_LETTER, letter.to_bytes()) for letter in output.letters]
    rows += [(_READ, packing.pack(read.to_json(), ())) for read in output.reads.values()]
    rows += [(_ANSWERING, key.encode()) for key in sorted(output.answering)]
    kinds, data = zip(*rows, strict=True) if rows else ((), ())
    return pa.RecordBatch.from_arrays([pa.array(kinds, pa.string()), pa.array(data, pa.binary())], schema=SCHEMA)


def decode(batches: Iterable[pa.RecordBatch]) -> TaskOutput:
    """Return what all tasks found together."""
    output = TaskOutput()
    for batch in batches:
        for kind, data in zip(batch.column("kind").to_pylist(), batch.column("data").to_pylist(), strict=True):
            if kind == _PARTIAL:
                output.partials.append(Partial.from_bytes(data))
            elif kind == _LETTER:
                output.letters.append(DeadLetter.from_bytes(data))
            elif kind == _ANSWERING:
                output.answering.add(data.decode())
            else:
                output.took(PartitionRead.from_json(packing.unpack(data)[0]))
    return output
