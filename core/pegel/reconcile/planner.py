"""The decision: one action per group, from what is wished and what is seen."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime

from pegel.reconcile.actions import Action, Desired, Kind, PastAction, Policy
from pegel.reconcile.crash_loops import Streak, streak_of
from pegel.reconcile.driver_health import cause_of_death, stopped_on_request
from pegel.reconcile.job_backend import JobState, Sighting
from pegel.stream.result_rows import Heartbeat


@dataclass(frozen=True, slots=True)
class _Group:
    """Everything known about one group."""

    name: str
    wish: Desired | None
    sighting: Sighting | None
    heartbeat: Heartbeat | None
    streak: Streak
    newest: int
    """The highest generation that anybody knows of."""

    def action(self, kind: Kind, reason: str) -> Action:
        """Return an action about the driver that is there."""
        return Action(kind=kind, group=self.name, reason=reason, generation=self.newest)

    def launch(self, kind: Kind, reason: str, wish: Desired) -> Action:
        """Return an action that starts the next generation."""
        return Action(kind=kind, group=self.name, reason=reason, generation=self.newest + 1, job=wish.job)


def plan(
    desired: Iterable[Desired],
    sightings: Iterable[Sighting],
    heartbeats: Iterable[Heartbeat],
    now: datetime,
    history: Iterable[PastAction] = (),
    *,
    policy: Policy | None = None,
) -> list[Action]:
    """Return one action per group that is desired or runs, ordered by group, whatever the order of observations.

    Carrying the actions out and planning again gives Keep; Hold and Quarantine stand until their reason is gone.
    `policy` None means the defaults of `Policy`.
    """
    rules = policy or Policy()
    groups = _gather(desired, sightings, heartbeats, tuple(history), policy=rules, now=now)
    actions = (_decide(group, now, rules) for group in groups)
    return [action for action in actions if action is not None]


def _gather(
    desired: Iterable[Desired],
    sightings: Iterable[Sighting],
    heartbeats: Iterable[Heartbeat],
    history: tuple[PastAction, ...],
    *,
    policy: Policy,
    now: datetime,
) -> list[_Group]:
    wishes = {one.group: one for one in desired}
    seen = {one.group: one for one in sorted(sightings, key=lambda one: one.generation)}
    beats = {one.group: one for one in sorted(heartbeats, key=lambda one: one.generation)}
    groups = []
    for name in sorted(wishes.keys() | seen.keys()):
        own = [action for action in history if action.group == name]
        known = [one.generation for one in (seen.get(name), beats.get(name), *own) if one is not None]
        streak = streak_of((one.at for one in own if one.kind is Kind.RESTART), policy, now)
        groups.append(_Group(name, wishes.get(name), seen.get(name), beats.get(name), streak, max(known, default=0)))
    return groups


def _decide(group: _Group, now: datetime, policy: Policy) -> Action | None:
    """Return the action for one group; None when nothing runs and nothing should."""
    wish, sighting = group.wish, group.sighting
    if wish is None:
        return _orphan(group)
    if sighting is None or stopped_on_request(sighting, group.heartbeat):
        return _unless_waiting(group, wish, Kind.START, "nothing runs for it")
    if sighting.fingerprint != wish.job.fingerprint:
        reason = f"state {sighting.fingerprint[:8]} runs, {wish.job.fingerprint[:8]} is wished"
        return _unless_waiting(group, wish, Kind.REPLACE, reason)
    death = cause_of_death(sighting, group.heartbeat, wish.job, policy, now)
    if death is None:
        return group.action(Kind.KEEP, "runs as wished")
    # A dead driver is revived also while its model is not ready: what is on the topic still wants judging.
    patience = group.streak.refusal(policy, now)
    if patience is not None:
        return group.action(Kind.QUARANTINE, f"{patience}; {death}")
    return group.launch(Kind.RESTART, death, wish)


def _orphan(group: _Group) -> Action | None:
    if group.sighting is None or group.sighting.state is JobState.EXITED:
        return None
    return group.action(Kind.STOP, "no monitor wants it any more")


def _unless_waiting(group: _Group, wish: Desired, kind: Kind, reason: str) -> Action:
    """Return Hold while no model of the group is ready: whatever runs is left running."""
    if not wish.ready:
        waiting = ", ".join(wish.waiting_for) or "its endpoint"
        return group.action(Kind.HOLD, f"{waiting} is not ready")
    return group.launch(kind, reason, wish)
