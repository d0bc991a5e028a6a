"""Which time a page is about: the last hours or days, or from one instant to another."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final, Self

from pegel.data.instants import DAY, told_instant
from pegel.data.spans import Span
from pegel.spec.outside_text import quoted
from pegel.spec.plain_numbers import how_many

HOUR = timedelta(hours=1)
LAST: Final[Mapping[str, tuple[str, timedelta]]] = {
    "1h": ("last hour", HOUR),
    "6h": ("6 h", 6 * HOUR),
    "1d": ("day", DAY),
    "7d": ("week", 7 * DAY),
    "30d": ("30 days", 30 * DAY),
}
"""What `last` of an address may be: its words, and how far back it reaches."""
LONGEST: Final = 92 * DAY
"""The longest time of one page; windows are kept for 90 days unless somebody asks for more."""
SHORTEST: Final = timedelta(seconds=1)


@dataclass(frozen=True, slots=True)
class PageTime:
    """From `start` to `end`, of which whatever ends after `start` and not after `end` is part; both in UTC.

    `last`: which of `LAST` was asked for; empty where instants were.
    """

    start: datetime
    end: datetime
    last: str = ""

    @classmethod
    def asked(cls, now: datetime, *, last: str = "", since: str = "", until: str = "") -> Self | None:
        """Return what an address asks for: `last`, or `from` and `to` by ISO 8601 with their zone; None for nothing.

        `from` alone reaches to now, `to` alone begins a day before. Raises ValueError, in a sentence.
        """
        if last:
            return cls._newest(now, last, since or until)
        if not since and not until:
            return None
        end = _instant("to", until) if until else now
        start = _instant("from", since) if since else end - min(DAY, end - _FIRST)
        if end - start < SHORTEST:
            raise ValueError(f"from has to be before to; given from {start:{_TOLD}} to {end:{_TOLD}}.")
        if end - start > LONGEST:
            days = how_many((end - start) // DAY, "day")
            raise ValueError(f"A page shows {LONGEST // DAY} days at most; from and to are {days} apart.")
        return cls(start, end)

    @classmethod
    def _newest(cls, now: datetime, last: str, instants: str) -> Self:
        if last not in LAST:
            raise ValueError(f"last is one of {', '.join(LAST)}; given {quoted(last)}.")
        if instants:
            raise ValueError("Expected either last or from and to; given both.")
        return cls(now - LAST[last][1], now, last)

    @property
    def length(self) -> timedelta:
        """Return how long it is."""
        return self.end - self.start

    @property
    def span(self) -> Span:
        """Return it as the span in which windows have to end."""
        return Span(self.start, self.end)

    @property
    def words(self) -> str:
        """Return it for people, to the second."""
        one_day = self.start.date() == self.end.date()
        return f"{self.start:%Y-%m-%d %H:%M:%S} to {self.end:{'%H:%M:%S' if one_day else '%Y-%m-%d %H:%M:%S'}} UTC"

    @property
    def query(self) -> dict[str, str]:
        """Return what an address says of it: what is called last moves on with the clock, instants stay."""
        return {"last": self.last} if self.last else {"from": written(self.start), "to": written(self.end)}

    def earlier(self) -> PageTime:
        """Return as long a time before it."""
        return PageTime(self.start - min(self.length, self.start - _FIRST), self.start)

    def later(self, now: datetime) -> PageTime | None:
        """Return as long a time after it; None where nothing can have come after it yet."""
        return PageTime(self.end, self.end + self.length) if self.end < now else None

    def wider(self, now: datetime) -> PageTime | None:
        """Return three times as long a time around it, `LONGEST` at most, not beyond now; None where it is so long."""
        if self.length >= LONGEST:
            return None
        end = max(self.end, min(now, self.end + self.length))
        return PageTime(max(end - LONGEST, self.start - min(self.length, self.start - _FIRST)), end)


_FIRST = datetime.fromisoformat("0001-01-03T00:00:00+00:00")
"""No earlier instant is asked for by a link."""
_TOLD = "%Y-%m-%dT%H:%M:%SZ"


def written(instant: datetime) -> str:
    """Return an instant as addresses write it, `2026-11-30T09:00:00Z`, rounded to nothing."""
    return instant.isoformat().replace("+00:00", "Z")


def _instant(name: str, text: str) -> datetime:
    """Return the instant; the sign before a zone comes out of an address as a blank where nobody escaped it."""
    instant = told_instant(text.strip().replace(" ", "+") if "T" in text else text.strip())
    if instant is None or instant < _FIRST:
        like = "an instant with its zone, as 2026-11-30T09:00Z or 2026-11-30T10:00+01:00"
        raise ValueError(f"{name}: expected {like}; given {quoted(text)}.")
    return instant
