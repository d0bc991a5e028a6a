"""Reconciling, run as Airflow runs it, over fakes of the two backends and a real database."""

from __future__ import annotations

import threading
import time
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
import rooms
import seeds

from pegel.errors import SetupError
from pegel.reconcile.actions import Target
from pegel.reconcile.desired import endpoint_fingerprint
from pegel.reconcile.job_backend import JobState
from pegel.reconcile.serving_backend import EndpointState
from pegel.spec.limits import HEARTBEAT_EVERY
from pegel.spec.settings import Settings
from pegel.testing.samples import tabled
from pegel.testing.stream_fakes import speak
from pegel_airflow import reconciling, services
from pegel_airflow.observation import observe

FINGERPRINT = endpoint_fingerprint(seeds.spec())[:8]

pytestmark = pytest.mark.usefixtures("fresh_rooms")


def onboarded(settings: Settings) -> Any:
    """Bring the tests' spec into the registry, with an endpoint that is ready."""
    spec = seeds.spec()
    services.stores(settings).registry.put(spec)
    rooms.SERVING.apply(spec)
    return spec


def test_a_desired_monitor_is_started(settings: Settings, run_dag: Any) -> None:
    """One run of the workflow starts the driver of a group whose model is ready, and logs why."""
    onboarded(settings)
    state = run_dag("monitoring_reconcile")

    seen = [(one.group, one.state, one.generation) for one in rooms.JOBS.observe()]
    logged = [
        (one.kind.value, one.reason) for one in services.stores(settings).actions.recent(Target.driver("default"))
    ]

    assert (state, seen, logged) == (
        "success",
        [("default", JobState.RUNNING, 1)],
        [("start", "nothing runs for it")],
    )


def test_a_model_in_a_table_starts_nothing(settings: Settings) -> None:
    """Neither driver nor endpoint; what served the same model before is nobody's any more, and goes."""
    services.stores(settings).registry.put(seeds.spec(model=tabled()))
    nothing = reconciling.steps(settings)
    onboarded(settings)
    reconciling.carry_out_step(settings, *reconciling.steps(settings))
    services.stores(settings).registry.put(seeds.spec(model=tabled()))

    assert [] == nothing
    assert {"driver/default": "stop"} == {step["target"]: step["kind"] for step in reconciling.steps(settings)}


def test_a_model_that_is_explained_has_a_worker(settings: Settings) -> None:
    """Where drivers are processes of this machine, a plan has a worker for each namespace that asks; else none."""
    spec = seeds.spec(attribution={"via": "artefact"})
    services.stores(settings).registry.put(spec)
    rooms.SERVING.apply(spec)
    here = settings.model_copy(update={"job_backend": "local"})

    planned = {str(action.target): action.kind.value for action in observe(here).plan()}
    elsewhere = {str(action.target) for action in observe(settings).plan()}
    told = reconciling.report(here, [], dry_run=True)

    assert "start" == planned["worker/default"]
    assert set() == {target for target in elsewhere if target.startswith("worker/")}
    assert "worker default" in told


def test_a_worker_waits_for_no_driver(settings: Settings) -> None:
    """Where drivers cannot be observed they stay as they are, and workers are started all the same."""
    onboarded(settings)
    services.stores(settings).registry.put(seeds.spec(attribution={"via": "artefact"}))
    here = settings.model_copy(update={"job_backend": "local"})
    seen = replace(observe(here), drivers_unseen="Unavailable: away")

    planned = {str(action.target): action.kind.value for action in seen.plan()}

    assert ("start", "hold") == (planned["worker/default"], planned["driver/default"])


def test_workers_that_cannot_be_observed_are_told(settings: Settings) -> None:
    """The report names the namespace and why; drivers and endpoints are reconciled all the same."""
    services.stores(settings).registry.put(seeds.spec(attribution={"via": "artefact"}))
    here = settings.model_copy(update={"job_backend": "local"})
    workers = here.home / "workers"
    workers.mkdir()
    (workers / "default").mkdir()
    (workers / "default" / "lock").mkdir()

    planned = {str(action.target): action for action in observe(here).plan()}

    assert "hold" == planned["worker/default"].kind.value
    assert planned["worker/default"].reason.startswith("workers could not be observed: ")
    assert "workers could not be observed" in reconciling.report(here, [], dry_run=True)


def test_nothing_to_do_is_a_success(settings: Settings, run_dag: Any) -> None:
    """With nothing desired and nothing running, a run maps over no step and still reports."""
    state = run_dag("monitoring_reconcile")

    assert (state, rooms.JOBS.observe()) == ("success", [])


def test_planning_again_gives_no_step(settings: Settings) -> None:
    """After its steps were taken, planning again finds nothing to move."""
    spec = onboarded(settings)
    for step in reconciling.steps(settings):
        reconciling.carry_out_step(settings, step)
    speak(
        services.engine(settings.database),
        seeds.heartbeat(spec, fingerprint=rooms.JOBS.documents["default"].fingerprint),
    )

    assert reconciling.steps(settings) == []


