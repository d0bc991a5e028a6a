"""The logger's process with a real broker: outages, kills and restarts, with every id counted."""

from __future__ import annotations

import asyncio
import json
import re
import signal
import subprocess
import sys
import threading
import time
import uuid
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import suppress
from functools import partial
from pathlib import Path

import httpx
import processes
import pytest
import topics
from full_disks import small_disk
from waiting import wait_until

from pegel.data import wire
from pegel.spec import names
from pegel.spec.limits import SERVICE_GRACE
from pegel_local.kafka.broker import Broker
from pegel_serving.cloudevent import rfc3339
from pegel_serving.logger.kafka_record import KafkaRecord
from pegel_serving.logger.spool import Spool

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
        "ce-type": wire.REQUEST_TYPE,
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


def odd_headers(event_id: str, endpoint: str, kind: str | None) -> dict[str, str]:
    """Return the headers of an event that no broker would take; ordinary ones where `kind` is None."""
    odd = {
        None: {},
        "2h": {"ce-time": rfc3339(NOW + 2 * 3600 * 10**9)},
        "9999": {"ce-time": "9999-12-31T23:59:59Z"},
        "old": {"ce-time": "1970-01-01T00:00:00Z"},
        "long": {"ce-namespace": "a" * 600},
    }
    return headers(event_id, endpoint=endpoint) | odd[kind]


async def burst(url: str, endpoint: str, ids: list[str], odd: dict[str, str]) -> None:
    """Post all events at once, so that they travel in few batches."""
    async with httpx.AsyncClient(trust_env=False, timeout=10.0) as client:
        posts = [client.post(url, content=b"{}", headers=odd_headers(one, endpoint, odd.get(one))) for one in ids]
        await asyncio.gather(*posts)


def lost_by_reason(url: str) -> dict[str, int]:
    """Return how many events the logger says are lost, by reason."""
    lines = httpx.get(f"{url}/metrics", trust_env=False).text.splitlines()
    pattern = re.compile(r'pegel_logger_events_dropped_total\{.*reason="(\w+)"\} (\S+)')
    return {found[1]: int(float(found[2])) for line in lines if (found := pattern.match(line))}


def told(broker: Broker, endpoint: str, reason: str) -> int:
    """Return how many lost events of an endpoint the notices on the topic add up to."""
    return sum(
        notice["count"]
        for record in topics.consume(broker.address, TOPIC)
        if record.headers[wire.HEADER_TYPE] == wire.DROPPED_TYPE.encode()
        and record.headers[wire.HEADER_ENDPOINT] == endpoint.encode()
        and (notice := json.loads(record.value or b""))["reason"] == reason
    )


@pytest.fixture
def own_broker(broker: Broker) -> Iterator[Broker]:
    """The broker, to be stopped by the test; it runs again afterwards."""
    yield broker
    broker.start()


def begin(services: Starter, broker: Broker, folder: Path, *options: str) -> processes.Service:
    """Start a logger that gives the broker one second before it goes to disk."""
    flat = ("--kafka", broker.address, "--spool", str(folder / "spool"), "--delivery-timeout", "1", *options)
    folder.mkdir(exist_ok=True)
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
    before, during, after = fresh(100), fresh(100), fresh(100)
    statuses = asyncio.run(send(logger.url, before))
    own_broker.stop()
    statuses += asyncio.run(send(logger.url, during, rate=50))
    spooled = processes.metric(logger.url, "pegel_logger_spool_events")
    own_broker.start()
    statuses += asyncio.run(send(logger.url, after))
    emptied = wait_until(lambda: processes.metric(logger.url, "pegel_logger_spool_events") == 0)
    settled = wait_until(lambda: processes.metric(logger.url, "pegel_logger_queue_events") == 0)

    assert spooled > 30
    assert emptied
    assert settled
    assert {200: 300} == statuses
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
    emptied = wait_until(lambda: processes.metric(again.url, "pegel_logger_spool_events") == 0)

    assert {200: 50} == statuses
    assert emptied
    assert ids == found(own_broker.address, ids)


def is_drained(url: str) -> bool:
    """Say whether nothing waits in a logger any more."""
    return bool(processes.readiness(url)["waiting_events"] == 0)


async def post_until(ids: list[str], addresses: list[str], *, ended: Callable[[], bool]) -> list[str]:
    """Post over five connections, on each one event after the other, until `ended`; return the ids answered 200.

    `addresses` may change meanwhile; who does not listen is passed over, as a service's address does. An event that
    nobody took is posted again, the last time after `ended`.
    """
    taken: list[str] = []

    async def is_taken(client: httpx.AsyncClient, event_id: str) -> bool:
        for url in addresses[:: 1 if len(ids) % 2 else -1]:  # in turns
            with suppress(httpx.TransportError):
                answer = await client.post(url, content=b'{"instances": [[1.0]]}', headers=headers(event_id))
                if answer.status_code == httpx.codes.OK:
                    return True
        return False

    async def post(client: httpx.AsyncClient) -> None:
        while ids and not ended():
            event_id, is_last = ids.pop(), False
            while not await is_taken(client, event_id):
                if is_last:
                    return
                is_last = ended()
            taken.append(event_id)

    async with httpx.AsyncClient(trust_env=False, timeout=10.0) as client:
        await asyncio.gather(*(post(client) for _ in range(5)))
    return taken


