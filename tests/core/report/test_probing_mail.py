"""Rows in crowds reach people: in an alert of their own kind, in words of behaviour, with what else it may be."""

from __future__ import annotations

from functools import lru_cache
from typing import Any

import numpy as np
import pytest
from sent_rows import Watched, counted, near, trained, usual

from pegel.alerts.alert import Mail, MailKind
from pegel.alerts.alert_kind import AlertKind
from pegel.alerts.update import update
from pegel.judge.findings import Finding, Verdict
from pegel.report import probing_words
from pegel.report.alert_mail import plain, render
from pegel.report.probing_words import WHAT_ELSE, WHAT_TO_DO
from pegel.report.states import state_of
from pegel.stream.result_rows import Tally
from pegel.testing.manual_clock import START
from pegel.testing.samples import MINUTE, sample_finding, sample_heartbeat, sample_spec, sample_window

NOW = START + 2 * MINUTE
TALLY = Tally(drifting=1, windows=1, rows=1_000)


@lru_cache
def found(client: int = 0xABC) -> Finding:
    """Return a finding of thirty rows near each other, most of them of one client."""
    rng = np.random.default_rng(2)
    judged = Watched().see(counted(near(rng, usual(rng, 1_000), 30), client=client))
    (finding,) = [one for one in judged.findings if one.detector == "probing"]
    return finding


def mail_about(finding: Finding) -> Mail:
    """Return the mail about it."""
    window = sample_window(0, verdict=Verdict.PROBING)
    (change,) = update([], [(1, finding)], [window], NOW, [sample_spec()])
    assert change.mail is not None
    return change.mail


def rendered(kind: MailKind = MailKind.OPENED, finding: Finding | None = None) -> Any:
    """Return the mail, sent as of some kind."""
    mail = mail_about(found() if finding is None else finding)
    told = Mail(kind=kind, alert=mail.alert, spec=mail.spec, recipients=("a@b",), windows=mail.windows, previous=None)
    return render(told, baseline=trained(), tally=TALLY, page_url="http://x", now=NOW)


@pytest.mark.parametrize(
    ("kind", "subject"),
    [
        (MailKind.OPENED, "delays v1: probing is suspected (since 00:00 UTC)"),
        (MailKind.REPEATED, "delays v1: probing is still suspected (since 00:00 UTC)"),
        (MailKind.OVER, "delays v1: over: probing (00:00 to 00:01 UTC)"),
    ],
)
def test_the_subject_says_that_it_is_suspected(kind: MailKind, subject: str) -> None:
    """The log shows behaviour: it suspects, and knows nothing."""
    assert f"[pegel] {subject}" == rendered(kind).subject
    assert AlertKind.PROBING is mail_about(found()).alert.kind


def test_the_mail_says_how_many_rows_who_and_which_events() -> None:
    """Rows of how many, the part of the largest client by its hash, ids of events, and how sure it is."""
    text = " ".join(rendered().text.split())
    rows = round(found().statistic)

    assert f"probing: {rows} of 1,000 distinct rows are nearly the same, as 0 of 20,000 in training are" in text
    assert "of these rows came from one client, known by the hash 0000000000000abc." in text
    assert "Events: e" in text
    assert f"and {rows - 20} more" in text
    assert "Evidence: crowd test p = " in text


def test_it_says_what_else_it_may_be_and_what_to_do_and_never_whose_intent_it_was() -> None:
    """A customer scored again, a load test, a stuck client; the word for what nobody can know stands nowhere."""
    mail = rendered()
    short = plain(mail_about(found()), problem="none", page_url="http://x", now=NOW)
    said = " ".join(mail.text.split())

    assert "It may be something else: a customer who is scored again and again with small changes, a load test" in said
    assert "Look at these events and at who sent them" in said
    texts = [mail.subject, mail.text, mail.html or "", short.subject, short.text]
    assert [] == [text for text in texts if "attack" in text.lower()]


def test_where_nobody_says_who_asked_the_mail_says_so() -> None:
    """Neither a hash nor a part of anybody is told."""
    text = " ".join(rendered(finding=found(client=0)).text.split())

    assert "Nobody says who sent them" in text


def test_explain_says_what_the_mail_says_of_a_crowd() -> None:
    """Who sent the rows, which events they are and what else it may be, and in JSON all that is kept; else nothing."""
    finding = found()
    told, mailed = probing_words.lines(finding), " ".join(rendered().text.split())

    assert 3 == len(told)
    for sentence in (told[0].split(maxsplit=2)[2], told[1].split(" and ")[0], WHAT_ELSE, WHAT_TO_DO):
        assert sentence in mailed
    assert {"crowd": finding.evidence["crowd"]} == probing_words.to_json(finding)
    assert ([], {}) == (probing_words.lines(sample_finding()), probing_words.to_json(sample_finding()))


def test_the_list_of_models_says_since_when() -> None:
    """Beside other alerts, in one phrase."""
    mail = mail_about(found())
    last = sample_window(0, verdict=Verdict.PROBING)
    state = state_of(mail.spec, last=last, heartbeat=sample_heartbeat(NOW), alerts=[mail.alert], now=NOW)

    assert "probing suspected since 00:00 UTC" in state.words
