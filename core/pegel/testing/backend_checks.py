"""What every backend promises, as checks. A real backend and its fake run through the same ones.

Each check takes a fresh backend and raises AssertionError with a sentence when a promise is broken. Use them so::

    @pytest.mark.parametrize("check", JOB_CHECKS, ids=lambda check: check.__name__)
    def test_jobs(check, tmp_path):
        check(LocalJobBackend(...), job)
"""

from __future__ import annotations

import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta

from pegel.errors import Conflict
from pegel.reconcile.desired import endpoint_fingerprint
from pegel.reconcile.job_backend import JobBackend, JobDocument, JobState, Sighting
from pegel.reconcile.serving_backend import EndpointState, ServingBackend
from pegel.spec.monitor_spec import MonitorSpec

APPEARS_WITHIN = timedelta(seconds=30)
"""How long a real process may take to appear or to end."""
GRACE = timedelta(seconds=10)

JobCheck = Callable[[JobBackend, JobDocument], None]
ServingCheck = Callable[[ServingBackend, MonitorSpec], None]


def _expect(condition: bool, sentence: str) -> None:
    if not condition:
        raise AssertionError(sentence)


def _eventually(condition: Callable[[], bool], sentence: str) -> None:
    """Wait until `condition` holds, at most `APPEARS_WITHIN`; a fake meets it at the first look."""
    deadline = time.monotonic() + APPEARS_WITHIN.total_seconds()
    while not condition():
        _expect(time.monotonic() < deadline, sentence)
        time.sleep(0.05)


def _of(backend: JobBackend, group: str) -> Sighting | None:
    found = [sighting for sighting in backend.observe() if sighting.group == group]
    _expect(len(found) <= 1, f"expected at most one sighting of group {group}; given {len(found)}")
    return found[0] if found else None


def _lives(backend: JobBackend, group: str) -> bool:
    sighting = _of(backend, group)
    return sighting is not None and sighting.state is not JobState.EXITED


def _identity(sighting: Sighting | None) -> tuple[object, ...] | None:
    return None if sighting is None else (sighting.generation, sighting.started_at)


def an_idle_backend_sees_nothing(backend: JobBackend, job: JobDocument) -> None:
    """Before anything was started nothing is seen, and stopping it is not an error."""
    backend.stop(job.group, grace=GRACE)
    _expect(_of(backend, job.group) is None, "a job is seen that was never started")


def a_started_job_is_seen_as_told(backend: JobBackend, job: JobDocument) -> None:
    """A started job is seen with its fingerprint and generation."""
    backend.ensure(job, 7)
    _eventually(lambda: _lives(backend, job.group), "a started job was never seen")
    sighting = _of(backend, job.group)
    backend.stop(job.group, grace=GRACE)
    seen = sighting and (sighting.fingerprint, sighting.generation)
    _expect(seen == (job.fingerprint, 7), f"expected {(job.fingerprint, 7)}; seen {seen}")


def a_running_job_is_never_disturbed(backend: JobBackend, job: JobDocument) -> None:
    """Asking again for a job that runs leaves the running one as it is."""
    backend.ensure(job, 1)
    _eventually(lambda: _lives(backend, job.group), "a started job was never seen")
    before = _of(backend, job.group)
    backend.ensure(job, 2)
    after = _of(backend, job.group)
    backend.stop(job.group, grace=GRACE)
    _expect(_identity(before) == _identity(after), f"a running job was disturbed: before {before}, after {after}")


def a_stopped_job_does_not_live(backend: JobBackend, job: JobDocument) -> None:
    """After `stop` returns, the job does not live; stopping again is not an error."""
    backend.ensure(job, 1)
    _eventually(lambda: _lives(backend, job.group), "a started job was never seen")
    backend.stop(job.group, grace=GRACE)
    backend.stop(job.group, grace=GRACE)
    _expect(not _lives(backend, job.group), "a job lives although `stop` has returned")


def a_stopped_job_starts_again(backend: JobBackend, job: JobDocument) -> None:
    """A stopped job can be started as a later generation."""
    backend.ensure(job, 1)
    backend.stop(job.group, grace=GRACE)
    backend.ensure(job, 2)
    _eventually(lambda: _lives(backend, job.group), "a job was not seen after its second start")
    sighting = _of(backend, job.group)
    backend.stop(job.group, grace=GRACE)
    _expect(sighting is not None and sighting.generation == 2, f"expected generation 2; seen {sighting}")  # noqa: PLR2004


def an_unknown_endpoint_is_absent(backend: ServingBackend, spec: MonitorSpec) -> None:
    """An endpoint that nobody asked for is ABSENT, and deleting it is not an error."""
    backend.delete(spec.endpoint)
    _expect(
        backend.observe(spec.endpoint).state is EndpointState.ABSENT, "an endpoint is seen that was never asked for"
    )
    _expect(spec.endpoint not in _names(backend), "an endpoint is listed that was never asked for")


