"""Where every record went, by model and minute, as what one batch adds."""

from __future__ import annotations

from collections.abc import MutableMapping
from dataclasses import dataclass
from datetime import datetime

from pegel.data.instants import from_us
from pegel.stream.partial import Partial

SAMPLE_LENGTH = 500


@dataclass(slots=True)
class LedgerCount:
    """Records of one model in one minute, each in exactly one counter; `dropped` never became records."""

    judged: int = 0
    late: int = 0
    invalid: int = 0
    duplicate: int = 0
    dropped: int = 0
    set_aside: int = 0
    probe: int = 0
    elsewhere: int = 0
    notice: int = 0

    @property
    def received(self) -> int:
        """Return the events of this model that reached the logger."""
        return self.judged + self.late + self.invalid + self.duplicate + self.dropped + self.set_aside


@dataclass(slots=True)
class InvalidCount:
    """Unreadable records of one model, minute and kind, with the reason of the first one for people."""

    count: int = 0
    sample: str = ""


Ledger = MutableMapping[tuple[str, datetime], LedgerCount]
InvalidCounts = MutableMapping[tuple[str, datetime, str], InvalidCount]


def book(partial: Partial, ledger: Ledger, invalid: InvalidCounts, *, late: bool) -> None:
    """Add the records of a partial; its readable ones as late or as judged."""
    for minute_us, count in partial.minutes.items():
        entry = ledger.setdefault((partial.key, from_us(minute_us)), LedgerCount())
        if late:
            entry.late += count.valid
        else:
            entry.judged += count.valid
        entry.invalid += count.invalid
        entry.duplicate += count.duplicate
        entry.dropped += count.dropped
        entry.set_aside += count.set_aside
        entry.probe += count.probe
        entry.elsewhere += count.elsewhere
        entry.notice += count.notice
    for (minute_us, kind), (number, sample) in partial.invalid.items():
        where = (partial.key, from_us(minute_us), kind)
        invalid.setdefault(where, InvalidCount(sample=sample[:SAMPLE_LENGTH])).count += number
