"""The events in memory, in the order in which they came, bounded by number and by bytes."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from pegel_serving.logger.kafka_record import KafkaRecord


@dataclass(slots=True)
class QueuedEvent:
    """One event in memory. `since` is when it was handed to the producer, in seconds of a monotonic clock."""

    event: KafkaRecord
    size: int
    since: float
    sent: bool = False
    suspect: bool = False
    """Refused together with others."""
    secured: bool = False
    """Already in the spool as well, because somebody could not wait for the broker."""


class MemoryQueue:
    """Entries by number. What is `sent` or `suspect` changes by the methods only, because it is counted."""

    def __init__(self, *, max_events: int, max_bytes: int) -> None:
        """Begin empty."""
        self._entries: dict[int, QueuedEvent] = {}
        self._max_events, self._max_bytes = max_events, max_bytes
        self.bytes = 0
        self.suspects = 0
        self.unsent = 0

    def __len__(self) -> int:
        """Return how many events are kept."""
        return len(self._entries)

    def __iter__(self) -> Iterator[int]:
        """Go through the numbers, oldest first."""
        return iter(self._entries)

    def __getitem__(self, number: int) -> QueuedEvent:
        """Return an entry. Raises KeyError when it is gone."""
        return self._entries[number]

    def get(self, number: int) -> QueuedEvent | None:
        """Return an entry, None when it is gone."""
        return self._entries.get(number)

    @property
    def oldest(self) -> QueuedEvent | None:
        """Return the entry that came first, None when there is none."""
        return next(iter(self._entries.values()), None)

    def has_room(self, size: int) -> bool:
        """Say whether an event of `size` bytes fits."""
        return len(self._entries) < self._max_events and self.bytes + size <= self._max_bytes

    def keep(self, number: int, event: KafkaRecord, size: int, now: float) -> None:
        """Add an event of `size` bytes that is still to be sent."""
        self._entries[number] = QueuedEvent(event, size, now)
        self.bytes += size
        self.unsent += 1

    def take(self, number: int) -> QueuedEvent | None:
        """Remove an entry; None when it is gone already."""
        entry = self._entries.pop(number, None)
        if entry is not None:
            self.bytes -= entry.size
            self.suspects -= entry.suspect
            self.unsent -= not entry.sent
        return entry

    def mark_sent(self, number: int, *, sent: bool = True) -> None:
        """Note whether the producer has an event."""
        entry = self._entries[number]
        self.unsent += entry.sent - sent
        entry.sent = sent

    def mark_suspect(self, number: int) -> None:
        """Note that an event was refused together with others."""
        entry = self._entries[number]
        self.suspects += not entry.suspect
        entry.suspect = True

    def newest(self, room: int) -> list[int]:
        """Return the numbers of the last events that hold at most `room` bytes together, at least one, oldest first."""
        numbers: list[int] = []
        size = 0
        for number, entry in reversed(self._entries.items()):
            size += entry.size
            if numbers and size > room:
                break
            numbers.append(number)
        return numbers[::-1]
