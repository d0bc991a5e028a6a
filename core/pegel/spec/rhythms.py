"""The rhythms in which one model is judged: its windows, and the hours, days and weeks that they add up to."""

from __future__ import annotations

from datetime import timedelta
from enum import StrEnum

_MONDAY = timedelta(days=4)
"""1 January 1970, from which spans are counted, was a Thursday."""


class Rhythm(StrEnum):
    """How long the spans are that are judged one after the other. Weeks begin on Monday; all of them in UTC."""

    WINDOW = "window"
    HOUR = "hour"
    DAY = "day"
    WEEK = "week"

    @property
    def length(self) -> timedelta:
        """Return the length of a span. Raises KeyError for windows, whose length is in a spec."""
        return _LENGTHS[self]

    @property
    def offset(self) -> timedelta:
        """Return how long after the epoch, in UTC, a span of this rhythm begins."""
        return _MONDAY if self is Rhythm.WEEK else timedelta(0)

    def is_tiled_by(self, length: timedelta) -> bool:
        """Say whether windows of a length, of which one begins at the epoch, add up to spans of this rhythm exactly.

        >>> [Rhythm.HOUR.is_tiled_by(timedelta(minutes=minutes)) for minutes in (1, 40, 60)]
        [True, False, False]
        """
        return length < self.length and not self.length % length and not self.offset % length


_LENGTHS = {
    Rhythm.HOUR: timedelta(hours=1),
    Rhythm.DAY: timedelta(days=1),
    Rhythm.WEEK: timedelta(weeks=1),
}
LONG = tuple(_LENGTHS)
"""The rhythms that windows are added up to, shortest first."""