def a_pinned_spec_means_the_same_model(backend: ServingBackend, spec: MonitorSpec) -> None:
    """Pinning says which content is meant and nothing else; while the folder stays the same, so does what is meant."""
    first, second = backend.pin(spec), backend.pin(backend.pin(spec))
    without = first.model_copy(update={"model": first.model.model_copy(update={"digest": spec.model.digest})})
    _expect(first == second, f"pinned again, a spec is another one: {first}, then {second}")
    _expect(without == spec, f"pinning changed more than the digest: {spec} became {first}")


def an_endpoint_becomes_ready_as_desired(backend: ServingBackend, spec: MonitorSpec) -> None:
    """An applied endpoint becomes READY with an address, and is listed once; the same spec again changes nothing.

    A deployment of Hopsworks is ready without one: nobody here asks it.
    """
    backend.apply(spec)
    _eventually(lambda: _ready(backend, spec), f"not ready: {backend.observe(spec.endpoint)}")
    before = backend.observe(spec.endpoint)
    backend.apply(spec)
    after = backend.observe(spec.endpoint)
    listed = _names(backend)
    backend.delete(spec.endpoint)
    _expect(spec.model.is_deployment != (before.url is not None), f"ready at the address {before.url}")
    _expect(before == after, f"the same spec changed something: before {before}, after {after}")
    _expect(listed.count(spec.endpoint) == 1, f"expected to be listed once; listed {listed}")


def a_deleted_endpoint_is_absent(backend: ServingBackend, spec: MonitorSpec) -> None:
    """After `delete` returns, the endpoint is ABSENT and not listed."""
    backend.apply(spec)
    backend.delete(spec.endpoint)
    _expect(backend.observe(spec.endpoint).state is EndpointState.ABSENT, "a deleted endpoint is still there")
    _expect(spec.endpoint not in _names(backend), "a deleted endpoint is still listed")


def a_restarted_endpoint_keeps_its_address(backend: ServingBackend, spec: MonitorSpec) -> None:
    """A restarted endpoint becomes READY again at the same address; a second run that is late changes nothing."""
    backend.apply(spec)
    _eventually(lambda: _ready(backend, spec), f"not ready: {backend.observe(spec.endpoint)}")
    before, looked_at = backend.observe(spec.endpoint), datetime.now(UTC)
    backend.restart(spec, started_before=looked_at)
    backend.restart(spec, started_before=looked_at)
    _eventually(lambda: _ready(backend, spec), f"not ready again: {backend.observe(spec.endpoint)}")
    after = backend.observe(spec.endpoint)
    backend.delete(spec.endpoint)
    _expect((before.url, before.fingerprint) == (after.url, after.fingerprint), f"before {before}, after {after}")


def a_plan_names_the_endpoint_and_does_nothing(backend: ServingBackend, spec: MonitorSpec) -> None:
    """What would be run is told, and nothing runs or is listed for it."""
    told = backend.planned(spec)
    _expect(spec.endpoint in told, f"expected {spec.endpoint} in what is planned; given {told}")
    _expect(backend.observe(spec.endpoint).state is EndpointState.ABSENT, "what was only planned serves")
    _expect(backend.staged(spec.endpoint).state is EndpointState.ABSENT, "what was only planned is a candidate")


def a_discarded_candidate_leaves_what_serves(backend: ServingBackend, spec: MonitorSpec) -> None:
    """A candidate gets ready beside what serves; discarding it changes nothing else and leaves nothing of it."""
    backend.stage(spec)
    _eventually(lambda: _candidate_ready(backend, spec), f"not ready: {backend.staged(spec.endpoint)}")
    _expect(backend.observe(spec.endpoint).state is EndpointState.ABSENT, "a candidate serves before it was promoted")
    backend.discard(spec)
    _expect(backend.staged(spec.endpoint).state is EndpointState.ABSENT, "a discarded candidate is still there")
    backend.apply(spec)
    _eventually(lambda: _ready(backend, spec), f"not ready: {backend.observe(spec.endpoint)}")
    before = backend.observe(spec.endpoint)
    backend.stage(_other(spec))
    during = backend.observe(spec.endpoint)
    backend.discard(_other(spec))
    after = backend.staged(spec.endpoint)
    backend.delete(spec.endpoint)
    _expect(before == during == after, f"a candidate changed what serves: {before}, then {during}, then {after}")


