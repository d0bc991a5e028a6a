"""Reconcile: what should run against what does run, in three steps.

A step carries only its target and what is to be done with which generation. Whoever carries it out looks again, plans
again and moves only if the plan is still the same: two overlapping runs, a cleared task or a late one do no harm. Each
step is a task of its own, so a backend that fails for one target stops nothing else.
"""

from __future__ import annotations

import time
from collections.abc import Iterable, Sequence
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

from pegel.errors import PegelError, SetupError
from pegel.spec.limits import SPEAKS_WITHIN
from pegel.spec.settings import Settings
from pegel_airflow import services
from pegel_airflow.observation import Observation, observe

if TYPE_CHECKING:
    from pegel.reconcile.actions import Action, Target
    from pegel.stream.result_rows import Heartbeat

LISTEN_EVERY_S = 0.25
HEAD = ("target", "desired", "observed", "action", "reason")


def steps(settings: Settings) -> list[dict[str, Any]]:
    """Plan, and return the actions that move something as plain JSON; Keep, Hold and Quarantine need nobody to act."""
    from pegel.reconcile.actions import MOVES

    refuse_foreign_executor(settings)
    return [_step(action) for action in observe(settings).plan() if action.kind in MOVES]


def start_parts_again(settings: Settings) -> list[str]:
    """Start broker, logger and mail box of this machine where they have ended; return what happened, in words.

    What cannot be started holds up nothing else: it is tried again a minute later.
    """
    parts = services.parts(settings)
    try:
        return [] if parts is None else [f"{name} had ended and was started again" for name in parts.start_again()]
    except PegelError as error:
        return [f"not everything that has ended was started again: {error}"]


def carry_out_step(settings: Settings, step: dict[str, Any], *, speaks_within: timedelta = SPEAKS_WITHIN) -> str:
    """Carry one step out, if looking again still says so, and log it. Returns what happened, in words.

    A driver that would be restarted for what its last heartbeat says is listened for first, for `speaks_within` at
    most: just after the database was away, that heartbeat is of before.
    """
    from pegel.reconcile.actions import Runs, Target
    from pegel.reconcile.carrying_out import carry_out

    target = Target.parse(step["target"])
    seen, due = _look(settings, target)
    silence = _silence(seen.heartbeats, target.name, seen.at) if target.runs is Runs.DRIVER else None
    if due is not None and _step(due) == step and due.reason == silence:
        _listen(settings, target.name, speaks_within)
        seen, due = _look(settings, target)
    if due is None or _step(due) != step:
        return f"{target}: {step['kind']} is not needed any more"
    # Logged first: an attempt that dies half-way must count when a crash loop is looked for.
    services.stores(settings).actions.record([due], seen.at)
    jobs, serving, workers = services.jobs(settings), services.serving(settings), services.workers(settings)
    carry_out(due, jobs, serving, observed_at=seen.at, workers=workers)
    generation = f" generation {due.generation}" if due.generation else ""
    return f"{target}: {due.kind.value}{generation}: {due.reason}"


def _look(settings: Settings, target: Target) -> tuple[Observation, Action | None]:
    """Observe what one target depends on, and return what is to be done about it now."""
    seen = observe(settings, target)
    return seen, next((action for action in seen.plan() if action.target == target), None)


def _silence(heartbeats: Iterable[Heartbeat], group: str, at: datetime) -> str | None:
    """Return what the group's last heartbeat says against its driver at the instant `at`; None if nothing."""
    from pegel.reconcile.driver_health import why_not_watching

    return next((why_not_watching(beat, at) for beat in heartbeats if beat.group == group), None)


def _listen(settings: Settings, group: str, within: timedelta) -> None:
    """Wait until the group's heartbeat is that of a driver that watches, at most `within`."""
    results = services.stores(settings).results
    deadline = time.monotonic() + within.total_seconds()
    while _silence(results.heartbeats(), group, datetime.now(UTC)) and (left_s := deadline - time.monotonic()) > 0:
        time.sleep(min(LISTEN_EVERY_S, left_s))


