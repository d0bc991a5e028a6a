"""Answers beside their labels: is the model worse than on its labelled training rows?

Labels come long after windows were judged, so windows of a stream only leave them their part of the budget, which is
spent on hours, days and a chart over labelled events, see `pegel.judge.performance`. A table with labels is judged at
once.
"""

from __future__ import annotations

from pegel.baseline.baseline import Baseline
from pegel.detect.bernoulli_chart import why_no_chart
from pegel.errors import NotFound
from pegel.judge.budget import Budget
from pegel.judge.explanation import Explanation
from pegel.judge.findings import Finding
from pegel.judge.judged_window import JudgedWindow
from pegel.judge.layer import LayerResult, Setting
from pegel.judge.performance.label_levels import CHART_PART, CONCEPT, DAY_PART, DETECTOR, HOUR_PART
from pegel.judge.performance.span_judgement import judge_counts
from pegel.spec.minimums import MIN_BASELINE
from pegel.spec.rhythms import Rhythm
from pegel.stats.summary import Summary


class LabelledAnswers:
    """The layer of tests of labelled rows."""

    name = "labels"
    detectors = (DETECTOR, CONCEPT)

    def missing(self, setting: Setting) -> str | None:
        """Return why labels are not judged; empty where there are none, or none are looked for."""
        if not setting.labelled and (setting.rhythm is not Rhythm.WINDOW or not setting.spec.labels.is_used):
            return ""
        if setting.baseline is None:
            return None
        performance = setting.baseline.performance
        if performance is None:
            return (
                "how the model does is shown and not tested: its baseline has no labels; name their column, "
                "`baseline.label`, and refresh it"
            )
        if performance.rows < MIN_BASELINE and not setting.labelled:
            return (
                f"how the model does is shown and not tested: its baseline has {performance.rows:,} labelled rows, "
                f"{MIN_BASELINE:,} are needed"
            )
        return None

    def judge(self, window: JudgedWindow, setting: Setting, budget: Budget) -> LayerResult:
        """Return a verdict on each figure of the labelled rows, where the window has any."""
        if window.labelled is None or not window.labelled.labelled:
            return LayerResult()
        level, margin = budget.of(self.name), setting.spec.watch.margin
        judged = judge_counts(
            window.labelled,
            window.baseline,
            level=level,
            margin=margin,
            share=budget.share(level),
            poisoning=setting.spec.watch.poisoning,
        )
        return LayerResult(judged.verdicts)

    def notes(self, setting: Setting, _budget: Budget) -> list[str]:
        """Return why labelled events are not charted, if they are not."""
        performance = None if setting.baseline is None else setting.baseline.performance
        if performance is None or performance.errors is None or setting.labelled:
            return []
        why = why_no_chart(performance.errors, performance.rows)
        return [] if why is None else [why]

    def arithmetic(self, setting: Setting, alpha: float) -> str:
        """Return what labels may spend, and how it is divided."""
        if setting.labelled:
            return f"figures of labelled rows have {alpha:.2g}"
        return (
            f"labels have {alpha:.2g} per window, {CHART_PART:.0%} of it for a chart over labelled events, "
            f"{HOUR_PART:.0%} for hours and {DAY_PART:.0%} for days"
        )

    def explain(self, finding: Finding, _summary: Summary, _baseline: Baseline) -> Explanation:
        """Raises NotFound: labels are not part of a window's summary."""
        raise NotFound(
            f"finding {finding.id} is on labelled rows, whose counts a summary does not have: nothing was recomputed."
        )
