"""Expectations: are the rows of a window as a suite says, the one that follows from the baseline or a person's own?

What can be told of counts is. An expectation that allows for a share of values, or bounds a mean, has a p-value and is
tested within the layer's part of the budget. A rule has none: it is met or not, and one that is not is told each time,
outside the budget.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import replace
from typing import Any

from pegel.baseline.baseline import Baseline
from pegel.detect.effect import Effect
from pegel.detect.tolerated import ToleratedShare
from pegel.errors import NotFound
from pegel.judge.budget import Budget, sidak
from pegel.judge.decision import Criterion, FeatureVerdict, verdict_on
from pegel.judge.explanation import Explanation, explained_by
from pegel.judge.findings import Finding, Verdict
from pegel.judge.judged_window import JudgedWindow
from pegel.judge.layer import LayerResult, Setting
from pegel.quality import expectation as kinds
from pegel.quality.expectation import Expectation
from pegel.quality.expectation_outcome import NEEDS_ROWS, ExpectationOutcome
from pegel.quality.merged_suite import own_suites
from pegel.quality.on_counts import on_counts, row_count, without_extremes
from pegel.quality.on_rows import IN_ORDER, OF_TYPES, why_untold
from pegel.spec.suites import SEVERITIES
from pegel.stats.summary import Summary

DETECTOR = "expectation"
ROWS = "of_rows"
"""Under what the evidence of a finding that rows alone could tell says how many were looked at."""
RULE = "a rule: it has no p-value, and no part of the false-alarm budget"
_FORMULA = (
    "P(K >= seen), K binomial of n values at the share that may be otherwise; of moments, the tail beyond the band"
)


class Expectations:
    """The layer of expectations: what counts tell of a window; of its rows see `pegel.judge.judge.judge_rows`."""

    name = "expectations"
    detectors = (DETECTOR,)

    def missing(self, setting: Setting) -> str | None:
        """Return None where the spec states expectations; else there is nothing to say.

        Of longer spans archived rows are looked at, where a spec has suites of its own: that is paid here, too.
        """
        watch = setting.spec.watch
        return None if (own_suites(watch) if setting.is_long else watch.expectations) else ""

    def judge(self, window: JudgedWindow, setting: Setting, budget: Budget) -> LayerResult:
        """Return a verdict on each expectation that is certainly not met; of a longer span none.

        What counts tell is about windows: how many rows one has is no matter of a day's.
        """
        if setting.is_long:
            return LayerResult()
        return LayerResult(verdicts_on(outcomes_of(window.summary, setting), setting, budget))

    def notes(self, setting: Setting, _budget: Budget) -> list[str]:
        """Return of how many expectations counts cannot tell, and of how many rows cannot, either."""
        if setting.baseline is None or setting.is_long:
            return []
        layout, of = setting.baseline.layout, len(setting.suite.expectations)
        outcomes = outcomes_of(Summary.empty(layout), setting)
        untold = [one.expectation for one in outcomes if one.met is None and one.why == NEEDS_ROWS]
        by_rows = sum(not why_untold(expectation, layout.schema, is_whole=True) for expectation in untold)
        rows = (
            f"{by_rows} of {of} expectations need rows: in a stream a sample of a window's rows is looked at for them"
        )
        never = f"{len(untold) - by_rows} of {of} expectations cannot be told of any window"
        return [*([rows] if by_rows else []), *([never] if len(untold) > by_rows else [])]

    def arithmetic(self, setting: Setting, alpha: float) -> str:
        """Return the level of all expectations with a p-value together."""
        return f"expectations have {alpha:.2g} per {setting.rhythm.value}, rules apart"

    def explain(self, finding: Finding, summary: Summary, baseline: Baseline) -> Explanation:
        """Hold the stored window against the expectation again."""
        stored = finding.evidence.get("expectation")
        if stored is None:
            raise NotFound(f"expected a finding about an expectation, given {finding.test!r}: nothing was recomputed.")
        of_rows = finding.evidence.get(ROWS)
        if of_rows is not None:
            return _explained_by_rows(finding, of_rows)
        outcome = on_counts(Expectation.from_json(stored), summary, baseline)
        if outcome.test is not None:
            return explained_by(finding, [outcome.test], _FORMULA)
        met = float(outcome.met is not False)
        numbers = {"observed": outcome.statistic, "met": met}
        return Explanation(finding, "met or not", numbers, (finding.test,), outcome.statistic, met, RULE)


def outcomes_of(summary: Summary, setting: Setting) -> list[ExpectationOutcome]:
    """Return what the counts of a window say of each expectation, in the suite's order."""
    private = setting.spec.archive.private
    return [
        without_extremes(expectation, summary)
        if expectation.type in kinds.EXTREMES and expectation.column in private
        else on_counts(expectation, summary, setting.baseline)
        for expectation in setting.suite.expectations
    ]


