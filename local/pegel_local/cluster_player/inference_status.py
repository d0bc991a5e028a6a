"""The status of an InferenceService in the words of KServe's controller (v0.20, deployment mode Standard)."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime

from pegel_local.cluster_player.cluster_objects import Object, name_of

ROLLOUT = "pegel-player/rollout"
"""Annotation of a predictor's pod: the how manieth predictor of its service it is, from 1."""
LOAD_FAILED = "ModelLoadFailed"
STOPPED, NOT_STOPPED = "Stopped", ("False", "", "")


class BadModel(Exception):
    """A predictor that no runtime here can serve, or whose model cannot be had."""

    def __init__(self, reason: str, message: str) -> None:
        """Take one of KServe's reasons, and a sentence."""
        super().__init__(message)
        self.reason, self.message = reason, message


@dataclass(frozen=True, slots=True, kw_only=True)
class Seen:
    """What there is of a service: the pods of what it is to be, and those that answer, which may be older ones."""

    service: Object
    current: list[Object]
    serving: list[Object]
    url: str
    bad: BadModel | None
    """Why there can be no pod of what it is to be."""

    @property
    def is_current(self) -> bool:
        """Say whether what answers is what the service is to be."""
        return bool(self.serving) and self.bad is None and all(pod in self.current for pod in self.serving)

    @property
    def before(self) -> Object:
        """Return the status that stands there."""
        status: Object = self.service.get("status", {})
        return status


def status_of(seen: Seen) -> Object:
    """Return the status of a service."""
    predictor = _predictor(seen)
    known = {each["type"]: each for each in seen.before.get("conditions", [])}
    wanted = {"IngressReady": ("True", "", ""), "PredictorReady": predictor, "Ready": predictor, STOPPED: NOT_STOPPED}
    answers = bool(seen.serving)
    status: Object = {
        # KServe copies the counter of its Deployment, not that of the service.
        "observedGeneration": _rollouts(seen),
        "deploymentMode": "Standard",
        "conditions": [_condition(name, *said, known.get(name)) for name, said in wanted.items()],
        "components": {"predictor": {"url": seen.url} if answers else {}},
        "modelStatus": _model_status(seen),
        "clusterServingRuntimeName": "pegel-player",
    }
    return status | ({"url": seen.url, "address": {"url": seen.url}} if answers else {})


def _predictor(seen: Seen) -> tuple[str, str, str]:
    """Return status, reason and message of the predictor, as KServe takes them from the conditions of a Deployment."""
    if seen.is_current:
        return "True", "", ""
    if seen.bad is not None and not seen.serving:
        return "False", seen.bad.reason, seen.bad.message
    if seen.serving:
        # While a new pod is on its way, the old one answers.
        return "Unknown", "ReplicaSetUpdated", "ReplicaSet is progressing."
    return "False", "MinimumReplicasUnavailable", "Deployment does not have minimum availability."


def _model_status(seen: Seen) -> Object:
    failure = _failure(seen)
    target, transition = "Pending", "InProgress"
    if seen.is_current:
        target, transition = "Loaded", "UpToDate"
    elif seen.bad is not None and seen.bad.reason != LOAD_FAILED:
        target, transition = "FailedToLoad", "InvalidSpec"
    elif failure is not None:
        target, transition = "FailedToLoad", "BlockedByFailedLoad"
    status: Object = {
        "transitionStatus": transition,
        "states": {"activeModelState": "Loaded" if seen.serving else "Pending", "targetModelState": target},
        "copies": {"failedCopies": 0, "totalCopies": len(seen.serving)},
    }
    # KServe keeps the last failure although all is well again.
    kept = failure or seen.before.get("modelStatus", {}).get("lastFailureInfo")
    return status if kept is None else status | {"lastFailureInfo": kept}


def _failure(seen: Seen) -> Object | None:
    """Return why what the service is to be cannot be loaded; None while nothing says so."""
    if seen.bad is not None:
        failure: Object = {"reason": seen.bad.reason, "message": seen.bad.message}
    else:
        failures = [_pod_failure(pod) for pod in seen.current]
        failure = next((each for each in failures if each), {})
    if not failure:
        return None
    known: Object = seen.before.get("modelStatus", {}).get("lastFailureInfo", {})
    same = all(known.get(key) == value for key, value in failure.items())
    return known if same else failure | {"time": _now()}


def _pod_failure(pod: Object) -> Object:
    """Return why a pod's model is not loaded; empty while it may still be."""
    for container in pod.get("status", {}).get("containerStatuses", []):
        state = container.get("state", {})
        ended, waiting = state.get("terminated"), state.get("waiting")
        if ended and ended["exitCode"]:
            code, message = ended["exitCode"], ended.get("message", "")
            return {"reason": LOAD_FAILED, "message": message, "exitCode": code, "location": name_of(pod)}
        if waiting:
            return {"reason": "RuntimeUnhealthy", "message": waiting["message"], "location": name_of(pod)}
    return {}


def _rollouts(seen: Seen) -> int:
    """Return how often the predictor was changed, its creation included, as far as anybody here remembers."""
    counts = [int(pod["metadata"]["annotations"].get(ROLLOUT, "1")) for pod in (*seen.current, *seen.serving)]
    return max([1, int(seen.before.get("observedGeneration", 1)), *counts])


def _condition(name: str, status: str, reason: str, message: str, known: Object | None) -> Object:
    condition: Object = {"type": name, "status": status}
    if reason:
        condition |= {"reason": reason, "message": message}
    if name == STOPPED:
        condition["severity"] = "Info"
    same = known is not None and known["status"] == status
    return condition | {"lastTransitionTime": known["lastTransitionTime"] if known and same else _now()}


def _now() -> str:
    return datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