def a_promoted_candidate_serves(backend: ServingBackend, spec: MonitorSpec) -> None:
    """A promoted candidate serves in the place of what served before, and is no candidate; again changes nothing."""
    backend.apply(spec)
    _eventually(lambda: _ready(backend, spec), f"not ready: {backend.observe(spec.endpoint)}")
    before = backend.observe(spec.endpoint)
    backend.stage(_other(spec))
    _eventually(lambda: _candidate_ready(backend, spec), f"not ready: {backend.staged(spec.endpoint)}")
    candidate = backend.staged(spec.endpoint)
    backend.promote(_other(spec))
    backend.promote(_other(spec))
    _eventually(lambda: _ready(backend, spec), f"not ready: {backend.observe(spec.endpoint)}")
    after, beside, listed = backend.observe(spec.endpoint), backend.staged(spec.endpoint), _names(backend)
    backend.delete(spec.endpoint)
    _expect(before.fingerprint != candidate.fingerprint, "the candidate is what served before")
    _expect(after.fingerprint == candidate.fingerprint, f"expected {candidate} to serve; given {after}")
    _expect(
        after.url == beside.url and after.fingerprint == beside.fingerprint, f"there is still a candidate: {beside}"
    )
    _expect(listed.count(spec.endpoint) == 1, f"expected to be listed once; listed {listed}")


def another_candidate_is_left_alone(backend: ServingBackend, spec: MonitorSpec) -> None:
    """Whoever promotes or discards a candidate that was replaced changes nothing, and is told of the conflict."""
    first, second = endpoint_fingerprint(spec), endpoint_fingerprint(_other(spec))
    backend.stage(spec)
    backend.stage(_other(spec))
    refused = _refused(backend, spec)
    backend.discard(spec)
    seen = (backend.observe(spec.endpoint).state, backend.staged(spec.endpoint).fingerprint)
    backend.promote(_other(spec))
    late = _refused(backend, spec)
    backend.stage(spec)
    # What serves already needs no promotion; the candidate beside it is another run's.
    backend.promote(_other(spec))
    after = (backend.observe(spec.endpoint).fingerprint, backend.staged(spec.endpoint).fingerprint)
    backend.delete(spec.endpoint)
    _expect(refused and late, "a candidate that is not there was promoted without a Conflict")
    _expect(seen == (EndpointState.ABSENT, second), f"another run's candidate was not left alone: {seen}")
    _expect(after == (second, first), f"expected {(second, first)} to serve and to be staged; given {after}")


def a_candidate_is_that_of_its_last_run(backend: ServingBackend, spec: MonitorSpec) -> None:
    """A run that is late ends nothing that another has staged again, in the very same words; that one still can."""
    fingerprint = endpoint_fingerprint(spec)
    for run in ("first", "second"):
        backend.stage(spec, by=run)
    backend.discard(spec, by="first")
    late = backend.staged(spec.endpoint).fingerprint
    backend.discard(spec, by="second")
    after = backend.staged(spec.endpoint).state
    backend.delete(spec.endpoint)
    _expect(late == fingerprint, "a run has ended the candidate of a later one")
    _expect(after is EndpointState.ABSENT, "the last run could not end its own candidate")


def _refused(backend: ServingBackend, spec: MonitorSpec) -> bool:
    """Say whether promoting raises Conflict."""
    try:
        backend.promote(spec)
    except Conflict:
        return True
    return False


def _other(spec: MonitorSpec) -> MonitorSpec:
    """Return another spec for the same endpoint."""
    protocol = "v1" if spec.model.protocol == "v2" else "v2"
    return spec.model_copy(update={"model": spec.model.model_copy(update={"protocol": protocol})})


def _candidate_ready(backend: ServingBackend, spec: MonitorSpec) -> bool:
    return backend.staged(spec.endpoint).state is EndpointState.READY


def _ready(backend: ServingBackend, spec: MonitorSpec) -> bool:
    return backend.observe(spec.endpoint).state is EndpointState.READY


def _names(backend: ServingBackend) -> list[str]:
    return backend.names()


JOB_CHECKS: tuple[JobCheck, ...] = (
    an_idle_backend_sees_nothing,
    a_started_job_is_seen_as_told,
    a_running_job_is_never_disturbed,
    a_stopped_job_does_not_live,
    a_stopped_job_starts_again,
)
SERVING_CHECKS: tuple[ServingCheck, ...] = (
    an_unknown_endpoint_is_absent,
    a_plan_names_the_endpoint_and_does_nothing,
    a_pinned_spec_means_the_same_model,
    an_endpoint_becomes_ready_as_desired,
    a_deleted_endpoint_is_absent,
    a_restarted_endpoint_keeps_its_address,
    a_discarded_candidate_leaves_what_serves,
    a_promoted_candidate_serves,
    another_candidate_is_left_alone,
    a_candidate_is_that_of_its_last_run,
)
