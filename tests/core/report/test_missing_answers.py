"""Answers that fail reach people: in the model's row, on its page, in a mail that says where to look."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

import pytest

from pegel.alerts.alert import Alert, Mail, MailKind
from pegel.alerts.update import update
from pegel.judge.event_counts import EventCounts
from pegel.judge.findings import Verdict
from pegel.judge.judge import Judgement, judge
from pegel.judge.remarks import remarks
from pegel.report.alert_mail import plain, render
from pegel.report.html import render as render_page
from pegel.report.model_list import model_rows
from pegel.report.model_page import model_view
from pegel.report.reading import Sources
from pegel.report.states import state_of
from pegel.report.views import StateView
from pegel.store.alert_store import AlertStore
from pegel.store.results import Results
from pegel.stream.result_rows import Tally, WindowRow
from pegel.testing.manual_clock import START
from pegel.testing.samples import (
    MINUTE,
    sample_baseline,
    sample_finding,
    sample_heartbeat,
    sample_ledger,
    sample_span,
    sample_spec,
    sample_window,
)

NOW = START + 26 * MINUTE
WORDS = "answers missing 99.95 % (4,284 of 4,286 requests)"
LOGS = ("/srv/pegel/endpoints/delays-v1/server/log", "/srv/pegel/endpoints/delays-v1/proxy/log")


def judged(unanswered: int, asked: int, **counted: Any) -> Judgement:
    """Return what is said of so many requests without an answer, without a row that could be judged."""
    events = EventCounts(2 * asked, odd={"unanswered": unanswered} if unanswered else {}, asked=asked, **counted)
    return judge(None, None, spec=sample_spec(), span=sample_span(24), revision=1, events=events)


def window(judgement: Judgement, **fields: Any) -> WindowRow:
    """Return the window as it is stored."""
    return sample_window(24, remarks=remarks(judgement), **fields)


def state(last: WindowRow, *alerts: Alert | None, now: datetime = NOW) -> StateView:
    """Return how the model is."""
    known = [alert for alert in alerts if alert is not None]
    return state_of(sample_spec(), last=last, alerts=known, heartbeat=sample_heartbeat(now), now=now)


@pytest.fixture
def failing() -> Judgement:
    """A window in which 4,284 of 4,286 requests had no answer."""
    return judged(4_284, 4_286)


@pytest.fixture
def mail(failing: Judgement) -> Mail:
    """The mail about it."""
    (change,) = update([], [(1, failing.findings[0])], [window(failing, verdict=failing.verdict)], NOW, [sample_spec()])
    assert change.mail is not None
    return change.mail


def test_the_models_row_says_how_many_are_missing_and_since_when(failing: Judgement, mail: Mail) -> None:
    """From the first window on, and in the same words once an alert is open."""
    last = window(failing, verdict=failing.verdict)

    assert (f"{WORDS} since 00:24 UTC", "warn") == (state(last).words, state(last).level)
    assert (f"{WORDS} since 00:24 UTC", "bad") == (state(last, mail.alert).words, state(last, mail.alert).level)


def test_what_else_the_alert_is_about_stands_beside_it(failing: Judgement) -> None:
    """A model that fails and drifts says both, each an alert of its own, the failing first."""
    findings = [(1, sample_finding(24)), (2, failing.findings[0])]
    events, drift = update([], findings, [window(failing)], NOW, [sample_spec()])
    words = f"{WORDS} since 00:24 UTC; drifting since 00:24 UTC: departure_delay by 0.31 \N{GREEK SMALL LETTER SIGMA}"

    assert words == state(window(failing), drift.alert, events.alert).whole


def test_a_model_that_drifts_and_has_no_traffic_says_both(failing: Judgement) -> None:
    """Whether it still drifts nobody can know, so neither is left out; it stays as bad as the alert."""
    (change,) = update([], [(1, sample_finding(24))], [window(failing)], NOW, [sample_spec()])
    later = state(window(judged(0, 1_000)), change.alert, now=NOW + 14 * MINUTE)

    assert later.words.startswith("drifting since 00:24 UTC: departure_delay by 0.31 ")
    assert later.words.endswith(", and no traffic for 15 min")
    assert "bad" == later.level


@pytest.mark.parametrize(("unanswered", "level"), [(0, "ok"), (2, "ok"), (30, "warn")])
def test_a_window_looks_healthy_only_while_no_more_than_tolerated_are_missing(unanswered: int, level: str) -> None:
    """A few of a thousand leave the row as it is; more than tolerated do not, whatever the rows look like."""
    assert level == state(window(judged(unanswered, 1_000))).level


def test_a_window_that_misses_most_answers_says_so_however_many_are_tolerated() -> None:
    """Its rows are enough, so nobody is told that these are too few."""
    events = EventCounts(2_000, odd={"unanswered": 550}, asked=1_000)
    baseline, spec = sample_baseline(rows=5_000), sample_spec(events={"unanswered": 0.6})
    judgement = judge(baseline, baseline.summary, spec=spec, span=sample_span(24), revision=1, events=events)
    last = window(judgement, verdict=judgement.verdict)

    assert Verdict.INSUFFICIENT == judgement.verdict
    assert "not judged: answers missing 55 % (550 of 1,000 requests)" == state(last).words


@pytest.mark.parametrize(
    ("counted", "words"),
    [
        ({"unlogged": 40}, "ok; this endpoint logs no answers: predictions are not watched"),
        ({"unasked": 40}, "ok; this endpoint logs no requests: features are not watched"),
    ],
)
def test_an_endpoint_that_logs_one_half_says_so(counted: dict[str, int], words: str) -> None:
    """Its rows are judged, and nobody takes the half that nobody sees for healthy."""
    judgement = judged(0, 0, **counted)

    assert words == state(window(judgement)).words
    assert words[4:].partition(":")[0] == judgement.notes[0].partition(":")[0]


def test_the_mail_says_where_to_look(mail: Mail) -> None:
    """Server's and proxy's log by their paths, in text and HTML, also where nothing else is said; not once it is over.

    What the server took too long for, only the proxy knows.
    """
    values: dict[str, Any] = {"page_url": "http://x", "now": NOW, "endpoint_logs": LOGS}
    tally = Tally(drifting=1, windows=1, rows=0)
    told = render(mail, baseline=None, tally=tally, **values)
    short = plain(mail, problem="none", **values)
    over = render(replace(mail, kind=MailKind.OVER), baseline=None, tally=tally, **values)
    sentence = f"Why they had no answer stands in the endpoint's log: {LOGS[0]} or {LOGS[1]}"

    assert "[pegel] critical: delays v1: answers are missing (99.95 %) (since 00:24 UTC)" == told.subject
    assert sentence in told.text
    assert sentence.replace("'", "&#39;") in (told.html or "")
    assert sentence in short.text
    assert LOGS[0] not in over.text
    assert "4,286 requests · finding" in " ".join(told.text.split())


def test_the_mail_about_a_server_that_is_not_ours_blames_nobody(mail: Mail) -> None:
    """It may not have been reached at all: the mail names its address, and the log of the proxy, as the proxy's."""
    spec = sample_spec(model={"name": "delays", "version": 1, "url": "http://models:8080"})
    values: dict[str, Any] = {"baseline": None, "tally": Tally(drifting=1, windows=1, rows=0)}
    values |= {"page_url": "http://x", "now": NOW}
    sentence = (
        "Either the server http://models:8080 was not reached, or its own log says why it failed on or refused these"
    )

    told = render(replace(mail, spec=spec), endpoint_logs=("/logs/proxy/log",), **values).text
    assert f"{sentence}; the log of the proxy before it: /logs/proxy/log" in told
    assert f"{sentence}\n" in render(replace(mail, spec=spec), **values).text


