"""Which time an address asks for, and where its links lead."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from pegel.report.page_query import PageQuery, feature_query
from pegel.report.page_time import LONGEST, PageTime

NOW = datetime(2026, 11, 30, 12, tzinfo=UTC)
HOUR = timedelta(hours=1)
DAY = timedelta(days=1)


@pytest.mark.parametrize(
    ("asked", "start", "end"),
    [
        ({"last": "6h"}, NOW - 6 * HOUR, NOW),
        ({"last": "30d"}, NOW - 30 * DAY, NOW),
        ({"since": "2026-11-30T09:00Z"}, NOW - 3 * HOUR, NOW),
        ({"until": "2026-11-30T10:00:00+01:00"}, NOW - 3 * HOUR - DAY, NOW - 3 * HOUR),
        # An address that nobody escaped brings a blank for the sign of the zone.
        ({"until": "2026-11-30T10:00:00 01:00"}, NOW - 3 * HOUR - DAY, NOW - 3 * HOUR),
        ({"since": "2026-11-30 09:00:00.5+00:00", "until": "2026-11-30T09:00:02Z"},
         NOW - 3 * HOUR + timedelta(seconds=0.5), NOW - 3 * HOUR + timedelta(seconds=2)),
    ],
)  # fmt: skip
def test_a_time_is_asked_for(asked: dict[str, str], start: datetime, end: datetime) -> None:
    """By its name back from now, by two instants with their zone, by either alone; the address of it says the same."""
    time = PageTime.asked(NOW, **asked)
    assert time is not None
    again = PageTime.asked(NOW, last=time.last, since=time.query.get("from", ""), until=time.query.get("to", ""))

    assert (start, end) == (time.start, time.end)
    assert time == again


def test_nothing_asked_is_the_newest() -> None:
    """An address without a time means the newest windows."""
    assert PageTime.asked(NOW) is None


@pytest.mark.parametrize(
    ("asked", "words"),
    [
        ({"last": "2h"}, "last is one of 1h, 6h, 1d, 7d, 30d; given '2h'"),
        ({"last": "1h", "since": "2026-11-30T09:00Z"}, "either last or from and to"),
        ({"since": "yesterday"}, "from: expected an instant with its zone"),
        ({"since": "2026-11-30T09:00"}, "given '2026-11-30T09:00'"),
        ({"until": "0001-01-01T00:00Z"}, "to: expected"),
        ({"until": "9999-12-31T23:59:59-14:00"}, "to: expected"),
        ({"since": "2026-11-30T12:00Z"}, "from has to be before to"),
        ({"since": "2026-11-30T10:00Z", "until": "2026-11-30T09:00Z"}, "from has to be before to"),
        ({"since": "2026-01-01T00:00Z"}, "A page shows 92 days at most; from and to are 333 days apart"),
        ({"since": "<script>" * 99}, "characters, sha256"),
    ],
)
def test_what_is_no_time_is_refused_in_a_sentence(asked: dict[str, str], words: str) -> None:
    """Unknown names, instants without a zone or in no calendar, the wrong order, and too long a time."""
    with pytest.raises(ValueError, match=r"given|apart") as refused:
        PageTime.asked(NOW, **asked)

    assert words in str(refused.value)


def test_links_lead_beside_and_around() -> None:
    """Earlier and later are as long and adjoin; zooming out holds three times as much, and never what is to come."""
    time = PageTime(NOW - 3 * HOUR, NOW - 2 * HOUR)
    wide = PageTime(NOW - DAY, NOW).wider(NOW)

    assert (PageTime(NOW - 4 * HOUR, NOW - 3 * HOUR), PageTime(NOW - 2 * HOUR, NOW - HOUR)) == (
        time.earlier(),
        time.later(NOW),
    )
    assert (PageTime(NOW - 4 * HOUR, NOW - HOUR), PageTime(NOW - 2 * DAY, NOW)) == (time.wider(NOW), wide)


def test_links_end_where_nothing_is() -> None:
    """Nothing is later than now, nothing longer than the longest, nothing before the first instant of the calendar."""
    now = PageTime(NOW - LONGEST, NOW)
    first = PageTime(datetime(1, 1, 3, tzinfo=UTC), datetime(1, 1, 4, tzinfo=UTC))

    assert (None, None, first.start) == (now.later(NOW), now.wider(NOW), first.earlier().start)


def test_a_link_changes_the_time_and_keeps_the_rest() -> None:
    """A time by instants takes the place of a name; what has no value is left out; nothing ends an attribute."""
    query = PageQuery({"last": "1d", "segment": 'airline="AA"', "sort": ""})

    assert (
        "?segment=airline%3D%22AA%22&amp;from=2026-11-30T11%3A00%3A00Z&amp;to=2026-11-30T12%3A00%3A00Z",
        "?segment=airline%3D%22AA%22",
        "?last=1d&amp;segment=airline%3D%22AA%22&amp;sort=name",
    ) == (query.over(PageTime(NOW - HOUR, NOW)), query.over(None), query.but(sort="name"))


def test_the_longest_name_is_a_whole_link() -> None:
    """A link is never cut short, as shown text is, and a half pair is no error."""
    name = "\U0001f680/<&\"' " * 50
    query = feature_query(name + "\ud800", {"last": "1d"})

    assert (50, True) == (query.count("%F0"), query.endswith("%3F&amp;last=1d"))