@pytest.mark.parametrize("ack", ["enqueue", pytest.param("broker", marks=pytest.mark.long)])
def test_a_logger_killed_in_the_middle_of_traffic_loses_nothing(
    services: Starter, broker: Broker, tmp_path: Path, ack: str
) -> None:
    """Three kills: every event that was answered 200 is on the topic, and no loss is told."""
    taken: list[str] = []

    async def traffic(logger: processes.Service) -> list[str]:
        posting = asyncio.create_task(
            post_until(fresh(20_000), [logger.url], ended=lambda: logger.process.poll() is not None)
        )
        await asyncio.sleep(0.7)
        logger.process.kill()
        return await posting

    for _ in range(3):
        taken += asyncio.run(traffic(begin(services, broker, tmp_path, "--ack", ack)))
    last = begin(services, broker, tmp_path)
    emptied = wait_until(lambda: processes.readiness(last.url)["waiting_events"] == 0)

    assert len(taken) > 100
    assert emptied
    assert sorted(taken) == sorted(found(broker.address, taken))
    assert {} == lost_by_reason(last.url)


def test_two_loggers_restarted_one_after_the_other_lose_nothing(
    services: Starter, broker: Broker, tmp_path: Path
) -> None:
    """Behind one address, under traffic: every event is answered by one of them, and is on the topic."""
    ids = fresh(20_000)
    running = {name: begin(services, broker, tmp_path / name) for name in ("first", "second")}
    addresses = [one.url for one in running.values()]
    restarted = threading.Event()

    def restart() -> list[int]:
        codes = []
        for name, logger in running.items():
            addresses.remove(logger.url)
            codes.append(logger.end())
            running[name] = begin(services, broker, tmp_path / name)
            addresses.append(running[name].url)
        restarted.set()
        return codes

    async def go() -> tuple[list[str], list[int]]:
        posting = asyncio.create_task(post_until(ids, addresses, ended=restarted.is_set))
        codes = await asyncio.to_thread(restart)
        return await posting, codes

    posted = set(ids)
    taken, codes = asyncio.run(go())
    emptied = [wait_until(partial(is_drained, one.url)) for one in running.values()]

    assert [0, 0] == codes
    assert [True, True] == emptied
    assert posted - set(ids) == set(taken)
    assert sorted(taken) == sorted(found(broker.address, taken))


@pytest.mark.long
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
    emptied = wait_until(lambda: processes.metric(again.url, "pegel_logger_spool_events") == 0)

    assert (200, 0, True) == (alive, code, emptied)
    assert ids == found(own_broker.address, ids)


@pytest.mark.long
def test_an_unknown_topic_stops_nobody_else(services: Starter, broker: Broker, tmp_path: Path) -> None:
    """Events of a namespace without topics are counted as lost; the others arrive."""
    logger = begin(services, broker, tmp_path)
    lost, kept = fresh(1), fresh(5)
    httpx.post(logger.url, content=b"{}", headers=headers(lost[0], namespace="nowhere"), trust_env=False)
    asyncio.run(send(logger.url, kept))
    counted = wait_until(lambda: processes.metric(logger.url, "pegel_logger_events_dropped_total") == 1)

    assert counted
    assert kept == found(broker.address, kept)


@pytest.mark.long
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

    assert {200, 503} == set(statuses)
    assert wait_until(lambda: told(own_broker, endpoint, "spool_full") == statuses[503])


def test_odd_events_are_judged_at_the_door(services: Starter, broker: Broker, tmp_path: Path) -> None:
    """Events dated ahead arrive dated now, a namespace of 600 letters is refused, their neighbours arrive as sent."""
    logger = begin(services, broker, tmp_path)
    ids = fresh(120)
    odd = {ids[10]: "2h", ids[60]: "9999", ids[90]: "old", ids[110]: "long"}
    asyncio.run(burst(logger.url, "burst-v1", ids, odd))
    settled = wait_until(lambda: processes.readiness(logger.url)["waiting_events"] == 0)
    kept = [event_id for event_id in ids if odd.get(event_id) not in {"old", "long"}]
    newest = max(record.timestamp for record in topics.consume(broker.address, TOPIC))

    assert settled
    assert sorted(kept) == sorted(found(broker.address, kept))
    assert newest <= time.time() * 1000
    assert {"too_old": 1} == lost_by_reason(logger.url)
    assert 2 == processes.metric(logger.url, "pegel_logger_times_replaced_total")
    assert wait_until(lambda: told(broker, "burst-v1", "too_old") == 1)


