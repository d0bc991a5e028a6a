"""Windows that come again each week, by the clocks of a place: `sun 02:00-04:00 Europe/Berlin`.

Clocks are put forward and back. A window begins as soon as any clock of that day shows its start, and ends when none
shows a time before its end any more: of an hour that comes twice both belong to it, and one that is skipped counts as
that which comes in its stead. So planned work lies within, whichever of the two hours it was planned for.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo, available_timezones

from pegel.data.instants import DAY
from pegel.data.spans import Span
from pegel.spec.nearest import did_you_mean
from pegel.spec.outside_text import quoted

DAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
_WHOLE = ("monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday")
_DAILY = ("day", "daily")
_WRITTEN = re.compile(r"(?:every\s+)?(\S+)\s+(\d\d?):(\d\d)\s*-\s*(\d\d?):(\d\d)\s+(\S+)", re.ASCII | re.IGNORECASE)
_ZONE = re.compile(r"[A-Za-z0-9_+-]{1,32}(/[A-Za-z0-9_+-]{1,32}){0,3}")
_NEXT_WITHIN = 9
"""Days within which one begins: a week, and what clocks skip."""
EXPECTED = "`sun 02:00-04:00 Europe/Berlin`, `mon-fri 22:00-06:00 UTC` or `daily 02:00-03:00 Asia/Tokyo`"


@dataclass(frozen=True, slots=True)
class Maintenance:
    """A window that comes again: it begins on each of `days` (Monday is 0) at `start` of the clocks of `zone`.

    It lasts until `end`, exclusive, of the same day, or of the next one where that is not after `start`.
    """

    days: frozenset[int]
    start: time
    end: time
    zone: str

    @classmethod
    def parse(cls, text: str) -> Maintenance:
        """Read what a person wrote, the inverse of `str`; `every` may stand before it. `24:00` ends a day.

        Raises ValueError, with what was expected, also for a time zone that is not known here.

        >>> str(Maintenance.parse("every Sunday 2:00-4:00 Europe/Berlin"))
        'sun 02:00-04:00 Europe/Berlin'
        >>> str(Maintenance.parse("sat-sun 22:00-24:00 UTC"))
        'sat,sun 22:00-00:00 UTC'
        """
        found = _WRITTEN.fullmatch(text.strip())
        if found is None:
            raise ValueError(f"expected {EXPECTED}")
        words, *clocks, zone = found.groups()
        start_hour, start_minute, end_hour, end_minute = map(int, clocks)
        days, start = _days(words), _clock(start_hour, start_minute)
        until_midnight = (end_hour, end_minute) == (24, 0)
        end = time() if until_midnight else _clock(end_hour, end_minute)
        if start == end and not until_midnight:
            raise ValueError("expected an end other than the start; a whole day is 00:00-24:00")
        if start == end and len(days) == len(DAYS):
            raise ValueError("expected an end: every whole day is no window that comes again")
        return cls(days, start, end, _known(zone))

    def __str__(self) -> str:
        """Return it as it is written, the inverse of `parse`."""
        days = "daily" if len(self.days) == len(DAYS) else ",".join(DAYS[day] for day in sorted(self.days))
        end = "24:00" if self.start == self.end else f"{self.end:%H:%M}"
        return f"{days} {self.start:%H:%M}-{end} {self.zone}"

    def window(self, now: datetime) -> Span | None:
        """Return the window that an instant is in, of several the one that ends last; None between two."""
        today = self._today(now)
        near = (self._beginning(today + number * DAY) for number in range(-2, 2))
        own = (span for span in near if span is not None and span.start <= now < span.end)
        return max(own, key=lambda span: span.end, default=None)

    def following(self, after: datetime) -> Span | None:
        """Return the first window that begins after an instant; None where the calendar ends before."""
        today = self._today(after)
        try:
            near = [self._beginning(today + number * DAY) for number in range(-1, _NEXT_WITHIN)]
        except OverflowError:
            return None
        return next((span for span in near if span is not None and span.start > after), None)

    def _today(self, now: datetime) -> date:
        return now.astimezone(ZoneInfo(self.zone)).date()

    def _beginning(self, day: date) -> Span | None:
        """Return the window that begins on a day; None where none does."""
        if day.weekday() not in self.days:
            return None
        last = day if self.end > self.start else day + DAY
        zone = ZoneInfo(self.zone)
        start = _first(datetime.combine(day, self.start, zone))
        end = datetime.combine(last, self.end, zone)
        end = end.replace(fold=0 if _is_skipped(end) else 1).astimezone(UTC)
        return Span(start, end)


def _is_skipped(local: datetime) -> bool:
    """Say whether no clock of its zone ever shows a local time."""
    return local.astimezone(UTC).astimezone(local.tzinfo).replace(tzinfo=None) != local.replace(tzinfo=None)


def _first(local: datetime) -> datetime:
    """Return the first instant at which clocks show a local time, or where they skip it, a later one."""
    if not _is_skipped(local):
        return local.replace(fold=0).astimezone(UTC)
    before, after = local.replace(fold=1).astimezone(UTC), local.replace(fold=0).astimezone(UTC)
    offset = after.astimezone(local.tzinfo).utcoffset()
    while after - before > timedelta(seconds=1):
        middle = before + (after - before) / 2
        before, after = (before, middle) if middle.astimezone(local.tzinfo).utcoffset() == offset else (middle, after)
    return after.replace(microsecond=0)


def _days(words: str) -> frozenset[int]:
    """Return the days of `sun`, `sat,sun`, `mon-fri`, `fri-mon` or `daily`. Raises ValueError."""
    if words.lower() in _DAILY:
        return frozenset(range(len(DAYS)))
    days: set[int] = set()
    for part in words.lower().split(","):
        first, _, last = part.partition("-")
        begin, end = _day(first), _day(last or first)
        days |= {(begin + number) % len(DAYS) for number in range((end - begin) % len(DAYS) + 1)}
    return frozenset(days)


def _day(word: str) -> int:
    for names in (DAYS, _WHOLE):
        if word in names:
            return names.index(word)
    raise ValueError(f"expected days such as sun, mon-fri, sat,sun or daily, given {quoted(word)}")


def _clock(hour: int, minute: int) -> time:
    try:
        return time(hour, minute)
    except ValueError:
        raise ValueError(f"expected times from 00:00 to 24:00, given {hour:02}:{minute:02}") from None


def _known(zone: str) -> str:
    """Return the name of a time zone. Raises ValueError where it is not known: a name from outside is no path."""
    try:
        if _ZONE.fullmatch(zone) is not None:
            ZoneInfo(zone)
            return zone
    except (KeyError, OSError, ValueError):  # a KeyError is a zone that is not found, an OSError the folder of a region
        pass
    guess = did_you_mean(zone, sorted(available_timezones()), lead="; ")
    raise ValueError(f"expected a time zone such as Europe/Berlin or UTC, given {quoted(zone)}, not known here{guess}")
