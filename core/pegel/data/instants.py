"""Instants: datetimes in UTC, and whole microseconds since the epoch, the one form from the wire to the windows."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

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


def earliest(known: datetime | None, instant: datetime) -> datetime:
    """Return the earlier instant; `known` may be None, there is none yet."""
    return instant if known is None else min(known, instant)


def latest(known: datetime | None, instant: datetime) -> datetime:
    """Return the later instant; `known` may be None, there is none yet."""
    return instant if known is None else max(known, instant)
