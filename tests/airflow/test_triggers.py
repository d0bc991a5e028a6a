"""What the triggerer waits for, over real stores and fake endpoints."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
import rooms
import scene
import seeds

from pegel.errors import EndpointFailed
from pegel.reconcile.serving_backend import EndpointState
from pegel.spec.settings import Settings
from pegel_airflow.ready import WaitReady
from pegel_airflow.triggers import EndpointReadyTrigger, FindingsTrigger

pytestmark = pytest.mark.usefixtures("fresh_rooms")


def first(events: AsyncIterator[Any], *, within_s: float = 5.0) -> Any:
    """Return a trigger's first event, or None if it stays silent for `within_s` seconds."""

    async def wait() -> Any:
        try:
            return await asyncio.wait_for(anext(events), within_s)
        except TimeoutError:
            return None

    return asyncio.run(wait())


def soon(seconds: float) -> str:
    """Return a deadline that near."""
    return (datetime.now(UTC) + timedelta(seconds=seconds)).isoformat()


def test_a_ready_endpoint_fires(settings: Settings) -> None:
    """The trigger hands over the endpoint's status as soon as it is ready."""
    rooms.SERVING.apply(seeds.spec())
    event = first(EndpointReadyTrigger("delays-v1", soon(60)).run())

    assert event.payload["url"] == "http://delays-v1.memory"


def test_waiting_ends_at_the_deadline(settings: Settings) -> None:
    """An endpoint that never comes fires at the deadline, with the state it has then."""
    event = first(EndpointReadyTrigger("delays-v1", soon(0.2), interval_s=0.05).run())

    assert event.payload["state"] == EndpointState.ABSENT.value


def test_a_failed_endpoint_is_told_with_its_log() -> None:
    """When the endpoint failed, the run fails with the reason that ends in the server's log."""
    rooms.SERVING.failing["delays-v1"] = "ValueError: not a model"
    rooms.SERVING.apply(seeds.spec())
    task = WaitReady(task_id="wait", spec=seeds.spec().to_json())

    with pytest.raises(EndpointFailed, match=r"ready within 120 s; given: failed.*ValueError: not a model"):
        task.resume({}, rooms.SERVING.observe("delays-v1").to_json())


def test_no_finding_no_ring(settings: Settings) -> None:
    """While no finding waits, the doorbell is silent."""
    assert first(FindingsTrigger(interval_s=0.05).run(), within_s=0.5) is None


def test_a_waiting_finding_rings(settings: Settings) -> None:
    """A final finding that no alert run has taken in rings the doorbell."""
    scene.play(settings)

    assert first(FindingsTrigger(interval_s=0.05).run()) is not None


def test_it_rings_once_for_what_waits(settings: Settings) -> None:
    """What rang already does not ring again before `again_after_s`, however long it waits."""
    scene.play(settings)

    async def rings() -> int:
        events = FindingsTrigger(interval_s=0.02, again_after_s=60).run()
        await anext(events)
        try:
            await asyncio.wait_for(anext(events), 0.4)
        except TimeoutError:
            return 1
        return 2

    assert asyncio.run(rings()) == 1


@pytest.mark.parametrize("trigger", [EndpointReadyTrigger("delays-v1", soon(1)), FindingsTrigger()])
def test_a_trigger_comes_back_from_its_written_form(trigger: Any) -> None:
    """What a trigger writes down for the triggerer builds the same trigger again."""
    path, kwargs = trigger.serialize()
    again = type(trigger)(**kwargs)

    assert (path, again.serialize()) == (f"{type(trigger).__module__}.{type(trigger).__name__}", trigger.serialize())
