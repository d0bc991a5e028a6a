"""Where every event went, by model and minute: received = judged + late + invalid + duplicate + dropped."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime

from pegel.data.instants import DAY, MINUTE, from_us
from pegel.data.spans import floor
from pegel.stream.partial import Partial

HORIZON = DAY
"""How far behind the newest event a minute is kept open. What is older is booked on the oldest open minute."""
SAMPLE_LENGTH = 500


@dataclass(slots=True)
class LedgerCount:
    """Events of one model in one minute. The identity of the module's first line holds at any time."""

    judged: int = 0
    late: int = 0
    invalid: int = 0
    duplicate: int = 0
    dropped: int = 0

    @property
    def received(self) -> int:
        """Return the events that reached the logger."""
        return self.judged + self.late + self.invalid + self.duplicate + self.dropped


@dataclass(slots=True)
class InvalidCount:
    """Unreadable events of one model, minute and kind, with the reason of the first one for people."""

    count: int = 0
    sample: str = ""


@dataclass(slots=True)
class Ledger:
    """All open minutes. `changed` names what the last `book` calls touched; `settle` forgets that."""

    minutes: dict[tuple[str, datetime], LedgerCount] = field(default_factory=dict)
    invalid: dict[tuple[str, datetime, str], InvalidCount] = field(default_factory=dict)
    head: datetime | None = None
    changed: set[tuple[str, datetime]] = field(default_factory=set)
    changed_invalid: set[tuple[str, datetime, str]] = field(default_factory=set)

    def book(self, partial: Partial, *, late: bool) -> None:
        """Book the events of a partial; its readable ones as late or as judged."""
        self.head = partial.head if self.head is None else max(self.head, partial.head)
        for minute_us, count in partial.minutes.items():
            key = (partial.key, self._open_minute(minute_us))
            entry = self.minutes.setdefault(key, LedgerCount())
            if late:
                entry.late += count.valid
            else:
                entry.judged += count.valid
            entry.invalid += count.invalid
            entry.duplicate += count.duplicate
            entry.dropped += count.dropped
            self.changed.add(key)
        for (minute_us, kind), (number, sample) in partial.invalid.items():
            where = (partial.key, self._open_minute(minute_us), kind)
            found = self.invalid.setdefault(where, InvalidCount(sample=sample[:SAMPLE_LENGTH]))
            found.count += number
            self.changed_invalid.add(where)

    def settle(self) -> None:
        """Forget which entries changed, and the minutes that are no longer open."""
        self.changed.clear()
        self.changed_invalid.clear()
        if (edge := self._edge()) is not None:
            self.minutes = {key: count for key, count in self.minutes.items() if key[1] >= edge}
            self.invalid = {key: count for key, count in self.invalid.items() if key[1] >= edge}

    def forget(self, key: str) -> None:
        """Drop everything about one model."""
        self.minutes = {where: count for where, count in self.minutes.items() if where[0] != key}
        self.invalid = {where: count for where, count in self.invalid.items() if where[0] != key}

    def _edge(self) -> datetime | None:
        return None if self.head is None else floor(self.head - HORIZON, MINUTE)

    def _open_minute(self, minute_us: int) -> datetime:
        edge, minute = self._edge(), from_us(minute_us)
        return minute if edge is None else max(edge, minute)
