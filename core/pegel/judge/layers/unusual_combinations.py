"""Combinations: are there more rows whose numbers go together as hardly any of training do? No single field tells."""

from __future__ import annotations

from pegel.baseline.baseline import Baseline
from pegel.detect.count_tests import CountTest
from pegel.detect.effect import Effect, from_to
from pegel.judge.budget import Budget
from pegel.judge.decision import Criterion, verdict_on
from pegel.judge.explanation import Explanation, explained_by
from pegel.judge.findings import Finding
from pegel.judge.judged_window import JudgedWindow
from pegel.judge.layer import LayerResult, Setting
from pegel.stats.summary import Summary

DETECTOR = "adversarial"
COMBINATIONS = "combinations"
"""Stands where a feature's name stands."""
TEST = "unusual combinations"
_FORMULA = (
    "P(K >= seen), K hypergeometric: rows of the window whose squared Mahalanobis distance of normal scores exceeds "
    "the cut of training, against those of training, given their sum"
)


class UnusualCombinations:
    """The layer of one test: the rate of rows that lie far out although no single number does."""

    name = COMBINATIONS
    detectors = (DETECTOR,)

    def missing(self, setting: Setting) -> str | None:
        """Return why combinations are not watched; empty where nobody asks, or nothing is asked of a model."""
        if not setting.spec.adversarial.combinations or setting.is_long or not setting.of_events:
            return ""
        if setting.baseline is None:
            return None
        sent = setting.baseline.rows_sent
        if sent is None or sent.joint is None:
            return (
                "combinations are not watched: the baseline knows none; it needs two numbers that vary and "
                "`adversarial.combinations` when it is made, so refresh it"
            )
        return None

    def judge(self, window: JudgedWindow, setting: Setting, budget: Budget) -> LayerResult:
        """Return the verdict on the rate of unusual combinations; none where no row has all of its numbers."""
        alpha = budget.of(self.name)
        criterion = Criterion(DETECTOR, alpha, budget.share(alpha), setting.spec.watch.margin)
        tests = combination_test(window.baseline, window.summary)
        return LayerResult([verdict_on(COMBINATIONS, [test], criterion, _effect) for test in tests])

    def notes(self, _setting: Setting, _budget: Budget) -> list[str]:
        """Return nothing."""
        return []

    def arithmetic(self, _setting: Setting, alpha: float) -> str:
        """Return the level of the test."""
        return f"unusual combinations have {alpha:.2g} per window"

    def explain(self, finding: Finding, summary: Summary, baseline: Baseline) -> Explanation:
        """Recompute the test."""
        return explained_by(finding, combination_test(baseline, summary), _FORMULA)


def combination_test(baseline: Baseline, summary: Summary) -> list[CountTest]:
    """Return the test of the rate; none where nobody counts, or no row could be placed."""
    sent, behaviour = baseline.rows_sent, summary.behaviour
    if sent is None or sent.joint is None or behaviour is None or not behaviour.placed:
        return []
    counts = (behaviour.unusual, behaviour.placed, sent.joint.exceeding, sent.joint.placed)
    return [CountTest(TEST, *counts, factor=baseline.noise.burst_factor(behaviour.placed))]


def _effect(test: CountTest) -> Effect:
    before, now = test.seen_in_baseline / max(test.m, 1), test.seen / max(test.n, 1)
    return Effect(test.difference, "share", f"rows whose numbers hardly go together in training {from_to(before, now)}")
