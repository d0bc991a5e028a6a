"""Windows that come again each week, by the clocks of a place: `sun 02:00-04:00 Europe/Berlin`.

Clocks are put forward and back. A window begins as soon as any clock of that day shows its start, and ends when none
shows a time before its end any more: of an hour that comes twice both belong to it, and one that is skipped counts as
that which comes in its stead. So planned work lies within, whichever of the two hours it was planned for.
"""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

from pegel.data.instants import DAY
from pegel.data.spans import Span
from pegel.spec.weekly_times import WeeklyInstant, WeeklyWindow

_NEXT_WITHIN = 9
"""Days within which one begins: a week, and what clocks skip."""


class Maintenance(WeeklyWindow):
    """A window that comes again, with the instants at which it begins and ends."""

    __slots__ = ()

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
        start = first_instant(datetime.combine(day, self.start, zone))
        end = datetime.combine(last, self.end, zone)
        end = end.replace(fold=0 if _is_skipped(end) else 1).astimezone(UTC)
        return Span(start, end)


def _is_skipped(local: datetime) -> bool:
    """Say whether no clock of its zone ever shows a local time."""
    return local.astimezone(UTC).astimezone(local.tzinfo).replace(tzinfo=None) != local.replace(tzinfo=None)


def first_instant(local: datetime) -> datetime:
    """Return the first instant at which clocks show a local time, or where they skip it, a later one."""
    if not _is_skipped(local):
        return local.replace(fold=0).astimezone(UTC)
    before, after = local.replace(fold=1).astimezone(UTC), local.replace(fold=0).astimezone(UTC)
    offset = after.astimezone(local.tzinfo).utcoffset()
    while after - before > timedelta(seconds=1):
        middle = before + (after - before) / 2
        before, after = (before, middle) if middle.astimezone(local.tzinfo).utcoffset() == offset else (middle, after)
    return after.replace(microsecond=0)


def last_before(every: WeeklyInstant, now: datetime) -> datetime:
    """Return the last instant at or before `now` that comes each week; of an hour that comes twice the first one."""
    zone = ZoneInfo(every.zone)
    today = now.astimezone(zone).date()
    days = (today - number * DAY for number in range(-1, _NEXT_WITHIN))
    instants = (first_instant(datetime.combine(day, every.at, zone)) for day in days if day.weekday() in every.days)
    return next(instant for instant in instants if instant <= now)
