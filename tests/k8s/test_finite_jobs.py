"""A baseline as a job of the cluster: started once, waited for in the triggerer, found again after a lost worker."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from airflow.jobs.triggerer_job_runner import TriggerRunner
from airflow.sdk.exceptions import TaskDeferred
from backends import hook, served
from cluster_access import Account
from kubernetes.client import ApiClient, CustomObjectsApi
from status_writer import StatusWriter, job

from pegel.errors import PermanentError, Unavailable
from pegel.manifests import labels
from pegel.manifests.objects import SPARK_APPLICATION
from pegel.spec.limits import JOB_WITHIN
from pegel.spec.settings import Settings
from pegel.store.job_results import JobEnd, JobResult
from pegel_airflow import services
from pegel_airflow.baseline_operator import BaselineJob
from pegel_airflow.kubernetes.finite_jobs import SparkJobTrigger

RESULT = {"baseline_id": "b", "rows": 7, "features": 2, "request_row": [{"name": "distance", "value": 1.0}]}
CONTEXT: Any = {"run_id": "manual__2026-11-29", "ti": SimpleNamespace(map_index=-1)}
SELECTOR = f"{labels.SELECTOR},{labels.ROLE}={labels.BASELINE}"


@pytest.fixture
def task(
    connect: Callable[[Account], None],
    account: Account,
    namespace: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> BaselineJob:
    """The task that makes the baseline of a model, in the cluster."""
    connect(account)
    settings = {"HOME": str(tmp_path), "JOB_BACKEND": "kubernetes", "CLUSTER_NAMESPACE": namespace}
    for name, value in settings.items():
        monkeypatch.setenv(f"PEGEL_{name}", value)
    return BaselineJob(task_id="baseline", spec=served(namespace).to_json())


@pytest.fixture
def writer(admin: ApiClient, namespace: str) -> StatusWriter:
    """What writes the statuses of a namespace, when it is told to."""
    return StatusWriter(CustomObjectsApi(admin), namespace)


def applications(namespace: str) -> list[dict[str, Any]]:
    """Return the metadata of the jobs that are there."""
    return [each["metadata"] for each in hook().listed(SPARK_APPLICATION, namespace, SELECTOR)]


def deferred(task: BaselineJob) -> TaskDeferred:
    """Run the task up to where it leaves the waiting to the triggerer."""
    with pytest.raises(TaskDeferred) as waits:
        task.execute(CONTEXT)
    return waits.value


def ended(waits: TaskDeferred, writer: StatusWriter, state: str, error: str = "") -> dict[str, str]:
    """Let the job end, and return what the trigger fires with."""
    trigger: Any = waits.trigger
    writer.statuses = {trigger.name: job(state, error)}

    async def fired() -> Any:
        waiting = asyncio.create_task(anext(trigger.run()))
        await asyncio.sleep(0.5)
        assert not waiting.done()
        await asyncio.to_thread(writer.write)
        return await asyncio.wait_for(waiting, 60)

    event: dict[str, str] = asyncio.run(fired()).payload
    return event


async def first_event(trigger: Any) -> Any:
    """Return what a trigger fires with, which it does soon."""
    return await asyncio.wait_for(anext(trigger.run()), 60)


def leave(waits: TaskDeferred, result: JobResult) -> None:
    """Leave a result in the database, as the job does."""
    assert waits.kwargs is not None
    services.stores(Settings()).jobs.put(waits.kwargs["job_id"], result, datetime.now(UTC))


def resumed(task: BaselineJob, waits: TaskDeferred, event: dict[str, str]) -> dict[str, Any]:
    """Go on after the trigger has fired."""
    assert waits.kwargs is not None
    return task.resume(CONTEXT, event, **waits.kwargs)


def test_a_baseline_is_made_in_the_cluster(task: BaselineJob, writer: StatusWriter, namespace: str) -> None:
    """The task defers, the trigger fires when the job has ended, and its result comes out of the database."""
    waits = deferred(task)
    leave(waits, JobResult(state=JobEnd.DONE, result=RESULT))
    profiled = resumed(task, waits, ended(waits, writer, "COMPLETED"))

    assert 1 == len(applications(namespace))
    known = {"model": "delays", "version": 1, "current": None, "remarks": []}
    assert RESULT | known | {"recount": None, "suite_asked": 0, "suite_unmet": []} == profiled


def test_a_lost_worker_costs_nothing(task: BaselineJob, writer: StatusWriter, namespace: str) -> None:
    """The next try finds the job that runs; once it has ended, it takes its result without another."""
    waits = deferred(task)
    before = applications(namespace)
    deferred(task)
    during = applications(namespace)
    ended(waits, writer, "COMPLETED")
    leave(waits, JobResult(state=JobEnd.DONE, result=RESULT))

    assert before == during
    assert "b" == task.execute(CONTEXT)["baseline_id"]


def test_a_job_that_failed_is_tried_anew(task: BaselineJob, writer: StatusWriter, namespace: str) -> None:
    """Its end is told with the operator's words, as something that may be tried again; that makes a new job."""
    waits = deferred(task)
    before = applications(namespace)
    event = ended(waits, writer, "FAILED", "driver OOM killed")
    with pytest.raises(Unavailable, match="baseline job of delays/1 ended as FAILED: driver OOM killed"):
        resumed(task, waits, event)
    deferred(task)

    assert before[0]["uid"] != applications(namespace)[0]["uid"]


