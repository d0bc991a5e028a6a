"""When a change began, in words: with how sure that is, with the date if it is not today's."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from pegel.alerts.alert import AlertFeature
from pegel.alerts.update import update
from pegel.judge.change_interval import ChangeInterval
from pegel.judge.findings import Finding
from pegel.report.change_words import began_to_change, between, since_of
from pegel.report.states import state_of
from pegel.stats.figures import ERROR_RATE
from pegel.testing.manual_clock import START
from pegel.testing.samples import MINUTE, sample_finding, sample_heartbeat, sample_spec, sample_window

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


def words(findings: Sequence[Finding]) -> str:
    """Return how a model is said to be whose one open alert is about findings."""
    now = START + 26 * MINUTE
    (change,) = update([], list(enumerate(findings, start=1)), [sample_window(24)], now, [sample_spec()])
    assert change.alert is not None
    heartbeat = sample_heartbeat(now)
    return state_of(sample_spec(), last=sample_window(24), alerts=[change.alert], heartbeat=heartbeat, now=now).whole


@pytest.mark.parametrize(
    ("names", "told"),
    [
        ([], ""),
        (["hour"], " and 1 more since 00:16 UTC"),
        (["hour", "day"], " and 2 more, the first of them since 00:16 UTC"),
    ],
)
def test_a_model_is_said_to_drift_since_the_feature_that_is_named_does(names: list[str], told: str) -> None:
    """Others that the alert is about, for longer, are told with a time of their own."""
    slighter = [sample_finding(16 + 2 * place, name, p_value=1e-9) for place, name in enumerate(names)]

    drifting = "drifting since 00:24 UTC: taxi_out by 0.31 \N{GREEK SMALL LETTER SIGMA}"
    assert f"{drifting}{told}" == words([*slighter, sample_finding(24, "taxi_out")])


def test_worse_answers_are_told_since_the_figure_that_is_named_is_worse() -> None:
    """A figure that was worse before it lends it no time."""
    worse: dict[str, Any] = {"detector": "performance", "effect_unit": "%", "what": "error rate 4 % -> 9 %"}
    findings = [sample_finding(16, "recall", **worse), sample_finding(24, ERROR_RATE, **worse)]

    told = "worse than in training since 00:24 UTC: error rate 4 % \N{RIGHTWARDS ARROW} 9 %"
    assert told == words(findings)
