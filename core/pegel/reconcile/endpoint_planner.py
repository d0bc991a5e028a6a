"""What to do about each model's endpoint, from the specs and from what is observed: level-triggered, like drivers."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import datetime
from types import MappingProxyType

from pegel.reconcile.actions import Action, ActionKind, PastAction, Target
from pegel.reconcile.crash_loops import refusal
from pegel.reconcile.desired import endpoint_fingerprint
from pegel.reconcile.serving_backend import EndpointState, EndpointStatus
from pegel.spec.limits import ENDPOINT_SETTLES_WITHIN
from pegel.spec.monitor_spec import MonitorSpec


def plan_endpoints(
    specs: Iterable[MonitorSpec],
    observed: Iterable[EndpointStatus],
    now: datetime,
    history: Iterable[PastAction] = (),
    *,
    unreadable: Mapping[str, str] = MappingProxyType({}),
) -> list[Action]:
    """Return one action per endpoint that is desired or there, ordered by name, whatever the order of observations.

    `unreadable` maps the endpoints of stored specs that cannot be read to the reason: they are left as they are. A
    model that only stands in a table has none.

    An endpoint that was desired and not looked at is absent: the caller looks at every desired one. One that was
    changed less than `ENDPOINT_SETTLES_WITHIN` ago is neither replaced nor removed: whoever changed it may be about to
    write into the registry what it is for.
    """
    served = (spec for spec in specs if not spec.model.is_table)
    spec_of = {spec.endpoint: spec for spec in sorted(served, key=lambda spec: spec.key)}
    status_of = {status.name: status for status in sorted(observed, key=lambda status: (status.name, status.state))}
    past = tuple(history)
    planned: list[Action | None] = []
    for name in sorted(spec_of.keys() | status_of.keys() | unreadable.keys()):
        if name in unreadable:
            reason = f"its spec cannot be read: {unreadable[name]}"
            planned.append(Action(kind=ActionKind.HOLD, target=Target.endpoint(name), reason=reason))
            continue
        status = status_of.get(name) or EndpointStatus(name=name, fingerprint="", state=EndpointState.ABSENT)
        spec = spec_of.get(name)
        action = _orphan(status, now) if spec is None else _decide(spec, status, now, past)
        planned.append(action)
    return [action for action in planned if action is not None]


def _orphan(status: EndpointStatus, now: datetime) -> Action | None:
    if status.state in {EndpointState.ABSENT, EndpointState.UNKNOWN}:
        return None
    target = Target.endpoint(status.name)
    if _settles(status, now):
        return Action(kind=ActionKind.HOLD, target=target, reason=_settling(status, "no monitor needs it"))
    return Action(kind=ActionKind.STOP, target=target, reason="no monitor needs it any more")


def _decide(spec: MonitorSpec, status: EndpointStatus, now: datetime, history: tuple[PastAction, ...]) -> Action:
    target, desired = Target.endpoint(spec.endpoint), endpoint_fingerprint(spec)
    if status.state is EndpointState.UNKNOWN:
        return Action(kind=ActionKind.HOLD, target=target, reason=f"it could not be observed: {status.detail}")
    if status.state is EndpointState.ABSENT:
        return _move(ActionKind.START, spec, "nothing serves it", now, history)
    if status.fingerprint != desired:
        reason = f"model {status.fingerprint[:8] or 'unknown'} is served, {desired[:8]} is desired"
        if _settles(status, now):
            return Action(kind=ActionKind.HOLD, target=target, reason=_settling(status, reason))
        return _move(ActionKind.REPLACE, spec, reason, now, history)
    if status.edited:
        return _move(ActionKind.REPLACE, spec, status.edited, now, history)
    return _keep(spec, status, now, history)


def _keep(spec: MonitorSpec, status: EndpointStatus, now: datetime, history: tuple[PastAction, ...]) -> Action:
    """Return what is done about an endpoint that is the desired one."""
    target = Target.endpoint(spec.endpoint)
    if spec.model.url is not None and status.state is EndpointState.STARTING:
        reason = f"{status.detail or 'the server does not answer ready'}; it is not ours to restart"
        return Action(kind=ActionKind.HOLD, target=target, reason=reason)
    trouble = _trouble(spec, status, now)
    if trouble is None:
        reason = "serves as desired" if status.state is EndpointState.READY else "starts as desired"
        return Action(kind=ActionKind.KEEP, target=target, reason=reason)
    return _move(ActionKind.RESTART, spec, trouble, now, history)


def _trouble(spec: MonitorSpec, status: EndpointStatus, now: datetime) -> str | None:
    """Say why the endpoint has to be brought back; None while it serves, or starts within its time."""
    if status.state is EndpointState.FAILED:
        lines = status.detail.strip().splitlines() or ["it ended"]
        return lines[0] if len(lines) == 1 else f"{lines[0].partition(';')[0]}: {lines[-1][:200]}"
    since = status.unready_since
    if status.state is EndpointState.READY or since is None or now - since <= spec.model.ready_within:
        return None
    return f"not ready since {since:%H:%M:%S} UTC; allowed are {spec.model.ready_within.total_seconds():g} s"


def _move(kind: ActionKind, spec: MonitorSpec, reason: str, now: datetime, history: tuple[PastAction, ...]) -> Action:
    """Return an action that starts something, or Quarantine when that was tried too often."""
    target = Target.endpoint(spec.endpoint)
    refused = refusal(history, target, kind, now)
    if refused is not None:
        return Action(kind=ActionKind.QUARANTINE, target=target, reason=f"{refused}; {reason}")
    return Action(kind=kind, target=target, reason=reason, spec=spec)


def _settles(status: EndpointStatus, now: datetime) -> bool:
    return status.changed_at is not None and now - status.changed_at <= ENDPOINT_SETTLES_WITHIN


def _settling(status: EndpointStatus, reason: str) -> str:
    return f"{reason}; it was changed at {status.changed_at:%H:%M:%S} UTC and may be about to be registered"
