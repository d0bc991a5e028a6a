"""Windows that come again by the clocks of a place: over midnight, over the days on which clocks are changed."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from pegel.alerts.maintenance import Maintenance
from pegel.data.spans import Span

HOUR = timedelta(hours=1)


def at(text: str) -> datetime:
    """Return an instant of UTC."""
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


def span(start: str, end: str) -> Span:
    """Return a span of UTC."""
    return Span(at(start), at(end))


@pytest.mark.parametrize(
    ("written", "after", "expected"),
    [
        # In winter Berlin is an hour ahead of UTC, in summer two.
        ("sun 02:00-04:00 Europe/Berlin", "2026-01-01", span("2026-01-04T01:00", "2026-01-04T03:00")),
        ("sun 02:00-04:00 Europe/Berlin", "2026-07-01", span("2026-07-05T00:00", "2026-07-05T02:00")),
        # 02:00 becomes 03:00: the window has one hour.
        ("sun 02:00-04:00 Europe/Berlin", "2026-03-27", span("2026-03-29T01:00", "2026-03-29T02:00")),
        # No clock shows 02:15 to 02:45: as long after the jump as they lie before 03:00 came, from the jump on.
        ("sun 02:15-02:45 Europe/Berlin", "2026-03-27", span("2026-03-29T01:00", "2026-03-29T01:45")),
        ("sun 02:30-03:10 Europe/Berlin", "2026-03-27", span("2026-03-29T01:00", "2026-03-29T01:10")),
        # 03:00 becomes 02:00: both hours are within.
        ("sun 02:00-04:00 Europe/Berlin", "2026-10-23", span("2026-10-25T00:00", "2026-10-25T03:00")),
        ("sun 02:15-02:45 Europe/Berlin", "2026-10-23", span("2026-10-25T00:15", "2026-10-25T01:45")),
        # Over midnight, and over the change.
        ("sat 23:00-05:00 Europe/Berlin", "2026-03-27", span("2026-03-28T22:00", "2026-03-29T03:00")),
        ("sat 23:00-05:00 Europe/Berlin", "2026-10-23", span("2026-10-24T21:00", "2026-10-25T04:00")),
        ("fri-mon 22:00-06:00 UTC", "2026-01-01T12:00", span("2026-01-02T22:00", "2026-01-03T06:00")),
        ("sun 00:00-24:00 UTC", "2026-01-01", span("2026-01-04T00:00", "2026-01-05T00:00")),
        # Clocks that are put back by half an hour, and a place whose Sunday begins on our Saturday.
        ("sun 02:00-03:00 Australia/Lord_Howe", "2026-03-31", span("2026-04-04T15:30", "2026-04-04T16:30")),
        ("sun 01:00-02:00 Pacific/Kiritimati", "2026-01-01", span("2026-01-03T11:00", "2026-01-03T12:00")),
    ],
)
def test_the_next_window_is_that_of_its_clocks(written: str, after: str, expected: Span) -> None:
    """A window lies where the clocks of its place show it; of an hour that comes twice both belong to it."""
    every = Maintenance.parse(written)

    assert expected == every.following(at(after))
    assert [expected, expected] == [every.window(expected.start), every.window(expected.end - HOUR / 60)]
    assert [None, None] == [every.window(expected.start - HOUR / 60), every.window(expected.end)]


def test_a_year_of_sundays_has_each_of_them_once() -> None:
    """From window to window one comes to every Sunday of a year, in order, and each ends at four o'clock."""
    every = Maintenance.parse("sun 02:00-04:00 Europe/Berlin")
    now, windows = at("2026-01-01"), list[Span]()
    while now < at("2027-01-01"):
        window = every.following(now)
        assert window is not None
        windows.append(window)
        now = window.start

    assert 53 == len(windows)
    assert {HOUR: 1, 2 * HOUR: 51, 3 * HOUR: 1} == {
        length: sum(one.end - one.start == length for one in windows) for length in (HOUR, 2 * HOUR, 3 * HOUR)
    }


def test_of_windows_that_overlap_the_one_that_ends_last_counts() -> None:
    """Each day from ten in the evening to nine in the evening: at half past nine none is, an hour later one is."""
    every = Maintenance.parse("daily 22:00-21:00 UTC")

    assert None is every.window(at("2026-01-02T21:30"))
    assert span("2026-01-02T22:00", "2026-01-03T21:00") == every.window(at("2026-01-02T22:30"))


@pytest.mark.parametrize(
    ("written", "same"),
    [
        ("every Sunday 2:00-4:00 Europe/Berlin", "sun 02:00-04:00 Europe/Berlin"),
        ("EVERY sat,SUN 02:00 - 04:00 UTC", "sat,sun 02:00-04:00 UTC"),
        ("fri-mon 22:00-06:00 Etc/GMT+3", "mon,fri,sat,sun 22:00-06:00 Etc/GMT+3"),
        ("mon-sun 02:00-04:00 UTC", "daily 02:00-04:00 UTC"),
        ("daily 22:00-24:00 UTC", "daily 22:00-00:00 UTC"),
        ("sun 00:00-24:00 UTC", "sun 00:00-24:00 UTC"),
    ],
)
def test_what_is_written_is_read_again(written: str, same: str) -> None:
    """Days in full or short, ranges over the weekend, midnight by either name: one form is kept, and means the same."""
    every = Maintenance.parse(written)

    assert same == str(every)
    assert every == Maintenance.parse(str(every))


@pytest.mark.parametrize(
    ("written", "words"),
    [
        ("", "expected `sun 02:00-04:00 Europe/Berlin`"),
        ("sun 02:00-04:00", "expected `sun"),
        ("sun 02:00-04:00 Europe/Berlin please", "expected `sun"),
        ("sun \uff102:00-04:00 UTC", "expected `sun"),
        ("someday 02:00-04:00 UTC", "expected days such as sun, mon-fri, sat,sun or daily, given 'someday'"),
        ("sun, 02:00-04:00 UTC", "expected days such as sun, mon-fri, sat,sun or daily, given ''"),
        ("sun 24:00-04:00 UTC", "expected times from 00:00 to 24:00, given 24:00"),
        ("sun 02:00-04:60 UTC", "expected times from 00:00 to 24:00, given 04:60"),
        ("sun 02:00-02:00 UTC", "an end other than the start"),
        ("daily 00:00-24:00 UTC", "every whole day is no window"),
        ("sun 02:00-04:00 Europe/Berln", "given 'Europe/Berln', not known here; did you mean `Europe/Berlin`"),
        ("sun 02:00-04:00 Europe", "given 'Europe', not known here"),
        ("sun 02:00-04:00 ../../etc/passwd", "given '../../etc/passwd', not known here"),
        ("sun 02:00-04:00 /etc/localtime", "given '/etc/localtime', not known here"),
        ("sun 02:00-04:00 " + "x" * 5_000, "not known here"),
    ],
)
def test_what_is_no_window_is_refused(written: str, words: str) -> None:
    """Each refusal says what was expected; a time zone that does not exist is none, and no path either."""
    with pytest.raises(ValueError, match="expected") as refused:
        Maintenance.parse(written)

    assert words in str(refused.value)


def test_the_end_of_the_calendar_is_no_window() -> None:
    """Where no date follows, no window does."""
    assert None is Maintenance.parse("daily 02:00-04:00 UTC").following(at("9999-12-30"))
