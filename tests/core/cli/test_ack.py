"""Until when an alert is quiet: what a person types, and what is meant."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from pegel.alerts.quiet_times import instant
from pegel.errors import InvalidSpec

NOW = datetime(2026, 11, 21, 3, 12, tzinfo=UTC)


@pytest.mark.parametrize(
    ("typed", "meant"),
    [
        ("09:00", datetime(2026, 11, 21, 9, 0, tzinfo=UTC)),
        ("03:00", datetime(2026, 11, 22, 3, 0, tzinfo=UTC)),
        ("4h", datetime(2026, 11, 21, 7, 12, tzinfo=UTC)),
        ("1.5h", datetime(2026, 11, 21, 4, 42, tzinfo=UTC)),
        ("2026-11-23T08:00", datetime(2026, 11, 23, 8, 0, tzinfo=UTC)),
        ("2026-11-23T08:00+02:00", datetime(2026, 11, 23, 6, 0, tzinfo=UTC)),
    ],
)
def test_a_time_is_read_as_it_is_meant(typed: str, meant: datetime) -> None:
    """A clock time is the next one in UTC, a length counts from now, an instant without a zone is UTC."""
    assert meant == instant(typed, NOW)


@pytest.mark.parametrize("typed", ["", "soon", "25:00", "2026-13-01"])
def test_what_cannot_be_read_is_refused(typed: str) -> None:
    """The sentence shows what was typed and what is understood."""
    with pytest.raises(InvalidSpec, match=r"expected e\.g\. 09:00"):
        instant(typed, NOW)


@pytest.mark.parametrize("typed", ["32d", "2999-01-01", "745h", "366d"])
def test_what_lies_far_ahead_is_refused(typed: str) -> None:
    """Nothing is quiet for longer than 31 days, whatever is typed."""
    with pytest.raises(InvalidSpec, match=r"more than 31 days ahead"):
        instant(typed, NOW)


def test_31_days_are_allowed() -> None:
    """The bound itself is within."""
    assert datetime(2026, 12, 22, 3, 12, tzinfo=UTC) == instant("31d", NOW)


def test_the_past_is_refused() -> None:
    """Nothing is held back until a time that is over."""
    with pytest.raises(InvalidSpec, match="which has passed"):
        instant("2026-11-20T09:00Z", NOW)
