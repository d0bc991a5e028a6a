"""A clock that the test moves."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

START = datetime(2026, 1, 1, tzinfo=UTC)


class ManualClock:
    """Stands still until it is moved."""

    def __init__(self, start: datetime = START) -> None:
        """Begin at `start`."""
        self._now = start

    def now(self) -> datetime:
        """Return the present instant."""
        return self._now

    def advance(self, by: timedelta) -> datetime:
        """Move on and return the new instant. Raises ValueError on a step back: time does not do that."""
        if by < timedelta(0):
            raise ValueError(f"expected a step forward; given {by}; the clock was not moved")
        self._now += by
        return self._now
