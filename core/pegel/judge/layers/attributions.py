"""Attributions: does the model's output move by what has changed?

They are of a sample of the rows, explained beside the stream and judged in windows of their own, so windows of rows
only leave them their part of the budget, see `pegel.judge.attribution`.
"""

from __future__ import annotations

from pegel.baseline.baseline import Baseline
from pegel.errors import NotFound
from pegel.judge.budget import Budget
from pegel.judge.explanation import Explanation
from pegel.judge.findings import Finding
from pegel.judge.judged_window import JudgedWindow
from pegel.judge.layer import LayerResult, Setting
from pegel.spec.monitor_spec import DAY
from pegel.spec.rhythms import Rhythm
from pegel.stats.summary import Summary

DETECTOR = "attribution"
IDENTITY = "identity"


class AttributionTests:
    """The layer of tests of explained rows."""

    name = "attribution"
    detectors = (DETECTOR, IDENTITY)

    def missing(self, setting: Setting) -> str | None:
        """Return None where rows are explained; empty where nobody asked for that, and for long spans and tables."""
        asked = setting.spec.attribution.is_used and setting.follows and setting.of_events
        return None if asked and setting.rhythm is Rhythm.WINDOW and not setting.segment else ""

    def judge(self, _window: JudgedWindow, _setting: Setting, _budget: Budget) -> LayerResult:
        """Return nothing: explained rows are in windows of their own."""
        return LayerResult()

    def notes(self, _setting: Setting, _budget: Budget) -> list[str]:
        """Return nothing: what a person should know stands with those windows."""
        return []

    def arithmetic(self, setting: Setting, alpha: float) -> str:
        """Return what attributions may spend, and how it is divided."""
        window = setting.spec.attribution.window
        each = alpha * (window / setting.spec.windowing.step)
        fields = setting.field_count
        shared = "the features" if fields is None else f"{max(1, fields - setting.spec.watch.predictions)} features"
        if setting.spec.attribution.identity == "surrogate":
            shared += " and the residual of the surrogate"
        return (
            f"attributions have {alpha:.2g} per window, which is {each:.2g} for each {window.total_seconds():g} s of "
            f"explained rows ({DAY / window:g} a day), shared by {shared}"
        )

    def explain(self, finding: Finding, _summary: Summary, _baseline: Baseline) -> Explanation:
        """Raises NotFound: explained rows are not part of a window's summary."""
        raise NotFound(
            f"finding {finding.id} is on explained rows, whose counts a window's summary does not have: nothing was "
            "recomputed."
        )
