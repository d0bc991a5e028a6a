"""The segments of final windows as rows: judged with enough rows, and until then put together with the next windows.

::

    windows   [ 12:00 )[ 12:01 )[ 12:02 )[ 12:03 )        rows of a segment: 20, 20, 20, 60
    rows      [         12:00 - 12:03     )[ 12:03 )      one row of 60, one of 60

A row of a segment may so span several windows, but never a whole hour's beginning: hours are sums of such rows.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import timedelta

from pegel.baseline.baseline import Baseline
from pegel.data.columns import Role
from pegel.data.spans import Span, floor
from pegel.judge.chart_state import CarriedSegment
from pegel.judge.decision import FeatureVerdict
from pegel.judge.explaining_segments import with_segments
from pegel.judge.findings import Finding, Verdict
from pegel.judge.judge import Judgement, judge_segment
from pegel.judge.remarks import remarks
from pegel.judge.whole_and_segments import told_of_whole
from pegel.spec.minimums import MIN_WINDOW
from pegel.spec.monitor_spec import MonitorSpec
from pegel.stats.summary import Summary
from pegel.stream.entries import SpanCount
from pegel.stream.result_rows import WindowRow
from pegel.stream.watched_models import Baselines

MOST_WINDOWS = 15
"""So many windows are put together at most: fewer than those without a finding after which an alert is over."""
HOUR = timedelta(hours=1)
_CHANGED = (Verdict.DRIFT, Verdict.BELOW_MARGIN)


@dataclass(slots=True)
class JudgedSegments:
    """Rows and findings of segments, `whole`: the findings about the whole with the segments that explain them.

    `carried`: what has too few rows yet, by segment.
    """

    whole: tuple[Finding, ...]
    windows: list[WindowRow] = field(default_factory=list)
    findings: list[Finding] = field(default_factory=list)
    carried: dict[str, CarriedSegment] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class SegmentJudge:
    """Judges the segments of one final span.

    `row`: that of the whole, `judgement` what it says: rows of segments are like it, but for what these do not have.
    `baselines`: gives that of the span, and those of what is carried.
    """

    count: SpanCount
    judgement: Judgement
    row: WindowRow
    spec: MonitorSpec
    baselines: Baselines

    def judged(self, before: Mapping[str, CarriedSegment]) -> JudgedSegments:
        """Return what is known of the segments of the span, with what earlier final spans carried."""
        count, judged = self.count, JudgedSegments(self.judgement.findings)
        baseline = None if count.baseline_id is None else self.baselines.baseline(count.baseline_id)
        if baseline is not None and count.summary is not None and count.segments:
            judged.whole = with_segments(judged.whole, baseline, count.summary, count.segments, count.span)
        names = () if baseline is None else baseline.segments.segments.names
        for name in dict.fromkeys([*before, *names]):
            carried = before.get(name)
            if carried is not None and not _goes_on(carried, count):
                self._tell_carried(judged, name, carried)
                carried = None
            if baseline is not None and (name in count.segments or carried is not None):
                parts = _Parts.of(carried, count.segments.get(name), count.span, baseline)
                if self._follows and not parts.is_due:
                    judged.carried[name] = parts.carried(baseline.id)
                else:
                    self._tell(judged, name, parts, baseline)
        return judged

    @property
    def _follows(self) -> bool:
        """Say whether windows are put together: those that overlap share rows."""
        return self.spec.windowing.step == self.spec.windowing.length

    def _tell_carried(self, judged: JudgedSegments, name: str, carried: CarriedSegment) -> None:
        """Tell of rows to which no more are added, as few as they are."""
        baseline = self.baselines.baseline(carried.baseline_id)
        summary = Summary.from_bytes(carried.data, baseline.layout)
        self._tell(judged, name, _Parts(summary, Span(carried.since, carried.until), carried.windows), baseline)

    def _tell(self, judged: JudgedSegments, name: str, parts: _Parts, baseline: Baseline) -> None:
        state, revision = self.judgement.chart_state, max(1, self.row.revision)
        usual = 0 if state is None else round(state.sizes.usual * baseline.of_segment(name).rows / baseline.rows)
        judgement = judge_segment(
            baseline,
            name,
            parts.summary,
            spec=self.spec,
            span=parts.span,
            revision=revision,
            usual_rows=usual,
            told=told_of_whole(self.judgement),
            portion=self.count.portion,
        )
        judged.findings += judgement.findings
        judged.windows.append(_row(self.row, name, parts, judgement, baseline))


@dataclass(frozen=True, slots=True)
class _Parts:
    """The rows of one segment from several windows."""

    summary: Summary
    span: Span
    windows: int

    @classmethod
    def of(cls, carried: CarriedSegment | None, now: Summary | None, span: Span, baseline: Baseline) -> _Parts:
        """Put what is carried and the rows of a span together; neither is changed."""
        summary = Summary.empty(baseline.layout, counts_only=True)
        if now is not None:
            summary.merge(now)
        if carried is None:
            return cls(summary, span, 1)
        summary.merge(Summary.from_bytes(carried.data, baseline.layout))
        return cls(summary, Span(carried.since, max(span.end, carried.until)), carried.windows + 1)

    @property
    def rows(self) -> int:
        """Return how many rows of requests there are."""
        return self.summary.rows(Role.FEATURE)

    @property
    def is_due(self) -> bool:
        """Say whether there are enough rows, or no later window may be added."""
        crosses = floor(self.span.end, HOUR) > floor(self.span.start, HOUR)
        return self.rows >= MIN_WINDOW or self.windows >= MOST_WINDOWS or crosses

    def carried(self, baseline_id: str) -> CarriedSegment:
        """Return what the next span is put together with."""
        return CarriedSegment(self.summary.to_bytes(), self.windows, self.span.start, self.span.end, baseline_id)


def _goes_on(carried: CarriedSegment, count: SpanCount) -> bool:
    """Say whether a span's rows may be put together with those that are carried."""
    same_hour = floor(carried.since, HOUR) == floor(count.span.start, HOUR)
    return carried.baseline_id == count.baseline_id and same_hour and carried.until <= count.span.start


def _row(row: WindowRow, name: str, parts: _Parts, judgement: Judgement, baseline: Baseline) -> WindowRow:
    """Return the row of a segment: its rows, its counts, and of its fields those that changed."""
    changed = (*judgement.features, *judgement.further)
    return WindowRow(
        model=row.model,
        version=row.version,
        span=parts.span,
        revision=max(1, row.revision),
        final=True,
        requests=0,
        responses=0,
        joined=0,
        rows=parts.rows,
        late=0,
        duplicates=0,
        invalid=0,
        clamped=0,
        verdict=judgement.verdict,
        summary=parts.summary.to_bytes(),
        baseline_id=baseline.id,
        layout_hash=baseline.layout.layout_hash,
        spec_fingerprint=row.spec_fingerprint,
        code_version=row.code_version,
        judgement={"features": [verdict.to_json() for verdict in changed if _is_told(verdict)]},
        emitted_at=row.emitted_at,
        remarks=remarks(judgement),
        segment=name,
    )


def _is_told(verdict: FeatureVerdict) -> bool:
    return verdict.verdict in _CHANGED