def report(settings: Settings, done: Iterable[str], *, dry_run: bool = False) -> str:
    """Return the run's table: what was done, then one row per target that is not simply kept, and which are.

    A driver has one row per monitor of its group. What stands still for a reason is logged once, when the reason
    appears; nothing is in a dry run.
    """
    from pegel.reconcile.actions import MOVES, ActionKind

    seen = observe(settings)
    planned = seen.plan()
    if not dry_run:
        stores = services.stores(settings)
        stores.actions.record([action for action in planned if action.kind not in MOVES], seen.at)
        stores.passes.note("monitoring_reconcile", seen.at)
    rows = [row for action in planned for row in _rows(seen, action)]
    kept = [row[0] for row in rows if row[3] == ActionKind.KEEP.value]
    shown = [row for row in rows if row[3] != ActionKind.KEEP.value]
    return "\n".join([*done, *_table(HEAD, shown), kept_line(kept)])


def refuse_foreign_executor(settings: Settings) -> None:
    """Refuse local drivers under an executor that does not leave its tasks' processes on this machine."""
    from airflow.sdk import conf

    executor = conf.get("core", "executor")
    if settings.job_backend == "local" and executor != "LocalExecutor":
        raise SetupError(
            f"expected LocalExecutor with PEGEL_JOB_BACKEND=local, given {executor}: drivers would die with their "
            f"task's container. Choose another job backend. Nothing was started."
        )


def kept_line(targets: Sequence[str]) -> str:
    """Return how many targets stay as they are, the first of them by name."""
    from pegel.notebook.naming import listed

    return f"{len(targets)} kept as they are" + (f": {listed(targets)}" if targets else "")


def _step(action: Action) -> dict[str, Any]:
    return {"target": str(action.target), "kind": action.kind.value, "generation": action.generation}


def _rows(seen: Observation, action: Action) -> list[tuple[str, ...]]:
    from pegel.reconcile.actions import Runs

    if action.target.runs is Runs.DRIVER:
        return _monitor_rows(seen, action)
    return [(_worker_row if action.target.runs is Runs.WORKER else _endpoint_row)(seen, action)]


def _worker_row(seen: Observation, action: Action) -> tuple[str, ...]:
    from pegel.reconcile.worker_planner import explained_namespaces

    name = action.target.name
    desired = "one" if name in explained_namespaces(seen.specs) else "nothing"
    sighting = next((each for each in seen.workers or () if each.group == name), None)
    observed = "nothing" if sighting is None else f"{sighting.state.value}, generation {sighting.generation}"
    return (f"worker {name}", desired, observed, action.kind.value, action.reason)


def _monitor_rows(seen: Observation, action: Action) -> list[tuple[str, ...]]:
    group = next((group for group in seen.desired() if group.group == action.target.name), None)
    monitors = group.monitors.items() if group is not None else ()
    rows = [
        (f"monitor {key}", fingerprint[:8], _driver_words(seen, key, fingerprint, action.target.name))
        for key, fingerprint in monitors
    ]
    without = (f"driver {action.target.name}", "nothing", _driver_words(seen, "", "", action.target.name))
    return [(*row, action.kind.value, action.reason) for row in rows or [without]]


def _driver_words(seen: Observation, key: str, fingerprint: str, group: str) -> str:
    if seen.drivers_unseen is not None:
        return "unknown"
    sighting = next((each for each in seen.sightings if each.group == group), None)
    if sighting is None:
        return "nothing"
    running = f"{sighting.state.value}, generation {sighting.generation}"
    if not key:
        return running
    beat = next((each for each in seen.heartbeats if each.group == group), None)
    in_effect = beat.specs.get(key) if beat is not None else None
    return f"{running}, {'spec in effect' if in_effect == fingerprint else 'spec not taken up yet'}"


def _endpoint_row(seen: Observation, action: Action) -> tuple[str, ...]:
    from pegel.reconcile.desired import endpoint_fingerprint

    name = action.target.name
    spec = next((spec for spec in seen.specs if spec.endpoint == name), None)
    desired = "nothing" if spec is None else endpoint_fingerprint(spec)[:8]
    status = seen.endpoints.get(name)
    observed = "nothing" if status is None else f"{status.state.value} {status.fingerprint[:8]}".rstrip()
    return (f"endpoint {name}", desired, observed, action.kind.value, action.reason)


def _table(head: tuple[str, ...], rows: Sequence[tuple[str, ...]]) -> list[str]:
    if not rows:
        return []
    widths = [max(len(row[column]) for row in (head, *rows)) for column in range(len(head))]
    return [
        "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip() for row in (head, *rows)
    ]
