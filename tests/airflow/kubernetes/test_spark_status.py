"""What a SparkApplication says of itself, in the words of jobs."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest

from pegel.manifests import labels
from pegel.reconcile.job_backend import JobState
from pegel_airflow.kubernetes.spark_status import sighting

CREATED = "2026-11-29T10:00:00Z"


def application(state: str | None, error: str = "", **metadata: Any) -> dict[str, Any]:
    """Return a driver's object in a state of the operator; None before it has looked."""
    known = {
        "name": "pegel-default",
        "creationTimestamp": CREATED,
        "labels": {labels.GROUP: "default"},
        "annotations": {labels.FINGERPRINT: "abc", labels.GENERATION: "7"},
    }
    thing: dict[str, Any] = {"metadata": known | metadata}
    return thing if state is None else thing | {"status": {"applicationState": {"state": state, "errorMessage": error}}}


@pytest.mark.parametrize(
    ("state", "expected", "code", "detail"),
    [
        (None, JobState.PENDING, None, "the Spark operator has not taken it up yet"),
        ("", JobState.PENDING, None, "the Spark operator has not taken it up yet"),
        ("RUNNING", JobState.RUNNING, None, ""),
        ("COMPLETED", JobState.EXITED, 0, "the Spark operator does not say why"),
        ("FAILED", JobState.EXITED, None, "the Spark operator does not say why"),
        *[
            (state, JobState.PENDING, None, f"the Spark operator has it as {state}")
            for state in (
                "SUBMITTED",
                "SUBMISSION_FAILED",
                "PENDING_RERUN",
                "INVALIDATING",
                "SUCCEEDING",
                "FAILING",
                "UNKNOWN",
                "SUSPENDED",
                "A_STATE_OF_TOMORROW",
            )
        ],
    ],
)
def test_each_state_of_the_operator_has_its_own(
    state: str | None, expected: JobState, code: int | None, detail: str
) -> None:
    """Only what the operator is done with has exited; whatever it is about is its own business."""
    seen = sighting(application(state))

    assert seen is not None
    assert (expected, code, detail) == (seen.state, seen.exit_code, seen.detail)
    assert ("default", "abc", 7) == (seen.group, seen.fingerprint, seen.generation)


def test_what_went_wrong_is_told() -> None:
    """The operator's message follows its state, and is the log of a driver that has failed."""
    details = [sighting(application(state, "driver OOM killed")) for state in ("PENDING_RERUN", "FAILED")]

    assert ["the Spark operator has it as PENDING_RERUN: driver OOM killed", "driver OOM killed"] == [
        seen and seen.detail for seen in details
    ]


def test_one_that_is_being_deleted_is_left_to_that() -> None:
    """Whatever state it had, an object that goes is nobody's to move."""
    seen = sighting(application("RUNNING", deletionTimestamp=CREATED))

    assert seen is not None
    assert (JobState.PENDING, "it is being deleted") == (seen.state, seen.detail)


def test_a_driver_counts_from_its_last_submission() -> None:
    """Started again by the operator, it is as old as that start."""
    again = application("RUNNING")
    again["status"]["lastSubmissionAttemptTime"] = "2026-11-29T11:00:00Z"
    seen = [sighting(application("RUNNING")), sighting(again)]

    assert [datetime(2026, 11, 29, hour, tzinfo=UTC) for hour in (10, 11)] == [
        each and each.started_at for each in seen
    ]