def test_a_dead_driver_is_restarted(settings: Settings) -> None:
    """A driver that was killed is started again as the next generation, and the reason names its exit."""
    onboarded(settings)
    reconciling.carry_out_step(settings, *reconciling.steps(settings))
    rooms.JOBS.exit("default", 137, "Killed")
    told = reconciling.carry_out_step(settings, *reconciling.steps(settings))

    assert (told, rooms.JOBS.observe()[0].generation) == (
        "driver/default: restart generation 2: exited with 137: Killed",
        2,
    )


def started_long_ago() -> None:
    """Let the driver have been started before it was last heard."""
    rooms.JOBS.seen["default"] = replace(rooms.JOBS.seen["default"], started_at=datetime.now(UTC) - timedelta(hours=1))


def test_a_silent_driver_counts_as_dead(settings: Settings) -> None:
    """A driver whose heartbeat is stale is restarted, although its backend still lists it as running."""
    spec = onboarded(settings)
    reconciling.carry_out_step(settings, *reconciling.steps(settings))
    document = rooms.JOBS.documents["default"]
    speak(
        services.engine(settings.database),
        seeds.heartbeat(spec, age=timedelta(minutes=5), fingerprint=document.fingerprint),
    )
    started_long_ago()

    assert [(step["kind"], step["generation"]) for step in reconciling.steps(settings)] == [("restart", 2)]


def test_a_driver_that_speaks_again_is_kept(settings: Settings) -> None:
    """Just after the database was away every heartbeat is old: a driver that speaks while it is listened for lives."""
    spec = onboarded(settings)
    reconciling.carry_out_step(settings, *reconciling.steps(settings))
    fingerprint, engine = rooms.JOBS.documents["default"].fingerprint, services.engine(settings.database)
    speak(engine, seeds.heartbeat(spec, age=timedelta(minutes=5), fingerprint=fingerprint))
    started_long_ago()
    (step,) = reconciling.steps(settings)
    speaking = threading.Timer(1, lambda: speak(engine, seeds.heartbeat(spec, fingerprint=fingerprint)))
    speaking.start()
    told = reconciling.carry_out_step(settings, step, speaks_within=timedelta(seconds=30))
    speaking.join()

    assert (step["kind"], told) == ("restart", "driver/default: restart is not needed any more")
    assert [seen.generation for seen in rooms.JOBS.observe()] == [1]


def test_a_driver_that_stays_silent_is_listened_for_in_vain(settings: Settings) -> None:
    """A driver that says nothing for longer than two heartbeats while it is listened for is restarted."""
    spec = onboarded(settings)
    reconciling.carry_out_step(settings, *reconciling.steps(settings))
    fingerprint, engine = rooms.JOBS.documents["default"].fingerprint, services.engine(settings.database)
    speak(engine, seeds.heartbeat(spec, age=timedelta(minutes=5), fingerprint=fingerprint))
    started_long_ago()
    (step,) = reconciling.steps(settings)
    began = time.monotonic()
    told = reconciling.carry_out_step(settings, step)
    took = timedelta(seconds=time.monotonic() - began)

    assert told.startswith("driver/default: restart generation 2: no heartbeat since ")
    assert HEARTBEAT_EVERY < took


def test_a_step_of_yesterday_moves_nothing(settings: Settings) -> None:
    """A step that another run has already taken is left alone: overlapping runs do no harm."""
    onboarded(settings)
    (step,) = reconciling.steps(settings)
    first, second = reconciling.carry_out_step(settings, step), reconciling.carry_out_step(settings, step)

    assert (first, second) == (
        "driver/default: start generation 1: nothing runs for it",
        "driver/default: start is not needed any more",
    )


def test_a_dry_run_moves_nothing_and_says_what_it_would(settings: Settings, run_dag: Any) -> None:
    """The workflow's dry run succeeds, starts no driver and writes nothing into the log of actions."""
    onboarded(settings)
    state, before = run_dag("monitoring_reconcile", dry_run=True), services.stores(settings)
    planned = reconciling.report(settings, [], dry_run=True)

    assert ("success", [], []) == (state, rooms.JOBS.observe(), list(before.actions.history(datetime.now(UTC))))
    assert "start nothing runs for it" in " ".join(planned.split())


def test_a_pass_that_came_to_its_end_is_noted(settings: Settings) -> None:
    """Whoever looks from outside sees when that last was; a dry run is none."""
    reconciling.report(settings, [], dry_run=True)
    before = services.stores(settings).passes.ends()
    reconciling.report(settings, [])

    assert {} == before
    assert ["monitoring_reconcile"] == list(services.stores(settings).passes.ends())


