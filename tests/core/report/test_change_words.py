"""When a change began, in words: with how sure that is, with the date if it is not today's."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from pegel.alerts.alert import AlertFeature
from pegel.judge.change_interval import ChangeInterval
from pegel.report.change_words import began_to_change, between, since_of
from pegel.testing.samples import sample_finding

HOUR = timedelta(hours=1)
NOON = datetime(2026, 11, 3, 12, tzinfo=UTC)
INTERVAL = ChangeInterval(
    earliest=NOON,
    latest=NOON + HOUR / 2,
    gradual_earliest=NOON - HOUR,
    known_from=NOON - 5 * HOUR,
    windows=30,
    is_sudden=True,
)


@pytest.mark.parametrize(
    ("interval", "told"),
    [
        (INTERVAL, "between 12:00 and 12:30 UTC (90 % sure); if it came gradually, maybe from 11:00 on"),
        (replace(INTERVAL, gradual_earliest=NOON), "between 12:00 and 12:30 UTC (90 % sure)"),
        (
            replace(INTERVAL, gradual_earliest=None),
            "between 12:00 and 12:30 UTC (90 % sure); if it came gradually, maybe before 07:00",
        ),
        (replace(INTERVAL, is_sudden=False), "gradually, between 12:00 and 12:30 UTC (90 % sure)"),
        (
            replace(INTERVAL, earliest=None, gradual_earliest=None),
            "before 12:30 UTC (90 % sure); of the time before 07:00 nothing is kept",
        ),
    ],
)
def test_when_it_began(interval: ChangeInterval, told: str) -> None:
    """Sudden, gradual, or older than what is kept: each is said."""
    assert told == began_to_change("delay", interval, NOON + HOUR).removeprefix("delay began to change").lstrip(", ")


def test_since() -> None:
    """An interval says between which times; another day has its date; what no chart found has a time of its own."""
    feature = AlertFeature(feature="delay", since=NOON, unbroken_since=NOON, finding=sample_finding(0))

    assert "began between 12:00 and 12:30 UTC" == between(INTERVAL, NOON + HOUR)
    assert "began between 2026-11-03 12:00 and 12:30 UTC" == between(INTERVAL, NOON + 24 * HOUR)
    assert "began before 12:30 UTC" == between(replace(INTERVAL, earliest=None), NOON + HOUR)
    assert ("since 12:00 UTC", "began between 12:00 and 12:30 UTC") == (
        since_of(feature, NOON + HOUR),
        since_of(replace(feature, began=INTERVAL), NOON + HOUR),
    )