def told_of_no_rows(setting: Setting) -> list[FeatureVerdict]:
    """Return a verdict on each rule about the number of rows that a window without any does not meet."""
    if setting.is_long:
        return []
    about_rows = (found for found in setting.suite.expectations if found.type in kinds.ROWS and found.on_counts)
    outcomes = (row_count(expectation, 0) for expectation in about_rows)
    return [_broken_rule(outcome) for outcome in outcomes if not outcome.met]


def verdicts_on(
    outcomes: Iterable[ExpectationOutcome],
    setting: Setting,
    budget: Budget,
    evidence: Mapping[str, object] | None = None,
) -> list[FeatureVerdict]:
    """Return a verdict on each outcome that is certainly not met. `evidence`: what findings say of the rows beside."""
    criterion, more = _criterion(setting, budget), evidence or {}
    verdicts = (_verdict(outcome, criterion) for outcome in outcomes)
    return [verdict.with_evidence(more) for verdict in verdicts if verdict is not None]


_NEVER_TOLD = IN_ORDER | (OF_TYPES - {kinds.OF_TYPE})


def _criterion(setting: Setting, budget: Budget) -> Criterion:
    """Return one level for all that may be tested, whether counts tell of it or rows."""
    alpha, suite = budget.of(Expectations.name), setting.suite.expectations
    tests = sum(not expectation.is_rule and expectation.type not in _NEVER_TOLD for expectation in suite)
    return Criterion(DETECTOR, sidak(alpha, tests), budget.share(alpha) / max(1, tests), setting.spec.watch.margin)


def _explained_by_rows(finding: Finding, of_rows: Mapping[str, Any]) -> Explanation:
    """Say again what rows said that are not kept; the p-value is computed anew of the numbers that are."""
    if finding.evidence.get("rule"):
        return Explanation(
            finding,
            "met or not",
            {name: float(value) for name, value in of_rows.items()},
            (finding.test,),
            finding.statistic,
            0.0,
            RULE,
        )
    numbers = finding.evidence["tests"][finding.test]
    test = ToleratedShare(finding.test, int(numbers["seen"]), int(numbers["n"]), float(numbers["tolerated"]))
    return explained_by(finding, [test], f"{_FORMULA}; of a sample of rows, which are not kept")


def _verdict(outcome: ExpectationOutcome, criterion: Criterion) -> FeatureVerdict | None:
    """Return the verdict on an expectation that is not met, beyond chance if there is any in it; else None."""
    expectation = outcome.expectation
    if outcome.met is not False:
        return None
    if expectation.is_rule:
        return _broken_rule(outcome)
    # More than tolerated may be there by chance: the p-value decides, as it does everywhere.
    if outcome.test is None or outcome.test.p_value >= criterion.level:
        return None
    verdict = verdict_on(expectation.feature, [outcome.test], criterion, lambda _: _effect(outcome))
    return replace(verdict, verdict=_shown_or_told(outcome, verdict.verdict)).with_evidence(_evidence(expectation))


def _shown_or_told(outcome: ExpectationOutcome, verdict: Verdict) -> Verdict:
    """Return the verdict; of what is not critical, one that is shown and not mailed."""
    return verdict if outcome.expectation.severity == SEVERITIES[0] else Verdict.BELOW_MARGIN


def _evidence(expectation: Expectation) -> dict[str, object]:
    return {"expectation": expectation.to_json(), "suite": expectation.suite}


def _broken_rule(outcome: ExpectationOutcome) -> FeatureVerdict:
    return FeatureVerdict(
        feature=outcome.expectation.feature,
        verdict=_shown_or_told(outcome, Verdict.DRIFT),
        what=f"{outcome.words} (a rule, outside the false-alarm budget)",
        n=outcome.n,
        m=0,
        detector=DETECTOR,
        test=outcome.expectation.test,
        statistic=outcome.statistic,
        p_value=0.0,
        effect=_effect(outcome).value,
        effect_unit=_effect(outcome).unit,
        evidence={**_evidence(outcome.expectation), "rule": True},
    )


def _effect(outcome: ExpectationOutcome) -> Effect:
    """Return how large a share is not so, or the number that is looked at."""
    if outcome.expectation.type in kinds.SHARES or outcome.seen:
        return Effect(outcome.seen / max(outcome.n, 1), "exceptions", outcome.words)
    return Effect(outcome.statistic, "observed", outcome.words)