def made(first: int, last: int, unanswered: int, asked: int) -> Judgement:
    """Return what is said of requests that were made in these seconds after 00:20, the first of them unanswered."""
    begin = START + 20 * MINUTE
    seconds = {name: begin + timedelta(seconds=at) for name, at in (("asked_from", first), ("asked_to", last))}
    return judged(unanswered, asked, unanswered_from=seconds["asked_from"], **seconds)


def test_a_number_of_the_mail_stands_with_its_own_time() -> None:
    """The alert is older than its newest finding, whose number is that of a few seconds and says so."""
    first, second = made(5, 10, 100, 100), made(30, 40, 50, 100)
    pairs = [(1, first.findings[0]), (2, replace(second.findings[0], span=sample_span(25)))]
    (change,) = update([], pairs, [window(first), window(second)], NOW, [sample_spec()])
    assert change.mail is not None
    told = render(change.mail, baseline=None, tally=Tally(drifting=2, windows=2, rows=0), page_url="x", now=NOW)

    sentence = "50 % of 100 requests from 00:20:30 to 00:20:40 UTC had no answer (tolerated 1 %)"
    assert f"delays v1: missing answers: {sentence}." == told.text.splitlines()[0]
    assert "[pegel] critical: delays v1: answers are missing (50 %) (since 00:20:05 UTC)" == told.subject


