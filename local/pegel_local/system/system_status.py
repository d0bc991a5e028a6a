"""What the local system does now, gathered for people: components, drivers, endpoints, models."""

from __future__ import annotations

import shlex
import shutil
from datetime import UTC, datetime
from pathlib import Path

from pegel.errors import SetupError
from pegel.reconcile.job_backend import JobState
from pegel.reconcile.look_at_endpoints import look_at_endpoints
from pegel.reconcile.serving_backend import EndpointState
from pegel.spec.outside_text import LONGEST_SENTENCE, shown
from pegel.spec.settings import Settings
from pegel_local.backends.driver_processes import LocalJobBackend
from pegel_local.backends.endpoint_processes import LocalServingBackend
from pegel_local.backends.worker_processes import WORKERS, LocalWorkerBackend
from pegel_local.machine.paths import DEMO_HOME, Home
from pegel_local.system.cluster_endpoints import endpoints_in_cluster
from pegel_local.system.stack_file import PASSING, StackFile, StackState
from pegel_local.system.status_line import StatusLine
from pegel_local.system.stored_status import GOES_ON, stored_status

STOPPED = "stopped with the system"
"""What has ended because somebody stopped everything did not fail; the components say what to do."""


def gather(settings: Settings, now: datetime | None = None) -> dict[str, list[StatusLine]]:
    """Return every section of the status. A database that does not answer is a line, not an error."""
    at, state = now or datetime.now(UTC), StackFile(Home(settings.home)).read()
    up = state is not None and state.is_up
    sections = {
        "components": _components(settings.home, state),
        "addresses": [] if state is None or not up else _addresses(state),
        "drivers": _drivers(settings, up=up),
        "endpoints": _endpoints(settings, up=up) if settings.serves_on_this_machine else endpoints_in_cluster(settings),
        **({"workers": workers} if (workers := _workers(settings, up=up)) else {}),
    }
    return sections | stored_status(settings, at) | {"disk": [_disk(settings.home)]}


def _is_up(home: Path) -> bool:
    try:
        state = StackFile(Home(home)).read()
    except SetupError:
        return False  # whoever looks at that home is told
    return state is not None and state.is_up


def _components(home: Path, state: StackState | None) -> list[StatusLine]:
    if state is None:
        text, remedy = f"not up in {home}", "pegel up"
        if _is_up(demo := home.parent / DEMO_HOME):
            text, remedy = f"{text}; that of the demonstration is", f"export PEGEL_HOME={shlex.quote(str(demo))}"
        return [StatusLine(name="system", state=text, good=False, remedy=remedy)]
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
        if seen.state is not JobState.EXITED and seen.detail:
            state = f"{seen.state}, generation {seen.generation}; {shown(seen.detail, LONGEST_SENTENCE)}"
            lines.append(StatusLine(name=seen.group, state=state, good=False, remedy=GOES_ON))
            continue
        good = seen.state is not JobState.EXITED or seen.exit_code == 0
        remedy = "" if good else f"less {settings.home / 'jobs' / seen.group / 'log'}"
        lines.append(
            StatusLine(
                name=seen.group, state=f"{seen.state}, generation {seen.generation}{code}", good=good, remedy=remedy
            )
        )
    return lines


def _workers(settings: Settings, *, up: bool) -> list[StatusLine]:
    lines = []
    for seen in LocalWorkerBackend(settings).observe():
        good = seen.state is not JobState.EXITED or not up
        code = "" if seen.exit_code is None else f", exit code {seen.exit_code}"
        what = STOPPED if good and seen.state is JobState.EXITED else seen.state.value
        state = f"{what}, generation {seen.generation}{code}"
        remedy = "" if good else f"less {settings.home / WORKERS / seen.group / 'log'}"
        lines.append(StatusLine(name=seen.group, state=state, good=good, remedy=remedy))
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


def _disk(home: Path) -> StatusLine:
    usage = shutil.disk_usage(next(folder for folder in (home, *home.parents) if folder.exists()))
    good = usage.free > 1 << 30
    text = f"{usage.free / (1 << 30):.1f} GiB free for {home}"
    return StatusLine(name="home", state=text, good=good, remedy="" if good else f"free space below {home}")
