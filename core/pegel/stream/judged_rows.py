"""What the window manager emits, judged and turned into rows of the results database."""

from __future__ import annotations

from collections.abc import Mapping
from copy import copy
from dataclasses import dataclass, field, replace
from datetime import datetime
from importlib.metadata import version
from types import MappingProxyType
from typing import Any

from pegel.baseline.replay_reference import ReplayReference
from pegel.judge.chart_state import ChartState
from pegel.judge.findings import Finding, Verdict
from pegel.judge.judge import Judgement, judge
from pegel.judge.missing_answers import AnswersSoFar
from pegel.judge.recent_crowds import name_of
from pegel.judge.remarks import remarks
from pegel.spec.monitor_spec import MonitorSpec
from pegel.spec.names import is_explained_key, monitor_of, watched_key
from pegel.stats.answer_latencies import Latencies
from pegel.stats.fingerprints.kept_rows import KeptRows
from pegel.stats.summary import Summary
from pegel.stream.attribution_rows import AttributionRow, RowsOfWindow
from pegel.stream.commit import LateCount
from pegel.stream.entries import Emissions, LostSpan, SpanCount
from pegel.stream.judged_explanations import ExplanationJudge
from pegel.stream.judged_segments import JudgedSegments, SegmentJudge
from pegel.stream.outlying import outlier_row
from pegel.stream.result_rows import NOBODY, InvalidRow, LedgerRow, OutlierRow, WindowRow
from pegel.stream.watched_models import Baselines

CODE_VERSION = version("pegel")


@dataclass(slots=True)
class JudgedRows:
    """Rows of what is new. `lost` are spans that could not be told; `charts` what final spans left, by monitor key."""

    windows: list[WindowRow] = field(default_factory=list)
    findings: list[Finding] = field(default_factory=list)
    lost: list[LostSpan] = field(default_factory=list)
    charts: dict[str, ChartState] = field(default_factory=dict)
    sent: dict[str, dict[str, KeptRows]] = field(default_factory=dict)
    """Rows of final windows in which crowds were looked for, with their senders, by monitor key and name."""
    attributions: list[AttributionRow] = field(default_factory=list)
    learned: list[RowsOfWindow] = field(default_factory=list)
    of_attributions: list[Finding] = field(default_factory=list)
    """On explained rows, which are in windows of their own."""


def judged(
    emissions: Emissions,
    specs: Mapping[str, MonitorSpec],
    baselines: Baselines,
    charts: Mapping[str, ChartState],
    *,
    now: datetime,
    current: Mapping[str, str | None] = MappingProxyType({}),
    answers: Mapping[str, ReplayReference] = MappingProxyType({}),
) -> JudgedRows:
    """Judge what is new. What belongs to a monitor that nobody watches any more is left out.

    `charts` holds what earlier final spans left, by monitor key; it is not changed. `current`: the baselines in effect,
    and `answers`: what came of looking at answers at onboarding, both by monitor key.
    """
    rows = JudgedRows(lost=[lost for lost in emissions.lost if watched_key(lost.key) in specs])
    explained = ExplanationJudge(baselines, current, answers, now)
    for count in emissions.spans:
        if is_explained_key(count.key):
            _judge_explained(count, specs.get(watched_key(count.key)), explained, charts, rows)
            continue
        spec = specs.get(count.key)
        if spec is None:
            continue
        before = rows.charts.get(count.key) or charts.get(count.key) or ChartState(count.baseline_id or "")
        try:
            judgement = _judge(count, spec, baselines, before)
            row = _window(count, spec, judgement, now)
        except Exception as error:  # noqa: BLE001 - a model's own parts run here; the span is told as lost, with this
            reason = f"judging: {error!r:.300}"
            rows.lost.append(LostSpan(key=count.key, span=count.span, final=count.final, reason=reason))
            continue
        if count.revision or judgement.findings:
            rows.windows.append(row)
        # A provisional verdict is looked at again every second: as findings these looks would be so many false
        # alarms. Only the final look is one of those that the false-alarm budget counts.
        if count.final:
            state = judgement.chart_state or before
            segments = _segments(SegmentJudge(count, judgement, row, spec, baselines), before, rows)
            rows.findings += segments.whole
            rows.findings += segments.findings
            rows.windows += segments.windows
            rows.charts[count.key] = replace(state, segments=segments.carried)
            if state.crowds is not None and count.summary is not None and count.summary.behaviour is not None:
                rows.sent.setdefault(count.key, {})[name_of(count.span)] = count.summary.behaviour.answered_rows
    return rows


def _judge_explained(
    count: SpanCount,
    spec: MonitorSpec | None,
    judge: ExplanationJudge,
    charts: Mapping[str, ChartState],
    rows: JudgedRows,
) -> None:
    """Judge a final span of explained rows; one that cannot be judged is told as that."""
    if spec is None or not count.final or count.explained is None:
        return
    before = rows.charts.get(count.key) or charts.get(count.key) or ChartState(count.baseline_id or "")
    try:
        found = judge.judged(count, spec, before)
    except Exception as error:  # noqa: BLE001 - a model's own baseline is read here; the span is told as lost, with this
        reason = f"judging explained rows: {error!r:.300}"
        rows.lost.append(LostSpan(key=count.key, span=count.span, final=True, reason=reason))
        rows.attributions.append(judge.lost(count, spec, reason))
        return
    rows.attributions.append(found.row)
    rows.of_attributions += found.findings
    rows.learned += found.learned
    rows.charts[count.key] = found.state


