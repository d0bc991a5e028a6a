"""What an event costs the stream: `python -m benchmarks.stream.catch_up [--numeric 4] [--partitions 3]`.

Run it with the Spark environment's interpreter. A real broker, a real driver on `local[2]` with three partitions, and
requests with their answers in JSON as the inference logger writes them. The driver is started first and left until it
has counted a few and idles; then it is halted until all events lie in the topic. Prints one JSON line: processor time
by process per thousand events, events a second from where it goes on, and processor time of the floor: librdkafka,
orjson and numpy alone, in one process. `benchmarks.stream.throughput` does the same for more features and formats.
"""

from __future__ import annotations

import argparse
import json
import os
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import orjson
from benchmarks.page import put, when
from benchmarks.stream.scene import CHUNK, PARTITIONS, TOPIC, Logger, Rows, halted, scene, spent, wait
from confluent_kafka import Consumer, TopicPartition

from pegel.testing.samples import sample_spec

WARM = 3_000
"""Events by which the workers are asked to load what they need, before anything is measured."""
GOALS_MS = {(4, 0): 16.0, (40, 10): 26.0}


def floor_us(address: str, fields: int, count: int, partitions: int) -> float:
    """Return processor time per event, in microseconds, of reading all events and counting what they hold in cells."""
    consumer = Consumer({"bootstrap.servers": address, "group.id": "floor", "enable.auto.commit": False})
    consumer.assign([TopicPartition(TOPIC, partition, 0) for partition in range(partitions)])
    edges = np.linspace(-3, 3, 63)
    began = time.process_time()
    read = 0
    while read < WARM + count:
        messages = consumer.consume(CHUNK, timeout=1.0)
        read += len(messages)
        documents = orjson.loads(b"[%b]" % b",".join([message.value() or b"" for message in messages]))
        asked = [document["instances"][0][:fields] for document in documents if "instances" in document]
        matrix = np.array(asked, dtype=np.float64).reshape(-1, fields)
        for column in matrix.T:
            np.bincount(np.searchsorted(edges, column), minlength=64)
    used = time.process_time() - began
    consumer.close()
    return 1e6 * used / (WARM + count)


def measure(
    folder: Path,
    rows: Rows,
    count: int,
    *,
    body_format: str = "v1",
    master: str = "local[2]",
    partitions: int = PARTITIONS,
) -> dict[str, Any]:
    """Let a driver read `count` events; return what they cost, and how loaded the machine was before by others."""
    load = round(os.getloadavg()[0], 1)
    spec = sample_spec(windowing={"length": 3600, "lateness": 60})
    with scene(folder, [(spec, rows.baseline(spec))], master, partitions) as here:
        logger = Logger(here.broker.address, spec)

        def send(events: int) -> None:
            logger.send(rows.bodies(events // 2, body_format))
            logger.flush()

        send(WARM)
        wait(lambda: here.is_idle() and here.counted(spec) >= WARM)
        before = spent(here.driver)
        with halted(here.driver):
            send(count)
        began = time.monotonic()
        wait(lambda: here.counted(spec) >= WARM + count)
        seconds, after = time.monotonic() - began, spent(here.driver)
        floor = floor_us(here.broker.address, len(rows.numeric), count, partitions) if body_format == "v1" else None
    cost = {kind: round(1e6 * (after[kind] - before[kind]) / count, 2) for kind in ("java", "workers", "driver")}
    return {
        "events": count,
        "numeric": len(rows.numeric),
        "categorical": len(rows.categorical),
        "format": body_format,
        "master": master,
        "partitions": partitions,
        "ms_per_1000_events": round(sum(cost.values()), 2),
        "by_process": cost,
        "goal_ms": GOALS_MS.get((len(rows.numeric), len(rows.categorical))),
        "floor_ms": floor and round(floor, 2),
        "events_per_s": round(count / seconds),
        "load_before": load,
    }


def section(measured: Sequence[dict[str, Any]]) -> str:
    """Return the results as a table."""
    lines = [
        f"| {one['numeric']} + {one['categorical']} | {one['ms_per_1000_events']} | {one['goal_ms']} "
        f"| {' + '.join(str(value) for value in one['by_process'].values())} | {one['floor_ms']} "
        f"| {one['events_per_s']:,} | {one['load_before']} |"
        for one in measured
    ]
    head = (
        "| numeric + categorical features | ms of processor time per 1,000 events | wanted at most "
        "| JVM + workers + driver | librdkafka, orjson, numpy alone | events a second "
        "| load of the machine before |\n"
        "|---|---|---|---|---|---|---|\n"
    )
    return f"Run on {when()} by `python -m benchmarks.stream.catch_up`.\n\n" + head + "\n".join(lines)


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--events", type=int, default=300_000)
    parser.add_argument("--numeric", type=int)
    parser.add_argument("--categorical", type=int, default=0)
    parser.add_argument("--partitions", type=int, default=PARTITIONS)
    parser.add_argument("--write", type=Path)
    options = parser.parse_args()
    shapes = [(4, 0), (40, 10)] if options.numeric is None else [(options.numeric, options.categorical)]
    measured = []
    for shape in shapes:
        with tempfile.TemporaryDirectory() as folder:
            measured.append(measure(Path(folder), Rows(*shape), options.events, partitions=options.partitions))
        print(json.dumps(measured[-1]), flush=True)
    if options.write:
        put(options.write, "catch-up", section(measured))


if __name__ == "__main__":
    main()
