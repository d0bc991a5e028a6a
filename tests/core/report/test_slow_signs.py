"""Labels that stay away, traffic that fell and a disk that fills are told, and what is as ever is not."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, date, datetime, timedelta

import pytest

from pegel.report.slow_signs import compared_hours, fallen_traffic, filling_disk, late_labels
from pegel.store.label_store import LabelDay

NOW = datetime(2026, 11, 30, 14, 40, tzinfo=UTC)
HOUR, DAY = timedelta(hours=1), timedelta(days=1)
GIB = 1 << 30


def came(days_ago: Sequence[int], received: int = 5) -> list[LabelDay]:
    """Return days on which labels came, so many days before today."""
    of: dict[str, object] = {
        "model": "delays",
        "version": 1,
        "subjects": received,
        "matched": received,
        "is_over": False,
    }
    return [
        LabelDay(day=date(2026, 11, 30) - timedelta(days=ago), received=received, **of)  # type: ignore[arg-type]
        for ago in sorted(days_ago, reverse=True)
    ]


@pytest.mark.parametrize(
    ("days_ago", "is_late"),
    [
        (range(10), False),  # each day, today too
        (range(2, 12), False),  # one whole day without any may be chance
        (range(3, 13), True),
        ([3, 4, 5, 6, 7, 10, 11, 12, 13, 14], False),  # nothing comes on weekends: three days are usual
        ([7, 8, 9, 10, 11, 14, 15, 16, 17, 18], True),
        ([5, 6], False),  # too few days to know how they come
        ([], False),
        ([20, 21, 22], False),  # known for three days: what is usual is not known
    ],
)
def test_labels_are_late_when_they_never_stayed_away_so_long(days_ago: Sequence[int], is_late: bool) -> None:
    """Late is more than twice the longest gap of the days before, and no less."""
    assert (late_labels(came(days_ago), NOW) is not None) == is_late


def test_a_day_without_labels_is_no_day_with_labels() -> None:
    """A day that is kept with none received does not end a silence."""
    assert late_labels([*came(range(3, 13)), *came([0, 1], received=0)], NOW) is not None


def requests(newest: Sequence[int], before: int = 1_000, days: int = 7) -> dict[datetime, int]:
    """Return requests of the two newest counted hours, and of the same hours of days before."""
    hours, earlier = compared_hours(NOW)
    return dict(zip(hours, newest, strict=True)) | dict.fromkeys(earlier[: 2 * days], before)


def test_the_hours_that_are_compared_are_counted_already() -> None:
    """At 14:40 the newest counted hours are those from 12:00 and 13:00; at 14:10 those an hour before."""
    hours, before = compared_hours(NOW)

    assert [hour.hour for hour in hours] == [12, 13]
    assert [hour.hour for hour in compared_hours(NOW - timedelta(minutes=30))[0]] == [11, 12]
    assert (len(before), max(before)) == (14, hours[-1] - DAY)


@pytest.mark.parametrize(
    ("counted", "has_fallen"),
    [
        (requests([200, 200]), True),
        (requests([200, 300]), False),  # it is back
        (requests([300, 200]), False),  # one hour may be chance
        (requests([249, 249]), True),
        (requests([250, 250]), False),
        (requests([0, 0]), False),  # no traffic is another sign
        (requests([10, 10], before=99), False),  # hardly any traffic at all
        (requests([200, 200], days=3), False),  # too few days are known
        (requests([200, 200], days=4), True),
        ({}, False),
    ],
)
def test_traffic_fell_below_that_of_all_days_before(counted: dict[datetime, int], has_fallen: bool) -> None:
    """Two hours in a row with less than a quarter of the least of the days before; nothing less is told."""
    assert (fallen_traffic(counted, NOW) is not None) == has_fallen


def test_a_weekday_that_was_as_quiet_keeps_it_from_being_told() -> None:
    """Of the days before the quietest counts: who has quiet Sundays is not told each Sunday."""
    counted = requests([200, 200])
    counted |= dict.fromkeys((hour - 7 * DAY for hour in compared_hours(NOW)[0]), 210)

    assert fallen_traffic(counted, NOW) is None


def test_what_fell_is_told_with_its_numbers() -> None:
    """The hour, what came in it and what came at least before."""
    told = fallen_traffic(requests([200, 150]), NOW)

    assert told == "150 requests in the hour from 13:00 UTC; in the same hour of the days before it were 1,000 at least"


@pytest.mark.parametrize(
    ("size", "free", "fills"),
    [
        (100 * GIB, 6 * GIB, False),
        (100 * GIB, 4 * GIB, True),
        (4_000 * GIB, 30 * GIB, False),  # of a large disk a small share is much
        (4_000 * GIB, 19 * GIB, True),
        (10 * GIB, 1 * GIB, False),
        (10 * GIB, GIB - 1, True),
    ],
)
def test_a_disk_fills_where_little_is_free(size: int, free: int, fills: bool) -> None:
    """A share of the disk, at least a gibibyte, at most twenty."""
    assert (filling_disk("/var/lib/pegel", size, free) is not None) == fills
