"""One span of labelled rows: its figures, and whether they are worse than in training."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from datetime import timedelta
from typing import Any

from pegel.baseline.baseline import Baseline
from pegel.detect.performance_tests import CONTRADICTIONS, effect_of, performance_tests
from pegel.errors import NotFound
from pegel.judge.decision import FeatureVerdict, overall, verdict_on
from pegel.judge.explanation import Explanation, explained_by
from pegel.judge.findings import Finding, Verdict
from pegel.judge.judged import Judged
from pegel.judge.performance.label_levels import criteria
from pegel.spec.minimums import MIN_WINDOW
from pegel.stats.figures import AUC, BIAS, BRIER, CALIBRATION, ERROR_RATE, LOG_LOSS, MAE, PRECISION, RECALL, Figure
from pegel.stats.figures import figures as figures_of
from pegel.stats.performance_counts import PerformanceCounts

_COUNTS = "P(K >= seen), K hypergeometric: `seen` wrong of n labelled rows against `seen_in_baseline` of m in training"
_LOSSES = "linear rank statistic of the losses of (bin of the score, label); p from the Pearson III law"
_RANKS = "z of the rank sum of {} in cells against training; p from the Pearson III law"
FORMULAS = {
    ERROR_RATE: _COUNTS,
    PRECISION: f"{_COUNTS}, among those answered 1",
    RECALL: f"{_COUNTS}, among those labelled 1",
    AUC: "difference of the areas over its deviation, from placements among all rows together (DeLong); Pearson III",
    LOG_LOSS: _LOSSES,
    BRIER: _LOSSES,
    CALIBRATION: "linear rank statistic of label less score, by (bin of the score, label); two-sided, Pearson III",
    BIAS: f"{_RANKS.format('residuals')}, two-sided",
    CONTRADICTIONS: f"{_COUNTS}, among those whose answer was at least 90 % sure",
    MAE: f"{_RANKS.format('distances of residuals from 0')}, upwards",
}


@dataclass(frozen=True, slots=True)
class SpanJudgement:
    """What is known of one span of labelled rows. `why`: why it was not judged, for people; empty where it was."""

    verdict: Verdict
    figures: tuple[Figure, ...]
    verdicts: tuple[FeatureVerdict, ...] = ()
    why: str = ""

    def to_json(self) -> dict[str, Any]:
        """Return plain JSON, for pages."""
        told = [verdict.to_json() | {"effect": _plain(verdict.effect)} for verdict in self.verdicts]
        return {
            "verdict": self.verdict.value,
            "figures": [figure.to_json() for figure in self.figures],
            "verdicts": told,
            "why": self.why,
        }


def judge_counts(
    counts: PerformanceCounts,
    baseline: Baseline | None,
    *,
    level: float,
    margin: float,
    share: float = 1.0,
    poisoning: bool = False,
) -> SpanJudgement:
    """Judge the labelled rows of one span at `level` false alarms among all its tests.

    `poisoning`: labels against sure answers are tested by themselves, too.

    Fewer than 50 labelled rows are not judged; neither are rows of another kind of model than the baseline's labels.
    """
    found = tuple(figures_of(counts))
    performance = None if baseline is None else baseline.performance
    if performance is None:
        return SpanJudgement(Verdict.BASELINE_MISSING, found, why="the baseline has no labels to compare with")
    if counts.labelled < MIN_WINDOW:
        none = Verdict.INSUFFICIENT if counts.answered else Verdict.NO_DATA
        return SpanJudgement(none, found, why=f"{counts.labelled:,} labelled rows, {MIN_WINDOW} are needed")
    if performance.counts.is_of_classes is not counts.is_of_classes:
        return SpanJudgement(Verdict.LAYOUT_MISMATCH, found, why="labels of training are of another kind than these")
    tests = performance_tests(performance, counts, poisoning=poisoning)
    verdicts = tuple(
        verdict_on(test.name, [test], criterion, lambda one: effect_of(one, performance, counts))
        for test, criterion in zip(tests, criteria(tests, level, margin, share), strict=True)
    )
    return SpanJudgement(overall(verdicts), found, verdicts)


def shown(counts: PerformanceCounts) -> SpanJudgement:
    """Return the figures of a segment, which are compared with nothing: labels of training are not kept by segment."""
    return SpanJudgement(Verdict.NOT_TESTED, tuple(figures_of(counts)), why="segments are shown, not tested")


def findings_of(judgement: SpanJudgement, judged: Judged) -> tuple[Finding, ...]:
    """Return a finding for each figure that is worse than in training."""
    alarming = [verdict for verdict in judgement.verdicts if verdict.verdict is Verdict.DRIFT]
    return tuple(finding_of(verdict, judged) for verdict in alarming)


def finding_of(verdict: FeatureVerdict, judged: Judged) -> Finding:
    """Return a verdict on labelled rows as a fact."""
    spec = judged.spec
    return judged.finding(verdict, {"margin": spec.watch.margin, "spec_fingerprint": spec.fingerprint()})


def explain_span(finding: Finding, counts: PerformanceCounts, baseline: Baseline) -> Explanation:
    """Recompute a finding on a span from its stored counts. Raises NotFound if its test is not there."""
    if baseline.performance is None:
        raise NotFound("expected a baseline with labels, found one without: nothing was recomputed.")
    tests = [
        test for test in performance_tests(baseline.performance, counts, poisoning=True) if test.name == finding.test
    ]
    explanation = explained_by(finding, tests, FORMULAS[finding.test])
    length = "day" if finding.span.end - finding.span.start >= timedelta(days=1) else "hour"
    budget = f"{finding.budget_share:.2%} of what the tests of labels may spend on the span of one {length}"
    return replace(explanation, budget=budget)


def _plain(value: float | None) -> float | None:
    return value if value is not None and math.isfinite(value) else None
