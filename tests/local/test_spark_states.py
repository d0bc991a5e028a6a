"""The player goes through the states of a SparkApplication as the Spark operator does."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pegel_local.cluster_player.spark_states import DRIVER, OperatorAction, advance, invalidated, submitted

NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)
FAILED = {"phase": "Failed", "containerStatuses": [{"name": DRIVER, "state": {"terminated": {"exitCode": 3}}}]}
FAILED["containerStatuses"][0]["state"]["terminated"]["reason"] = "Error"  # type: ignore[index]  # one line too long
PHASES = {"Pending": "SUBMITTED", "Running": "RUNNING", "Succeeded": "SUCCEEDING", "Unknown": "UNKNOWN"}


def application(status: dict[str, Any] | None = None, **policy: Any) -> dict[str, Any]:
    """Return an application with a restart policy."""
    spec = {"driver": {}, "restartPolicy": policy or {"type": "Never"}}
    return {"metadata": {"name": "pegel-g"}, "spec": spec, "status": status or {}}


def running(application: dict[str, Any]) -> dict[str, Any]:
    """Return the status of one whose driver runs."""
    return submitted(application, {}, "id", NOW) | {"applicationState": {"state": "RUNNING"}}


def pod(phase: str) -> dict[str, Any]:
    """Return a driver's pod in a phase."""
    return {"metadata": {"name": "pegel-g-driver"}, "status": FAILED if phase == "Failed" else {"phase": phase}}


def state(status: dict[str, Any]) -> str:
    """Return the name of the state."""
    return str(status["applicationState"]["state"])


def test_a_new_application_is_submitted() -> None:
    """A driver is submitted once, under a name that follows from that of its application."""
    step = advance(application(), None, NOW)
    status = submitted(application(), step.status, "id", NOW)

    assert OperatorAction.SUBMIT is step.action
    assert ("SUBMITTED", 1, 1) == (state(status), status["executionAttempts"], status["submissionAttempts"])
    assert {"podName": "pegel-g-driver"} == status["driverInfo"]


@pytest.mark.parametrize(("phase", "expected"), PHASES.items())
def test_a_state_follows_the_pod(phase: str, expected: str) -> None:
    """What an application is said to do is what its driver's pod does."""
    status = running(application())

    assert expected == state(advance(application(status), pod(phase), NOW).status)


def test_a_pod_that_is_gone_has_failed() -> None:
    """Without its pod a running application is FAILING, and says so."""
    status = advance(application(running(application())), None, NOW).status

    assert {"state": "FAILING", "errorMessage": "driver pod not found"} == status["applicationState"]


def test_a_failure_names_its_exit_code() -> None:
    """The exit code of a driver is in the message, and there is no retry where the policy has none."""
    failing = advance(application(running(application())), pod("Failed"), NOW).status
    status = advance(application(failing), pod("Failed"), NOW).status

    assert "FAILED" == state(status)
    assert "driver container failed with ExitCode: 3, Reason: Error" == status["applicationState"]["errorMessage"]


def test_a_retry_waits_longer_each_time() -> None:
    """The pause before a retry is the interval times the attempts so far; before that nothing happens."""
    policy = {"type": "OnFailure", "onFailureRetries": 3, "onFailureRetryInterval": 10}
    status = running(application()) | {"applicationState": {"state": "FAILING"}, "submissionAttempts": 2}
    early = advance(application(status, **policy), pod("Failed"), NOW + timedelta(seconds=19))
    due = advance(application(status, **policy), pod("Failed"), NOW + timedelta(seconds=20))

    assert (OperatorAction.NOTHING, "FAILING") == (early.action, state(early.status))
    assert (OperatorAction.DELETE_POD, "PENDING_RERUN") == (due.action, state(due.status))


def test_a_rerun_waits_for_the_pod_before_it() -> None:
    """No second driver is submitted while the pod of the first is there."""
    status = running(application()) | {"applicationState": {"state": "PENDING_RERUN"}}

    assert OperatorAction.DELETE_POD is advance(application(status), pod("Failed"), NOW).action
    assert OperatorAction.SUBMIT is advance(application(status), None, NOW).action


def test_a_changed_spec_starts_anew_with_all_its_retries() -> None:
    """An application that was changed is run again whatever it was doing, and its attempts are counted from 0."""
    status = invalidated(running(application()) | {"executionAttempts": 4})
    step = advance(application(status), pod("Running"), NOW)

    assert (OperatorAction.DELETE_POD, "PENDING_RERUN") == (step.action, state(step.status))
    assert "executionAttempts" not in step.status


@given(st.integers(0, 5), st.lists(st.sampled_from(["Failed", "gone"]), max_size=8))
def test_restarts_are_bounded(retries: int, ends: list[str]) -> None:
    """However a driver ends, it is submitted at most once more than there are retries, and is FAILED after that."""
    policy = {"type": "OnFailure", "onFailureRetries": retries, "onFailureRetryInterval": 1}
    now, body = NOW, application({}, **policy)
    body["status"] = submitted(body, {}, "id", now)
    for end in ends:
        seen = pod("Failed") if end == "Failed" else None
        for _ in range(4):
            now += timedelta(minutes=1)
            step = advance(body, seen, now)
            body["status"] = step.status
            seen = None if step.action is OperatorAction.DELETE_POD else seen
            if step.action is OperatorAction.SUBMIT:
                body["status"] = submitted(body, step.status, "id", now)
                break

    assert min(len(ends), retries) + 1 == body["status"]["executionAttempts"]
    assert (len(ends) > retries) == (state(body["status"]) == "FAILED")