def test_a_job_that_refuses_its_input_is_not_tried_again(task: BaselineJob, writer: StatusWriter) -> None:
    """The job's own sentence counts, whatever the operator makes of its exit code."""
    waits = deferred(task)
    leave(waits, JobResult(state=JobEnd.REFUSED, sentence="no column distance"))
    event = ended(waits, writer, "FAILED")
    with pytest.raises(PermanentError, match="refused its input: no column distance"):
        resumed(task, waits, event)


def test_a_job_that_is_deleted_is_told(task: BaselineJob, namespace: str) -> None:
    """Whoever waits for it hears so at once, and may try again."""
    waits = deferred(task)
    (application,) = hook().listed(SPARK_APPLICATION, namespace, SELECTOR)
    hook().delete(application)

    with pytest.raises(Unavailable, match="ended as unknown: somebody has deleted it"):
        resumed(task, waits, asyncio.run(first_event(waits.trigger)).payload)


async def cancelled(trigger: Any, message: str | None) -> None:
    """Run a trigger as Airflow's triggerer does, and cancel it: by its queue (None), or with a message of its own."""
    runner = TriggerRunner()  # type: ignore[no-untyped-call]  # Airflow's
    running = asyncio.create_task(runner.run_trigger(1, trigger, None, None))
    runner.triggers[1] = {"task": running, "is_watcher": False, "name": "baseline", "events": 0}
    await asyncio.sleep(0.5)
    if message is None:
        runner.to_cancel.append(1)
        await runner.cancel_triggers()  # type: ignore[no-untyped-call]  # Airflow's
    else:
        running.cancel(message)
    with pytest.raises(asyncio.CancelledError):
        await asyncio.wait_for(running, 60)


def test_a_task_that_a_person_clears_ends_its_job(task: BaselineJob, namespace: str) -> None:
    """Airflow asks the trigger to end it; what is tried after that is another job."""
    waits = deferred(task)
    before = applications(namespace)
    asyncio.run(cancelled(waits.trigger, None))
    after = applications(namespace)
    deferred(task)

    assert (1, []) == (len(before), after)
    assert before[0]["uid"] != applications(namespace)[0]["uid"]


def test_a_triggerer_that_stops_ends_no_job(task: BaselineJob, namespace: str) -> None:
    """Another triggerer takes the trigger over, and the job has gone on meanwhile."""
    waits = deferred(task)
    before = applications(namespace)
    asyncio.run(cancelled(waits.trigger, "EOF - shutting down"))

    assert before == applications(namespace)


def test_only_the_job_that_was_waited_for_is_ended(task: BaselineJob, namespace: str) -> None:
    """A task cleared twice has two triggers; the earlier one ends nothing of the later one's, whose job runs on."""
    first: Any = deferred(task).trigger
    asyncio.run(first.on_kill())
    second: Any = deferred(task).trigger
    before = applications(namespace)
    asyncio.run(first.on_kill())
    told = asyncio.run(first_event(first)).payload

    assert before == applications(namespace)
    assert (second.uid, "somebody has deleted it") == (before[0]["uid"], told["message"])


def test_a_job_that_takes_too_long_is_ended(task: BaselineJob, namespace: str) -> None:
    """At the deadline it is told, and nothing of it is left for the next try to find."""
    waits = deferred(task)
    trigger: Any = waits.trigger
    trigger.deadline = (datetime.now(UTC) + timedelta(seconds=1)).isoformat()
    with pytest.raises(Unavailable, match=r"ended as unknown: it had not ended by .* and was ended"):
        resumed(task, waits, asyncio.run(first_event(trigger)).payload)

    assert [] == applications(namespace)


def test_a_job_is_waited_for_by_another_triggerer_as_long(task: BaselineJob) -> None:
    """Made again from what it wrote down, a trigger waits for the same object, until the same instant."""
    trigger: Any = deferred(task).trigger
    path, kwargs = trigger.serialize()
    again = SparkJobTrigger(**kwargs)

    assert f"{SparkJobTrigger.__module__}.{SparkJobTrigger.__qualname__}" == path
    assert (path, kwargs) == again.serialize()
    assert datetime.fromisoformat(again.deadline) > datetime.now(UTC) + JOB_WITHIN / 2
