"""The model is offboarded, the last reconcile finds nothing to do, and nothing is left running."""

from __future__ import annotations

from pegel.reconcile.serving_backend import EndpointState
from pegel_local.demo.failure import eventually, require
from pegel_local.demo.stage import Demo
from pegel_local.machine.interrupts import undisturbed
from pegel_local.processes.process_id import ProcessId, in_session

OFFBOARD_WITHIN_S = 120.0
DRIVER_WITHIN_S = 150.0
RECONCILE_WITHIN_S = 120.0
LEFT_WITHIN_S = 60.0
"""In a cluster jobs that have ended are kept for a while."""


def show(demo: Demo) -> str:
    """Trigger `model_offboard`, follow its consequences, then stop the system and look at the process table."""
    if demo.keep:
        return "left out: the system stays up, with its model (KEEP=1)"
    started, made = everything(demo), demo.platform.made_for_models()
    model = demo.spec.model
    demo.follow("model_offboard", {"model": model.name, "version": model.version}, within_s=OFFBOARD_WITHIN_S)
    endpoint = demo.platform.endpoint(demo.spec.endpoint)
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
    eventually(
        lambda: None if demo.platform.made_for_models() else True,
        within_s=LEFT_WITHIN_S,
        expected="nothing of what was made for the model",
        happened=lambda: "\n".join(demo.platform.made_for_models()),
        log=demo.log("airflow-scheduler"),
    )
    demo.facts["made_for_models"] = {"before": made, "left": demo.platform.made_for_models()}
    return _stop(demo, started)


def everything(demo: Demo) -> list[ProcessId]:
    """Return every process that was recorded: components, drivers, proxies, model servers and their supervisors."""
    state = demo.stack.file.read()
    parts = [part.process for part in state.parts.values()] if state else []
    return [*parts, *demo.platform.processes()]


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
