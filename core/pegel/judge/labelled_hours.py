"""Hours of labelled rows into what is kept of them: revisions of hours and days, findings, charts that went on.

A fold: given what is stored and the same rows, it returns the same, and nothing where nothing differs. So a run may be
repeated, may overlap another, and may take an old day again.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from functools import partial
from typing import Any, Protocol

from pegel.baseline.baseline import Baseline
from pegel.data.spans import Span
from pegel.judge.chart_state import rounded
from pegel.judge.decision import FeatureVerdict
from pegel.judge.division import Division
from pegel.judge.findings import Finding
from pegel.judge.judged import Judged
from pegel.judge.layer import Setting
from pegel.judge.layers.labelled_answers import LabelledAnswers
from pegel.judge.performance.concept_charts import CHART_OF, take_in
from pegel.judge.performance.estimates import estimate_of
from pegel.judge.performance.hours_of_days import day_of, hours_of_days, is_day, sum_of
from pegel.judge.performance.label_levels import HOUR, chart_rate, span_level
from pegel.judge.performance.performance_rows import ConceptChartRow, PerformanceRow
from pegel.judge.performance.settling import is_settled
from pegel.judge.performance.span_judgement import finding_of, findings_of, judge_counts, shown
from pegel.spec.monitor_spec import MonitorSpec
from pegel.stats.labelled_rows import LabelledRows
from pegel.stats.performance_counts import PerformanceCounts

RECENT_DAYS = 7
"""Newest settled days by which the number of labelled events per day is told."""


@dataclass(frozen=True, slots=True)
class Stored:
    """What is kept of one monitor: newest revisions of hours and days around the hours at hand, and all its charts.

    Of each day that one of these hours is in, every stored hour has to be there, of every segment.
    """

    rows: Sequence[PerformanceRow] = ()
    charts: Sequence[ConceptChartRow] = ()


@dataclass(frozen=True, slots=True)
class Followed:
    """What is to be kept now. `wanted`: the hour whose rows charts need next and were not given; None: no such hour."""

    rows: tuple[PerformanceRow, ...] = ()
    findings: tuple[Finding, ...] = ()
    charts: tuple[ConceptChartRow, ...] = ()
    wanted: Span | None = None


class IsComplete(Protocol):
    """Says whether all rows of a span were there to be counted: an hour, or a day of which `hours` were counted."""

    def __call__(self, span: Span, hours: Collection[Span], /) -> bool:
        """Say so."""


def as_given(_span: Span, _hours: Collection[Span], /) -> bool:
    """Take what is given for all there is."""
    return True


@dataclass(frozen=True, slots=True)
class Followers:
    """What the hours of one monitor are judged with.

    `horizon`: how long after an event its label may come. `asked`: charts of river. `coverage`: of each hour and
    segment, what joining knows of its labels beyond their number, to be shown. `gone`: stored hours whose rows nobody
    has any more: once their horizon is over they settle by what was counted, and charts pass over them. `is_complete`:
    until it says so of a span, only time settles it.
    """

    spec: MonitorSpec
    baseline: Baseline | None
    horizon: timedelta
    now: datetime
    asked: Sequence[str] = ()
    coverage: Mapping[tuple[Span, str], dict[str, Any]] = field(default_factory=dict)
    gone: Collection[Span] = ()
    is_complete: IsComplete = as_given

    def follow(self, hours: Mapping[Span, LabelledRows], stored: Stored) -> Followed:
        """Return what hours change; each has all its answered rows, with the labels that are known now."""
        before = {(row.span, row.segment): row for row in stored.rows}
        changed: dict[tuple[Span, str], PerformanceRow] = {}
        findings: list[Finding] = []
        for span in sorted(hours, key=lambda one: one.start):
            for segment, rows in hours[span].by_segment().items():
                self._revise((span, segment), PerformanceCounts.of(rows), before, changed, findings)
        for key, row in before.items():
            if not row.settled and self._is_given_up(key[0]):
                self._revise(key, row.counts, before, changed, findings)
        over = {key for key, row in before.items() if is_day(key[0]) and not row.settled and self.now >= key[0].end}
        hours_of = hours_of_days(before | changed)
        # Days of changed hours, and those that are over and wait for nothing else.
        days = {*over, *((day_of(span), segment) for span, segment in changed)} & hours_of.keys()
        for key in sorted(days, key=lambda one: (one[0].start, one[1])):
            settled = all(row.settled for row in hours_of[key]) and self.now >= key[0].end
            whole = [row.span for row in hours_of.get((key[0], ""), ())]
            settled = settled and self.is_complete(key[0], whole)
            self._revise(key, sum_of(hours_of[key]), before, changed, findings, settled=settled)
        charts, wanted = self._charts(hours, before | changed, stored, findings)
        return Followed(tuple(changed.values()), tuple(findings), charts, wanted)

    def _revise(
        self,
        key: tuple[Span, str],
        counts: PerformanceCounts,
        before: Mapping[tuple[Span, str], PerformanceRow],
        changed: dict[tuple[Span, str], PerformanceRow],
        findings: list[Finding],
        *,
        settled: bool | None = None,
    ) -> None:
        """Put a span into `changed` if it differs from what is stored, and its findings if it settles now."""
        (span, segment), last = key, before.get(key)
        was_settled = last is not None and last.settled
        if settled is None or self.now >= span.end + self.horizon:
            complete = partial(self.is_complete, span, (span,))
            settled = was_settled or is_settled(span, counts, self.horizon, self.now, complete=complete)
        settled = settled or was_settled
        coverage = self.coverage.get(key, None if last is None else last.coverage)
        if last is not None and (last.counts, last.settled, last.coverage) == (counts, settled, coverage):
            return
        level, watch = span_level(self._per_day(), span.end - span.start), self.spec.watch
        # A segment may well have an error rate of its own, and the baseline has labels of the whole alone.
        judgement = (
            shown(counts)
            if segment
            else judge_counts(counts, self.baseline, level=level, margin=watch.margin, poisoning=watch.poisoning)
        )
        revision = 0 if last is None else last.revision + 1
        changed[key] = PerformanceRow(
            model=self.spec.model.name,
            version=self.spec.model.version,
            span=span,
            counts=counts,
            settled=settled,
            verdict=judgement.verdict,
            judgement=judgement.to_json(),
            at=self.now,
            revision=revision,
            segment=segment,
            coverage=coverage,
            estimate=estimate_of(counts, self.baseline),
            baseline_id=None if self.baseline is None else self.baseline.id,
        )
        if settled and not was_settled and self.baseline is not None and level > 0:
            judged = Judged(self.spec, span, revision, self.baseline.id, segment, origin="batch")
            findings += findings_of(judgement, judged)

    def _charts(
        self,
        hours: Mapping[Span, LabelledRows],
        known: Mapping[tuple[Span, str], PerformanceRow],
        stored: Stored,
        findings: list[Finding],
    ) -> tuple[tuple[ConceptChartRow, ...], Span | None]:
        """Let charts go on over the hours of the whole that settled, in order, up to the first that has not.

        An hour that charts have passed is never taken in again, whatever is corrected in it.
        """
        if self.baseline is None:
            return (), None
        mine = [row for row in stored.charts if not row.segment and row.baseline_id == self.baseline.id]
        states = {row.chart: row.state for row in mine}
        damage = {row.chart: row.aside for row in mine if row.aside is not None}
        # Charts of a new baseline begin where those of the last one ended.
        up_to = max((row.up_to for row in mine or stored.charts), default=None)
        moved, wanted = False, None
        for span in sorted((span for span, segment in known if not segment), key=lambda one: one.start):
            if span.end - span.start != HOUR or (up_to is not None and span.start < up_to):
                continue
            if not known[span, ""].settled:
                break
            if span not in hours and self._is_given_up(span):
                up_to, moved = span.end, True
                continue
            if span not in hours:
                wanted = span
                break
            after = take_in(
                states,
                hours[span],
                self.baseline,
                rate=self._rate(stored),
                asked=self.asked,
                poisoning=self.spec.watch.poisoning,
            )
            judged = Judged(self.spec, span, known[span, ""].revision, self.baseline.id, origin="batch")
            findings += [finding_of(_with_damage(one, damage), judged) for one in after.verdicts]
            states, up_to, moved = dict(after.states), span.end, True
        if not moved or up_to is None:
            return (), wanted
        charts = tuple(
            ConceptChartRow(
                model=self.spec.model.name,
                version=self.spec.model.version,
                chart=name,
                state=state,
                baseline_id=self.baseline.id,
                up_to=up_to,
                aside=damage.get(name),
            )
            for name, state in states.items()
        )
        return charts, wanted

    def _is_given_up(self, span: Span) -> bool:
        return span in self.gone and self.now >= span.end + self.horizon

    def _per_day(self) -> float:
        """Return how many false alarms tests of labels may raise in a day."""
        budget = Division.of(Setting(self.spec, self.baseline, labelled=True)).budget
        return budget.of(LabelledAnswers.name) * budget.windows_per_day

    def _rate(self, stored: Stored) -> float:
        """Return the alarms per labelled event of charts: by the newest settled days, else by the expected traffic."""
        days = [row for row in stored.rows if not row.segment and is_day(row.span) and row.settled]
        newest = sorted(days, key=lambda row: row.span.start)[-RECENT_DAYS:]
        seen = max((row.counts.labelled for row in newest), default=0)
        return chart_rate(self._per_day(), rounded(seen) if seen else self.spec.watch.rows_per_day)


def _with_damage(verdict: FeatureVerdict, damage: Mapping[str, Mapping[str, Any]]) -> FeatureVerdict:
    """Return a verdict of a chart that says in its evidence since when, and why, the chart began anew, if it did."""
    known = damage.get(CHART_OF.get(verdict.test, verdict.test))
    if known is None:
        return verdict
    return replace(verdict, evidence=verdict.evidence | {"began_anew": {"at": known["at"], "why": known["why"]}})
