"""In which portions hours of labelled rows are read and judged."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from datetime import datetime

from pegel.data.instants import DAY
from pegel.data.spans import floor
from pegel_spark.label_joining import LabelledHour

ROWS_AT_ONCE = 500_000
"""Rows that are judged together, beyond those of one hour: some tens of megabytes."""


def few(hours: Iterable[LabelledHour]) -> Iterator[list[LabelledHour]]:
    """Yield hours together that are not too many rows."""
    some: list[LabelledHour] = []
    for hour in hours:
        some.append(hour)
        if sum(len(each.rows) for each in some) >= ROWS_AT_ONCE:
            yield some
            some = []
    if some:
        yield some


def by_day(hours: Iterable[datetime]) -> list[list[datetime]]:
    """Return hours by the day that they are in, in order of time."""
    days: dict[datetime, list[datetime]] = {}
    for hour in sorted(hours):
        days.setdefault(floor(hour, DAY), []).append(hour)
    return list(days.values())
