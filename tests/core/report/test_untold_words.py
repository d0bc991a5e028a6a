"""Why nobody was mailed of an open alert yet, and which of its silences are named."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from pegel.alerts.alert import Alert
from pegel.alerts.matcher import Matcher
from pegel.alerts.severity import Severity
from pegel.alerts.silencing import Silence
from pegel.alerts.update import update
from pegel.report.alert_lines import standing
from pegel.testing.manual_clock import START
from pegel.testing.samples import sample_finding, sample_spec

MINUTE, HOUR = timedelta(minutes=1), timedelta(hours=1)
NOW = START + 26 * MINUTE
SINCE = "not mailed since it opened at 00:26 UTC"


@pytest.fixture
def unmailed() -> Alert:
    """An alert that was opened just now, about a window of a minute that ended a minute ago."""
    (change,) = update([], [(1, sample_finding(24))], [], NOW, [sample_spec(alerts={"mail_after": "1h"})])
    assert change.alert is not None
    return change.alert


@pytest.mark.parametrize(
    ("alerts", "severity", "why"),
    [
        (
            {"mail_after": "1h", "emails": ["ada@example.org"]},
            Severity.WARNING,
            "due once it has lasted 60 min (alerts.mail_after), at 01:24 UTC at the earliest",
        ),
        (
            {"emails": ["ada@example.org"]},
            Severity.WARNING,
            "due with the next pass of alert_dispatch; ",
        ),
        (
            {"emails": ["ada@example.org"], "digest": "daily 08:00 UTC"},
            Severity.INFO,
            "told in the next digest to ada",
        ),
        (
            {"emails": []},
            Severity.WARNING,
            "its spec names nobody who is told of it now (",
        ),
    ],
)
def test_an_alert_that_no_mail_told_says_when_one_is_due(
    unmailed: Alert, alerts: dict[str, Any], severity: Severity, why: str
) -> None:
    """Since when it is open, and what its mail waits for, by its model's spec."""
    alert, spec = replace(unmailed, severity=severity), sample_spec(alerts=alerts)
    (said,) = standing(alert, [], NOW, {spec.key: spec})

    assert said.startswith(f"{SINCE}: {why}")
    assert [SINCE] == standing(alert, [], NOW)


def silence(number: int, until: timedelta, **about: Any) -> Silence:
    """Return a silence of so long."""
    said: dict[str, Any] = {"why": "migration", "by": "ada", "said_at": START, "until": NOW + until}
    return Silence(id=number, about=Matcher(**about), **said)


def test_only_silences_that_hold_it_back_now_are_named(unmailed: Alert) -> None:
    """Not one of another feature, nor one that is over or to come; of many the two that hold the longest."""
    own = [silence(number, number * HOUR, model="delays") for number in (1, 2, 3)]
    others = [
        silence(7, HOUR, feature="distance"),
        silence(8, -MINUTE, model="*"),
        replace(silence(9, 2 * HOUR, model="*"), since=NOW + HOUR),
    ]
    spec = sample_spec()
    told, quiet = standing(unmailed, [*own, *others], NOW, {spec.key: spec})

    assert SINCE == told
    assert (
        "silenced by 3 (ada until 03:26 UTC: migration) and 2 (ada until 02:26 UTC: migration) and 1 more"
    ) == quiet.partition(";")[0]
