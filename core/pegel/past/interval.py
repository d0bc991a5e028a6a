"""An interval as a person writes it: `7d` back, a day, an instant; in UTC where it names no zone."""

from __future__ import annotations

from datetime import UTC, date, datetime, time, timedelta
from typing import TypeAlias

from pegel.data.instants import EPOCH
from pegel.data.spans import Span
from pegel.errors import InvalidSpec
from pegel.spec.durations import parse_duration
from pegel.spec.outside_text import quoted

When: TypeAlias = str | datetime | date | timedelta | None
"""A length of time before the end of the interval (`7d`, a timedelta), or an instant: ISO 8601, a datetime, a date."""


def interval(since: When, until: When, *, now: datetime, names: tuple[str, str] = ("since", "until")) -> Span:
    """Return the interval from `since` (inclusive) to `until` (exclusive), in UTC.

    A length of time is one before `until`, as `until` itself one before `now`. None: since the first day of all, until
    `now`. A date is its beginning. `names`: what the two are called in errors. Raises InvalidSpec.
    """
    end = now if until is None else _instant(until, now, names[1])
    start = EPOCH if since is None else _instant(since, end, names[0])
    if start >= end:
        raise InvalidSpec(
            f"{names[0]}: expected an instant before {end:%Y-%m-%d %H:%M:%S} UTC, at which the interval ends; given "
            f"{start:%Y-%m-%d %H:%M:%S} UTC. Nothing was read."
        )
    return Span(start, end)


def _instant(when: str | datetime | date | timedelta, end: datetime, name: str) -> datetime:
    """Return the instant that is meant. Raises InvalidSpec."""
    try:
        if isinstance(when, str):
            back = parse_duration(when) if not when.strip().isdigit() else None
            when = datetime.fromisoformat(when.strip()) if back is None else back
        if isinstance(when, timedelta) and _is_one(when):
            return end - when
        if isinstance(when, datetime) and _is_one(when):
            return when.replace(tzinfo=UTC) if when.tzinfo is None else when.astimezone(UTC)
        if isinstance(when, date) and _is_one(when):
            return datetime.combine(when, time(), UTC)
    except (ValueError, OverflowError):
        pass
    raise InvalidSpec(
        f"{name}: expected a length of time, such as `7d`, or an instant, such as `2026-11-29` or "
        f"`2026-11-29T08:00Z`; given {quoted(when)}. Nothing was read."
    )


def _is_one(when: date | timedelta) -> bool:
    """Say whether it is a time at all: what pandas puts where none is says that it is one, and equals nothing."""
    return when == when  # noqa: PLR0124  what equals nothing does not equal itself
