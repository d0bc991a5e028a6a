"""Reconcile: what should run against what does run, in three steps.

A step carries only the group's name and what is to be done with which generation. Whoever carries it out looks again,
plans again and moves only if the plan is still the same: two overlapping runs, a cleared task or a late one do no harm.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import timedelta
from typing import TYPE_CHECKING, Any

from pegel.errors import SetupError
from pegel.spec.settings import Settings
from pegel_airflow import services
from pegel_airflow.observation import Observation, observe

if TYPE_CHECKING:
    from pegel.reconcile.actions import Action

STOP_GRACE = timedelta(seconds=20)
"""How long a driver may take to finish its batch before it is ended."""


def steps(settings: Settings) -> list[dict[str, Any]]:
    """Plan, and return the actions that move something as plain JSON; Keep, Hold and Quarantine need nobody to act."""
    from pegel.reconcile.actions import MOVES

    refuse_foreign_executor(settings)
    return [_step(action) for action in observe(settings).plan() if action.kind in MOVES]


def take(settings: Settings, step: dict[str, Any]) -> str:
    """Carry one step out, if looking again still says so, and log it. Returns what happened, in words."""
    from pegel.reconcile.carrying_out import carry_out

    seen = observe(settings)
    now = next((action for action in seen.plan() if action.group == step["group"]), None)
    if now is None or _step(now) != step:
        return f"{step['group']}: {step['kind']} is not needed any more"
    # Logged first: an attempt that dies half-way must count when a crash loop is looked for.
    services.stores(settings).actions.record([now], seen.at)
    carry_out(now, services.jobs(settings), STOP_GRACE)
    return f"{now.group}: {now.kind.value} generation {now.generation}: {now.reason}"


def report(settings: Settings, done: Iterable[str]) -> str:
    """Return the run's table: what was done, then one row per monitor that is not simply kept, and how many are.

    What stands still for a reason is logged once, when the reason appears.
    """
    from pegel.reconcile.actions import MOVES, Kind

    seen = observe(settings)
    plan = {action.group: action for action in seen.plan()}
    services.stores(settings).actions.record([action for action in plan.values() if action.kind not in MOVES], seen.at)
    rows = [
        _row(seen, key, fingerprint, plan[group.group])
        for group in seen.desired()
        for key, fingerprint in group.monitors.items()
    ]
    kept = sum(row[3] == Kind.KEEP.value for row in rows)
    shown = [row for row in rows if row[3] != Kind.KEEP.value]
    lines = [*done, *_table(("model", "desired", "observed", "action", "reason"), shown)]
    return "\n".join([*lines, f"{kept} kept as they are"])


def refuse_foreign_executor(settings: Settings) -> None:
    """Refuse local drivers under an executor that does not leave its tasks' processes on this machine."""
    from airflow.sdk import conf

    executor = conf.get("core", "executor")
    if settings.job_backend == "local" and executor != "LocalExecutor":
        raise SetupError(
            f"expected LocalExecutor with PEGEL_JOB_BACKEND=local, given {executor}: drivers would die with their "
            f"task's container. Choose another job backend. Nothing was started."
        )


def _step(action: Action) -> dict[str, Any]:
    return {"group": action.group, "kind": action.kind.value, "generation": action.generation}


def _row(seen: Observation, key: str, fingerprint: str, action: Action) -> tuple[str, str, str, str, str]:
    return (key, fingerprint[:8], _observed(seen, key, fingerprint, action.group), action.kind.value, action.reason)


def _observed(seen: Observation, key: str, fingerprint: str, group: str) -> str:
    sighting = next((one for one in seen.sightings if one.group == group), None)
    if sighting is None:
        return "nothing"
    beat = next((one for one in seen.heartbeats if one.group == group), None)
    in_effect = beat.specs.get(key) if beat is not None else None
    spec = "spec in effect" if in_effect == fingerprint else "spec not taken up yet"
    return f"{sighting.state.value}, generation {sighting.generation}, {spec}"


def _table(head: tuple[str, ...], rows: Sequence[tuple[str, ...]]) -> list[str]:
    if not rows:
        return []
    widths = [max(len(row[column]) for row in (head, *rows)) for column in range(len(head))]
    return [
        "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip() for row in (head, *rows)
    ]
