"""What an InferenceService says of itself, in the words of endpoints. Pure.

Ready is the condition `Ready` and, where KServe tells of the model, its transition: right after a change the condition
still speaks of what served before. `observedGeneration` is not asked: KServe copies another object's counter into it.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime
from typing import Any

from pegel.manifests import labels
from pegel.reconcile.serving_backend import EndpointState, EndpointStatus
from pegel.spec.outside_text import shown_lines
from pegel_airflow.kubernetes.kinds import LONGEST_DETAIL, Object, annotation, instant, is_going, metadata, status
from pegel_airflow.kubernetes.ownership import edited

UP_TO_DATE = "UpToDate"
BLOCKED = {"BlockedByFailedLoad": "its model cannot be loaded", "InvalidSpec": "KServe finds its specification wrong"}
"""Transitions that nothing but a change ends."""
STOPPED = "Stopped"
"""The one condition that is bad news when it is true."""


def endpoint_status(thing: Object, endpoint: str) -> EndpointStatus:
    """Return the status of `endpoint`, which an InferenceService of ours serves, or is to serve."""
    seen = EndpointStatus(
        name=endpoint,
        fingerprint=annotation(thing, labels.FINGERPRINT),
        state=EndpointState.UNKNOWN,
        url=address(thing),
        changed_at=changed_at(thing),
        edited=edited(thing),
    )
    if is_going(thing):
        return replace(seen, detail="it is being deleted")
    failure = failed(thing, since=started_at(thing))
    if failure:
        return replace(seen, state=EndpointState.FAILED, detail=failure, unready_since=_unready_since(thing))
    waits_for = not_ready(thing)
    if waits_for:
        return replace(seen, state=EndpointState.STARTING, detail=waits_for, unready_since=_unready_since(thing))
    return replace(seen, state=EndpointState.READY)


def address(thing: Object) -> str | None:
    """Return the base address of an InferenceService: inside its cluster, where it tells one; None before."""
    says = status(thing)
    inside = (says.get("address") or {}).get("url")
    known = inside or says.get("url")
    return str(known) if known else None


def failed(thing: Object, *, since: datetime | None) -> str:
    """Say why a model will not become ready however long one waits; "" if nothing says so.

    A failure that KServe dates before `since` is of what was there before.
    """
    model = status(thing).get("modelStatus") or {}
    transition = str(model.get("transitionStatus") or "")
    if transition not in BLOCKED:
        return ""
    info = model.get("lastFailureInfo") or {}
    at = instant(info.get("time"))
    if at is not None and since is not None and at < since.replace(microsecond=0):
        return ""
    said = [str(info[name]) for name in ("reason", "message") if info.get(name)]
    code = [f"exit code {info['exitCode']}"] if info.get("exitCode") is not None else []
    why = shown_lines(": ".join([*said, *code])[:LONGEST_DETAIL]) or "KServe does not say why"
    return f"{BLOCKED[transition]} ({transition}); {why}"


def not_ready(thing: Object) -> str:
    """Say what an InferenceService waits for; "" if it is ready."""
    conditions = _conditions(thing)
    ready = conditions.get("Ready")
    if ready is None:
        return "KServe has not taken it up yet"
    if ready.get("status") != "True":
        lacking = [name for name, each in conditions.items() if name != "Ready" and _lacks(name, each)]
        return "; ".join(_said(name, conditions[name]) for name in lacking or ["Ready"])
    transition = (status(thing).get("modelStatus") or {}).get("transitionStatus")
    if transition not in {None, "", UP_TO_DATE}:
        return f"it is ready and changes its model: {transition}"
    predictor = (status(thing).get("components") or {}).get("predictor") or {}
    created, latest = predictor.get("latestCreatedRevision"), predictor.get("latestReadyRevision")
    return "" if created == latest else f"revision {created} is not ready yet, {latest} serves"


def started_at(thing: Object) -> datetime | None:
    """Return when what runs was last asked for: made, changed or started anew."""
    times = (changed_at(thing), instant(restart_of(thing)))
    return max((at for at in times if at is not None), default=None)


def changed_at(thing: Object) -> datetime | None:
    """Return when what an object is to be was last changed."""
    return instant(annotation(thing, labels.CHANGED_AT)) or instant(metadata(thing).get("creationTimestamp"))


def restart_of(thing: Object) -> str:
    """Return when new pods were last asked for without another change, as it is written; empty if never."""
    predictor = (thing.get("spec") or {}).get("predictor") or {}
    return str((predictor.get("annotations") or {}).get(labels.RESTARTED_AT) or "")


def _unready_since(thing: Object) -> datetime | None:
    ready = _conditions(thing).get("Ready") or {}
    lost = instant(ready.get("lastTransitionTime")) if ready.get("status") != "True" else None
    return max((at for at in (started_at(thing), lost) if at is not None), default=None)


def _conditions(thing: Object) -> dict[str, Mapping[str, Any]]:
    return {str(each.get("type")): each for each in status(thing).get("conditions") or []}


def _lacks(name: str, condition: Mapping[str, Any]) -> bool:
    return (condition.get("status") == "True") is (name == STOPPED)


def _said(name: str, condition: Mapping[str, Any]) -> str:
    words = [str(condition[part]) for part in ("reason", "message") if condition.get(part)]
    return shown_lines(": ".join([f"{name} is {condition.get('status')}", *words])[:LONGEST_DETAIL])
