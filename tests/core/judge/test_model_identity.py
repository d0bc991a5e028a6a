"""Answers beside those of the registered artefact: when another model answers, and when chance may."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from pegel.baseline.replay_reference import ReplayReference
from pegel.data.spans import Span
from pegel.judge.attribution.model_identity import (
    ReplayedAnswers,
    explain_identity,
    judge_identity,
)
from pegel.judge.decision import FeatureVerdict
from pegel.judge.findings import Verdict
from pegel.judge.judged import Judged
from pegel.spec.monitor_spec import MonitorSpec

START = datetime(2026, 11, 29, 12, tzinfo=UTC)
SPEC = MonitorSpec.parse({"model": {"name": "credit", "uri": "/m"}, "baseline": {"source": "local://credit"}})


def verdict(
    now: ReplayedAnswers,
    before: ReplayReference = ReplayReference(),  # noqa: B008
    level: float = 1e-5,
    by: str = "replay",
) -> FeatureVerdict:
    """Judge a window of which rows were replayed."""
    found = judge_identity(now, before, level, version=1, by=by)
    assert found is not None
    return found


def test_three_different_rows_are_another_model() -> None:
    """Where every answer was found again at onboarding, no chance is involved and no budget is spent."""
    found = verdict(
        ReplayedAnswers(replayed=5_000, differing=3, different_rows=3, event_ids=("e1",)), ReplayReference(0, 1_000)
    )

    assert (Verdict.MODEL_CHANGED, "answers", "identity", "replay") == (
        found.verdict,
        found.feature,
        found.detector,
        found.test,
    )
    assert "3 answers of 5,000 (0.06 %) are not those of version 1" == found.what
    assert (0.0, 0.0) == (found.budget_share, found.p_value)


@pytest.mark.parametrize(("differing", "rows"), [(2, 2), (50, 1), (50, 2)])
def test_a_damaged_record_is_no_deployment(differing: int, rows: int) -> None:
    """Two different rows, or fifty copies of one, are no other model, and end no alert about one either."""
    found = verdict(ReplayedAnswers(replayed=5_000, differing=differing, different_rows=rows))

    assert Verdict.INSUFFICIENT == found.verdict
    assert f"{differing} answers of 5,000" in found.what


def test_answers_that_are_all_found_again_are_those_of_the_version() -> None:
    """Nothing else is ok."""
    assert Verdict.OK == verdict(ReplayedAnswers(replayed=5_000)).verdict


def test_what_was_not_replayed_says_nothing() -> None:
    """There is no verdict on answers that nobody computed again."""
    assert judge_identity(ReplayedAnswers(), ReplayReference(), 1e-5, version=1) is None


def test_answers_that_cannot_be_reproduced() -> None:
    """Where 5 of 1,000 differed at onboarding, as many are no change, and ten times as many are one."""
    before = ReplayReference(differing=5, replayed=1_000)
    as_before = verdict(ReplayedAnswers(replayed=2_000, differing=10, different_rows=10), before)
    changed = verdict(ReplayedAnswers(replayed=2_000, differing=100, different_rows=100), before)

    assert Verdict.OK == as_before.verdict
    assert Verdict.MODEL_CHANGED == changed.verdict
    assert 1e-5 == changed.threshold
    assert 0 < changed.p_value < 1e-5


@pytest.mark.parametrize(("differing", "replayed"), [(1_000, 2_000), (5, 2)])
def test_what_could_not_tell_another_model_is_not_ok(differing: int, replayed: int) -> None:
    """Where all answers differed at onboarding, or the window has few, answers that all differ would be no finding."""
    before = ReplayReference(differing=differing, replayed=1_000)
    found = verdict(ReplayedAnswers(replayed=replayed, differing=2, different_rows=2), before)

    assert Verdict.INSUFFICIENT == found.verdict
    assert f"{differing:,} of 1,000 answers differed at onboarding" in found.what


@pytest.mark.parametrize(
    ("fewest", "differing", "expected"),
    [
        (1, 0, Verdict.OK),
        (1, 1, Verdict.MODEL_CHANGED),
        (2, 1, Verdict.INSUFFICIENT),
        (2, 2, Verdict.MODEL_CHANGED),
    ],
)
def test_one_canary_is_enough_and_of_classes_two(fewest: int, differing: int, expected: Verdict) -> None:
    """Rows that are asked again tell by one answer that differs, or by two where answers are classes alone."""
    now = ReplayedAnswers(replayed=64, differing=differing, different_rows=differing)
    found = verdict(now, ReplayReference(0, 64, fewest), by="canaries")

    assert (expected, "canaries") == (found.verdict, found.test)


@pytest.mark.parametrize(
    ("before", "by"),
    [(ReplayReference(), "replay"), (ReplayReference(5, 1_000), "replay"), (ReplayReference(0, 64, 2), "canaries")],
)
def test_a_finding_is_recomputed(before: ReplayReference, by: str) -> None:
    """From the counts that it holds."""
    found = verdict(ReplayedAnswers(replayed=2_000, differing=100, different_rows=90), before, by=by)
    finding = Judged(SPEC, Span(START, START + timedelta(minutes=10)), 1).finding(found, {})

    assert explain_identity(finding).agrees
