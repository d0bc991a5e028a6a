"""Instants: datetimes in UTC, and whole microseconds since the epoch, the one form from the wire to the windows."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta, tzinfo

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
MICROSECOND = timedelta(microseconds=1)
MILLISECOND = timedelta(milliseconds=1)
MINUTE = timedelta(minutes=1)
DAY = timedelta(days=1)


def to_us(instant: datetime) -> int:
    """Return whole microseconds since the epoch. `instant` must be timezone-aware."""
    return (instant - EPOCH) // MICROSECOND


def from_us(value: int) -> datetime:
    """Return the instant of whole microseconds since the epoch, in UTC."""
    return EPOCH + value * MICROSECOND


def told_instant(text: str, *, unzoned: tzinfo | None = None) -> datetime | None:
    """Return the instant that a text says by ISO 8601, in UTC; None for anything else.

    `unzoned`: of what zone a text without one is; None: it says no instant. One that lies in UTC outside of the years 1
    to 9999 is none: nobody could write it again.
    """
    try:
        written = datetime.fromisoformat(text)
        written = written if written.tzinfo is not None else written.replace(tzinfo=unzoned)
        return None if written.tzinfo is None else written.astimezone(UTC)
    except (ValueError, OverflowError):
        return None


def earliest(known: datetime | None, instant: datetime) -> datetime:
    """Return the earlier instant; `known` may be None, there is none yet."""
    return instant if known is None else min(known, instant)


def latest(known: datetime | None, instant: datetime) -> datetime:
    """Return the later instant; `known` may be None, there is none yet."""
    return instant if known is None else max(known, instant)
