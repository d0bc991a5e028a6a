"""What the local system does now, gathered for people: components, drivers, endpoints, models."""

from __future__ import annotations

import shutil
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

from pegel.alerts.alert import Silence
from pegel.errors import SetupError, Unavailable
from pegel.reconcile.driver_health import why_not_watching
from pegel.reconcile.job_backend import JobState
from pegel.reconcile.look_at_endpoints import look_at_endpoints
from pegel.reconcile.serving_backend import EndpointState
from pegel.report.model_list import model_rows
from pegel.report.progress import ago, progress
from pegel.report.reading import Sources
from pegel.report.views import ModelRow
from pegel.report.words import silenced
from pegel.spec.names import monitor_key
from pegel.spec.settings import Settings
from pegel.store.action_log import ActionLog
from pegel.store.alert_store import AlertStore
from pegel.store.database import connect
from pegel.store.database_file import refuse_missing
from pegel.store.results import Results
from pegel.stream.result_rows import Heartbeat
from pegel_local.backends.driver_processes import LocalJobBackend
from pegel_local.backends.endpoint_processes import LocalServingBackend
from pegel_local.machine.paths import Home
from pegel_local.system.stack_file import PASSING, StackFile, StackState

STOPPED = "stopped with the system"
"""What has ended because somebody stopped everything did not fail; the components say what to do."""
LOOK_BACK = timedelta(days=1)
"""How far back messages are counted."""


@dataclass(frozen=True, slots=True, kw_only=True)
class StatusLine:
    """One line of the status. One that is not `good` says in `remedy` which command comes next; others may."""

    name: str
    state: str
    good: bool = True
    remedy: str = ""


def gather(settings: Settings, now: datetime | None = None) -> dict[str, list[StatusLine]]:
    """Return every section of the status. A database that does not answer is a line, not an error."""
    at, state = now or datetime.now(UTC), StackFile(Home(settings.home)).read()
    up = state is not None and state.is_up
    sections = {
        "components": _components(settings.home, state),
        "addresses": [] if state is None or not up else _addresses(state),
        "drivers": _drivers(settings, up=up),
        "endpoints": _endpoints(settings, up=up),
    }
    return sections | _stored(settings, at) | {"disk": [_disk(settings.home)]}


def _components(home: Path, state: StackState | None) -> list[StatusLine]:
    if state is None:
        return [StatusLine(name="system", state=f"not up in {home}", good=False, remedy="pegel up")]
    lines = []
    for name, part in state.parts.items():
        if name.startswith(PASSING):
            continue
        alive = part.process.alive
        text = f"running, pid {part.process.pid}" if alive else f"ended; log {part.log}"
        lines.append(StatusLine(name=name, state=text, good=alive, remedy="" if alive else "pegel up"))
    return lines


def _addresses(state: StackState) -> list[StatusLine]:
    """Return where people and clients go; never the password."""
    return [
        StatusLine(name=name, state=state.addresses[name])
        for name in ("airflow", "page", "kafka", "logger", "mail")
        if name in state.addresses
    ]


def _drivers(settings: Settings, *, up: bool) -> list[StatusLine]:
    lines = []
    for seen in LocalJobBackend(settings).observe():
        code = "" if seen.exit_code is None else f", exit code {seen.exit_code}"
        if seen.state is JobState.EXITED and not up:
            ended = f"{STOPPED}, generation {seen.generation}{code if seen.exit_code else ''}"
            lines.append(StatusLine(name=seen.group, state=ended))
            continue
        good = seen.state is not JobState.EXITED or seen.exit_code == 0
        remedy = "" if good else f"less {settings.home / 'jobs' / seen.group / 'log'}"
        lines.append(
            StatusLine(
                name=seen.group, state=f"{seen.state}, generation {seen.generation}{code}", good=good, remedy=remedy
            )
        )
    return lines


