"""The states of a SparkApplication as the Spark operator (v2.5) goes through them. Pure: what to do, and what to say.

`advance` is one step of its reconciliation. An action that it names is taken before the status is written.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from enum import Enum, auto
from typing import Any

from pegel_local.cluster_player.cluster_objects import Object, name_of

Status = dict[str, Any]
DRIVER = "spark-kubernetes-driver"
"""The driver's container."""
TERMINATED = {"COMPLETED", "FAILED"}


class OperatorAction(Enum):
    """What the operator does before it writes a status."""

    NOTHING = auto()
    SUBMIT = auto()
    DELETE_POD = auto()


@dataclass(frozen=True, slots=True)
class OperatorStep:
    """One step: an action, and the status after it."""

    action: OperatorAction
    status: Status


def advance(application: Object, pod: Object | None, now: datetime) -> OperatorStep:
    """Return the next step for an application whose driver's pod is `pod` (None: there is none)."""
    status: Status = dict(application.get("status", {}))
    state = status.get("applicationState", {}).get("state", "")
    if application["spec"].get("suspend"):
        return _suspended(status, state)
    if state in {"SUBMITTED", "RUNNING", "UNKNOWN"}:
        return OperatorStep(OperatorAction.NOTHING, _by_pod(status, pod, now))
    if state in {"FAILING", "SUBMISSION_FAILED"}:
        return _after_failure(application, status, state, now)
    steps = {
        "": OperatorStep(OperatorAction.SUBMIT, status),
        "INVALIDATING": OperatorStep(OperatorAction.DELETE_POD, _cleared(status, "PENDING_RERUN", everything=True)),
        # Not before the pod of the run before is gone.
        "PENDING_RERUN": OperatorStep(OperatorAction.SUBMIT if pod is None else OperatorAction.DELETE_POD, status),
        "SUCCEEDING": _after_success(application, status),
        "SUSPENDING": OperatorStep(OperatorAction.DELETE_POD, _in_state(status, "SUSPENDED")),
        "SUSPENDED": OperatorStep(OperatorAction.NOTHING, _in_state(status, "RESUMING")),
        "RESUMING": OperatorStep(OperatorAction.SUBMIT if pod is None else OperatorAction.DELETE_POD, status),
    }
    return steps.get(state, OperatorStep(OperatorAction.NOTHING, status))


def submitted(application: Object, status: Status, submission: str, now: datetime) -> Status:
    """Return the status after a submission that worked."""
    return _attempted(application, status, submission, now) | {
        "applicationState": {"state": "SUBMITTED"},
        "executionAttempts": status.get("executionAttempts", 0) + 1,
    }


def not_submitted(application: Object, status: Status, submission: str, error: str, now: datetime) -> Status:
    """Return the status after a submission that failed."""
    state = {"state": "SUBMISSION_FAILED", "errorMessage": f"failed to submit spark application: {error}"}
    return _attempted(application, status, submission, now) | {"applicationState": state}


def is_expired(application: Object, now: datetime) -> bool:
    """Say whether an application ended longer ago than it is to be kept."""
    kept, status = application["spec"].get("timeToLiveSeconds"), application.get("status", {})
    ended = status.get("terminationTime")
    if kept is None or not ended or status["applicationState"]["state"] not in TERMINATED:
        return False
    return datetime.fromisoformat(ended) + timedelta(seconds=kept) < now


def invalidated(status: Status) -> Status:
    """Return the status of an application whose spec has changed, whatever it was doing."""
    return _in_state({"driverInfo": {}} | status, "INVALIDATING")


def driver_pod_name(application: Object) -> str:
    """Return the name of the driver's pod."""
    return str(application["spec"]["driver"].get("podName") or f"{name_of(application)}-driver")


def _attempted(application: Object, status: Status, submission: str, now: datetime) -> Status:
    return status | {
        "submissionID": submission,
        "driverInfo": {"podName": driver_pod_name(application)},
        "lastSubmissionAttemptTime": _stamp(now),
        "submissionAttempts": status.get("submissionAttempts", 0) + 1,
    }