def test_the_spool_of_an_older_logger_heals(services: Starter, broker: Broker, tmp_path: Path) -> None:
    """What it let in and no broker takes is set aside and counted, what it dated ahead is sent, and order is kept."""
    ids = fresh(120)
    ahead_ms = 253_402_300_799_000
    spool = Spool(tmp_path / "spool")
    for place, event_id in enumerate(ids):
        topic = f"pegel.{'a' * (600 if place in {0, 60} else 300)}.inference" if place in {0, 60, 119} else TOPIC
        named = tuple((name.replace("-", "_"), value.encode()) for name, value in headers(event_id).items())
        stamp = ahead_ms if place in {1, 70} else NOW // 10**6
        spool.append(KafkaRecord(topic, event_id.encode(), b"{}", named, stamp).encode())
    spool.close()
    logger = begin(services, broker, tmp_path)
    settled = wait_until(lambda: processes.readiness(logger.url)["waiting_events"] == 0)
    kept = [event_id for place, event_id in enumerate(ids) if place not in {0, 60, 119}]

    assert settled
    assert kept == found(broker.address, kept)
    assert {"invalid_arg": 2, "topic_exception": 1} == lost_by_reason(logger.url)


def test_a_flood_is_drained_within_the_grace(services: Starter, broker: Broker, tmp_path: Path) -> None:
    """SIGTERM in the middle of it: every event that was answered 200 is on the topic, once, and the code is 0."""
    logger = begin(services, broker, tmp_path)
    taken: list[str] = []

    async def flood() -> tuple[int, float]:
        async with httpx.AsyncClient(trust_env=False, timeout=10.0) as client:

            async def post() -> None:
                while True:
                    (event_id,) = fresh(1)
                    answer = await client.post(logger.url, content=b"x" * 2000, headers=headers(event_id))
                    if answer.status_code == httpx.codes.OK:
                        taken.append(event_id)

            posting = [asyncio.create_task(post()) for _ in range(5)]
            await asyncio.sleep(0.5)
            began = time.monotonic()
            logger.process.terminate()
            await asyncio.gather(*posting, return_exceptions=True)  # each ends when nobody listens any more
            code = await asyncio.to_thread(logger.process.wait, processes.END_WITHIN_S)
            return code, time.monotonic() - began

    code, seconds = asyncio.run(flood())

    assert 0 == code
    assert seconds < SERVICE_GRACE.total_seconds()
    assert sorted(taken) == sorted(found(broker.address, taken))


def test_a_failure_ends_the_process_visibly(services: Starter, tmp_path: Path) -> None:
    """Exit code 1, the reason in the log, and what was in memory is on disk for the next process."""
    logger = services("doomed_logger", str(tmp_path / "spool"), log=tmp_path / "log")
    for event_id in fresh(3):
        httpx.post(logger.url, content=b"{}", headers=headers(event_id), trust_env=False)
    code = logger.process.wait(processes.END_WITHIN_S)
    critical = [line for line in map(json.loads, logger.log.read_text().splitlines()) if line["level"] == "critical"]
    spool = Spool(tmp_path / "spool")
    left = spool.records
    spool.close()

    assert (1, 3) == (code, left)
    assert ["the pump has stopped", "the end was not in order", "ended by a failure"] == [
        line["event"] for line in critical
    ]
    assert "the library is beyond repair" in critical[0]["exception"]


def test_a_full_disk_loses_only_what_was_not_taken(services: Starter, own_broker: Broker, tmp_path: Path) -> None:
    """Disk and memory full in an outage: what was answered 200 arrives, in order; the notices add up to the rest."""
    own_broker.stop()
    with small_disk(tmp_path / "disk") as disk:
        logger = begin(services, own_broker, disk.folder, "--queue-messages", "5")
        named = [(one, headers(one, endpoint="full-v1")) for one in fresh(40)]
        answers = {
            one: httpx.post(logger.url, content=b"x" * 20_000, headers=each, trust_env=False).status_code
            for one, each in named
        }
        unready = processes.readiness(logger.url)
        own_broker.start()
        settled = wait_until(lambda: processes.readiness(logger.url)["waiting_events"] == 0)
        taken = [one for one, status in answers.items() if status == httpx.codes.OK]
        refused = len(answers) - len(taken)
        announced = wait_until(lambda: told(own_broker, "full-v1", "disk_full") == refused)
        code = logger.end()

    assert 5 < len(taken) < 40
    assert (False, "No space left on device") == (unready["ready"], unready["disk"])
    assert (True, True, 0) == (settled, announced, code)
    assert taken == found(own_broker.address, taken)


def test_a_taken_port_is_one_sentence(broker: Broker, services: Starter, tmp_path: Path) -> None:
    """No trace, exit code 1, and the sentence says what to do."""
    logger = begin(services, broker, tmp_path)
    port = logger.url.rpartition(":")[2]
    command = [sys.executable, "-m", "pegel_serving.logger", "--kafka", broker.address, "--port", port]
    done = subprocess.run([*command, "--spool", str(tmp_path / "x")], capture_output=True, text=True, check=False)

    assert 1 == done.returncode
    assert 1 == len(done.stderr.splitlines())
    assert "0 takes a free one" in done.stderr
