"""Seasons of the day and the week that are judged each against its own rows of the baseline.

A feature that follows the clock makes every night differ from the average day. Cutting the baseline by the clock
removes that: same cells, separate counts.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

import numpy as np
from numpy.typing import NDArray

from pegel.data.instants import MICROSECOND, to_us

HOURS = (1, 3, 6, 12)
"""Lengths of seasons, finest first; the two of twelve hours are day (06:00 to 18:00) and night."""
DAY_BEGINS = 6
_HOUR_US = 3_600_000_000
_MONDAY = 3
"""1 January 1970 was a Thursday."""
_WEEKDAYS = 5


@dataclass(frozen=True, slots=True)
class Seasons:
    """How time is cut: seasons of `hours` hours, weekdays and weekends apart or not, at a fixed offset from UTC."""

    hours: int
    weekend: bool = False
    utc_offset: timedelta = timedelta(0)

    @property
    def count(self) -> int:
        """Return how many seasons there are."""
        return 24 // self.hours * (2 if self.weekend else 1)

    def season_of(self, instants: NDArray[np.int64]) -> NDArray[np.int64]:
        """Return the season of each instant, given as microseconds since 1970 in UTC, any shape.

        >>> Seasons(12).season_of(np.array([0, 5, 6, 17, 18, 30]) * 3_600_000_000).tolist()
        [1, 1, 0, 0, 1, 0]
        """
        hours = (instants + self.utc_offset // MICROSECOND) // _HOUR_US
        shift = DAY_BEGINS if self.hours == HOURS[-1] else 0
        season = (hours - shift) % 24 // self.hours
        if not self.weekend:
            return np.asarray(season)
        free = (hours // 24 + _MONDAY) % 7 >= _WEEKDAYS
        return np.asarray(season + free * (24 // self.hours))

    def season_of_span(self, start: datetime, end: datetime) -> int | None:
        """Return the season in which the half-open span [start, end) lies as a whole, or None."""
        if end - start > timedelta(hours=self.hours):
            return None
        last = end - MICROSECOND
        first, final = self.season_of(np.array([to_us(start), to_us(last)])).tolist()
        return int(first) if first == final else None

    def label(self, season: int) -> str:
        """Return what a season is called: `06:00-07:00`, `day, weekend`.

        >>> Seasons(12, weekend=True).label(3), Seasons(3).label(2)
        ('night, weekend', '06:00-09:00')
        """
        week = ""
        if self.weekend:
            week = ", weekend" if season >= 24 // self.hours else ", weekday"
            season %= 24 // self.hours
        if self.hours == HOURS[-1]:
            return ("day", "night")[season] + week
        return f"{season * self.hours:02}:00-{(season + 1) * self.hours:02}:00{week}"

    def to_json(self) -> dict[str, Any]:
        """Return plain JSON, the inverse of `from_json`."""
        return {"hours": self.hours, "weekend": self.weekend, "utc_offset_s": self.utc_offset.total_seconds()}

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> Seasons:
        """Read what `to_json` wrote."""
        return cls(data["hours"], data["weekend"], timedelta(seconds=data["utc_offset_s"]))


def candidates(utc_offset: timedelta = timedelta(0)) -> tuple[Seasons, ...]:
    """Return every seasons, finest first."""
    return tuple(Seasons(hours, weekend, utc_offset) for hours in HOURS for weekend in (True, False))