def _by_pod(status: Status, pod: Object | None, now: datetime) -> Status:
    """Return the status that the driver's pod tells."""
    if pod is None:
        return _in_state(status, "FAILING", "driver pod not found") | {"terminationTime": _stamp(now)}
    phase = pod.get("status", {}).get("phase", "Pending")
    state = {"Pending": "SUBMITTED", "Running": "RUNNING", "Succeeded": "SUCCEEDING", "Failed": "FAILING"}.get(phase)
    if state not in {"SUCCEEDING", "FAILING"}:
        return _in_state(status, state or "UNKNOWN")
    return _in_state(status, state, _how_it_ended(pod)) | {"terminationTime": _stamp(now)}


def _how_it_ended(pod: Object) -> str:
    for container in pod["status"].get("containerStatuses", []):
        ended = container["state"].get("terminated") if container["name"] == DRIVER else None
        if ended and ended["exitCode"]:
            return f"driver container failed with ExitCode: {ended['exitCode']}, Reason: {ended['reason']}"
    return ""


def _after_failure(application: Object, status: Status, state: str, now: datetime) -> OperatorStep:
    """Try again within the bounds of the restart policy, after a pause that grows with each attempt; else give up."""
    policy = application["spec"].get("restartPolicy", {})
    failing = state == "FAILING"
    retries, pause, attempts = (
        ("onFailureRetries", "onFailureRetryInterval", "executionAttempts")
        if failing
        else ("onSubmissionFailureRetries", "onSubmissionFailureRetryInterval", "submissionAttempts")
    )
    again = policy.get("type") == "Always" or (
        policy.get("type") == "OnFailure" and status.get(attempts, 0) <= policy.get(retries, -1)
    )
    if not again:
        last = {} if "terminationTime" in status else {"terminationTime": _stamp(now)}
        return OperatorStep(OperatorAction.NOTHING, _in_state(status, "FAILED", _message(status)) | last)
    wait = timedelta(seconds=policy.get(pause, 0)) * status.get("submissionAttempts", 0)
    if datetime.fromisoformat(status["lastSubmissionAttemptTime"]) + wait > now:
        return OperatorStep(OperatorAction.NOTHING, status)
    return (
        OperatorStep(OperatorAction.DELETE_POD, _cleared(status, "PENDING_RERUN"))
        if failing
        else OperatorStep(OperatorAction.SUBMIT, status)
    )


def _after_success(application: Object, status: Status) -> OperatorStep:
    if application["spec"].get("restartPolicy", {}).get("type") == "Always":
        return OperatorStep(OperatorAction.DELETE_POD, _cleared(status, "PENDING_RERUN"))
    return OperatorStep(OperatorAction.NOTHING, _in_state(status, "COMPLETED"))


def _suspended(status: Status, state: str) -> OperatorStep:
    if state == "SUSPENDING":
        return OperatorStep(OperatorAction.DELETE_POD, _in_state(status, "SUSPENDED"))
    still = state in TERMINATED or state == "SUSPENDED"
    return OperatorStep(OperatorAction.NOTHING, status if still else _in_state(status, "SUSPENDING"))


def _cleared(status: Status, state: str, *, everything: bool = False) -> Status:
    """Return a status without what belongs to the run before; `everything`: the attempts are counted anew, too."""
    gone = {"sparkApplicationId", "terminationTime", "executorState"}
    if everything:
        gone |= {"submissionAttempts", "executionAttempts", "lastSubmissionAttemptTime"}
    # The schema wants it, be it empty.
    return _in_state({key: value for key, value in status.items() if key not in gone} | {"driverInfo": {}}, state)


def _in_state(status: Status, state: str, message: str = "") -> Status:
    return status | {"applicationState": {"state": state} | ({"errorMessage": message} if message else {})}


def _message(status: Status) -> str:
    return str(status.get("applicationState", {}).get("errorMessage", ""))


def _stamp(at: datetime) -> str:
    return at.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
