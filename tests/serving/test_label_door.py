"""Labels over HTTP: what is taken is on its way like an event, and the answer says what was refused and why."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
from running_doors import serving
from senders import SwitchedSender

from pegel.labels.label_json import read_labels
from pegel_serving.logger.door_settings import DoorSettings
from pegel_serving.logger.http_door import LoggerApp
from pegel_serving.logger.label_door import AT_ONCE, MOST_TOLD
from pegel_serving.logger.metrics import Metrics
from pegel_serving.logger.pipeline import Limits, Pipeline
from pegel_serving.logger.producer import DeliveryOutcome
from pegel_serving.logger.spool import Spool

LABEL = {"model": "delays", "event_id": "e1", "label": True}
NONE = {"model": "delays", "event_id": "e1", "lable": True}

Maker = Callable[..., LoggerApp]


@pytest.fixture
def sender() -> SwitchedSender:
    """A sender that answers at first."""
    return SwitchedSender()


@pytest.fixture
def make(sender: SwitchedSender, tmp_path: Path) -> Iterator[Maker]:
    """Build applications over one sender."""
    spools: list[Spool] = []

    def build(*, cap_bytes: int = 1 << 20, queue_messages: int = 1_000, **settings: Any) -> LoggerApp:
        spools.append(Spool(tmp_path, cap_bytes=cap_bytes))
        metrics = Metrics()
        pipeline = Pipeline(sender, spools[-1], metrics, Limits(queue_messages=queue_messages))
        return LoggerApp(pipeline, metrics, DoorSettings(flush_s=0.0, **settings))

    yield build
    for spool in spools:
        spool.close()


def post(app: LoggerApp, body: Any, path: str = "/labels") -> httpx.Response:
    """Post labels, as JSON or as the bytes that are given."""

    async def go() -> httpx.Response:
        async with serving(app) as client:
            return await client.post(path, content=body if isinstance(body, bytes) else json.dumps(body).encode())

    return asyncio.run(go())


@pytest.mark.parametrize("body", [LABEL, [LABEL], json.dumps(LABEL).encode() + b"\n\n"])
def test_a_label_is_a_record_of_its_own(make: Maker, sender: SwitchedSender, body: Any) -> None:
    """One label, a list and a line are a record each, keyed by what they are about."""
    answer = post(make(), body)
    (record,) = sender.topic

    assert (200, {"taken": 1, "refused": 0, "dropped": 0, "why": []}) == (answer.status_code, answer.json())
    assert ("pegel.default.labels", b"delays/1/e1") == (record.topic, record.key)
    assert read_labels(json.dumps(LABEL).encode()).labels == read_labels(record.value).labels


def test_labels_of_a_namespace_are_posted_there(make: Maker, sender: SwitchedSender) -> None:
    """The path names the namespace; one that is no name is refused."""
    taken, refused = post(make(), LABEL, "/labels/shop"), post(make(), LABEL, "/labels/Shop/x")

    assert (200, ["pegel.shop.labels"]) == (taken.status_code, [record.topic for record in sender.topic])
    assert (400, True) == (refused.status_code, "expected /labels or /labels/NAMESPACE" in refused.json()["sentence"])


def test_what_is_no_label_takes_no_neighbour_with_it(make: Maker, sender: SwitchedSender) -> None:
    """The answer counts what was refused and says of the first why; what was taken is on its way."""
    answer = post(make(), [NONE, LABEL] + [NONE] * 2 * AT_ONCE)
    told = answer.json()

    assert (202, 1, 1 + 2 * AT_ONCE, MOST_TOLD) == (
        answer.status_code,
        told["taken"],
        told["refused"],
        len(told["why"]),
    )
    assert (0, "unknown_field", True) == (
        told["why"][0]["place"],
        told["why"][0]["kind"],
        "did you mean `label`" in told["why"][0]["why"],
    )
    assert 1 == len(sender.topic)


@pytest.mark.parametrize("body", [b"", b"[]", b"{", NONE, [NONE, 7]])
def test_nothing_but_refusals_is_400(make: Maker, sender: SwitchedSender, body: Any) -> None:
    """A body without any label is the sender's fault, and nothing of it is sent."""
    answer = post(make(), body)

    assert (400, []) == (answer.status_code, sender.topic)
    assert 0 < answer.json()["refused"]


def test_a_body_is_bounded(make: Maker, sender: SwitchedSender) -> None:
    """A larger body is refused as a whole, with what to do."""
    answer = post(make(max_body_bytes=100), [LABEL] * 10)

    assert (413, []) == (answer.status_code, sender.topic)
    assert "send the labels in several" in answer.json()["sentence"]


def test_without_a_broker_labels_wait_on_disk(make: Maker, sender: SwitchedSender) -> None:
    """A label that was taken while the broker is away is delivered once it is back, as an event is."""
    sender.verdict = None
    app = make()
    answer = post(app, [LABEL] * 3)
    sender.verdict = DeliveryOutcome.DELIVERED
    again = post(make(), [LABEL])

    assert ([200, 200], True) == ([answer.status_code, again.status_code], len(sender.topic) >= 3)


def test_without_room_the_sender_is_told_to_come_back(make: Maker, sender: SwitchedSender) -> None:
    """Where queue and spool are full, the answer says how many found no place, and when to send them again."""
    sender.verdict = None
    answer = post(make(cap_bytes=0, queue_messages=2), [LABEL] * 5)
    told = answer.json()

    assert (503, 5, "5") == (answer.status_code, told["taken"] + told["dropped"], answer.headers["retry-after"])
    assert 0 < told["dropped"]


def test_an_answer_for_the_broker_waits_for_it(make: Maker, sender: SwitchedSender) -> None:
    """With `--ack broker` all labels of a body are acknowledged, or on disk, when it is answered."""
    answer = post(make(ack="broker"), [LABEL] * 3)

    assert (200, 3) == (answer.status_code, len(sender.topic))


def test_an_event_is_one_wherever_it_is_posted_to(make: Maker, sender: SwitchedSender) -> None:
    """What says by its headers that it is an event is none of labels."""

    async def go() -> httpx.Response:
        headers = {
            "ce-id": "1",
            "ce-type": "org.kubeflow.serving.inference.request",
            "ce-source": "pod",
            "ce-specversion": "1.0",
        }
        async with serving(make()) as client:
            return await client.post("/labels", content=b"{}", headers=headers)

    assert (200, ["pegel.default.inference"]) == (
        asyncio.run(go()).status_code,
        [record.topic for record in sender.topic],
    )
