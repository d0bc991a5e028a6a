"""The logger's process with a real broker: outages, kills and restarts, with every id counted."""

from __future__ import annotations

import asyncio
import json
import signal
import subprocess
import sys
import time
import uuid
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path

import httpx
import processes
import pytest
import topics

from pegel.spec import names
from pegel_local.kafka.broker import Broker
from pegel_serving.cloudevent import rfc3339

# a process that starts beside other tests on two cores may take a while
pytestmark = [pytest.mark.slow, pytest.mark.timeout(240)]

TOPIC = names.inference_topic("default")
Starter = Callable[..., processes.Service]


NOW = time.time_ns()
"""Not a date of old: records older than the broker keeps would be deleted under the tests."""


def headers(event_id: str, *, namespace: str = "default", endpoint: str = "m-v1") -> dict[str, str]:
    """Return the headers of a request event."""
    return {
        "ce-id": event_id,
        "ce-type": "org.kubeflow.serving.inference.request",
        "ce-source": "pod",
        "ce-specversion": "1.0",
        "ce-time": rfc3339(NOW),
        "ce-namespace": namespace,
        "ce-inferenceservicename": endpoint,
        "content-type": "application/json",
    }


async def send(url: str, ids: list[str], *, rate: float = 500.0) -> Counter[int]:
    """Post one event per id; return the statuses."""
    statuses: Counter[int] = Counter()
    async with httpx.AsyncClient(trust_env=False, timeout=10.0) as client:
        for event_id in ids:
            answer = await client.post(url, content=b'{"instances": [[1.0]]}', headers=headers(event_id))
            statuses[answer.status_code] += 1
            await asyncio.sleep(1 / rate)
    return statuses


def fresh(count: int) -> list[str]:
    """Return ids that nobody used before."""
    return [str(uuid.uuid4()) for _ in range(count)]


def found(address: str, ids: list[str]) -> list[str]:
    """Return those of `ids` that are on the topic, in its order, each at its first place."""
    wanted = set(ids)
    keys = [record.key.decode() for record in topics.consume(address, TOPIC) if record.key]
    return [key for key in dict.fromkeys(keys) if key in wanted]


@pytest.fixture
def own_broker(broker: Broker) -> Iterator[Broker]:
    """The broker, to be stopped by the test; it runs again afterwards."""
    yield broker
    broker.start()


def begin(services: Starter, broker: Broker, folder: Path, *options: str) -> processes.Service:
    """Start a logger that gives the broker one second before it goes to disk."""
    flat = ("--kafka", broker.address, "--spool", str(folder / "spool"), "--delivery-timeout", "1", *options)
    return services("pegel_serving.logger", *flat, log=folder / "logger.log")


