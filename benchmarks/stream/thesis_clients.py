"""Clients of the experiment: straight into Kafka (L0), or through proxy, model and logger (L1)."""

from __future__ import annotations

import json
import subprocess
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from multiprocessing import get_context
from pathlib import Path
from typing import Any

import numpy as np
from benchmarks.stream.formats import in_v1
from benchmarks.stream.scene import TOPIC, Logger, World
from benchmarks.stream.thesis_rows import Planted
from confluent_kafka import Consumer, TopicPartition
from numpy.typing import NDArray

from pegel.data import example_request, wire
from pegel.data.compact_headers import expanded
from pegel.spec.monitor_spec import MonitorSpec
from pegel_local.machine.paths import checkout

IDLE_S = 3.0
"""A topic that was silent for so long is read to its end."""


@dataclass(frozen=True)
class Loop:
    """Requests by `rate` a second, whatever comes back, or over so many `connections` that wait for their answers."""

    rate: float | None = None
    connections: int | None = None

    def __str__(self) -> str:
        return f"open, {self.rate:g}/s" if self.rate is not None else f"closed, {self.connections}"


@dataclass(frozen=True)
class Sent:
    """Requests that were sent, in order of when they were due, shape (requests,) each; times in seconds since 1970.

    `due`: when the client was to send it; `logged`: the time in its event; `number`: its row; `ids` are event ids.
    """

    due: NDArray[np.float64]
    logged: NDArray[np.float64]
    number: NDArray[np.int64]
    ids: list[str]


def into_kafka(here: World, spec: MonitorSpec, planted: Planted, loop: Loop, seconds: float) -> Sent:
    """Send rows as events of the inference logger, in a process of its own."""
    path = here.folder / "sent.npz"
    arguments = (here.broker.address, spec, planted, loop, seconds, path)
    process = get_context("spawn").Process(target=_produce, args=arguments)
    process.start()
    process.join()
    read = np.load(path)
    return Sent(read["due"], read["logged"], np.arange(read["due"].size), [str(name) for name in read["ids"]])


def _produce(  # noqa: PLR0917  the arguments of a process
    address: str, spec: MonitorSpec, planted: Planted, loop: Loop, seconds: float, path: Path
) -> None:
    logger = Logger(address, spec, linger_ms=2)
    values, began, marks = planted.values.tolist(), time.time(), []
    for number, row in enumerate(values):
        due = time.time() if loop.rate is None else began + number / loop.rate
        if max(due, time.time()) > began + seconds:
            break
        while (left := due - time.time()) > 0:
            time.sleep(min(left, 0.001))
        if loop.connections is not None:
            logger.wait_below(2 * loop.connections)
            due = time.time()
        now, name = time.time(), f"{began:.0f}|{number}"
        logger.send_one(name, *in_v1(row, 2 * row[0]), datetime.fromtimestamp(now, UTC))
        marks.append((due, now, name))
    logger.flush()
    due_at, logged, ids = zip(*marks, strict=True)
    np.savez(path, due=np.array(due_at), logged=np.array(logged), ids=np.array(ids))


@contextmanager
def endpoint(here: World, spec: MonitorSpec) -> Iterator[str]:
    """Begin model server, logger and proxy; yield the address that takes requests."""
    python = str(checkout().python("serving"))
    model = here.folder / "model"
    subprocess.run([python, "-m", "benchmarks.stream.thesis_model", str(model)], check=True)
    with ExitStack() as held:

        def begun(module: str, *options: str) -> str:
            log = held.enter_context((here.folder / f"{module}.log").open("wb"))
            process = subprocess.Popen(
                [python, "-m", f"pegel_serving.{module}", *options], stdout=subprocess.PIPE, stderr=log
            )
            held.callback(process.wait, 30)
            held.callback(process.terminate)
            assert process.stdout is not None
            return str(json.loads(process.stdout.readline())["url"])

        server = begun("server", "--model-dir", str(model), "--name", spec.endpoint)
        logger = begun("logger", "--kafka", here.broker.address, "--spool", str(here.folder / "spool"))
        proxy = begun("proxy", "--upstream", server, "--logger", logger, "--name", spec.endpoint)
        yield example_request.address(spec, proxy)


def through_endpoint(
    here: World, address: str, planted: Planted, loop: Loop, seconds: float
) -> tuple[Sent, dict[str, Any]]:
    """Send rows by `pegel traffic`; return what was logged of them, and what it says came of them."""
    table, log = here.folder / "rows.parquet", here.folder / "answers.jsonl"
    planted.write(table)
    pace = ("--rate", f"{loop.rate:g}") if loop.rate is not None else ("--connections", str(loop.connections))
    options = (*pace, "--rows", str(len(planted.values)), "--for", f"{seconds:g}", "--json", "--log", str(log))
    columns = [part for name in _names(planted) for part in ("--column", name)]
    command = [str(checkout().python("serving")), "-m", "pegel.cli.main", "traffic", str(table), "--to", address]
    since = _ends(here.broker.address)
    ended = subprocess.run([*command, *columns, *options], check=False, capture_output=True, text=True)
    if not ended.stdout:
        raise SystemExit(f"pegel traffic ended with {ended.returncode} and told nothing: {ended.stderr}")
    said: dict[str, Any] = json.loads(ended.stdout)
    lines = sorted(map(json.loads, log.read_text().splitlines()), key=lambda line: str(line["due"]))
    logged = _logged(here.broker.address, since)
    due, times, numbers, ids = [], [], [], []
    for number, line in enumerate(lines):
        if event := logged.get(line["id"]):
            due.append(datetime.fromisoformat(line["due"]).timestamp())
            times.append(event[1])
            numbers.append(number)
            ids.append(event[0])
    return Sent(np.array(due), np.array(times), np.array(numbers, dtype=np.int64), ids), said


def _names(planted: Planted) -> list[str]:
    return [f"n{number:02}" for number in range(planted.values.shape[1])]


def _consumer(address: str) -> Consumer:
    return Consumer({"bootstrap.servers": address, "group.id": "ids", "enable.auto.commit": False, "log_level": 0})


def _ends(address: str) -> list[TopicPartition]:
    """Return where each partition of the topic ends now."""
    consumer = _consumer(address)
    partitions = sorted(consumer.list_topics(TOPIC, timeout=20).topics[TOPIC].partitions)
    ends = [consumer.get_watermark_offsets(TopicPartition(TOPIC, number), timeout=20)[1] for number in partitions]
    consumer.close()
    return [TopicPartition(TOPIC, number, end) for number, end in zip(partitions, ends, strict=True)]


def _logged(address: str, since: list[TopicPartition]) -> dict[str, tuple[str, float]]:
    """Return id and time of each logged request, by what its client called it."""
    consumer = _consumer(address)
    consumer.assign(since)
    events: dict[str, tuple[str, float]] = {}
    last = time.monotonic()
    while time.monotonic() < last + IDLE_S:
        for message in consumer.consume(10_000, timeout=0.5):
            last = time.monotonic()
            carried: list[Any] = list(message.headers() or ())
            headers = [(str(name), value) for name, value in carried if isinstance(value, bytes)]
            told = dict(expanded(message.key(), headers))
            if told.get(wire.HEADER_TYPE) == wire.REQUEST_TYPE.encode():
                at = datetime.fromisoformat((told[wire.HEADER_TIME] or b"").decode())
                client = (told.get(wire.HEADER_CLIENT_ID) or b"").decode()
                events[client] = str((told[wire.HEADER_ID] or b"").decode()), at.timestamp()
    consumer.close()
    return events
