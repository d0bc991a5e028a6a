"""Times of a week as people write them: windows, `sun 02:00-04:00 Europe/Berlin`, and instants, `daily 08:00 UTC`."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import time
from typing import Self
from zoneinfo import ZoneInfo, available_timezones

from pegel.spec.nearest import did_you_mean
from pegel.spec.outside_text import quoted

DAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
_WHOLE = ("monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday")
_DAILY = ("day", "daily")
_WRITTEN = re.compile(r"(?:every\s+)?(\S+)\s+(\d\d?):(\d\d)\s*-\s*(\d\d?):(\d\d)\s+(\S+)", re.ASCII | re.IGNORECASE)
_ZONE = re.compile(r"[A-Za-z0-9_+-]{1,32}(/[A-Za-z0-9_+-]{1,32}){0,3}")
_INSTANT = re.compile(r"(?:every\s+)?(\S+)\s+(\d\d?):(\d\d)\s+(\S+)", re.ASCII | re.IGNORECASE)
EXPECTED = "`sun 02:00-04:00 Europe/Berlin`, `mon-fri 22:00-06:00 UTC` or `daily 02:00-03:00 Asia/Tokyo`"
EXPECTED_INSTANT = "`daily 08:00 Europe/Berlin` or `mon-fri 07:30 UTC`"


@dataclass(frozen=True, slots=True)
class WeeklyWindow:
    """A window that comes again: it begins on each of `days` (Monday is 0) at `start` of the clocks of `zone`.

    It lasts until `end`, exclusive, of the same day, or of the next one where that is not after `start`.
    """

    days: frozenset[int]
    start: time
    end: time
    zone: str

    @classmethod
    def parse(cls, text: str) -> Self:
        """Read what a person wrote, the inverse of `str`; `every` may stand before it. `24:00` ends a day.

        Raises ValueError, with what was expected, also for a time zone that is not known here.

        >>> str(WeeklyWindow.parse("every Sunday 2:00-4:00 Europe/Berlin"))
        'sun 02:00-04:00 Europe/Berlin'
        >>> str(WeeklyWindow.parse("sat-sun 22:00-24:00 UTC"))
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
        end = "24:00" if self.start == self.end else f"{self.end:%H:%M}"
        return f"{_written(self.days)} {self.start:%H:%M}-{end} {self.zone}"


@dataclass(frozen=True, slots=True)
class WeeklyInstant:
    """What comes on each of `days` (Monday is 0) at `at` of the clocks of `zone`."""

    days: frozenset[int]
    at: time
    zone: str

    @classmethod
    def parse(cls, text: str) -> Self:
        """Read what a person wrote, the inverse of `str`. Raises ValueError, with what was expected.

        >>> str(WeeklyInstant.parse("every day 8:00 Europe/Berlin"))
        'daily 08:00 Europe/Berlin'
        """
        found = _INSTANT.fullmatch(text.strip())
        if found is None:
            raise ValueError(f"expected {EXPECTED_INSTANT}")
        words, hour, minute, zone = found.groups()
        return cls(_days(words), _clock(int(hour), int(minute)), _known(zone))

    def __str__(self) -> str:
        """Return it as it is written, the inverse of `parse`."""
        return f"{_written(self.days)} {self.at:%H:%M} {self.zone}"


def _written(days: frozenset[int]) -> str:
    return "daily" if len(days) == len(DAYS) else ",".join(DAYS[day] for day in sorted(days))


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
