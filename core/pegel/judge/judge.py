"""Summaries into verdicts: the one place that decides, for a stream, a batch job and a notebook alike."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace

from pegel.baseline.baseline import Baseline
from pegel.data.spans import Span
from pegel.detect.cusum import Chart, Key
from pegel.detect.recent_deviations import Place
from pegel.judge.chart_state import ChartState
from pegel.judge.comparison import idle_detectors
from pegel.judge.decision import FeatureVerdict, insufficient, overall
from pegel.judge.division import Division
from pegel.judge.event_counts import EventCounts, SeenEvents
from pegel.judge.findings import Finding, Verdict
from pegel.judge.judged import Judged
from pegel.judge.judged_window import JudgedWindow
from pegel.judge.layer import LayerResult, Setting
from pegel.judge.layer_table import LAYERS, SEGMENT_LAYERS, Layers
from pegel.judge.layers.expectations import ROWS, Expectations, told_of_no_rows, verdicts_on
from pegel.judge.layers.odd_events import Events, event_notes, event_verdicts, look_at_events
from pegel.judge.missing_answers import AnswersSoFar, MissingAnswers
from pegel.judge.recent_crowds import RecentCrowds
from pegel.judge.watched_fields import unknown_names
from pegel.quality.expectation_outcome import ExpectationOutcome
from pegel.spec.monitor_spec import MonitorSpec
from pegel.spec.rhythms import Rhythm
from pegel.stats.performance_counts import PerformanceCounts
from pegel.stats.summary import Summary

_CHANGED = (Verdict.DRIFT, Verdict.DRIFTING, Verdict.BELOW_MARGIN)


@dataclass(frozen=True, slots=True)
class Judgement:
    """The verdict on one span, what is known of each judged field, and the findings (verdicts DRIFT and DRIFTING only).

    `chart_state`: what the next window is judged with, if this one is final; None where windows are not followed.
    `notes`: what a person should know about how it was judged. `division`: how the false-alarm budget was divided.
    """

    verdict: Verdict
    features: tuple[FeatureVerdict, ...] = ()
    further: tuple[FeatureVerdict, ...] = ()
    """What else changed in fields of which `features` tells a worse fact."""
    beyond: tuple[FeatureVerdict, ...] = ()
    """What is known beyond single fields: rates of outliers and of wrong answers, pairs of features, odd events."""
    findings: tuple[Finding, ...] = ()
    chart_state: ChartState | None = None
    notes: tuple[str, ...] = ()
    division: Division | None = None
    missing_answers: MissingAnswers | None = None
    """Requests without an answer, where there are noticeably many."""
    answers_so_far: AnswersSoFar | None = None
    """Of the span's own requests, where so few have one, or there is none, that nothing is said to be healthy."""
    never_logged: str = ""
    """What the endpoint never logged, `answers` or `requests`; empty where it logs both."""


