"""Mails about single events: one for a flood, never more than the spec allows, and nothing to be told of their end."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

import pytest

from pegel.alerts.alert import Alert, MailKind
from pegel.alerts.single_events import may_page
from pegel.alerts.update import update
from pegel.data.spans import Span
from pegel.judge.findings import Finding
from pegel.judge.single_event import DETECTOR, FEATURE, SEGMENT
from pegel.spec.monitor_spec import Alerting, MonitorSpec
from pegel.testing.manual_clock import START
from pegel.testing.samples import sample_finding, sample_spec

HOUR, DAY = timedelta(hours=1), timedelta(days=1)


def extreme(at: datetime) -> Finding:
    """Return a finding about an event that came `at`."""
    span = Span(at, at + timedelta(minutes=1))
    return sample_finding(feature=FEATURE, detector=DETECTOR, segment=SEGMENT, span=span, test="outlier score")


@dataclass
class Weeks:
    """Passes over what comes, at chosen instants; remembers the mails."""

    spec: MonitorSpec
    alerts: dict[str, Alert] = field(default_factory=dict)
    mails: list[tuple[timedelta, MailKind]] = field(default_factory=list)
    seq: int = 0

    def take_in(self, after: timedelta, *findings: Finding) -> None:
        """Do one pass, so long after the beginning."""
        numbered = [(self.seq + at, finding) for at, finding in enumerate(findings, 1)]
        self.seq += len(findings)
        for change in update(self.alerts.values(), numbered, [], START + after, [self.spec]):
            if change.alert is not None:
                self.alerts[change.alert.id] = change.alert
            if change.mail is not None:
                self.mails.append((after, change.mail.kind))


def weeks(**alerts: Any) -> Weeks:
    """Return a history of a model whose single events page."""
    return Weeks(sample_spec(alerts={"emails": ["oncall@example.org"], "outliers": "page", **alerts}))


def test_a_flood_is_one_mail() -> None:
    """Events of many spans, in one pass and in later ones, are one mail; its alert is closed without another."""
    history = weeks(outlier_pages_per_week=100)
    history.take_in(timedelta(0), *(extreme(START + timedelta(minutes=at)) for at in range(20)))
    for minute in range(1, 60):
        history.take_in(timedelta(minutes=minute), extreme(START + timedelta(minutes=20 + minute)))

    assert [(timedelta(0), MailKind.OPENED)] == history.mails
    assert [True] == [alert.over_at is not None for alert in history.alerts.values()]


@pytest.mark.parametrize(
    ("asked", "days"), [(1.0, [0, 7, 14, 21]), (2.0, [0, 1, 7, 8, 14, 15, 21, 22]), (0.5, [0, 14])]
)
def test_no_week_has_more_mails_than_asked_for(asked: float, days: list[int]) -> None:
    """With extreme events every day, mails are as many as the spec says, and begin again once a week has passed."""
    history = weeks(outlier_pages_per_week=asked)
    for day in range(26):
        history.take_in(day * DAY, extreme(START + day * DAY))
        history.take_in(day * DAY + HOUR)

    assert [day * DAY for day in days] == [after for after, _ in history.mails]


def test_an_event_beside_a_drift_is_news_each_time() -> None:
    """While an alert about drift is open, each event within the budget is a mail and an alert of its own."""
    history = weeks(outlier_pages_per_week=5, repeat_after="1h")
    history.take_in(timedelta(0), sample_finding(feature="distance"))
    history.take_in(2 * HOUR, extreme(START + 2 * HOUR))
    history.take_in(5 * HOUR, extreme(START + 5 * HOUR))

    assert [MailKind.OPENED] * 3 == [kind for _, kind in history.mails]


def test_who_does_not_ask_for_pages_gets_none() -> None:
    """A finding from before the spec was changed opens no alert."""
    history = weeks(outliers="show")
    history.take_in(timedelta(0), extreme(START))

    assert ([], {}) == (history.mails, history.alerts)


def test_mails_are_apart() -> None:
    """However many a week may have, one follows another after `repeat_after` at the soonest, inclusive."""
    alerts = Alerting(outliers="page", outlier_pages_per_week=1_000, repeat_after=HOUR)

    assert [True, False, True] == [
        may_page((), alerts, START),
        may_page((START,), alerts, START + HOUR - timedelta(seconds=1)),
        may_page((START,), alerts, START + HOUR),
    ]


def test_a_clock_that_was_ahead_holds_back_no_page() -> None:
    """A mail that is dated days ahead counts among those of the week, and keeps the next one waiting for no hour."""
    alerts = Alerting(outliers="page", outlier_pages_per_week=2, repeat_after=HOUR)

    assert [True, False] == [may_page((START + 3 * DAY,) * times, alerts, START) for times in (1, 2)]
