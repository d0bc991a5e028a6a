"""What to do about each streaming driver, from what is desired and what is observed."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from dataclasses import dataclass
from datetime import datetime

from pegel.reconcile.actions import Action, ActionKind, Desired, PastAction, Target
from pegel.reconcile.crash_loops import refusal
from pegel.reconcile.driver_health import cause_of_death, stopped_on_request, watches
from pegel.reconcile.job_backend import JobState, Sighting
from pegel.stream.result_rows import Heartbeat


@dataclass(frozen=True, slots=True)
class _Group:
    """Everything known about one group."""

    target: Target
    desired: Desired | None
    sighting: Sighting | None
    heartbeat: Heartbeat | None
    history: tuple[PastAction, ...]
    newest: int
    """The highest generation that anybody knows of."""
    now: datetime

    def action(self, kind: ActionKind, reason: str) -> Action:
        """Return an action about the driver that is there."""
        return Action(kind=kind, target=self.target, reason=reason, generation=self.newest)

    def launch(self, kind: ActionKind, reason: str, desired: Desired) -> Action:
        """Return an action that starts the next generation, or Quarantine when that was tried too often."""
        refused = refusal(self.history, self.target, kind, self.now)
        if refused is not None:
            return self.action(ActionKind.QUARANTINE, f"{refused}; {reason}")
        return Action(kind=kind, target=self.target, reason=reason, generation=self.newest + 1, job=desired.job)


def plan_drivers(
    desired: Iterable[Desired],
    sightings: Iterable[Sighting],
    heartbeats: Iterable[Heartbeat],
    now: datetime,
    history: Iterable[PastAction] = (),
    *,
    unreadable: Collection[str] = (),
) -> list[Action]:
    """Return one action per group that is desired or runs, ordered by group, whatever the order of observations.

    `unreadable` names the monitors whose stored specs cannot be read. Their groups are not known, so while there are
    any, no driver is stopped for being needed by nobody.

    Carrying the actions out and planning again gives Keep; Hold and Quarantine stand until their reason is gone.
    """
    groups = _gather(desired, sightings, heartbeats, tuple(history), now)
    actions = (_decide(group, tuple(sorted(unreadable))) for group in groups)
    return [action for action in actions if action is not None]


def hold_drivers(desired: Iterable[Desired], reason: str) -> list[Action]:
    """Return Hold for each desired group: what runs could not be observed, so nothing is moved."""
    groups = sorted(group.group for group in desired)
    return [Action(kind=ActionKind.HOLD, target=Target.driver(group), reason=reason) for group in groups]


def _gather(
    desired: Iterable[Desired],
    sightings: Iterable[Sighting],
    heartbeats: Iterable[Heartbeat],
    history: tuple[PastAction, ...],
    now: datetime,
) -> list[_Group]:
    desired_of = {group.group: group for group in desired}
    sighting_of = {sighting.group: sighting for sighting in sorted(sightings, key=lambda seen: seen.generation)}
    heartbeat_of = {beat.group: beat for beat in sorted(heartbeats, key=lambda beat: beat.generation)}
    groups = []
    for name in sorted(desired_of.keys() | sighting_of.keys()):
        target = Target.driver(name)
        own = tuple(action for action in history if action.target == target)
        observed = (sighting_of.get(name), heartbeat_of.get(name), *own)
        newest = max((each.generation for each in observed if each is not None), default=0)
        groups.append(
            _Group(target, desired_of.get(name), sighting_of.get(name), heartbeat_of.get(name), own, newest, now)
        )
    return groups


def _decide(group: _Group, unreadable: tuple[str, ...]) -> Action | None:
    """Return the action for one group; None when nothing runs and nothing should."""
    desired, sighting = group.desired, group.sighting
    if desired is None:
        return _orphan(group, unreadable)
    if sighting is None or stopped_on_request(sighting, group.heartbeat):
        return _unless_waiting(group, desired, ActionKind.START, "nothing runs for it")
    if sighting.fingerprint != desired.job.fingerprint:
        given, wanted = sighting.fingerprint[:8] or "unknown", desired.job.fingerprint[:8]
        reason = f"it is of another release, or keeps its state otherwise: {given} runs, {wanted} is desired"
        return _unless_waiting(group, desired, ActionKind.REPLACE, reason)
    if sighting.edited:
        return _unless_waiting(group, desired, ActionKind.REPLACE, sighting.edited)
    return _as_desired(group, desired, sighting)


def _as_desired(group: _Group, desired: Desired, sighting: Sighting) -> Action:
    """Return the action for a group whose driver is the desired one."""
    if sighting.state is JobState.PENDING and not watches(sighting, group.heartbeat, group.now):
        return group.action(ActionKind.HOLD, sighting.detail or "it is about to be started")
    death = cause_of_death(sighting, group.heartbeat, group.now)
    if death is None:
        return group.action(ActionKind.KEEP, "runs as desired")
    # A dead driver is revived also while its model is not ready: what is on the topic still wants judging.
    return group.launch(ActionKind.RESTART, death, desired)


def _orphan(group: _Group, unreadable: tuple[str, ...]) -> Action | None:
    sighting = group.sighting
    if sighting is None or (sighting.state is JobState.EXITED and not sighting.lingers):
        return None
    if unreadable:
        names = ", ".join(unreadable)
        return group.action(
            ActionKind.HOLD, f"no monitor is known to need it, but the stored spec of {names} cannot be read"
        )
    return group.action(ActionKind.STOP, "no monitor needs it any more")


def _unless_waiting(group: _Group, desired: Desired, kind: ActionKind, reason: str) -> Action:
    """Return Hold while no model of the group is ready: whatever runs is left running."""
    if not desired.ready:
        waiting = ", ".join(desired.waiting_for) or "its endpoint"
        return group.action(ActionKind.HOLD, f"{waiting} is not ready")
    return group.launch(kind, reason, desired)
