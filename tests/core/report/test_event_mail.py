"""Odd events reach people: in a mail that says so in its subject, on the page, and in `pegel explain`."""

from __future__ import annotations

import re
from dataclasses import replace
from typing import Any

import pytest

from pegel.alerts.alert import Mail, MailKind
from pegel.alerts.update import update
from pegel.cli.explain import explained
from pegel.judge.event_counts import EventCounts
from pegel.judge.findings import Finding, Verdict
from pegel.judge.judge import judge
from pegel.report.alert_mail import plain, render
from pegel.report.html import render as render_page
from pegel.report.model_page import model_view
from pegel.report.reading import Sources
from pegel.report.states import state_of
from pegel.report.timeline import WIDTH, timeline
from pegel.spec.settings import Settings
from pegel.store.results import Results
from pegel.stream.result_rows import Tally
from pegel.testing.manual_clock import START
from pegel.testing.samples import MINUTE, sample_finding, sample_heartbeat, sample_span, sample_spec, sample_window

NOW = START + 26 * MINUTE
WORDS = "3.1 % of 1,204 events could not be read (tolerated 1 %): 37 × not JSON"  # noqa: RUF001


@pytest.fixture
def judgement() -> Any:
    """A window of nothing that could be read but a few rows: 37 of 1,204 events are no JSON."""
    events = EventCounts(1_204, odd={"invalid": 37}, reasons={"invalid": {"not_json": 37}})
    return judge(None, None, spec=sample_spec(), span=sample_span(24), revision=1, events=events)


@pytest.fixture
def mail(judgement: Any) -> Mail:
    """The mail about it."""
    window = sample_window(24, verdict=judgement.verdict, baseline_id=None)
    (change,) = update([], [(1, judgement.findings[0])], [window], NOW, [sample_spec()])
    assert change.mail is not None
    return change.mail


@pytest.mark.parametrize(
    ("kind", "subject"),
    [
        (MailKind.OPENED, "delays v1: events are unreadable (3.1 %) (since 00:24 UTC)"),
        (MailKind.REPEATED, "delays v1: still: events are unreadable (3.1 %) (since 00:24 UTC)"),
        (MailKind.OVER, "delays v1: over: unreadable events (00:24 to 00:25 UTC)"),
    ],
)
def test_the_subject_says_what_is_wrong_with_events(mail: Mail, kind: MailKind, subject: str) -> None:
    """Events do not drift: they are unreadable or late, still are, or are no more than tolerated."""
    told = Mail(kind=kind, alert=mail.alert, spec=mail.spec, recipients=("a@b",), windows=mail.windows, previous=None)
    rendered = render(told, baseline=None, tally=Tally(drifting=1, windows=1, rows=0), page_url="http://x", now=NOW)

    assert f"[pegel] {subject}" == rendered.subject


def test_the_mail_says_how_many_and_why(mail: Mail) -> None:
    """Its first line is the sentence of the finding, its evidence has the events and no baseline."""
    tally = Tally(drifting=1, windows=1, rows=0)
    text = render(mail, baseline=None, tally=tally, page_url="http://x", now=NOW).text
    short = plain(mail, problem="none", page_url="http://x", now=NOW).text

    assert f"unreadable events: {WORDS}" in " ".join(text.split())
    assert "1,204 events · finding" in " ".join(text.split())
    assert "as in training" not in text
    assert WORDS in short


def test_the_list_says_it_in_the_same_words(mail: Mail) -> None:
    """A model of which only events are odd is not said to drift."""
    state = state_of(sample_spec(), last=None, alerts=[mail.alert], heartbeat=sample_heartbeat(NOW), now=NOW)

    assert ("unreadable events 3.1 % (37 of 1,204 events) since 00:24 UTC", "bad") == (state.words, state.level)


def odd(test: str, feature: str, seen: int, minute: int) -> Finding:
    """Return a finding about so many of a hundred events of one kind."""
    tests = {test: {"seen": seen, "n": 100, "tolerated": 0.01}}
    values: dict[str, Any] = {"detector": "events", "test": test, "effect": seen / 100}
    values["evidence"] = {"tests": tests, "since": sample_span(minute).start.isoformat()}
    return sample_finding(minute, feature, effect_unit="share", what=f"{seen} % of 100 events", **values)


def test_the_headline_names_the_worst_of_what_is_recent() -> None:
    """The largest share of the last five minutes leads, with its numbers; the others follow with theirs."""
    kinds = [
        ("unanswered", "missing answers", 99, 1),
        ("late", "late events", 40, 9),
        ("dropped", "dropped events", 90, 9),
    ]
    kinds += [("slow", "slow answers", 67, 9), ("invalid", "unreadable events", 5, 9)]
    findings = [(place, odd(*kind)) for place, kind in enumerate(kinds, 1)]
    (change,) = update([], findings, [], NOW, [sample_spec()])
    assert change.alert is not None
    state = state_of(sample_spec(), last=None, alerts=[change.alert], heartbeat=sample_heartbeat(NOW), now=NOW)

    assert (
        "dropped events 90 % (90 of 100 events) since 00:09 UTC",
        ("also slow answers 67 %, late events 40 %, unreadable events 5 % and 1 more",),
    ) == (state.words, state.further)


def test_a_window_with_odd_events_alone_is_not_painted_as_drift() -> None:
    """The bar lies where the requests were made, not where the window tells of them; drift keeps its block."""
    asked = {"asked_from": sample_span(2).start.isoformat(), "asked_to": sample_span(2).end.isoformat()}
    slow = odd("slow", "slow answers", 67, 3)
    findings = [replace(slow, evidence=slow.evidence | asked), sample_finding(4)]
    windows = [sample_window(at, verdict=Verdict.DRIFT if at in {3, 4} else Verdict.OK) for at in range(5)]
    picture = timeline(windows, findings, title="five windows")
    bar = re.search(r'class="odd" x="([0-9.]+)%" y="[0-9.]+" width="([0-9.]+)%"', picture)

    assert [1, 1] == [picture.count(f'class="verdict {kind}"') for kind in ("odd_alone", "drift")]
    assert bar is not None
    assert [2 / 5, 1 / 5] == pytest.approx([float(number) / WIDTH for number in bar.groups()])


def test_page_and_explanation_know_it(sources: Sources, judgement: Any) -> None:
    """The page lists the finding with its sentence, and it is recomputed without rows and without a baseline."""
    window = sample_window(24, verdict=judgement.verdict, baseline_id=None, summary=b"", layout_hash=None)
    Results(sources.engine).write(windows=[window], findings=judgement.findings)
    page = render_page(model_view(sources, "delays", 1, NOW))
    settings = Settings(database_url=sources.engine.url.render_as_string(hide_password=False))
    explanation = explained(settings, judgement.findings[0].id)

    assert WORDS in page
    assert explanation.agrees
    assert "inputs      n = 1204, m = 0, seen = 37, n = 1204, tolerated = 0.01" in str(explanation)
    assert "none: nothing was compared with one" in str(explanation)
