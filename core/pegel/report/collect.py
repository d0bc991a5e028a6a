"""From the database to what a page shows."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from functools import partial
from typing import TypeVar

from sqlalchemy.engine import Engine

from pegel.alerts.alert import Alert, DispatchFailure, Silence
from pegel.baseline.baseline import Baseline
from pegel.data.spans import Span
from pegel.errors import DamagedRow, NotFound, PegelError, TemporaryError
from pegel.judge.division import Division
from pegel.judge.findings import Finding
from pegel.judge.layer import Setting
from pegel.reconcile.actions import PastAction, Target
from pegel.report.features import feature_views
from pegel.report.progress import ago, progress
from pegel.report.states import error, state_of
from pegel.report.svg import sparkline
from pegel.report.timeline import timeline
from pegel.report.views import FeatureView, LedgerView, ModelRow, ModelView
from pegel.report.words import moment
from pegel.spec.monitor_spec import MonitorSpec
from pegel.spec.outside_text import LONGEST_SENTENCE, shown
from pegel.store.action_log import ActionLog
from pegel.store.alert_store import AlertStore
from pegel.store.baseline_store import BaselineStore
from pegel.store.dispatch_failures import DispatchFailures
from pegel.store.registry import Entry, Registry
from pegel.store.results import Details, Newest, Results
from pegel.stream.commit import Gap, MonitorFailure, SetAside
from pegel.stream.result_rows import Heartbeat, InvalidRow, MinuteBalance, OutlierRow, WindowRow

Part = TypeVar("Part")

TIMELINE = 180
"""Windows on a time line."""
PICTURED = 12
"""Newest final windows that are filled into the pictures of features."""
SPARK = 24
"""Newest final windows in the small line of requests."""
LOOK_BACK = timedelta(days=1)
"""How old what went wrong may be to be news in the list."""
LEDGER_LOOK_BACK = timedelta(hours=1)
"""The same for minutes of the ledger: each model has a row for each, and the list is looked at often."""
LISTED = 25
"""Findings, alerts, outliers and actions that are listed."""


@dataclass(frozen=True, slots=True)
class Sources:
    """Where everything is read from."""

    engine: Engine


@dataclass(frozen=True, slots=True)
class _Shared:
    """What is read once for all models."""

    heartbeats: dict[str, Heartbeat]
    failures: dict[tuple[str, int], MonitorFailure]
    untold: dict[tuple[str, int], DispatchFailure]
    """The newest of the last day."""
    currents: dict[tuple[str, int], str]
    newest: dict[tuple[str, int], Newest]
    open_alerts: dict[tuple[str, int], Alert | DamagedRow]
    groups: dict[str, list[str]]
    """Notices about what a group reads, by group."""
    unheard: dict[str, str]
    """Why a group's heartbeat cannot be read, by group."""
    damaged: bool
    """Whether failures or mails not told of some monitor cannot be read: then each is asked for its own."""
    problems: list[str]
    """What could be read of no monitor at all."""


class _Reader:
    """Reads one model part by part: what cannot be read is named in `problems` and left empty."""

    def __init__(self) -> None:
        self.problems: list[str] = []

    def part(self, what: str, read: Callable[[], Part], empty: Part) -> Part:
        """Return what `read` gives, or `empty`. Raises TemporaryError: a database that is away is nobody's damage."""
        try:
            return read()
        except TemporaryError:
            raise
        except PegelError as problem:
            self.problems.append(str(problem))
        except Exception as problem:  # noqa: BLE001  whatever was stored, the other models and parts are shown
            self.problems.append(f"{what} cannot be shown: {problem!r}")
        return empty


def model_rows(sources: Sources, now: datetime) -> list[ModelRow]:
    """Return the list of models in the registry; one of which something cannot be read has the state `error`."""
    entries = Registry(sources.engine).entries()
    shared = _shared(sources, entries, now)
    return [_row(sources, entry, shared, now) for entry in entries]


