"""Expectations that are not met reach people: in an alert of their own kind, by mail and on the list."""

from __future__ import annotations

from typing import Any

import pytest

from pegel.alerts.alert import Mail, MailKind
from pegel.alerts.update import update
from pegel.baseline.baseline import Baseline
from pegel.judge.findings import Verdict
from pegel.report.alert_mail import plain, render
from pegel.report.states import state_of
from pegel.report.timeline import timeline
from pegel.stream.result_rows import Tally
from pegel.testing.manual_clock import START
from pegel.testing.samples import MINUTE, sample_finding, sample_heartbeat, sample_spec, sample_window

NOW = START + 26 * MINUTE
TALLY = Tally(drifting=1, windows=1, rows=600)
RULE = "expected: the number of rows is at least 1,000; it is 600 (a rule, outside the false-alarm budget)"


def mail_about(**fields: Any) -> Mail:
    """Return the mail about one expectation that is not met; by default a rule."""
    rule: dict[str, Any] = {
        "feature": "table",
        "detector": "expectation",
        "test": "table_row_count_to_be_between",
        "what": RULE,
        "p_value": 0.0,
        "threshold": 0.0,
        "budget_share": 0.0,
        "effect": 600.0,
        "effect_unit": "observed",
        "m": 0,
        "evidence": {"rule": True, "suite": "mine"},
    }
    window = sample_window(24, verdict=Verdict.DRIFT)
    finding = sample_finding(24, **(rule | fields))
    (change,) = update([], [(1, finding)], [window], NOW, [sample_spec()])
    assert change.mail is not None
    return change.mail


def rendered(mail: Mail, kind: MailKind = MailKind.OPENED, baseline: Baseline | None = None) -> Any:
    """Return the mail, sent as of some kind."""
    told = Mail(kind=kind, alert=mail.alert, spec=mail.spec, recipients=("a@b",), windows=mail.windows, previous=None)
    return render(told, baseline=baseline, tally=TALLY, page_url="http://x", now=NOW)


@pytest.mark.parametrize(
    ("kind", "subject"),
    [
        (MailKind.OPENED, "delays v1: table is not as expected (since 00:24 UTC)"),
        (MailKind.REPEATED, "delays v1: table is still not as expected (since 00:24 UTC)"),
        (MailKind.OVER, "delays v1: over: table (00:24 to 00:25 UTC)"),
    ],
)
def test_the_subject_says_that_it_is_not_as_expected(kind: MailKind, subject: str) -> None:
    """A rule does not drift: it is not met, still is not, or is again."""
    assert f"[pegel] {subject}" == rendered(mail_about(), kind).subject


def test_a_rule_is_told_without_a_p_value(baseline: Baseline) -> None:
    """The mail says what was expected and what is there, by which suite, and that no budget has a part in it."""
    text = " ".join(rendered(mail_about(), baseline=baseline).text.split())

    assert f"table: {RULE} in the windows from 00:24 to 00:25 UTC." in text
    assert "Found in 1 of 1 window, 600 rows." in text
    assert (
        "A rule is met or not: it is outside the budget of false alarms; this model had no alert about expect" in text
    )
    assert "Evidence: a rule of suite mine, 600 rows of the newest window · finding" in text
    assert "p =" not in text


def test_a_share_is_told_with_its_p_value(baseline: Baseline) -> None:
    """What is tested has a p-value, a threshold and a size, and no rows of training beside it."""
    share = {
        "feature": "airline",
        "test": "column_values_to_not_be_null",
        "what": "expected: 'airline' is there; 5 % of 600 values are not so",
        "p_value": 1e-9,
        "threshold": 1e-6,
        "effect": 0.05,
        "effect_unit": "exceptions",
        "evidence": {"suite": "derived"},
    }
    text = " ".join(rendered(mail_about(**share), baseline=baseline).text.split())

    assert (
        "column_values_to_not_be_null test p = 1e-09, threshold 1e-06, effect 5 % of values, 600 rows of the n" in text
    )
    assert "Is this a false alarm?" in text
    assert "against" not in text.partition("Evidence")[2]


def test_the_end_is_told() -> None:
    """A mail that it is over says what it was about."""
    text = " ".join(rendered(mail_about(), MailKind.OVER).text.split())

    assert "table is as expected again. What was not so was in the windows from 00:24 to 00:25 UTC." in text


def test_the_list_says_it_in_the_same_words() -> None:
    """A model of which only an expectation is not met is not said to drift; the short mail has the words, too."""
    mail = mail_about()
    state = state_of(sample_spec(), last=None, alerts=[mail.alert], heartbeat=sample_heartbeat(NOW), now=NOW)

    assert ("not as expected since 00:24 UTC: table", "bad") == (state.words, state.level)
    assert RULE in plain(mail, problem="none", page_url="http://x", now=NOW).text


def test_it_is_an_alert_apart_from_drift() -> None:
    """Drift of a field and an expectation about it are two alerts, each with its own mails."""
    drift, quality = (
        sample_finding(24, "airline", detector=detector, evidence={"suite": "mine"})
        for detector in ("drift", "expectation")
    )
    changes = update([], [(1, drift), (2, quality)], [sample_window(24, verdict=Verdict.DRIFT)], NOW, [sample_spec()])

    assert ["drift", "quality"] == sorted(
        str(change.alert.kind.value) for change in changes if change.alert is not None
    )


def test_the_window_stands_out_on_the_time_line() -> None:
    """A window with a rule that is not met is drawn as one that alarms, not as one of odd events."""
    window, finding = sample_window(24, verdict=Verdict.DRIFT), mail_about().alert.features[0].finding
    drawn = [timeline([window], found, title="t") for found in ([finding], [sample_finding(24)])]

    assert drawn[0] == drawn[1]