def judge(
    baseline: Baseline | None,
    summary: Summary | None,
    *,
    spec: MonitorSpec,
    span: Span,
    revision: int,
    chart_state: ChartState | None = None,
    labelled: PerformanceCounts | None = None,
    events: EventCounts | None = None,
    answers: AnswersSoFar | None = None,
    layers: Layers = LAYERS,
    rhythm: Rhythm = Rhythm.WINDOW,
    portion: float = 1.0,
) -> Judgement:
    """Judge one span of one model.

    Args:
        baseline: What to compare with; None gives BASELINE_MISSING.
        summary: What was counted; None or without rows it gives NO_DATA, unless a rule of the spec about the number of
            rows makes that DRIFT; in other cells than the baseline's LAYOUT_MISMATCH.
        spec: Which fields are judged, at which margin and false-alarm budget.
        span: Named in the findings.
        revision: Named in the findings.
        chart_state: What the final windows before left, `ChartState(baseline.id)` for the first; None judges the span
            alone. With it, small changes that last are found, and values too few to judge are kept for later windows.
        labelled: Answers beside the labels that are known; None without labels.
        events: What came of events since they were last judged; None where there are none, as in a table. They are
            judged whether or not there is anything else to judge: more odd ones than tolerated make any verdict DRIFT.
            Where most answers are missing, no verdict is OK.
        answers: How many of the span's own requests are answered by now; None where that is not to be looked at. With
            few answers, or without any request, no verdict is OK.
        layers: The kinds of tests, each with its part of the false-alarm budget. Without that of events nothing is
            said of these.
        rhythm: Whether the span is a window or a longer one: each rhythm has its part of the false-alarm budget.
        portion: Of what one span of its rhythm may spend, how much this judgement may: less than 1 where the same span
            is judged several times, or in parts.
    """
    noticed = {} if chart_state is None else chart_state.noticed
    looks = events is not None and any(entry.layer.name == Events.name for entry in layers)
    seen = None if events is None or not looks else look_at_events(events, spec.events, noticed, span.start)
    after = chart_state if chart_state is None or seen is None else replace(chart_state, noticed=seen.noticed)
    why_not = _why_not_judged(baseline, summary)
    if why_not is not None or baseline is None or summary is None:
        judged = Judgement(why_not or Verdict.NO_DATA, chart_state=after)
        if why_not is Verdict.NO_DATA and baseline is not None:
            setting = Setting(spec, baseline, rhythm=rhythm, portion=portion)
            judged = _no_rows(judged, setting, Judged(spec, span, revision, baseline.id), layers)
        return judged if seen is None else _events_alone(judged, seen, Judged(spec, span, revision), layers)
    # Overlapping windows share rows: what is carried from one to the next would count these twice.
    follows = chart_state is not None and spec.windowing.step == spec.windowing.length
    before = chart_state.for_baseline(baseline.id) if chart_state is not None and follows else None
    sizes = None if before is None else before.sizes.plus(summary.most_rows, span.start)
    usual_rows = summary.most_rows if sizes is None else sizes.usual
    setting = Setting(
        spec,
        baseline,
        follows,
        usual_rows,
        summary,
        of_events=events is not None,
        rhythm=rhythm,
        portion=portion,
        labelled=labelled is not None,
    )
    window = JudgedWindow(
        baseline,
        summary,
        span,
        spec.watch,
        setting.fields,
        chart_state=before,
        sizes=sizes,
        labelled=labelled,
        events=seen,
    )
    division = Division.of(setting, layers)
    result = _run(division, window)
    judgement = _in_order(result.verdicts, division, baseline, Judged(spec, span, revision, baseline.id))
    about_events = [] if seen is None else event_notes(seen, spec.events, judgement.beyond)
    missing = None if seen is None else MissingAnswers.of(seen, spec.events.unanswered)
    return replace(
        judgement,
        verdict=_without_answers(judgement.verdict, missing, answers),
        answers_so_far=answers if _says_little(answers) else None,
        missing_answers=missing,
        never_logged="" if events is None else events.never_logged,
        chart_state=window.state_after(result.charts, result.deviations, result.crowds) if follows else after,
        notes=(*division.notes(), *about_events),
    )


def judge_rows(
    outcomes: Sequence[ExpectationOutcome],
    baseline: Baseline,
    summary: Summary,
    *,
    spec: MonitorSpec,
    span: Span,
    revision: int,
    evidence: Mapping[str, object],
    rhythm: Rhythm = Rhythm.WINDOW,
    portion: float = 1.0,
) -> tuple[Finding, ...]:
    """Return a finding for each expectation that rows of a judged span do not meet, beyond chance if there is any.

    `summary`: the counts of the span, by which the budget is divided as when it was judged. `evidence`: what is known
    of the rows. `rhythm` and `portion`: as of `judge`.
    """
    follows = rhythm is Rhythm.WINDOW and spec.windowing.step == spec.windowing.length
    setting = Setting(spec, baseline, follows, summary.most_rows, summary, rhythm=rhythm, portion=portion)
    division = Division.of(setting)
    verdicts = verdicts_on(outcomes, division.setting, division.budget, {ROWS: dict(evidence)})
    judged, facts = Judged(spec, span, revision, baseline.id), _facts(division, baseline)
    # Rows were looked at, no long span was judged: its rhythm has paid for that, and is not what was found to drift.
    paid_by = {"paid_by": facts.pop("rhythm")} if "rhythm" in facts else {}
    return tuple(judged.finding(verdict, facts | paid_by) for verdict in verdicts if verdict.verdict is Verdict.DRIFT)


