"""Is it still the registered model? Logged answers beside those that the artefact gives for the same rows.

Where none of them differed at onboarding, no chance is involved: three different rows whose answers differ are another
model, and no false alarm is spent on that. Three, because one damaged record is no deployment. Where answers cannot be
reproduced exactly, more of them have to differ than then, beyond chance. The same of canaries: few rows that are asked
again and again, of which one answer that differs is another model, or two where answers are classes alone.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any, Final

from pegel.baseline.replay_reference import ReplayReference
from pegel.detect.count_tests import CountTest
from pegel.detect.effect import percent_of
from pegel.judge.decision import FeatureVerdict
from pegel.judge.explanation import Explanation
from pegel.judge.findings import Finding, Verdict
from pegel.judge.layers.attributions import IDENTITY
from pegel.spec.plain_numbers import how_many

ANSWERS: Final = "answers"
"""Stands where a feature's name stands in findings about the identity of the model."""
REPLAY: Final = "replay"
CANARIES: Final = "canaries"
_RULES: Final = {
    REPLAY: "at least {} whose logged answers are not those that the artefact gives",
    CANARIES: "at least {} whose answers are not those that the endpoint gave at onboarding",
}
_FORMULA = (
    "P(K >= seen), K hypergeometric: `seen` of n replayed rows of the window against `seen_in_baseline` of m at "
    "onboarding, given their sum; answers of this endpoint cannot be reproduced exactly"
)


@dataclass(frozen=True, slots=True)
class ReplayedAnswers:
    """Replayed answers of one window: how many, how many differ, and of how many different rows (at most 256)."""

    replayed: int = 0
    differing: int = 0
    different_rows: int = 0
    event_ids: tuple[str, ...] = ()
    """Of some events with such answers."""


def judge_identity(
    now: ReplayedAnswers, before: ReplayReference, level: float, *, version: int, by: str = REPLAY
) -> FeatureVerdict | None:
    """Return the verdict on the answers of one window; None where none was replayed.

    Where no chance is involved, answers that differ in fewer rows than make another model (three replayed ones) are
    INSUFFICIENT: neither that, nor as of the registered one, so that they end no alert. So is a window in which answers
    that all differ would be no finding: too many did at onboarding, or the window has too few.

    Args:
        now: The window.
        before: Onboarding.
        level: Of the test, where answers cannot be reproduced exactly; nothing is spent else.
        version: Of the model, for people.
        by: How answers are compared, `REPLAY` or `CANARIES`.
    """
    if not now.replayed:
        return None
    test = CountTest(ANSWERS, now.differing, now.replayed, before.differing, before.replayed)
    enough = now.different_rows >= before.fewest
    if before.is_exact:
        verdict, p_value, threshold = _by_rule(now, enough=enough), 0.0 if enough else 1.0, 0.0
    else:
        p_value, threshold = test.p_value, level
        verdict = _by_test(test, level, enough=enough)
    share = percent_of(now.differing, now.replayed)
    what = f"{how_many(now.differing, 'answer')} of {now.replayed:,} ({share}) are not those of version {version}"
    if verdict is Verdict.INSUFFICIENT and not before.is_exact:
        what = f"{before.differing:,} of {before.replayed:,} answers differed at onboarding: too many to tell by so few"
    return FeatureVerdict(
        feature=ANSWERS,
        verdict=verdict,
        what="as of the registered version" if verdict is Verdict.OK else what,
        n=now.replayed,
        m=before.replayed,
        detector=IDENTITY,
        test=by,
        statistic=float(now.differing),
        p_value=p_value,
        threshold=threshold,
        budget_share=0.0,
        effect=now.differing / now.replayed,
        effect_unit="share",
        evidence=_evidence(now, before),
    )


def _by_rule(now: ReplayedAnswers, *, enough: bool) -> Verdict:
    """Return the verdict where no chance is involved: answers that differ in too few rows are not those of before."""
    if enough:
        return Verdict.MODEL_CHANGED
    return Verdict.INSUFFICIENT if now.differing else Verdict.OK


def _by_test(test: CountTest, level: float, *, enough: bool) -> Verdict:
    """Return the verdict where answers cannot be reproduced exactly; OK only where others would have been seen."""
    if enough and test.p_value < level:
        return Verdict.MODEL_CHANGED
    return Verdict.OK if replace(test, seen=test.n).p_value < level else Verdict.INSUFFICIENT


def explain_identity(finding: Finding) -> Explanation:
    """Recompute a finding on answers from the counts that it holds."""
    numbers = finding.evidence["replay"]
    seen, n, before, m = (
        int(numbers[name]) for name in ("differing", "replayed", "differing_before", "replayed_before")
    )
    if not before:
        fewest = int(numbers["fewest"])
        p_value = 0.0 if int(numbers["different_rows"]) >= fewest else 1.0
        rule = _RULES[finding.test].format(how_many(fewest, "different row"))
        return Explanation(finding, rule, _plain(numbers), (), float(seen), p_value, "none: no chance is involved")
    test = CountTest(ANSWERS, seen, n, before, m)
    return Explanation(finding, _FORMULA, {**_plain(numbers), **test.numbers()}, (), float(seen), test.p_value)


def _evidence(now: ReplayedAnswers, before: ReplayReference) -> dict[str, Any]:
    return {
        "rule": before.is_exact,
        "replay": {
            "differing": now.differing,
            "replayed": now.replayed,
            "different_rows": now.different_rows,
            "differing_before": before.differing,
            "replayed_before": before.replayed,
            "fewest": before.fewest,
        },
        "event_ids": list(now.event_ids),
    }


def _plain(numbers: dict[str, Any]) -> dict[str, float]:
    return {name: float(value) for name, value in numbers.items()}