def _segments(judge: SegmentJudge, before: ChartState, rows: JudgedRows) -> JudgedSegments:
    """Judge the segments of a final span; should that fail, the whole is told all the same, and why with it."""
    try:
        return judge.judged(before.segments)
    except Exception as error:  # noqa: BLE001 - a model's own parts run here; its segments are told as lost, with this
        reason, count = f"judging segments: {error!r:.300}", judge.count
        rows.lost.append(LostSpan(key=count.key, span=count.span, final=False, reason=reason))
        return JudgedSegments(judge.judgement.findings)


def ledger_rows(emissions: Emissions) -> list[LedgerRow]:
    """Return what to add to the ledger."""
    return [
        LedgerRow(model=name, version=number, minute=minute, **count.by_name())
        for (key, minute), count in sorted(emissions.ledger.items())
        for name, number in [_owner(key)]
    ]


def invalid_rows(emissions: Emissions) -> list[InvalidRow]:
    """Return what to add to the counts of invalid records."""
    return [
        InvalidRow(model=name, version=number, minute=minute, kind=kind, count=entry.count, sample=entry.sample)
        for (key, minute, kind), entry in sorted(emissions.invalid.items())
        for name, number in [_owner(key)]
    ]


def outlier_rows(emissions: Emissions, specs: Mapping[str, MonitorSpec]) -> list[OutlierRow]:
    """Return the outlying events."""
    return [outlier_row(key, event) for key, event in emissions.outliers if key in specs]


def late_counts(emissions: Emissions, specs: Mapping[str, MonitorSpec]) -> list[LateCount]:
    """Return how many events came for final spans."""
    return [
        LateCount(model=specs[key].model.name, version=specs[key].model.version, span=span, late=late)
        for (key, span), late in emissions.late.items()
        if key in specs
    ]


def _judge(count: SpanCount, spec: MonitorSpec, baselines: Baselines, before: ChartState) -> Judgement:
    baseline = None if count.baseline_id is None else baselines.baseline(count.baseline_id)
    return judge(
        baseline,
        count.summary,
        spec=spec,
        span=count.span,
        revision=count.revision,
        chart_state=before,
        events=count.events,
        answers=_answers(count),
        portion=count.portion,
    )


def _answers(count: SpanCount) -> AnswersSoFar | None:
    """Return what is known of a span's answers; None where that is nothing.

    Before a span is final, most may be still to come; some endpoints log no answers at all, others no requests.
    """
    if not count.logs_answers or not count.logs_requests or not (count.final or count.requests == 0):
        return None
    return AnswersSoFar(count.requests, count.responses - count.misfits, count.joined)


def _window(count: SpanCount, spec: MonitorSpec, judgement: Judgement, now: datetime) -> WindowRow:
    # Counts are kept of what is final: a provisional row is replaced within seconds, and its panes are stored anyway.
    summary = _stored(count.summary, judgement) if count.final and count.summary is not None else b""
    return WindowRow(
        model=spec.model.name,
        version=spec.model.version,
        span=count.span,
        revision=count.revision,
        final=count.final,
        requests=count.requests,
        responses=count.responses,
        joined=count.joined,
        rows=count.rows,
        late=0,
        duplicates=count.duplicates,
        orphans=0 if count.events is None else count.events.orphans,
        latencies=Latencies() if count.events is None else count.events.latencies,
        invalid=count.invalid,
        clamped=count.clamped,
        verdict=judgement.verdict,
        summary=summary,
        baseline_id=count.baseline_id,
        layout_hash=None if count.summary is None else count.summary.layout.layout_hash,
        spec_fingerprint=spec.fingerprint(),
        code_version=CODE_VERSION,
        judgement=_judgement(judgement, final=count.final),
        emitted_at=now,
        remarks=remarks(judgement),
    )


def _stored(summary: Summary, judgement: Judgement) -> bytes:
    """Return what is kept of the counts of a window: single rows only where a finding is about them.

    Who sent those stands in the finding, where an erasure finds it; to count them again it is not needed.
    """
    if summary.behaviour is None:
        return summary.to_bytes()
    kept, crowded = copy(summary), any(finding.verdict is Verdict.PROBING for finding in judgement.findings)
    kept.behaviour = summary.behaviour.without_senders() if crowded else summary.behaviour.without_rows()
    return kept.to_bytes()


def _judgement(judgement: Judgement, *, final: bool) -> dict[str, Any]:
    """Return what is kept of a judgement; only what a final window leaves is remembered."""
    kept: dict[str, Any] = {"features": [feature.to_json() for feature in judgement.features]}
    if judgement.further:
        kept["further"] = [feature.to_json() for feature in judgement.further]
    if judgement.notes:
        kept["notes"] = list(judgement.notes)
    if final and judgement.chart_state is not None:
        # What entered charts of late is in each finding that rests on it, and would be in each row 128 times. Rows of
        # the windows before are megabytes, and the counts that a finding rests on are in it.
        kept["chart_state"] = {
            name: value for name, value in judgement.chart_state.to_json().items() if name not in {"recent", "crowds"}
        }
    return kept


def _owner(key: str) -> tuple[str, int]:
    return monitor_of(key) if key else NOBODY