def model_view(sources: Sources, model: str, version: int, now: datetime) -> ModelView:
    """Return one model in full. Raises NotFound when the registry does not know it."""
    entries = Registry(sources.engine).entries()
    entry = next((entry for entry in entries if (entry.model, entry.version) == (model, version)), None)
    if entry is None:
        raise NotFound(f"no monitor for {model} version {version} is registered; `pegel status` lists those that are.")
    spec, reader, results = entry.spec, _Reader(), Results(sources.engine)
    shared, part = _shared(sources, [entry], now), reader.part
    windows = part(
        "windows",
        lambda: results.windows(model, version, limit=TIMELINE, details=Details.NONE, damaged=reader.problems),
        list[WindowRow](),
    )
    final = part(
        "the newest windows",
        lambda: results.windows(model, version, final_only=True, limit=PICTURED, damaged=reader.problems),
        list[WindowRow](),
    )
    baseline = part("the baseline", lambda: _baseline(sources, model, version, windows), None)
    since = windows[0].span.start.replace(second=0, microsecond=0) if windows else now - LOOK_BACK
    alerts = AlertStore(sources.engine)
    title = f"{len(windows)} windows of {model} version {version}"
    view = ModelView(
        row=_row(sources, entry, shared, now),
        made_at=now,
        baseline=_baseline_words(baseline),
        notes=part("notes", lambda: _notes(final), list[str]()),
        timeline=part("the time line", lambda: timeline(windows, title=title), ""),
        features=part(
            "features", lambda: feature_views(baseline, final) if baseline is not None else [], list[FeatureView]()
        ),
        ledger=part("the ledger", lambda: _ledger(results, entry, since, reader.problems), LedgerView.of([], [])),
        windows=windows[::-1],
        findings=part(
            "findings",
            lambda: results.recent_findings(model, version, limit=LISTED, damaged=reader.problems),
            list[Finding](),
        ),
        alerts=part(
            "alerts", lambda: alerts.alerts(model, version, limit=LISTED, damaged=reader.problems), list[Alert]()
        ),
        silences=part("silences", lambda: alerts.silences(now, model, version), list[Silence]()),
        outliers=part(
            "outliers",
            lambda: results.outliers(model, version, limit=LISTED, damaged=reader.problems),
            list[OutlierRow](),
        ),
        invalid=part(
            "invalid input",
            lambda: results.invalid(model, version, since, damaged=reader.problems)[::-1],
            list[InvalidRow](),
        ),
        actions=part("actions", lambda: _actions(sources, spec, reader.problems), list[PastAction]()),
        failures=part(
            "failures", lambda: results.failures(model, version, damaged=reader.problems), list[MonitorFailure]()
        ),
        gaps=part("gaps", lambda: _gaps(results, spec, reader.problems), list[Gap]()),
        set_aside=part("records set aside", lambda: _set_aside(results, spec, reader.problems), list[SetAside]()),
        untold=part(
            "what was not told",
            lambda: DispatchFailures(sources.engine).recent(model, version, limit=LISTED, damaged=reader.problems),
            list[DispatchFailure](),
        ),
        stream="" if spec is None else _progress(shared, spec.group, now),
    )
    unread = [entry.problem] if spec is None else [shared.unheard[spec.group]] if spec.group in shared.unheard else []
    return replace(view, problems=list(dict.fromkeys([*unread, *shared.problems, *reader.problems])))


