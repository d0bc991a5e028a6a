"""What to do about each attribution worker: one runs for each namespace in which some model asks to be explained.

Which models these are the worker reads from the registry while it runs, so a change of a spec restarts nothing.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable
from datetime import datetime

from pegel.reconcile.actions import Action, ActionKind, PastAction, Target
from pegel.reconcile.crash_loops import refusal
from pegel.reconcile.exit_words import exited_with
from pegel.reconcile.job_backend import JobState, Sighting
from pegel.spec.monitor_spec import MonitorSpec


def explained_namespaces(specs: Iterable[MonitorSpec]) -> set[str]:
    """Return the namespaces in which some model asks to be explained."""
    return {spec.namespace for spec in specs if spec.attribution.is_used}


def plan_workers(
    namespaces: Collection[str],
    sightings: Iterable[Sighting],
    now: datetime,
    history: Iterable[PastAction] = (),
    *,
    unreadable: Collection[str] = (),
) -> list[Action]:
    """Return one action per namespace that wants a worker or has one, ordered by name.

    `unreadable` names the monitors whose stored specs cannot be read: while there are any, no worker is stopped for
    being needed by nobody. Carrying the actions out and planning again gives Keep.
    """
    seen = {sighting.group: sighting for sighting in sightings}
    past = tuple(history)
    actions = []
    for name in sorted(set(namespaces) | seen.keys()):
        action = _decide(name, seen.get(name), now, past, wanted=name in namespaces, unreadable=bool(unreadable))
        if action is not None:
            actions.append(action)
    return actions


def hold_workers(namespaces: Iterable[str], reason: str) -> list[Action]:
    """Return Hold for each namespace that wants a worker: what runs could not be observed, so nothing is moved."""
    return [Action(kind=ActionKind.HOLD, target=Target.worker(name), reason=reason) for name in sorted(set(namespaces))]


def _decide(
    name: str,
    sighting: Sighting | None,
    now: datetime,
    history: tuple[PastAction, ...],
    *,
    wanted: bool,
    unreadable: bool,
) -> Action | None:
    target = Target.worker(name)
    own = [action.generation for action in history if action.target == target]
    newest = max([*own, 0 if sighting is None else sighting.generation], default=0)
    runs = sighting is not None and sighting.state is not JobState.EXITED
    if not wanted:
        if not runs:
            return None
        if unreadable:
            reason = "no model is known to need it, but some stored spec cannot be read"
            return Action(kind=ActionKind.HOLD, target=target, reason=reason, generation=newest)
        return Action(kind=ActionKind.STOP, target=target, reason="no model asks to be explained", generation=newest)
    if runs:
        return Action(kind=ActionKind.KEEP, target=target, reason="runs as desired", generation=newest)
    kind, reason = ActionKind.START, "nothing runs for it"
    if sighting is not None and sighting.exit_code != 0:
        kind, reason = ActionKind.RESTART, exited_with(sighting)
    refused = refusal(history, target, kind, now)
    if refused is not None:
        reason = f"{refused}; {reason}"
        return Action(kind=ActionKind.QUARANTINE, target=target, reason=reason, generation=newest)
    return Action(kind=kind, target=target, reason=reason, generation=newest + 1)
