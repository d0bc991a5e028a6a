"""Where every record went, by model and minute, as what one batch adds."""

from __future__ import annotations

from collections.abc import MutableMapping
from dataclasses import dataclass
from datetime import datetime

from pegel.data.instants import from_us
from pegel.stream.outcomes import Outcomes
from pegel.stream.partial import Partial


@dataclass(slots=True)
class InvalidCount:
    """Unreadable records of one model, minute and kind, with the reason of the first one for people."""

    count: int = 0
    sample: str = ""


Ledger = MutableMapping[tuple[str, datetime], Outcomes]
InvalidCounts = MutableMapping[tuple[str, datetime, str], InvalidCount]


def book(partial: Partial, ledger: Ledger, invalid: InvalidCounts, *, late: bool) -> Outcomes:
    """Add the records of a partial, its readable ones as late or as judged; return them, added up."""
    total = Outcomes()
    for minute_us, count in partial.minutes.items():
        booked = count.all_late() if late else count
        ledger.setdefault((partial.key, from_us(minute_us)), Outcomes()).add(booked)
        total.add(booked)
    for (minute_us, kind), (number, sample) in partial.invalid.items():
        where = (partial.key, from_us(minute_us), kind)
        invalid.setdefault(where, InvalidCount(sample=sample)).count += number
    return total


def reasons(partial: Partial) -> dict[str, int]:
    """Return how many records of a partial could not be read, by kind."""
    counts: dict[str, int] = {}
    for (_, kind), (number, _) in partial.invalid.items():
        counts[kind] = counts.get(kind, 0) + number
    return counts
