"""What a monitor carries from one final window to the next: charts, values too few to judge, sizes, odd events.

The state is a fold over final windows in order of time: the same windows give the same state, so it is stored and
continued from there after any crash.
"""

from __future__ import annotations

import base64
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

import numpy as np
from numpy.typing import NDArray

from pegel.detect.cusum import Chart, Key
from pegel.detect.recent_deviations import RecentDeviations
from pegel.judge.recent_crowds import RecentCrowds

DAYS = 7
"""Window sizes of so many days before today say how large windows are."""
DIGITS = 2
"""WindowSizes are told apart by two digits, rounded up: few numbers, and windows of 200 rows are still 200."""
QUANTILE = 0.9


@dataclass(frozen=True, slots=True)
class Carried:
    """Values of one field that are too few to be judged, from `windows` windows since `since`: counts by cell.

    `season`: of the day or week, if these are told apart.
    """

    cells: Mapping[int, int]
    windows: int
    since: datetime
    season: int | None = None

    def plus(self, cells: NDArray[np.int64]) -> NDArray[np.int64]:
        """Return counts per cell with the carried ones added."""
        both = cells.copy()
        for cell, count in self.cells.items():
            both[cell] += count
        return both


@dataclass(frozen=True, slots=True)
class CarriedSegment:
    """Rows of one segment that are too few to be judged, as a packed summary in the cells of a baseline.

    From `windows` windows: from the begin of the first to the end of the last one.
    """

    data: bytes
    windows: int
    since: datetime
    until: datetime
    baseline_id: str

    def to_json(self) -> dict[str, Any]:
        """Return plain JSON, the inverse of `from_json`."""
        return {
            "data": base64.b64encode(self.data).decode(),
            "windows": self.windows,
            "since": self.since.isoformat(),
            "until": self.until.isoformat(),
            "baseline_id": self.baseline_id,
        }

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> CarriedSegment:
        """Read what `to_json` wrote."""
        since, until = (datetime.fromisoformat(data[name]) for name in ("since", "until"))
        return cls(base64.b64decode(data["data"]), data["windows"], since, until, data["baseline_id"])


@dataclass(frozen=True, slots=True)
class WindowSizes:
    """How many rows windows have: counts by day and by size, two digits of it; `usual` is in effect now.

    `usual` is a 90 % quantile. It changes only when a day begins, and on the first day whenever the number of windows
    has doubled, because the limits of charts depend on it.
    """

    usual: int = 0
    days: Mapping[str, Mapping[int, int]] = field(default_factory=dict)

    def plus(self, rows: int, start: datetime) -> WindowSizes:
        """Return the sizes with one more window."""
        today = start.date().isoformat()
        oldest = (start.date() - timedelta(days=DAYS)).isoformat()
        kept = {day: dict(counts) for day, counts in self.days.items() if day >= oldest}
        fresh = today not in kept
        before = {day: counts for day, counts in kept.items() if day != today}
        size = rounded(rows)
        counts = kept.setdefault(today, {})
        counts[size] = counts.get(size, 0) + 1
        usual = self.usual
        if before and fresh:
            usual = _quantile(before)
        elif not before and sum(counts.values()).bit_count() == 1:
            usual = _quantile(kept)
        return WindowSizes(usual, kept)


@dataclass(frozen=True, slots=True)
class ChartState:
    """The chart_state of one monitor, for one baseline: another baseline starts afresh, with the sizes kept.

    `noticed`: since when kinds of odd events are noticeable, by kind; it has nothing to do with a baseline. `segments`:
    what segments carry, by segment. `recent`: what entered the charts of late, to tell when a change began.
    `crowds`: rows of the windows before; None where nobody looks for crowds.
    """

    baseline_id: str
    sizes: WindowSizes = field(default_factory=WindowSizes)
    charts: Mapping[Key, Chart] = field(default_factory=dict)
    carried: Mapping[str, Carried] = field(default_factory=dict)
    noticed: Mapping[str, datetime] = field(default_factory=dict)
    segments: Mapping[str, CarriedSegment] = field(default_factory=dict)
    recent: RecentDeviations = field(default_factory=RecentDeviations)
    crowds: RecentCrowds | None = None

    def for_baseline(self, baseline_id: str) -> ChartState:
        """Return this chart_state, or a fresh one if the baseline is another."""
        return self if baseline_id == self.baseline_id else ChartState(baseline_id, self.sizes, noticed=self.noticed)

    def to_json(self) -> dict[str, Any]:
        """Return plain JSON, the inverse of `from_json`. Charts at rest are left out; of rows the names are told."""
        moving = ((key, chart) for key, chart in sorted(self.charts.items()) if chart != Chart())
        return {
            "baseline_id": self.baseline_id,
            "sizes": {
                "usual": self.sizes.usual,
                "days": {
                    day: {str(size): count for size, count in counts.items()} for day, counts in self.sizes.days.items()
                },
            },
            "charts": [[list(key), chart.to_json()] for key, chart in moving],
            "carried": {
                name: {
                    "cells": {str(cell): count for cell, count in one.cells.items()},
                    "windows": one.windows,
                    "since": one.since.isoformat(),
                    "season": one.season,
                }
                for name, one in self.carried.items()
            },
            "noticed": {kind: since.isoformat() for kind, since in self.noticed.items()},
            "segments": {name: carried.to_json() for name, carried in self.segments.items()},
            "recent": self.recent.to_json(),
            **({} if self.crowds is None else {"crowds": self.crowds.to_json()}),
        }

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> ChartState:
        """Read what `to_json` wrote, without the rows of the windows before: those are stored by themselves."""
        days = {
            day: {int(size): count for size, count in counts.items()} for day, counts in data["sizes"]["days"].items()
        }
        charts = {(key[0], key[1], key[2]): Chart.from_json(item) for key, item in data["charts"]}
        carried = {
            name: Carried(
                {int(cell): count for cell, count in item["cells"].items()},
                item["windows"],
                datetime.fromisoformat(item["since"]),
                item["season"],
            )
            for name, item in data["carried"].items()
        }
        noticed = {kind: datetime.fromisoformat(since) for kind, since in data["noticed"].items()}
        segments = {name: CarriedSegment.from_json(item) for name, item in data["segments"].items()}
        sizes, recent = WindowSizes(data["sizes"]["usual"], days), RecentDeviations.from_json(data["recent"])
        return cls(data["baseline_id"], sizes, charts, carried, noticed, segments, recent)


def rounded(rows: int) -> int:
    """Return the next larger number of two digits and zeros."""
    unit: int = 10 ** max(0, len(str(rows)) - DIGITS)
    return -(-rows // unit) * unit


def _quantile(days: Mapping[str, Mapping[int, int]]) -> int:
    """Return the size that nine tenths of the windows do not exceed."""
    counts: dict[int, int] = {}
    for of_day in days.values():
        for size, count in of_day.items():
            counts[size] = counts.get(size, 0) + count
    wanted, seen = QUANTILE * sum(counts.values()), 0
    for size in sorted(counts):
        seen += counts[size]
        if seen >= wanted:
            return size
    return 0
