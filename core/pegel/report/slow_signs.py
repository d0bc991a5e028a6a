"""Signs that are told by days and hours before: labels that stay away, traffic that fell, a disk that fills. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from itertools import pairwise

from pegel.data.instants import DAY
from pegel.data.spans import floor
from pegel.report.words import moment
from pegel.spec.outside_text import LONGEST_SENTENCE, shown
from pegel.spec.plain_numbers import how_many, plain
from pegel.store.label_store import LabelDay

HOUR = timedelta(hours=1)
LATER_THAN_EVER = 2
"""Labels are late after so many times the longest they ever stayed away."""
FEWEST_DAYS = 3
"""Days with labels from which on it is known how they come."""
NEWEST_DAYS = 60
"""Days with labels by which it is told how they come: the newest, however long ago they are."""
JUDGED_AFTER = timedelta(minutes=20)
"""After its end an hour is counted: by `batch_monitor`, which runs each hour."""
DAYS_BEFORE, FEWEST_BEFORE = 7, 4
"""The same hour of so many days before is looked at; of so many of them it has to be known."""
FALLEN_TO, LEAST_REQUESTS = 0.25, 100
"""Traffic fell where two hours had fewer than this share of the least of the days before, if that is worth the name."""
LEAST_FREE, SHARE_FREE, MOST_FREE = 1 << 30, 0.05, 20 << 30
"""A disk fills where less is free than this share of it: at least the first, at most the last, in bytes."""


def late_labels(days: Sequence[LabelDay], now: datetime) -> str | None:
    """Return since when no label has come, if they never stayed away for so long; `days` in order, the oldest first."""
    came = [day.start for day in days if day.received]
    if len(came) < FEWEST_DAYS:
        return None
    longest = max(later - earlier for earlier, later in pairwise(came))
    silent = floor(now, DAY) - came[-1]
    # What is known has to reach back further; how long they stay away is no part of it, or time alone would end it.
    if min(silent, came[-1] - came[0]) <= LATER_THAN_EVER * longest:
        return None
    usual = how_many(longest // DAY, "day")
    return f"no label has come since {came[-1]:%Y-%m-%d}; before that they came within {usual}"


def compared_hours(now: datetime) -> tuple[list[datetime], list[datetime]]:
    """Return the begins of the two newest hours that are counted, and of all hours that they are compared with."""
    newest = floor(now - JUDGED_AFTER, HOUR) - HOUR
    hours = [newest - HOUR, newest]
    return hours, [hour - day * DAY for day in range(1, DAYS_BEFORE + 1) for hour in hours]


def fallen_traffic(requests: Mapping[datetime, int], now: datetime) -> str | None:
    """Return how far the requests of an hour fell; `requests`: by the begin of the hour. None: they did not.

    An hour without any is told by another sign, and one that is not known yet by none.
    """
    hours, _ = compared_hours(now)
    least = [_least_before(requests, hour) for hour in hours]
    for hour, before in zip(hours, least, strict=True):
        if before is None or before < LEAST_REQUESTS or not 0 < requests.get(hour, 0) < FALLEN_TO * before:
            return None
    newest = hours[-1]
    return (
        f"{how_many(requests[newest], 'request')} in the hour from {moment(newest, now)} UTC; in the same hour of the "
        f"days before it were {least[-1]:,} at least"
    )


def _least_before(requests: Mapping[datetime, int], hour: datetime) -> int | None:
    before = [requests[earlier] for day in range(1, DAYS_BEFORE + 1) if (earlier := hour - day * DAY) in requests]
    return min(before) if len(before) >= FEWEST_BEFORE else None


def filling_disk(folder: str, size: int, free: int) -> str | None:
    """Return how little of a disk is free, if it is too little; sizes in bytes."""
    wanted = max(LEAST_FREE, min(SHARE_FREE * size, MOST_FREE))
    if free >= wanted:
        return None
    gib = 1 << 30
    return (
        f"{plain(free / gib, 2)} GiB of {plain(size / gib, 3)} GiB are free where {shown(folder, LONGEST_SENTENCE)} "
        f"lies; less than {plain(wanted / gib, 2)} GiB is too little"
    )
