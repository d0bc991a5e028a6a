"""Mails about another model behind the endpoint, and about features that move the prediction."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from pegel.alerts.alert import Alert, MailKind
from pegel.alerts.alert_kind import AlertKind
from pegel.alerts.update import Look, update
from pegel.baseline.replay_reference import ReplayReference
from pegel.data.spans import Span
from pegel.detect.attribution_change import AttributionChange
from pegel.judge.attribution.attribution_judgement import effect_of
from pegel.judge.attribution.model_identity import ReplayedAnswers, judge_identity
from pegel.judge.attribution.surrogate_identity import judge_residual
from pegel.judge.decision import FeatureVerdict
from pegel.judge.findings import Finding, Verdict
from pegel.judge.judged import Judged
from pegel.report.alert_mail import render
from pegel.spec.monitor_spec import MonitorSpec
from pegel.spec.names import RESIDUAL
from pegel.stream.result_rows import Tally

NOON = datetime(2026, 11, 30, 12, tzinfo=UTC)
SPEC = MonitorSpec.parse(
    {
        "model": {"name": "credit", "uri": "/models/credit"},
        "baseline": {"source": "local://credit"},
        "attribution": {"via": "artefact"},
        "alerts": {"emails": ["oncall@example.org"]},
    }
)


def span(window: int) -> Span:
    """Return a window of explained rows."""
    start = NOON + window * timedelta(minutes=10)
    return Span(start, start + timedelta(minutes=10))


def other_answers(window: int, before: ReplayReference = ReplayReference(0, 1_000), by: str = "replay") -> Finding:  # noqa: B008
    """Return that a third of the answers of a window are another model's; `before`: onboarding."""
    verdict = judge_identity(ReplayedAnswers(3_000, 1_000, 256, ("e1",)), before, 1e-5, version=1, by=by)
    assert verdict is not None
    return Judged(SPEC, span(window), 1).finding(verdict, {})


def moved(window: int) -> Finding:
    """Return that the prediction is up by a third of its standard deviation through one feature."""
    return Judged(SPEC, span(window), 1).finding(moved_verdict(), {})


def moved_verdict() -> FeatureVerdict:
    """Return what is said of that."""
    change = AttributionChange(0.34, 0.016, 0.1, 0.02, 18.0, 2.5)
    effect = effect_of(change)
    return FeatureVerdict(
        feature="attribution:amount",
        verdict=Verdict.DRIFT,
        what=effect.what,
        n=2_000,
        m=20_000,
        detector="attribution",
        test="location",
        statistic=9.0,
        p_value=1e-12,
        p_relevant=1e-9,
        threshold=1e-6,
        effect=effect.value,
        effect_unit=effect.unit,
        evidence={"change": change.numbers(), "margin": 0.05},
    )


def passed(alerts: list[Alert], findings: list[Finding], at: datetime, looks: tuple[Look, ...] = ()) -> Any:
    """Return what one pass of the dispatcher changes."""
    numbered = [*enumerate(findings, 1)]
    (change,) = update(alerts, numbered, [], at, [SPEC], looks=looks)
    return change


def mailed(change: Any, now: datetime) -> Any:
    """Return the mail of a change as it is sent."""
    nothing = Tally(drifting=0, windows=0, rows=0)
    return render(change.mail, baseline=None, tally=nothing, page_url="https://pegel.example.org", now=now)


def test_another_model_has_an_alert_of_its_own() -> None:
    """Its subject says what is known, its text how many answers were computed again, and that chance has no part."""
    change = passed([], [other_answers(0)], NOON + timedelta(minutes=12))
    mail = mailed(change, NOON + timedelta(minutes=12))

    assert AlertKind.MODEL == change.alert.kind
    assert mail.subject.startswith("[pegel] critical: credit v1: answers are not those of version 1 (since 12:00 UTC")
    assert "1,000 answers of 3,000 (33 %) are not those of version 1" in mail.text
    assert "no chance is involved" in mail.text
    assert "`pegel apply FILE` of its spec serves the registered model again." in mail.text
    assert "attack" not in mail.text


