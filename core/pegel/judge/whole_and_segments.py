"""A span judged as a whole and segment by segment, where all rows of both are at hand."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace

from pegel.baseline.baseline import Baseline
from pegel.data.spans import Span
from pegel.judge.explaining_segments import with_segments
from pegel.judge.findings import ALARMING, Finding, Verdict
from pegel.judge.judge import Judgement, judge_segment
from pegel.spec.monitor_spec import MonitorSpec
from pegel.stats.summary import Summary


@dataclass(frozen=True, slots=True)
class SegmentedJudgement:
    """What is known of a span: of the whole, and of each segment with rows, in the order of the baseline."""

    whole: Judgement
    segments: Mapping[str, Judgement] = field(default_factory=dict)

    @property
    def findings(self) -> tuple[Finding, ...]:
        """Return the findings about the whole, then those about segments."""
        return (*self.whole.findings, *(one for each in self.segments.values() for one in each.findings))

    @property
    def drifting(self) -> tuple[str, ...]:
        """Return the segments with a finding that nothing about the whole tells."""
        return tuple(name for name, judged in self.segments.items() if judged.findings)


def judge_segments(
    whole: Judgement,
    baseline: Baseline,
    summary: Summary,
    segments: Mapping[str, Summary],
    *,
    spec: MonitorSpec,
    span: Span,
    revision: int,
) -> SegmentedJudgement:
    """Judge the segments of a span whose whole is judged.

    Findings about the whole say which segments explain them; of the fields that they tell of, segments have no findings
    of their own.

    Args:
        whole: What `judge` said of the whole.
        baseline: Against which.
        summary: Counts of all rows of the span.
        segments: Counts by segment of the same rows; those without any may be missing.
        spec: As of `judge`.
        span: Named in the findings.
        revision: Named in the findings.
    """
    if whole.verdict in {Verdict.BASELINE_MISSING, Verdict.LAYOUT_MISMATCH}:
        return SegmentedJudgement(whole)
    explained = with_segments(whole.findings, baseline, summary, segments, span)
    told = told_of_whole(whole)
    judged = {
        name: judge_segment(
            baseline, name, segments[name], spec=spec, span=span, revision=revision, told=told, usual_rows=0
        )
        for name in baseline.segments.segments.names
        if name in segments
    }
    return SegmentedJudgement(replace(whole, findings=explained), judged)


def told_of_whole(whole: Judgement) -> frozenset[str]:
    """Return the fields whose change is told of the whole: by a finding, or by a chart that is not back yet."""
    changed = (*whole.features, *whole.further)
    told = {verdict.feature for verdict in changed if verdict.verdict in ALARMING}
    return frozenset(told | {finding.feature for finding in whole.findings})
