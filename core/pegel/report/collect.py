"""From the database to what a page shows."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy.engine import Engine

from pegel.baseline.baseline import Baseline
from pegel.errors import LayoutMismatch, NotFound
from pegel.judge.division import Division
from pegel.judge.layer import Setting
from pegel.reconcile.actions import Target
from pegel.report.features import feature_views
from pegel.report.states import state_of
from pegel.report.svg import sparkline
from pegel.report.timeline import timeline
from pegel.report.views import LedgerView, ModelRow, ModelView
from pegel.report.words import length, moment
from pegel.spec.monitor_spec import MonitorSpec
from pegel.store.action_log import ActionLog
from pegel.store.alert_store import AlertStore
from pegel.store.baseline_store import BaselineStore
from pegel.store.registry import Registry
from pegel.store.results import Results
from pegel.stream.result_rows import WindowRow

TIMELINE = 180
"""Windows on a time line."""
PICTURED = 12
"""Newest final windows that are filled into the pictures of features."""
SPARK = 40
LISTED = 25
"""Findings, alerts, outliers and actions that are listed."""


@dataclass(frozen=True, slots=True)
class Sources:
    """Where everything is read from."""

    engine: Engine

    def baseline(self, spec: MonitorSpec, windows: Sequence[WindowRow]) -> Baseline | None:
        """Return the baseline that the newest window was judged by, else the current one; None if it is unreadable."""
        baselines = BaselineStore(self.engine)
        used = next((row.baseline_id for row in reversed(windows) if row.baseline_id), None)
        wanted = used or baselines.current(spec.model.name, spec.model.version)
        if wanted is None:
            return None
        try:
            return baselines.get(wanted)
        except (NotFound, LayoutMismatch):
            return None


def model_rows(sources: Sources, now: datetime) -> list[ModelRow]:
    """Return the list of models in the registry."""
    return [_row(sources, spec, now) for spec in Registry(sources.engine).list()]


def model_view(sources: Sources, model: str, version: int, now: datetime) -> ModelView:
    """Return one model in full. Raises NotFound when the registry does not know it."""
    spec = Registry(sources.engine).get(model, version)
    if spec is None:
        raise NotFound(f"no monitor for {model} version {version} is registered; `pegel status` lists those that are.")
    results = Results(sources.engine)
    windows = results.windows(model, version, limit=TIMELINE)
    final = [row for row in windows if row.final][-PICTURED:]
    baseline = sources.baseline(spec, windows)
    since = windows[0].span.start.replace(second=0, microsecond=0) if windows else None
    return ModelView(
        row=_row(sources, spec, now),
        made_at=now,
        baseline=_told(baseline),
        notes=next((row.judgement["notes"] for row in reversed(windows) if row.judgement.get("notes")), []),
        timeline=timeline(windows, title=f"{len(windows)} windows of {model} version {version}"),
        features=feature_views(baseline, final) if baseline is not None else [],
        ledger=LedgerView.of(results.ledger(model, version, since), results.ledger_balance(spec.group, since)),
        windows=windows[::-1],
        findings=results.recent_findings(model, version, limit=LISTED),
        alerts=AlertStore(sources.engine).alerts(model, version, limit=LISTED),
        outliers=results.outliers(model, version, limit=LISTED),
        invalid=results.invalid(model, version, since)[::-1],
        actions=ActionLog(sources.engine).recent(
            Target.driver(spec.group), Target.endpoint(spec.endpoint), limit=LISTED
        )[::-1],
    )


def _row(sources: Sources, spec: MonitorSpec, now: datetime) -> ModelRow:
    name, version = spec.model.name, spec.model.version
    results = Results(sources.engine)
    windows = results.windows(name, version, final_only=True, limit=SPARK)
    last = windows[-1] if windows else None
    open_alerts = [alert for alert in AlertStore(sources.engine).open_alerts() if alert.key == spec.key]
    heartbeat = next((beat for beat in results.heartbeats() if beat.group == spec.group), None)
    return ModelRow(
        name=name,
        version=version,
        state=state_of(spec, last=last, alert=open_alerts[0] if open_alerts else None, heartbeat=heartbeat, now=now),
        last_window="none yet" if last is None else _ago(last.span.end, now),
        requests=sparkline(
            [row.requests * 60 / spec.windowing.length.total_seconds() for row in windows],
            title=_rate(windows, spec.windowing.length),
        ),
        open_alerts=len(open_alerts),
        false_alarms=allowed(spec),
    )


def allowed(spec: MonitorSpec) -> str:
    """Return how often a false alarm is expected against how often the user allows one."""
    expected, asked = Division.of(Setting(spec)).budget.expected_per_day, spec.false_alarms
    return f"{expected:.2g} per day expected · {asked.count:g} per {asked.per} allowed"


def _rate(windows: Sequence[WindowRow], span: timedelta) -> str:
    if not windows:
        return "no requests yet"
    return f"{windows[-1].requests * 60 / span.total_seconds():,.0f} requests per minute in the last window"


def _ago(end: datetime, now: datetime) -> str:
    return f"{moment(end, now)} UTC, {length(max(now - end, timedelta(0)))} ago"


def _told(baseline: Baseline | None) -> str:
    if baseline is None:
        return "none: rows are counted, nothing is judged"
    made = f"{baseline.created_at:%Y-%m-%d %H:%M} UTC"
    fields = len(baseline.layout.features)
    return f"{baseline.rows:,} rows, {fields} fields, made {made} from {baseline.source} ({baseline.id[7:19]})"
