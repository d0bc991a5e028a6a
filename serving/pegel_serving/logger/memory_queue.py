"""The events in memory, in the order in which they came, bounded by number and by bytes, each on disk as well."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from pegel.data import wire
from pegel_serving.logger.drops import read_notice
from pegel_serving.logger.journal import Journal, Place
from pegel_serving.logger.kafka_record import KafkaRecord
from pegel_serving.logger.untold_losses import Loss, UntoldLosses


@dataclass(slots=True)
class QueuedEvent:
    """One event in memory. `since` is when it was handed to the producer, in seconds of a monotonic clock."""

    event: KafkaRecord
    size: int
    since: float
    place: Place
    """From where on the journal holds this event and all later ones."""
    untold: Loss | None = None
    """Under what it is counted while it is in memory alone, because the disk refused it; None: it is on disk."""
    sent: bool = False
    suspect: bool = False
    """Refused together with others."""

    @property
    def written(self) -> bool:
        """Say whether it is on disk as well."""
        return self.untold is None


class MemoryQueue:
    """Entries by number. What is `sent` or `suspect` changes by the methods only, because it is counted."""

    def __init__(self, journal: Journal, *, max_events: int, max_bytes: int) -> None:
        """Begin empty, with a journal in which nothing is."""
        self._journal = journal
        self._entries: dict[int, QueuedEvent] = {}
        self._max_events, self._max_bytes = max_events, max_bytes
        self.bytes = 0
        self.suspects = 0
        self.unsent = 0
        self.unwritten = UntoldLosses()
        """The events that are in memory alone, because the disk refused them; a notice of losses counts as those."""

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

    def keep(self, number: int, event: KafkaRecord, size: int, now: float) -> OSError | None:
        """Add an event of `size` bytes that is still to be sent. Return why the disk refused it; None: it is there."""
        place, refusal, untold = self._journal.end, None, None
        try:
            self._journal.add(event.encode())
        except OSError as error:
            refusal, untold = error, self.unwritten.add(*loss_of(event))
        self._entries[number] = QueuedEvent(event, size, now, place, untold)
        self.bytes += size
        self.unsent += 1
        return refusal

    def take(self, number: int) -> QueuedEvent | None:
        """Remove an entry; None when it is gone already."""
        entry = self._entries.pop(number, None)
        if entry is not None:
            self.bytes -= entry.size
            self.suspects -= entry.suspect
            self.unsent -= not entry.sent
            if entry.untold is not None:
                self.unwritten.remove(entry.untold, loss_of(entry.event)[1])
        return entry

    def settle(self, untold: UntoldLosses) -> None:
        """Let the journal go of what was taken, and note which losses beside `unwritten` nobody was told of."""
        oldest = self.oldest
        for loss, count in self.unwritten.counts.items():
            untold.add(loss, count)
        self._journal.settle(oldest.place if oldest else self._journal.end, untold.counts)

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


def loss_of(event: KafkaRecord) -> tuple[Loss, int]:
    """Return what nobody learns of when an event in memory is lost with it, and how many: itself, or what it tells of.

    Whether the broker has taken an event itself nobody knows then.
    """
    namespace = event.header(wire.HEADER_NAMESPACE)
    if event.header(wire.HEADER_TYPE) == wire.DROPPED_TYPE:
        reason, count = read_notice(event.value)
        return Loss.of(namespace, event.header(wire.HEADER_ENDPOINT), reason), count
    return Loss.of(namespace, "", wire.KILLED_IN_MEMORY), 1