def _shared(sources: Sources, entries: Sequence[Entry], now: datetime) -> _Shared:
    results, since = Results(sources.engine), now - LOOK_BACK
    reader = _Reader()
    part, damaged, unheard = reader.part, list[str](), dict[str, str]()
    alerts, baselines, dispatch = (
        AlertStore(sources.engine),
        BaselineStore(sources.engine),
        DispatchFailures(sources.engine),
    )
    monitors = [(entry.model, entry.version) for entry in entries]
    untold = part("what was not told", lambda: dispatch.recent(since=since, damaged=damaged), list[DispatchFailure]())
    failures = part("failures", lambda: results.failures(damaged=damaged), list[MonitorFailure]())
    beats = part("heartbeats", lambda: results.heartbeats(damaged=unheard), list[Heartbeat]())
    groups = {entry.spec.group for entry in entries if entry.spec is not None}
    return _Shared(
        heartbeats={beat.group: beat for beat in beats},
        failures={(failure.model, failure.version): failure for failure in failures},
        untold={(failure.model, failure.version): failure for failure in reversed(untold)},
        currents=part("current baselines", baselines.currents, dict[tuple[str, int], str]()),
        newest=part(
            "the newest windows", lambda: results.newest(monitors, limit=SPARK), dict[tuple[str, int], Newest]()
        ),
        open_alerts=part("open alerts", alerts.open_by_monitor, dict[tuple[str, int], Alert | DamagedRow]()),
        groups={group: _group_notices(results, group, since) for group in sorted(groups)},
        unheard=unheard,
        damaged=bool(damaged),
        problems=reader.problems,
    )


def _group_notices(results: Results, group: str, since: datetime) -> list[str]:
    """Return what of the last day's records of a group is missing or cannot be read, in words."""
    reader = _Reader()
    part, damaged, minutes_since = reader.part, reader.problems, since + LOOK_BACK - LEDGER_LOOK_BACK
    gaps = part("gaps", lambda: results.gaps(group, since, damaged=damaged), list[Gap]())
    set_aside = len(
        part("records set aside", lambda: results.set_aside(group, since, damaged=damaged), list[SetAside]())
    )
    minutes = part(
        "the ledger", lambda: results.ledger_balance(group, minutes_since, damaged=damaged), list[MinuteBalance]()
    )
    never_read = sum(gap.end - gap.start for gap in gaps)
    unbalanced = sum(minute.difference != 0 for minute in minutes)
    notices = [f"{_counted(never_read, 'record')} never read"] if never_read else []
    notices += [f"{_counted(set_aside, 'record')} set aside"] if set_aside else []
    notices += [f"ledger does not close in {_counted(unbalanced, 'minute')}"] if unbalanced else []
    return notices + list(dict.fromkeys(damaged))


def _counted(count: int, what: str) -> str:
    return f"{count:,} {what}{'' if count == 1 else 's'}"


def _row(sources: Sources, entry: Entry, shared: _Shared, now: datetime) -> ModelRow:
    name, version, spec, key = entry.model, entry.version, entry.spec, (entry.model, entry.version)
    reader, newest = _Reader(), shared.newest.get(key, Newest(None, [], []))
    last, alert, requests = newest.window, shared.open_alerts.get(key), newest.requests
    if isinstance(last, DamagedRow):
        reader.problems.append(str(last))
        last = None
    reader.problems += newest.problems
    if isinstance(alert, DamagedRow):
        reader.problems.append(str(alert))
        alert = None
    if key in shared.currents:
        # Its document is unpacked, not parsed: damage shows, and a list of fifty models stays quick.
        reader.part("its baseline", lambda: BaselineStore(sources.engine).document(shared.currents[key]), b"")
    if shared.damaged:
        _name_own_damage(sources, key, now, reader)
    if spec is not None and spec.group in shared.unheard:
        reader.problems.append(shared.unheard[spec.group])
    reader.problems += shared.problems
    untold = shared.untold.get(key)
    notices = [] if untold is None else [f"not told: {shown(untold.reason, LONGEST_SENTENCE)}"]
    problems = [entry.problem, *reader.problems] if spec is None else reader.problems
    notices += [] if spec is None else shared.groups.get(spec.group, [])
    if problems or spec is None:
        state = error(problems[0])
    else:
        state = state_of(
            spec,
            last=last,
            alert=alert,
            heartbeat=shared.heartbeats.get(spec.group),
            now=now,
            failure=shared.failures.get(key),
        )
    return ModelRow(
        name=name,
        version=version,
        state=state,
        last_window="none yet" if last is None else _ago(last.span.end, now),
        requests=sparkline([_per_minute(*window) for window in requests], title=_rate(requests)),
        open_alerts=0 if alert is None else 1,
        false_alarms="unknown" if spec is None else allowed(spec),
        notices=notices,
    )


