"""The shipped fakes keep the promises of the seams that they stand for."""

from __future__ import annotations

from datetime import timedelta

import pytest

from pegel.reconcile.job_backend import JobDocument
from pegel.reconcile.serving_backend import EndpointState
from pegel.testing import JOB_CHECKS, SERVING_CHECKS, ManualClock, MemoryJobBackend, MemoryServingBackend
from pegel.testing.backend_checks import JobCheck, ServingCheck
from pegel.testing.samples import deployed, sample_spec

JOB = JobDocument(group="default", fingerprint="f" * 64, kafka="127.0.0.1:9092")


@pytest.mark.parametrize("check", JOB_CHECKS, ids=lambda check: check.__name__)
def test_jobs_in_memory_keep_the_promises(check: JobCheck) -> None:
    """Every promise of a job backend is kept by the fake."""
    assert check(MemoryJobBackend(), JOB) is None  # type: ignore[func-returns-value]  # it raises when a promise is broken


@pytest.mark.parametrize("check", SERVING_CHECKS, ids=lambda check: check.__name__)
def test_endpoints_in_memory_keep_the_promises(check: ServingCheck) -> None:
    """Every promise of a serving backend is kept by the fake."""
    assert check(MemoryServingBackend(), sample_spec()) is None  # type: ignore[func-returns-value]  # as above


@pytest.mark.parametrize("check", SERVING_CHECKS, ids=lambda check: check.__name__)
def test_deployments_in_memory_keep_the_promises(check: ServingCheck) -> None:
    """So is it for what Hopsworks serves, which has no address here."""
    assert check(MemoryServingBackend(), sample_spec(model=deployed())) is None  # type: ignore[func-returns-value]  # as above


def test_every_promise_is_checked() -> None:
    """No check is lost from the lists by accident."""
    assert (5, 10) == (len(JOB_CHECKS), len(SERVING_CHECKS))


def test_a_check_notices_a_broken_promise() -> None:
    """A backend that restarts what runs is caught, with a sentence."""

    class Restless(MemoryJobBackend):
        """Disturbs a running job."""

        def ensure(self, job: JobDocument, generation: int) -> None:
            """Start anew each time."""
            self.vanish(job.group)
            super().ensure(job, generation)

    check = next(check for check in JOB_CHECKS if check.__name__ == "a_running_job_is_never_disturbed")
    with pytest.raises(AssertionError, match="a running job was disturbed"):
        check(Restless(), JOB)


def test_a_failing_endpoint_shows_its_log() -> None:
    """An endpoint that is named as failing is FAILED with its last line."""
    backend = MemoryServingBackend({"delays-v1": "ModuleNotFoundError: sklearn"})
    backend.apply(sample_spec())
    status = backend.observe("delays-v1")

    assert (EndpointState.FAILED, "ModuleNotFoundError: sklearn") == (status.state, status.detail)


def test_the_clock_does_not_go_back() -> None:
    """A manual clock moves forward only."""
    clock = ManualClock()
    moved = clock.advance(timedelta(seconds=5))

    assert moved == clock.now()
    with pytest.raises(ValueError, match="step forward"):
        clock.advance(timedelta(seconds=-1))
