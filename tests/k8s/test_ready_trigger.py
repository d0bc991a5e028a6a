"""Waiting for an endpoint of a cluster: told by a watch, whatever becomes of the connection meanwhile."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any, cast

import pytest
from airflow.sdk import Context
from airflow.sdk.exceptions import TaskDeferred
from backends import CONNECTION, served, serving
from cluster_access import Account
from fault_proxy import Answer, Dropped, Fault, FaultProxy, WatchExpired
from kubernetes.client import ApiClient, CustomObjectsApi
from status_writer import StatusWriter, blocked

from pegel.errors import EndpointFailed
from pegel.spec.settings import Settings
from pegel_airflow import services
from pegel_airflow.kubernetes.ready_trigger import KServeReadyTrigger
from pegel_airflow.ready import WaitReady

ENDPOINT, CANDIDATE = "delays-v1", "delays-v1-candidate"
LOOKS = r"inferenceservices\?.*"


@pytest.fixture
def through(connect: Callable[[Account], None], account: Account, proxy: FaultProxy) -> FaultProxy:
    """The proxy, which Airflow's connection leads through."""
    connect(account.through(proxy.url))
    return proxy


@pytest.fixture
def writer(admin: ApiClient, namespace: str) -> StatusWriter:
    """What writes the statuses of a namespace, when it is told to."""
    return StatusWriter(CustomObjectsApi(admin), namespace)


async def fired(namespace: str, *, within_s: float, then: Callable[[], None] = lambda: None) -> dict[str, Any]:
    """Return what the trigger fires with; while it waits, do something in another thread."""
    deadline = (datetime.now(UTC) + timedelta(seconds=within_s)).isoformat()
    trigger = KServeReadyTrigger(namespace, ENDPOINT, deadline, CONNECTION)

    async def wait() -> dict[str, Any]:
        return {key: value async for event in trigger.run() for key, value in event.payload.items()}

    waiting = asyncio.create_task(wait())
    await asyncio.sleep(0.5)
    assert not waiting.done()
    await asyncio.to_thread(then)
    return await asyncio.wait_for(waiting, within_s + 30)


def test_it_fires_when_the_candidate_is_ready(through: FaultProxy, namespace: str, writer: StatusWriter) -> None:
    """Not the endpoint that serves already, but what is to take its place has to be ready."""
    backend, spec = serving(namespace), served(namespace, protocol="v2")
    backend.apply(served(namespace))
    backend.stage(spec)
    writer.statuses = {CANDIDATE: {}}
    writer.write()

    def get_ready() -> None:
        writer.statuses = {}
        writer.write()

    event = asyncio.run(fired(namespace, within_s=60, then=get_ready))

    assert backend.staged(ENDPOINT).to_json() == event
    assert "ready" == event["state"]


@pytest.mark.parametrize(
    ("transition", "words"),
    [
        ("BlockedByFailedLoad", "its model cannot be loaded"),
        ("InvalidSpec", "KServe finds its specification wrong"),
    ],
)
def test_it_fires_at_once_when_the_model_will_not_be_loaded(
    through: FaultProxy, namespace: str, writer: StatusWriter, transition: str, words: str
) -> None:
    """The reason that KServe gives is told in words, long before the deadline."""
    serving(namespace).stage(served(namespace))
    writer.statuses = {CANDIDATE: blocked(transition, "ModelLoadFailed", "no such file")}
    event = asyncio.run(fired(namespace, within_s=600, then=writer.write))

    assert ("failed", f"{words} ({transition}); ModelLoadFailed: no such file: exit code 1") == (
        event["state"],
        event["detail"],
    )


@pytest.mark.parametrize(
    "fault",
    [Answer(429, retry_after_s=0), Answer(500), Answer(410), Dropped(), WatchExpired()],
    ids=lambda fault: str(fault)[:30],
)
def test_a_watch_that_breaks_off_goes_on(
    through: FaultProxy, namespace: str, writer: StatusWriter, fault: Fault
) -> None:
    """Looks and watches that fail, twice in a row, cost time and nothing else."""
    serving(namespace).stage(served(namespace))
    through.mend()
    through.fail("GET", LOOKS, fault, times=2)
    event = asyncio.run(fired(namespace, within_s=60, then=writer.write))

    assert "ready" == event["state"]
    assert 2 == len(through.faults)


@pytest.mark.beside_controllers
def test_what_the_cluster_refuses_to_tell_ends_the_wait(through: FaultProxy, namespace: str) -> None:
    """A missing permission is no reason to wait: it is fired, in words, as an endpoint that nobody can look at."""
    through.fail("GET", LOOKS, Answer(403))
    deadline = (datetime.now(UTC) + timedelta(seconds=600)).isoformat()
    trigger = KServeReadyTrigger(namespace, ENDPOINT, deadline, CONNECTION)

    async def first() -> Any:
        return await anext(trigger.run())

    event = asyncio.run(first()).payload

    assert "unknown" == event["state"]
    assert "it is not allowed to watch inferenceservices" in event["detail"]


def test_waiting_ends_at_the_deadline(through: FaultProxy, namespace: str) -> None:
    """What is not ready then is fired as it was seen last, with what it waits for."""
    serving(namespace).stage(served(namespace))
    event = asyncio.run(fired(namespace, within_s=2))

    assert ("starting", "KServe has not taken it up yet") == (event["state"], event["detail"])


def test_an_endpoint_that_goes_meanwhile_is_told(through: FaultProxy, namespace: str) -> None:
    """A candidate that another run discards is absent at the deadline."""
    backend, spec = serving(namespace), served(namespace)
    backend.stage(spec)
    event = asyncio.run(fired(namespace, within_s=3, then=lambda: backend.discard(spec)))

    assert "absent" == event["state"]


@pytest.mark.beside_controllers
def test_it_survives_its_triggerer(through: FaultProxy, namespace: str) -> None:
    """Made again from what it wrote down, it waits for the same."""
    trigger = KServeReadyTrigger(namespace, ENDPOINT, datetime.now(UTC).isoformat(), CONNECTION)
    path, kwargs = trigger.serialize()

    assert "pegel_airflow.kubernetes.ready_trigger.KServeReadyTrigger" == path
    assert trigger.serialize() == KServeReadyTrigger(**kwargs).serialize()


def test_a_task_leaves_the_waiting_to_the_watch(
    through: FaultProxy, namespace: str, writer: StatusWriter, monkeypatch: pytest.MonkeyPatch
) -> None:
    """With two settings the same task waits for a cluster; what nobody could look at is told as that."""
    for name, value in {"SERVING_BACKEND": "kserve", "JOB_BACKEND": "kubernetes"}.items():
        monkeypatch.setenv(f"PEGEL_{name}", value)
    monkeypatch.setenv("PEGEL_CLUSTER_MODEL_NAMESPACES", namespace)
    monkeypatch.setenv("PEGEL_CLUSTER_NAMESPACE", namespace)
    spec, context = served(namespace), cast("Context", {})
    services.serving(Settings()).stage(spec)
    task = WaitReady(task_id="wait_ready", spec=spec.to_json())
    with pytest.raises(TaskDeferred) as waits:
        task.execute(context)
    unseen = {"name": ENDPOINT, "fingerprint": "", "state": "unknown", "url": None, "detail": "a permission is missing"}
    with pytest.raises(EndpointFailed, match="given: unknown: a permission is missing"):
        task.resume(context, unseen)
    writer.write()

    assert KServeReadyTrigger is type(waits.value.trigger)
    assert f"http://{CANDIDATE}.{namespace}.svc.cluster.local" == task.execute(context)["url"]
    assert [] == services.jobs(Settings()).observe()