def _name_own_damage(sources: Sources, key: tuple[str, int], now: datetime, reader: _Reader) -> None:
    """Put what cannot be read of one monitor's failures and mails not told among the reader's problems."""
    results, dispatch, damaged = Results(sources.engine), DispatchFailures(sources.engine), reader.problems
    reader.part("failures", lambda: results.failures(*key, damaged=damaged), list[MonitorFailure]())
    untold = partial(dispatch.recent, *key, since=now - LOOK_BACK, damaged=damaged)
    reader.part("what was not told", untold, list[DispatchFailure]())


def _baseline(sources: Sources, model: str, version: int, windows: Sequence[WindowRow]) -> Baseline | None:
    """Return the baseline that the newest window was judged by, else the current one. Raises PegelError."""
    baselines = BaselineStore(sources.engine)
    used = next((row.baseline_id for row in reversed(windows) if row.baseline_id), None)
    wanted = used or baselines.current(model, version)
    return None if wanted is None else baselines.get(wanted)


def _notes(windows: Sequence[WindowRow]) -> list[str]:
    return next((row.judgement["notes"] for row in reversed(windows) if row.judgement.get("notes")), [])


def _ledger(results: Results, entry: Entry, since: datetime, damaged: list[str]) -> LedgerView:
    balance = [] if entry.spec is None else results.ledger_balance(entry.spec.group, since, damaged=damaged)
    return LedgerView.of(results.ledger(entry.model, entry.version, since, damaged=damaged), balance)


def _gaps(results: Results, spec: MonitorSpec | None, damaged: list[str]) -> list[Gap]:
    return [] if spec is None else results.gaps(spec.group, limit=LISTED, damaged=damaged)


def _set_aside(results: Results, spec: MonitorSpec | None, damaged: list[str]) -> list[SetAside]:
    return [] if spec is None else results.set_aside(spec.group, limit=LISTED, damaged=damaged)


def _actions(sources: Sources, spec: MonitorSpec | None, damaged: list[str]) -> list[PastAction]:
    if spec is None:
        return []
    targets = (Target.driver(spec.group), Target.endpoint(spec.endpoint))
    return ActionLog(sources.engine).recent(*targets, limit=LISTED, damaged=damaged)[::-1]


def _progress(shared: _Shared, group: str, now: datetime) -> str:
    beat = shared.heartbeats.get(group)
    if group in shared.unheard:
        return "its driver's heartbeat cannot be read"
    if beat is None:
        return "its driver has not spoken yet"
    words = f"driver {progress(beat, now)}"
    return f"{words}; {shown(beat.error, LONGEST_SENTENCE)}" if beat.error else words


def allowed(spec: MonitorSpec) -> str:
    """Return how often a false alarm is expected against how often the user allows one."""
    expected, asked = Division.of(Setting(spec)).budget.expected_per_day, spec.false_alarms
    return f"{expected:.2g} per day expected · {asked} allowed"


def _per_minute(span: Span, requests: int) -> float:
    return requests * 60 / (span.end - span.start).total_seconds()


def _rate(windows: Sequence[tuple[Span, int]]) -> str:
    if not windows:
        return "no requests yet"
    return f"{_per_minute(*windows[-1]):,.0f} requests per minute in the last window"


def _ago(end: datetime, now: datetime) -> str:
    return f"{moment(end, now)} UTC, {ago(end, now)}"


def _baseline_words(baseline: Baseline | None) -> str:
    if baseline is None:
        return "none: rows are counted, nothing is judged"
    created = f"{baseline.created_at:%Y-%m-%d %H:%M} UTC"
    fields = len(baseline.layout.features)
    return f"{baseline.rows:,} rows, {fields} fields, made {created} from {baseline.source} ({baseline.id[7:19]})"