def test_a_record_is_the_event(services: Starter, broker: Broker, tmp_path: Path) -> None:
    """Value, key, headers and time arrive as they were sent; SIGTERM delivers what waits and ends with code 0."""
    logger = begin(services, broker, tmp_path)
    (event_id,) = fresh(1)
    httpx.post(logger.url, content=b'{"instances": [[1e400]]}', headers=headers(event_id), trust_env=False)
    code = logger.end()
    (record,) = (one for one in topics.consume(broker.address, TOPIC) if one.key == event_id.encode())

    assert 0 == code
    assert (b'{"instances": [[1e400]]}', NOW // 10**6) == (record.value, record.timestamp)
    assert (rfc3339(NOW).encode(), b"m-v1", b"application/json") == (
        record.headers["ce_time"],
        record.headers["ce_inferenceservicename"],
        record.headers["content-type"],
    )


def test_a_broker_that_goes_away_costs_nothing(services: Starter, own_broker: Broker, tmp_path: Path) -> None:
    """Stopped in the middle of traffic for a while: every id arrives, in order, and the spool is empty again."""
    logger = begin(services, own_broker, tmp_path)
    before, during, after = fresh(300), fresh(300), fresh(300)
    statuses = asyncio.run(send(logger.url, before))
    own_broker.stop()
    statuses += asyncio.run(send(logger.url, during, rate=50))
    spooled = processes.metric(logger.url, "pegel_logger_spool_events")
    own_broker.start()
    statuses += asyncio.run(send(logger.url, after))
    emptied = processes.wait_until(lambda: processes.metric(logger.url, "pegel_logger_spool_events") == 0)
    settled = processes.wait_until(lambda: processes.metric(logger.url, "pegel_logger_queue_events") == 0)

    assert spooled > 100
    assert emptied
    assert settled
    assert {200: 900} == statuses
    assert [*before, *during, *after] == found(own_broker.address, [*before, *during, *after])
    assert 0 == processes.metric(logger.url, "pegel_logger_events_dropped_total")


def test_a_killed_logger_keeps_its_spool(services: Starter, own_broker: Broker, tmp_path: Path) -> None:
    """Answered after disk or broker: SIGKILL during an outage loses none of the answered events."""
    own_broker.stop()
    logger = begin(services, own_broker, tmp_path, "--ack", "broker")
    ids = fresh(50)
    statuses = asyncio.run(send(logger.url, ids))
    logger.end(signal.SIGKILL)
    own_broker.start()
    again = begin(services, own_broker, tmp_path)
    emptied = processes.wait_until(lambda: processes.metric(again.url, "pegel_logger_spool_events") == 0)

    assert {200: 50} == statuses
    assert emptied
    assert ids == found(own_broker.address, ids)


def test_a_stopped_logger_leaves_what_waits_on_disk(services: Starter, own_broker: Broker, tmp_path: Path) -> None:
    """It starts and lives without a broker; SIGTERM spools what is in memory; the next process delivers it."""
    own_broker.stop()
    logger = begin(services, own_broker, tmp_path, "--delivery-timeout", "30")
    alive = httpx.get(f"{logger.url}/livez", trust_env=False).status_code
    ids = fresh(20)
    asyncio.run(send(logger.url, ids))
    code = logger.end()
    own_broker.start()
    again = begin(services, own_broker, tmp_path)
    emptied = processes.wait_until(lambda: processes.metric(again.url, "pegel_logger_spool_events") == 0)

    assert (200, 0, True) == (alive, code, emptied)
    assert ids == found(own_broker.address, ids)


def test_an_unknown_topic_stops_nobody_else(services: Starter, broker: Broker, tmp_path: Path) -> None:
    """Events of a namespace without topics are counted as lost; the others arrive."""
    logger = begin(services, broker, tmp_path)
    lost, kept = fresh(1), fresh(5)
    httpx.post(logger.url, content=b"{}", headers=headers(lost[0], namespace="nowhere"), trust_env=False)
    asyncio.run(send(logger.url, kept))
    counted = processes.wait_until(lambda: processes.metric(logger.url, "pegel_logger_events_dropped_total") == 1)

    assert counted
    assert kept == found(broker.address, kept)


def test_losses_are_told_on_the_topic(services: Starter, own_broker: Broker, tmp_path: Path) -> None:
    """With memory and a disk of 1 MiB full, what is answered 503 is what the notices add up to."""
    own_broker.stop()
    options = ("--queue-messages", "1", "--spool-mib", "1")
    logger = begin(services, own_broker, tmp_path, *options)
    endpoint = "flooded-v1"

    async def flood() -> Counter[int]:
        async with httpx.AsyncClient(trust_env=False, timeout=10.0) as client:
            answers = [
                await client.post(logger.url, content=b"x" * 100_000, headers=headers(one, endpoint=endpoint))
                for one in fresh(20)
            ]
        return Counter(answer.status_code for answer in answers)

    statuses = asyncio.run(flood())
    own_broker.start()

    def notices() -> int:
        return sum(
            json.loads(record.value or b"{}")["count"]
            for record in topics.consume(own_broker.address, TOPIC)
            if record.headers["ce_type"] == b"org.pegel.logger.dropped"
            and record.headers["ce_inferenceservicename"] == endpoint.encode()
        )

    assert {200, 503} == set(statuses)
    assert processes.wait_until(lambda: notices() == statuses[503])


def test_a_taken_port_is_one_sentence(broker: Broker, services: Starter, tmp_path: Path) -> None:
    """No trace, exit code 1, and the sentence says what to do."""
    logger = begin(services, broker, tmp_path)
    port = logger.url.rpartition(":")[2]
    command = [sys.executable, "-m", "pegel_serving.logger", "--kafka", broker.address, "--port", port]
    done = subprocess.run([*command, "--spool", str(tmp_path / "x")], capture_output=True, text=True, check=False)

    assert 1 == done.returncode
    assert 1 == len(done.stderr.splitlines())
    assert "0 takes a free one" in done.stderr
