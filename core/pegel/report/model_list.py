"""From the database to the list of models."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from functools import partial

from pegel.alerts.alert import Alert, DispatchFailure
from pegel.alerts.alert_kind import AlertKind
from pegel.alerts.severity import Severity
from pegel.alerts.silencing import Silence, is_in_hand
from pegel.data.spans import Span
from pegel.errors import DamagedRow
from pegel.judge.answer_times import answer_times
from pegel.judge.division import Division
from pegel.judge.event_counts import UNANSWERED
from pegel.judge.layer import Setting
from pegel.report.across_models import AcrossModels, read_across
from pegel.report.progress import ago
from pegel.report.reading import LOOK_BACK, PartReader, Sources
from pegel.report.silence_words import silenced
from pegel.report.span_calendar import by_span, newest_day, span_line
from pegel.report.states import error, state_of
from pegel.report.svg import sparkline
from pegel.report.views import ModelRow
from pegel.report.words import moment
from pegel.spec.monitor_spec import MonitorSpec
from pegel.spec.outside_text import LONGEST_SENTENCE, shown
from pegel.spec.plain_numbers import how_many
from pegel.spec.rhythms import Rhythm
from pegel.store.dispatch_failures import DispatchFailures
from pegel.store.long_span_store import LongSpanStore
from pegel.store.registry import Entry, Registry
from pegel.store.results import Newest, Results
from pegel.store.silence_store import SilenceStore
from pegel.stream.commit import MonitorFailure

LAST_DAYS = timedelta(days=8)
"""An older day says nothing of how a model is."""
PARTS = 8
"""Parts of days that are read for the newest one."""


def model_rows(sources: Sources, now: datetime, *, days: bool = True) -> list[ModelRow]:
    """Return the list of models in the registry; one of which something cannot be read has the state `error`.

    Without `days` nothing is said of the newest day of each, and the database is asked as often for two hundred models
    as for two.
    """
    return rows_of(sources, Registry(sources.engine).entries(), now, days=days)


def rows_of(sources: Sources, entries: Sequence[Entry], now: datetime, *, days: bool) -> list[ModelRow]:
    """Return the same of these models of the registry."""
    across = read_across(sources, entries, now)
    return [row_of(sources, entry, across, now, days=days) for entry in entries]


def row_of(sources: Sources, entry: Entry, across: AcrossModels, now: datetime, *, days: bool = True) -> ModelRow:
    """Return one model as a row of the list; where something cannot be read its state is `error`."""
    name, version, spec, key = entry.model, entry.version, entry.spec, (entry.model, entry.version)
    reader, newest = PartReader(), across.newest.get(key, Newest(None, [], []))
    last, requests, known = newest.window, newest.requests, across.open_alerts.get(key, [])
    alerts = [alert for alert in known if not isinstance(alert, DamagedRow)]
    if isinstance(last, DamagedRow):
        reader.problems.append(str(last))
        last = None
    reader.problems += newest.problems
    reader.problems += [str(alert) for alert in known if isinstance(alert, DamagedRow)]
    reader.problems += filter(None, [across.damaged_baselines.get(across.currents.get(key, ""))])
    if across.damaged:
        _name_own_damage(sources, key, now, reader)
    if spec is not None and not spec.model.is_table and spec.group in across.unheard:
        reader.problems.append(across.unheard[spec.group])
    reader.problems += across.problems
    untold = across.untold.get(key)
    notices = [] if untold is None else [f"not told: {shown(untold.reason, LONGEST_SENTENCE)}"]
    problems = [entry.problem, *reader.problems] if spec is None else reader.problems
    notices += across.begun_anew.get(key, [])
    notices += [] if spec is None or spec.model.is_table else across.groups.get(spec.group, [])
    if problems or spec is None:
        state = error(problems[0])
    else:
        heartbeat, failure = across.heartbeats.get(spec.group), across.failures.get(key)
        table = across.tables.get(key)
        state_now = partial(state_of, spec, last=last, alerts=alerts, heartbeat=heartbeat, now=now)
        known_state = reader.part("its state", lambda: state_now(failure=failure, table=table), None)
        state = known_state or error(reader.problems[0])
    return ModelRow(
        name=name,
        version=version,
        state=state,
        last_window="none yet" if last is None else _ago(last.span.end, now),
        answers="" if last is None else "; ".join(answer_times(last.latencies, last.orphans)),
        requests=sparkline([_per_minute(*window) for window in requests], title=_rate(requests)),
        open_alerts=len(alerts),
        worst=_worst(alerts, across.silences, now),
        days=reader.part("its newest day", lambda: _newest_day(sources, key, now), "") if days else "",
        look="" if spec is None else _look(spec, alerts),
        is_table=spec is not None and spec.model.is_table,
        false_alarms="unknown" if spec is None else allowed(spec),
        budget="unknown" if spec is None else budget_used(spec, across.opened.get(key, []), now),
        owners=[] if spec is None else [spec.namespace, *spec.alerts.emails],
        last_end=None if last is None else last.span.end,
        silences=[silenced(one, now) for one in reversed(across.silences) if one.about.concerns(*key)],
        notices=notices,
        around=list(sources.around),
    )


def _worst(alerts: Sequence[Alert], silences: Sequence[Silence], now: datetime) -> Severity | None:
    """Return how bad the worst open alert is that nobody has in hand."""
    waiting = (alert.severity for alert in alerts if not is_in_hand(alert, silences, now))
    return min(waiting, key=lambda one: one.rank, default=None)


def _newest_day(sources: Sources, key: tuple[str, int], now: datetime) -> str:
    """Return what the newest day says that was judged; empty where there is none, or none is asked for."""
    rows = LongSpanStore(sources.engine).spans(*key, Rhythm.DAY, now - LAST_DAYS, limit=PARTS, summaries=False)
    return newest_day([span_line(parts, now) for parts in by_span(rows)[-1:]])


def _look(spec: MonitorSpec, alerts: Sequence[Alert]) -> str:
    """Return where it stands why answers are missing; empty where no alert is about that."""
    if not any(UNANSWERED.feature in alert.names for alert in alerts if alert.kind is AlertKind.EVENTS):
        return ""
    if spec.model.is_deployment:
        return "why answers are missing stands in the logs of the deployment in Hopsworks"
    whose = "" if spec.model.url is None else f"that of the server {shown(spec.model.url, LONGEST_SENTENCE)} and "
    return f"why answers are missing stands in {whose}the logs of endpoint {spec.endpoint}"


def _name_own_damage(sources: Sources, key: tuple[str, int], now: datetime, reader: PartReader) -> None:
    """Put what cannot be read of one monitor's failures, mails not told and silences among the reader's problems."""
    results, dispatch, damaged = Results(sources.engine), DispatchFailures(sources.engine), reader.problems
    quiet = partial(SilenceStore(sources.engine).in_force, now, *key, damaged=damaged)
    reader.part("failures", lambda: results.failures(*key, damaged=damaged), list[MonitorFailure]())
    untold = partial(dispatch.recent, *key, since=now - LOOK_BACK, damaged=damaged)
    reader.part("what was not told", untold, list[DispatchFailure]())
    reader.part("silences", quiet, list[Silence]())


def allowed(spec: MonitorSpec) -> str:
    """Return how often a false alarm is expected against how often the user allows one."""
    asked = spec.false_alarms
    expected = Division.of(Setting(spec)).expected_per_day * (asked.period / timedelta(days=1))
    return f"{expected:.2g} per {asked.per} expected by chance · {asked} allowed"


def budget_used(spec: MonitorSpec, opened: Sequence[datetime], now: datetime) -> str:
    """Return how many alerts were opened in the time that the budget is said for, beside what it allows."""
    asked = spec.false_alarms
    count = sum(1 for one in opened if one > now - asked.period)
    return f"{how_many(count, 'alert')} in the last {asked.per} · {asked} may be false"


def _per_minute(span: Span, requests: int) -> float:
    return requests * 60 / (span.end - span.start).total_seconds()


def _rate(windows: Sequence[tuple[Span, int]]) -> str:
    if not windows:
        return "no requests yet"
    return f"{_per_minute(*windows[-1]):,.0f} requests per minute in the last window"


def _ago(end: datetime, now: datetime) -> str:
    return f"{moment(end, now)} UTC, {ago(end, now)}"