def judge_segment(
    baseline: Baseline,
    segment: str,
    summary: Summary,
    *,
    spec: MonitorSpec,
    span: Span,
    revision: int,
    usual_rows: int = 0,
    told: Collection[str] = (),
    layers: Layers = SEGMENT_LAYERS,
    rhythm: Rhythm = Rhythm.WINDOW,
    portion: float = 1.0,
) -> Judgement:
    """Judge the rows of one segment in a span, against those of the same segment in training.

    Args:
        baseline: That of the whole, with the segment among its `judged_segments`: others are INSUFFICIENT.
        segment: Its text.
        summary: Counts of its rows, in the cells of the whole.
        spec: As of `judge`.
        span: Named in the findings.
        revision: Named in the findings.
        usual_rows: Of a large window of this segment; 0 for those of this one.
        told: Fields of which a finding about the whole tells already: what the segment says of them is in the
            judgement, and no finding.
        layers: What segments are judged by.
        rhythm: As of `judge`.
        portion: As of `judge`.
    """
    part = baseline.of_segment(segment)
    why_not = _why_not_judged(part, summary)
    if why_not is not None:
        return Judgement(why_not)
    if segment not in baseline.judged_segments:
        return Judgement(Verdict.INSUFFICIENT)
    usual = usual_rows or summary.most_rows
    setting = Setting(
        spec, part, False, usual, summary, of_events=False, rhythm=rhythm, portion=portion, segment=segment
    )
    window = JudgedWindow(part, summary, span, spec.watch, setting.fields)
    division = Division.of(setting, layers)
    judged = Judged(spec, span, revision, baseline.id, segment)
    return _in_order(_run(division, window).verdicts, division, part, judged, told)


def _run(division: Division, window: JudgedWindow) -> LayerResult:
    """Return what all layers that run say of a window, one after the other."""
    verdicts: list[FeatureVerdict] = []
    charts: dict[Key, Chart] = {}
    deviations: dict[Place, float] = {}
    crowds: RecentCrowds | None = None
    for layer in division.running:
        result = layer.judge(window, division.setting, division.budget)
        verdicts += result.verdicts
        charts |= result.charts
        deviations |= result.deviations
        crowds = crowds or result.crowds
    return LayerResult(verdicts, charts, deviations, crowds)


def _in_order(
    verdicts: Sequence[FeatureVerdict],
    division: Division,
    baseline: Baseline,
    span: Judged,
    told: Collection[str] = (),
) -> Judgement:
    """Return verdicts field by field, what is known beyond fields last, with the findings and the verdict on all.

    Of fields in `told` there is no finding.
    """
    by_field: dict[str, list[FeatureVerdict]] = {field.name: [] for field in division.setting.fields}
    beyond: list[FeatureVerdict] = []
    for verdict in verdicts:
        by_field.get(verdict.feature, beyond).append(verdict)
    missing = unknown_names(baseline.layout, division.setting.spec.watch)
    unknown = (insufficient(name, "not in the baseline", 0, 0) for name in missing)
    features = (*(max(some, key=lambda verdict: verdict.weight) for some in by_field.values() if some), *unknown)
    changed = (verdict for some in by_field.values() for verdict in some if verdict.verdict in _CHANGED)
    further = tuple(verdict for verdict in changed if not any(verdict is worst for worst in features))
    ordered = [*(verdict for some in by_field.values() for verdict in some), *beyond]
    loud = (one for one in ordered if one.verdict in {Verdict.DRIFT, Verdict.PROBING} or one.chart_alarm)
    alarming = [verdict for verdict in loud if verdict.feature not in told]
    # Most windows have no finding, and so nothing to say of how it was made.
    facts = _facts(division, baseline) if alarming else {}
    return Judgement(
        # An inconspicuous outlier rate of a few rows must not make a span look healthy that nobody could judge.
        verdict=overall([*features, *(verdict for verdict in beyond if verdict.verdict is not Verdict.OK)]),
        features=features,
        further=further,
        beyond=tuple(beyond),
        findings=tuple(span.finding(verdict, facts) for verdict in alarming),
        division=division,
    )


