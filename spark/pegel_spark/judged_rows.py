"""What the window manager emits, judged and turned into rows of the results database."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from datetime import datetime
from importlib.metadata import version
from typing import Any

from pegel.data.instants import from_us
from pegel.data.spans import Span
from pegel.judge.chart_state import ChartState
from pegel.judge.findings import Finding, Verdict
from pegel.judge.judge import Judgement, judge
from pegel.spec.monitor_spec import MonitorSpec
from pegel.stats.summary import Summary
from pegel.store.chart_states import ChartStates
from pegel.store.registry_view import Wishes, WishList
from pegel.store.results import Results
from pegel.stream.entries import Emissions, SpanCount
from pegel.stream.result_rows import InvalidRow, LedgerRow, OutlierRow, WindowRow

CODE_VERSION = version("pegel")
NOBODY = ("", 0)
"""Model and version under which events are booked that no monitor answers to."""


@dataclass(slots=True)
class Rows:
    """Rows that belong together: they are written in one transaction."""

    windows: list[WindowRow] = field(default_factory=list)
    findings: list[Finding] = field(default_factory=list)
    outliers: list[OutlierRow] = field(default_factory=list)
    ledger: list[LedgerRow] = field(default_factory=list)
    invalid: list[InvalidRow] = field(default_factory=list)

    def write(self, results: Results) -> None:
        """Write all rows, or none. Writing them again changes nothing."""
        results.write(self.windows, self.findings, self.outliers, self.ledger, self.invalid)


def judged(
    emissions: Emissions, wishes: Wishes, wish_list: WishList, chart_states: ChartStates, *, now: datetime
) -> Rows:
    """Return the rows of what is new. What belongs to a monitor that nobody wishes for any more is left out."""
    rows = Rows()
    chart_states.forget(set(wishes.specs))
    for count in emissions.spans:
        if (spec := wishes.specs.get(count.key)) is not None:
            chart_state = chart_states.before(spec, count.baseline_id or "", count.span.start)
            verdict = _judge(count, spec, wish_list, chart_state)
            if count.final:
                chart_states.keep(count.key, count.span.start, verdict.chart_state or chart_state)
            rows.windows.append(_window(count, spec, verdict, now))
            # A provisional verdict is looked at again every second: as findings these looks would be so many false
            # alarms. Only the final look is one of those that the false-alarm budget counts.
            rows.findings += verdict.findings if count.final else ()
    rows.outliers = [_outlier(wishes.specs[key], item) for key, item in emissions.outliers if key in wishes.specs]
    rows.ledger = [
        LedgerRow(
            model=name,
            version=number,
            minute=minute,
            judged=count.judged,
            late=count.late,
            invalid=count.invalid,
            duplicate=count.duplicate,
            dropped=count.dropped,
        )
        for (key, minute), count in emissions.ledger.items()
        for name, number in _owner(key, wishes)
    ]
    rows.invalid = [
        InvalidRow(model=name, version=number, minute=minute, kind=kind, count=entry.count, sample=entry.sample)
        for (key, minute, kind), entry in emissions.invalid.items()
        for name, number in _owner(key, wishes)
    ]
    return rows


def late_rows(
    emissions: Emissions, wishes: Wishes, wish_list: WishList, chart_states: ChartStates, results: Results
) -> Rows:
    """Return final windows again with the number of events that came after they were final; all else is unchanged."""
    rows = Rows()
    for (key, span), late in emissions.late.items():
        spec = wishes.specs.get(key)
        row = _final_row(results, spec, span) if spec is not None else None
        # A changed spec would judge the stored counts anew, and a final verdict is never taken back.
        if spec is not None and row is not None and row.spec_fingerprint == spec.fingerprint():
            rows.windows.append(replace(row, late=late))
            rows.findings += _findings_again(row, spec, wish_list, chart_states)
    return rows


def _judge(count: SpanCount, spec: MonitorSpec, wish_list: WishList, chart_state: ChartState) -> Judgement:
    if count.baseline_id is None:
        return Judgement(Verdict.BASELINE_MISSING, chart_state=chart_state)
    if count.summary is None:
        return Judgement(Verdict.NO_DATA, chart_state=chart_state)
    baseline = wish_list.baseline(count.baseline_id)
    return judge(baseline, count.summary, spec=spec, span=count.span, revision=count.revision, chart_state=chart_state)


def _window(count: SpanCount, spec: MonitorSpec, judgement: Judgement, now: datetime) -> WindowRow:
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
        invalid=count.invalid,
        clamped=count.clamped,
        verdict=judgement.verdict,
        summary=b"" if count.summary is None else count.summary.to_bytes(),
        baseline_id=count.baseline_id,
        layout_hash=None if count.summary is None else count.summary.layout.layout_hash,
        spec_fingerprint=spec.fingerprint(),
        code_version=CODE_VERSION,
        judgement=_judgement(judgement, final=count.final),
        emitted_at=now,
    )


def _judgement(judgement: Judgement, *, final: bool) -> dict[str, Any]:
    """Return what is kept of a judgement; only what a final window leaves is remembered."""
    told: dict[str, Any] = {"features": [feature.to_json() for feature in judgement.features]}
    if judgement.notes:
        told["notes"] = list(judgement.notes)
    if final and judgement.chart_state is not None:
        told["chart_state"] = judgement.chart_state.to_json()
    return told


def _outlier(spec: MonitorSpec, item: dict[str, object]) -> OutlierRow:
    fields = {name: value for name, value in item.items() if name != "event_time_us"}
    event_time = from_us(int(str(item["event_time_us"])))
    return OutlierRow(model=spec.model.name, version=spec.model.version, event_time=event_time, **fields)  # type: ignore[arg-type]


def _owner(key: str, wishes: Wishes) -> Iterable[tuple[str, int]]:
    if not key:
        return (NOBODY,)
    spec = wishes.specs.get(key)
    return () if spec is None else ((spec.model.name, spec.model.version),)


def _final_row(results: Results, spec: MonitorSpec, span: Span) -> WindowRow | None:
    found = results.windows(spec.model.name, spec.model.version, span.start, final_only=True)
    return next((row for row in found if row.span == span), None)


def _findings_again(
    row: WindowRow, spec: MonitorSpec, wish_list: WishList, chart_states: ChartStates
) -> Iterable[Finding]:
    """Judge the stored counts of a final window again: a window is always written together with its findings."""
    if row.baseline_id is None or not row.summary:
        return ()
    baseline = wish_list.baseline(row.baseline_id)
    summary = Summary.from_bytes(row.summary, baseline.layout)
    chart_state = chart_states.before(spec, row.baseline_id, row.span.start)
    return judge(baseline, summary, spec=spec, span=row.span, revision=row.revision, chart_state=chart_state).findings
