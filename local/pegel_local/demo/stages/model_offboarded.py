"""Stage 10: the model is offboarded, the last reconcile finds nothing to do, and nothing is left running."""

from __future__ import annotations

from pegel.reconcile.serving_backend import EndpointState
from pegel_local.backends.endpoint_processes import LocalServingBackend
from pegel_local.demo.failure import eventually, require
from pegel_local.demo.stage import Demo
from pegel_local.machine.interrupts import undisturbed
from pegel_local.processes.process_id import ProcessId, in_session
from pegel_local.processes.supervisor_files import SupervisorFiles

OFFBOARD_WITHIN_S = 120.0
DRIVER_WITHIN_S = 150.0
RECONCILE_WITHIN_S = 120.0


def show(demo: Demo) -> str:
    """Trigger `model_offboard`, follow its consequences, then stop the system and look at the process table."""
    if demo.keep:
        return "left out: the system stays up, with its model (KEEP=1)"
    started = everything(demo)
    model = demo.spec.model
    demo.follow("model_offboard", {"model": model.name, "version": model.version}, within_s=OFFBOARD_WITHIN_S)
    endpoint = LocalServingBackend(demo.settings).observe(demo.spec.endpoint)
    require(
        endpoint.state is EndpointState.ABSENT,
        expected="no endpoint",
        happened=f"{endpoint.name} is {endpoint.state}",
        log=demo.log("airflow-scheduler"),
    )
    eventually(
        lambda: None if demo.driver.running else True,
        within_s=DRIVER_WITHIN_S,
        expected="the driver of an empty group is stopped",
        happened=lambda: f"driver: {demo.driver.state()}",
        log=demo.driver.log,
    )
    idle = demo.follow("monitoring_reconcile", {}, within_s=RECONCILE_WITHIN_S)
    moves = [task for task in demo.api.tasks(idle) if task.id == "apply" and task.state == "success"]
    require(
        not moves,
        expected="a reconcile that finds nothing to do",
        happened=f"it made {len(moves)} moves",
        log=demo.log("airflow-scheduler"),
    )
    return _stop(demo, started)


def everything(demo: Demo) -> list[ProcessId]:
    """Return every process that was recorded: components, drivers, proxies, model servers and their supervisors."""
    state = demo.stack.file.read()
    processes = [part.process for part in state.parts.values()] if state else []
    for launch in (*demo.home.glob("jobs/*/launch.json"), *demo.home.glob("endpoints/*/*/launch.json")):
        seen = SupervisorFiles(launch.parent).state()
        processes += [seen.supervisor, *([seen.process] if seen.process else [])] if seen else []
    return processes


def _stop(demo: Demo, started: list[ProcessId]) -> str:
    with undisturbed():
        demo.stack.down()
    left = [process.pid for identity in started for process in in_session(identity)]
    demo.facts["left_running"] = left
    require(
        not left,
        expected=f"none of {len(started)} recorded processes, nor what they started",
        happened=f"still running: {left}",
        log=demo.home / "logs",
    )
    return "reconcile finds nothing to do · nothing left running"