def test_a_model_that_is_not_ready_is_waited_for(settings: Settings) -> None:
    """A group whose only model is not ready is held, its endpoint is started, and the report's table says why."""
    services.stores(settings).registry.put(seeds.spec())

    steps, lines = reconciling.steps(settings), reconciling.report(settings, []).splitlines()

    assert (steps, [" ".join(line.split()) for line in lines]) == (
        [{"target": "endpoint/delays-v1", "kind": "start", "generation": 0}],
        [
            "target desired observed action reason",
            f"endpoint delays-v1 {FINGERPRINT} absent start nothing serves it",
            f"monitor delays/1 {seeds.spec().fingerprint()[:8]} nothing hold delays-v1 is not ready",
            "0 kept as they are",
        ],
    )


def test_an_endpoint_that_died_is_brought_back(settings: Settings, run_dag: Any) -> None:
    """One run of the workflow revives an endpoint whose server exited, and the log of actions says why."""
    onboarded(settings)
    rooms.SERVING.die("delays-v1", "its server exited with 0; the last lines of its log:\ngood bye")
    state = run_dag("monitoring_reconcile")

    logged = services.stores(settings).actions.recent(Target.endpoint("delays-v1"))
    assert (state, rooms.SERVING.observe("delays-v1").state, [(each.kind.value, each.reason) for each in logged]) == (
        "success",
        EndpointState.READY,
        [("restart", "its server exited with 0: good bye")],
    )


def test_an_orphan_is_removed_once_it_has_settled(settings: Settings) -> None:
    """An endpoint that no monitor needs is held while it may be in the middle of onboarding, and then removed."""
    rooms.SERVING.apply(seeds.spec())
    early = reconciling.steps(settings)
    status = rooms.SERVING.seen["delays-v1"]
    rooms.SERVING.seen["delays-v1"] = replace(status, changed_at=datetime.now(UTC) - timedelta(minutes=11))
    told = reconciling.carry_out_step(settings, *reconciling.steps(settings))

    assert (early, told, rooms.SERVING.names()) == ([], "endpoint/delays-v1: stop: no monitor needs it any more", [])


def test_one_failing_backend_call_stops_no_other_step(settings: Settings, run_dag: Any) -> None:
    """An endpoint that cannot be started fails its own task and the run; the driver is started all the same."""
    onboarded(settings)
    pets = seeds.spec(model={"name": "pets", "uri": "file:///models/pets"})
    services.stores(settings).registry.put(pets)
    rooms.SERVING.refused.add("pets-v1")
    state = run_dag("monitoring_reconcile")

    assert (state, [(seen.group, seen.state) for seen in rooms.JOBS.observe()]) == (
        "failed",
        [("default", JobState.RUNNING)],
    )


def test_a_job_backend_that_is_away_holds_drivers_only(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    """When drivers cannot be observed, they are held with the reason, and endpoints are reconciled all the same."""
    monkeypatch.setenv("PEGEL_JOB_BACKEND", "rooms:jobs_away")
    services.stores(settings).registry.put(seeds.spec())
    steps, lines = reconciling.steps(Settings()), reconciling.report(Settings(), []).splitlines()

    assert ["endpoint/delays-v1"] == [step["target"] for step in steps]
    assert "drivers could not be observed: Unavailable: the cluster does not answer" in lines[2]


def test_parts_that_cannot_be_started_again_hold_up_nothing(
    settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Why broker, logger and mail box could not be looked after is said; elsewhere nobody here has to."""
    elsewhere = reconciling.start_parts_again(settings)
    monkeypatch.setenv("PEGEL_SERVING_BACKEND", "local")
    nothing = reconciling.start_parts_again(Settings())
    (settings.home / "stack.json").write_text("{", encoding="utf-8")
    (line,) = reconciling.start_parts_again(Settings())
    (settings.home / "stack.json").unlink()

    assert ([], []) == (elsewhere, nothing)
    assert line.startswith("not everything that has ended was started again: ")


@pytest.mark.parametrize(("number", "end"), [(0, "0 kept as they are"), (10, "m8, m9"), (13, "m8, m9 and 3 more")])
def test_of_many_that_are_kept_the_first_are_named(number: int, end: str) -> None:
    """The rest is counted."""
    assert reconciling.kept_line([f"m{each}" for each in range(number)]).endswith(end)


def test_what_is_kept_is_named_in_one_line(settings: Settings) -> None:
    """A monitor that runs as desired takes no line of the report for itself."""
    spec = onboarded(settings)
    reconciling.carry_out_step(settings, *reconciling.steps(settings))
    fingerprint = rooms.JOBS.documents["default"].fingerprint
    speak(services.engine(settings.database), seeds.heartbeat(spec, fingerprint=fingerprint))

    assert "2 kept as they are: endpoint delays-v1, monitor delays/1" == reconciling.report(settings, [])


def test_local_drivers_need_the_local_executor(monkeypatch: pytest.MonkeyPatch) -> None:
    """Under an executor whose tasks run elsewhere, local drivers are refused before anything starts."""
    monkeypatch.setenv("AIRFLOW__CORE__EXECUTOR", "CeleryExecutor")

    with pytest.raises(SetupError, match="expected LocalExecutor"):
        reconciling.refuse_foreign_executor(Settings(job_backend="local"))