def test_what_nobody_looked_at_when_it_was_onboarded_is_said() -> None:
    """Without answers computed again then, an endpoint that rounds otherwise cannot be told from another model."""
    looked, not_looked = (
        mailed(passed([], [other_answers(0, ReplayReference(0, before))], NOON), NOON + timedelta(minutes=12)).text
        for before in (1_000, 0)
    )

    assert "0 of 1,000 at onboarding" in looked
    assert "none was computed again at onboarding" in not_looked
    assert ["rounds otherwise" in " ".join(text.split()) for text in (looked, not_looked)] == [False, True]


@pytest.mark.parametrize(
    ("before", "by", "told", "chance"),
    [
        (ReplayReference(5, 1_000), "replay", "cannot be reproduced exactly: 5 of 1,000 differed at onboarding", False),
        (ReplayReference(0, 64, 1), "canaries", "to the same rows as at onboarding", True),
        (ReplayReference(0, 64, 2), "canaries", "Two different rows at least have another answer", True),
    ],
)
def test_a_mail_says_how_answers_were_compared(before: ReplayReference, by: str, told: str, chance: bool) -> None:
    """Whether they can be reproduced, which rows were asked about, and whether chance has a part in it."""
    text = " ".join(mailed(passed([], [other_answers(0, before, by)], NOON), NOON + timedelta(minutes=12)).text.split())

    assert told in text
    assert ("no chance is involved" in text) is chance


def beside_surrogate(window: int) -> Finding:
    """Return that answers are a third of a standard deviation above what a model of them expects."""
    residual = replace(moved_verdict(), feature=RESIDUAL)
    verdict = judge_residual(residual, version=1)
    assert verdict is not None
    return Judged(SPEC, span(window), 1).finding(verdict, {})


def test_what_a_surrogate_finds_is_an_alert_about_another_model() -> None:
    """It says by how much, that chance has a part in it, and that inputs may do the same."""
    change = passed([], [beside_surrogate(0)], NOON + timedelta(minutes=12))
    mail = mailed(change, NOON + timedelta(minutes=12))
    text = " ".join(mail.text.split())

    assert AlertKind.MODEL == change.alert.kind
    assert mail.subject.startswith("[pegel] critical: credit v1: answers are not those of version 1 (since 12:00 UTC")
    assert "answers are 0.34 ± 0.02 sigma of the prediction higher than expected by a model of the answers" in text
    assert "2,000 answers were held against a model of the answers" in text
    assert "Inputs of kinds that it was not fitted on may seem another model, too." in text
    assert "location test p = 1e-12, threshold 1e-06" in text
    assert "margin 0.05, 2,000 rows against 20,000" in text
    assert "no chance is involved" not in text


def test_it_is_over_after_two_windows_of_its_answers() -> None:
    """One window whose answers are those of the version is not enough, two are."""
    opened = passed([], [other_answers(0)], NOON + timedelta(minutes=12)).alert
    one = update([opened], [], [], NOON + timedelta(minutes=25), [SPEC], looks=[(SPEC.key, AlertKind.MODEL, span(1))])
    looks = ((SPEC.key, AlertKind.MODEL, span(1)), (SPEC.key, AlertKind.MODEL, span(2)))
    change = passed([opened], [], NOON + timedelta(minutes=35), looks)

    assert [] == one
    assert MailKind.OVER == change.mail.kind
    assert "over: answers are those of version 1 again" in mailed(change, NOON + timedelta(minutes=35)).subject


def test_a_feature_that_moves_the_prediction() -> None:
    """The mail says by how much, in standard deviations of the prediction, and what it does not say."""
    change = passed([], [moved(0)], NOON + timedelta(minutes=12))
    mail = mailed(change, NOON + timedelta(minutes=12))

    assert AlertKind.ATTRIBUTIONS == change.alert.kind
    assert "amount is moving the prediction" in mail.subject
    assert "The prediction is up through amount by 0.34" in mail.text
    assert "what the model used, not what caused the outcome" in mail.text


@pytest.mark.parametrize("finding", [other_answers(0), moved(0)], ids=["model", "attributions"])
def test_windows_of_rows_end_neither(finding: Finding) -> None:
    """Rows that look as in training say nothing of answers or attributions."""
    opened = passed([], [finding], NOON + timedelta(minutes=12)).alert

    assert [] == update([opened], [], [], NOON + timedelta(hours=8), [SPEC])