def _why_not_judged(baseline: Baseline | None, summary: Summary | None) -> Verdict | None:
    """Return why the rows of a span cannot be judged; None where they can."""
    if baseline is None:
        return Verdict.BASELINE_MISSING
    if summary is not None and summary.layout.layout_hash != baseline.layout.layout_hash:
        return Verdict.LAYOUT_MISMATCH
    return None if summary is not None and summary.most_rows else Verdict.NO_DATA


def _no_rows(judged: Judgement, setting: Setting, span: Judged, layers: Layers) -> Judgement:
    """Add the rules about the number of rows that no rows break: of these alone there is something to say."""
    runs = any(entry.layer.name == Expectations.name for entry in layers)
    if not runs or Expectations().missing(setting) is not None:
        return judged
    verdicts = told_of_no_rows(setting)
    told = [verdict for verdict in verdicts if verdict.verdict is Verdict.DRIFT]
    facts = _facts_of_spec(Division.of(setting, layers)) if told else {}
    return replace(
        judged,
        verdict=Verdict.DRIFT if told else judged.verdict,
        beyond=tuple(verdicts),
        findings=tuple(span.finding(verdict, facts) for verdict in told),
    )


def _events_alone(judged: Judgement, events: SeenEvents, span: Judged, layers: Layers) -> Judgement:
    """Add the events of a span of which nothing else can be judged."""
    division = Division.of(Setting(span.spec), layers)
    verdicts = event_verdicts(events, division.setting, division.budget)
    facts = _facts_of_spec(division)
    return replace(
        judged,
        verdict=Verdict.DRIFT if verdicts else judged.verdict,
        beyond=(*judged.beyond, *verdicts),
        findings=(*judged.findings, *(span.finding(verdict, facts) for verdict in verdicts)),
        notes=tuple(event_notes(events, span.spec.events, verdicts)),
        missing_answers=MissingAnswers.of(events, span.spec.events.unanswered),
        never_logged=events.counts.never_logged,
    )


def _without_answers(verdict: Verdict, missing: MissingAnswers | None, answers: AnswersSoFar | None) -> Verdict:
    """Return the verdict; INSUFFICIENT in place of a healthy one where most answers, or all requests, are missing."""
    healthy = verdict in {Verdict.OK, Verdict.BELOW_MARGIN}
    most = (missing is not None and missing.is_most) or _says_little(answers)
    return Verdict.INSUFFICIENT if healthy and most else verdict


def _says_little(answers: AnswersSoFar | None) -> bool:
    return answers is not None and (answers.are_few or answers.are_alone)


def _facts_of_spec(division: Division) -> dict[str, object]:
    """Return what every finding says about how it was judged, whatever was judged."""
    spec, rhythm = division.setting.spec, division.setting.rhythm
    return {
        "margin": spec.watch.margin,
        "false_alarms_per_day": division.expected_per_day,
        "spec_fingerprint": spec.fingerprint(),
        **({} if rhythm is Rhythm.WINDOW else {"rhythm": rhythm.value}),
    }


def _facts(division: Division, baseline: Baseline) -> dict[str, object]:
    """Return what every finding of a window with rows says about how it was judged."""
    detectors = division.setting.spec.watch.detectors
    idle = idle_detectors(baseline, detectors)
    return _facts_of_spec(division) | {
        "features": max(1, len(division.setting.fields)),
        "noise": baseline.noise.why,
        "detectors": [name for name in detectors if name not in idle],
        "layout_hash": baseline.layout.layout_hash,
    }