def _endpoints(settings: Settings, *, up: bool) -> list[StatusLine]:
    lines = []
    serving = LocalServingBackend(settings)
    for seen in look_at_endpoints(serving, serving.names()):
        if seen.state is EndpointState.FAILED and not up:
            lines.append(StatusLine(name=seen.name, state=STOPPED))
            continue
        good, at = seen.state is EndpointState.READY, f" at {seen.url}" if seen.url else ""
        why = f": {seen.detail.splitlines()[0].removesuffix('; its log ends:')}" if seen.detail else ""
        logs = () if good else serving.logs_of(seen.name)
        remedy = f"less {logs[0]}" if logs else ""
        state = f"{seen.state}{at}{why}" + (f"; {seen.note}" if seen.note else "")
        lines.append(StatusLine(name=seen.name, state=state, good=good, remedy=remedy))
    return lines


def _stored(settings: Settings, now: datetime) -> dict[str, list[StatusLine]]:
    try:
        refuse_missing(settings.database)
    except SetupError as error:
        return {"database": [StatusLine(name="results database", state=str(error), good=False, remedy="pegel up")]}
    engine = connect(settings.database)
    results = Results(engine)
    try:
        unheard = dict[str, str]()
        beats = [_beat(beat, now) for beat in results.heartbeats(damaged=unheard)]
        beats += [_damaged(group, reason) for group, reason in unheard.items()]
        models = [_model(results, row, now) for row in model_rows(Sources(engine), now)]
        silences = [_silence(silence, now) for silence in AlertStore(engine).silences(now)]
        damaged_lines = list[str]()
        moves = ActionLog(engine).recent(limit=1, damaged=damaged_lines)
    except (Unavailable, SetupError) as error:
        # What is wrong with a database that answers is not mended by `pegel up` alone; the sentence says by what.
        remedy = "pegel up" if isinstance(error, Unavailable) else "as this line says"
        return {"database": [StatusLine(name="results database", state=str(error), good=False, remedy=remedy)]}
    finally:
        engine.dispose()
    last = [
        StatusLine(name=str(move.target), state=f"{move.kind} {ago(move.at, now)}: {move.reason}") for move in moves
    ]
    last += [_damaged("log of actions", reason) for reason in damaged_lines]
    return {"heartbeats": beats, "models": models, "silences": silences, "last reconcile action": last}


def _beat(beat: Heartbeat, now: datetime) -> StatusLine:
    text = f"{progress(beat, now)}, heartbeat {ago(beat.at, now)}"
    trouble = beat.error or (None if beat.state == "stopped" else why_not_watching(beat, now))
    good = trouble is None
    return StatusLine(name=beat.group, state=text if good else f"{text}; {trouble}", good=good, remedy=_next(good))


def _damaged(name: str, reason: str) -> StatusLine:
    return StatusLine(name=name, state=reason, good=False, remedy="pegel open")


def _next(good: bool) -> str:
    return "" if good else "wait a minute: the reconciler restarts it; its reasons stand on the model's page"


def _model(results: Results, row: ModelRow, now: datetime) -> StatusLine:
    """Return the line of a model, in the words of its page."""
    counted = f"{results.ledger_total(row.name, row.version, now - LOOK_BACK).received} messages in a day"
    state = " · ".join([row.state.words, f"last window {row.last_window}", counted, *row.notices])
    good = row.state.level != "bad" and not row.notices
    key = monitor_key(row.name, row.version)
    return StatusLine(name=key, state=state, good=good, remedy="" if good else f"pegel report {key}")


def _silence(silence: Silence, now: datetime) -> StatusLine:
    """Return the line of a silence: a person's wish, so nothing bad, but nobody may wonder why no mail comes."""
    key = monitor_key(silence.model, silence.version)
    return StatusLine(name=key, state=silenced(silence, now), remedy=f"pegel unsilence {key}")


def _disk(home: Path) -> StatusLine:
    usage = shutil.disk_usage(next(folder for folder in (home, *home.parents) if folder.exists()))
    good = usage.free > 1 << 30
    text = f"{usage.free / (1 << 30):.1f} GiB free for {home}"
    return StatusLine(name="home", state=text, good=good, remedy="" if good else f"free space below {home}")