def test_the_state_has_the_newest_number_and_the_oldest_beginning() -> None:
    """The number of the last window that has one, with its time; since when, the alert knows longer."""
    first, second = made(5, 10, 100, 100), made(30, 40, 50, 100)
    (change,) = update([], [(1, first.findings[0])], [window(first)], NOW, [sample_spec()])
    words = "answers missing 50 % (50 of 100 requests) from 00:20:30 to 00:20:40, since 00:20:05 UTC"

    assert words == state(window(second), change.alert).words
    assert words.replace("since 00:20:05", "since 00:20:30") == state(window(second)).words


def test_a_mail_about_drift_names_no_log(mail: Mail) -> None:
    """What to do about drift, only a person knows."""
    (change,) = update([], [(1, sample_finding(24))], [sample_window(24)], NOW, [sample_spec()])
    assert change.mail is not None

    told = plain(change.mail, problem="none", page_url="http://x", now=NOW, endpoint_logs=LOGS).text
    assert LOGS[0] not in told


def test_page_and_list_say_where_to_look(sources: Sources, failing: Judgement) -> None:
    """While an alert is about missing answers, the model's row names the endpoint whose logs say why."""
    stored, sentence = AlertStore(sources.engine), "why answers are missing stands in the logs of endpoint delays-v1"
    (before,) = model_rows(sources, NOW)
    (change,) = update([], [(1, failing.findings[0])], [window(failing, verdict=failing.verdict)], NOW, [sample_spec()])
    stored.save(change)
    (after,) = model_rows(sources, NOW)

    assert ["", sentence] == [before.look, after.look]
    assert [1, 2] == [before.open_alerts, after.open_alerts]
    assert f"W{sentence[1:]}." in render_page(model_view(sources, "delays", 1, NOW))


def test_the_page_has_the_numbers(sources: Sources, failing: Judgement) -> None:
    """Row, time line, findings and ledger say it, each from what is stored."""
    row = window(failing, verdict=failing.verdict, requests=4_286, responses=2, joined=2)
    minute = sample_ledger(24, judged=4_288, asked=4_286, unanswered=4_284)
    Results(sources.engine).write(windows=[row], findings=failing.findings, ledger=[minute])
    page = " ".join(render_page(model_view(sources, "delays", 1, START + 24.75 * MINUTE)).split())

    assert WORDS in page
    assert "4,284 of 4,286 requests without an answer" in page
    assert "99.95 % of 4,286 requests had no answer (tolerated 1 %)" in page
    assert "99.95 % missing (4,284 of 4,286 requests)" in page
