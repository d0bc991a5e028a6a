"""What an event costs the stream: `python -m benchmarks.stream.catch_up [--numeric 4] [--categorical 0]`.

Run it with the Spark environment's interpreter. A real broker, a real driver on `local[2]` with three partitions, and
requests with their answers in JSON as the inference logger writes them. The driver is started first and left until it
has counted a few and idles; then all events are sent at once. Prints one JSON line: processor time by process per
thousand events, events a second, and the same of the floor: librdkafka, orjson and numpy alone, in one process.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
import uuid
from collections import defaultdict
from collections.abc import Iterator, Sequence
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import numpy as np
import orjson
import psutil
from benchmarks.page import put, when
from confluent_kafka import Consumer, Producer, TopicPartition
from confluent_kafka.admin import AdminClient
from confluent_kafka.cimpl import NewTopic
from numpy.typing import NDArray

from pegel.baseline.baseline import Baseline
from pegel.data import wire
from pegel.data.columns import Columns, Field, Kind, Role, Schema
from pegel.data.compact_headers import compacted
from pegel.reconcile.job_backend import JobDocument
from pegel.spec import names
from pegel.spec.monitor_spec import MonitorSpec
from pegel.spec.settings import Settings
from pegel.stats.layout import build_layout
from pegel.stats.summary import Summary
from pegel.store.baseline_store import BaselineStore
from pegel.store.database import connect, migrate
from pegel.store.results import Results
from pegel.stream.result_rows import Heartbeat
from pegel.testing.samples import sample_spec
from pegel_local.kafka.broker import Broker
from pegel_local.machine.paths import checkout

PARTITIONS = 3
TOPIC = names.inference_topic("default")
LETTERS = np.array(["aa", "bb", "cc", "dd"], dtype=object)
WITHIN_S = 600.0
CHUNK = 10_000
WARM = 3_000
"""Events by which the workers are asked to load what they need, before anything is measured."""
GOALS_MS = {(4, 0): 16.0, (40, 10): 26.0}


class Rows:
    """Rows of a model with so many numeric and categorical features, and one numeric prediction."""

    def __init__(self, numeric: int, categorical: int) -> None:
        """Name the fields."""
        self.numeric = [f"n{number:02}" for number in range(numeric)]
        self.categorical = [f"c{number:02}" for number in range(categorical)]
        fields = [Field(name, Kind.NUMERIC) for name in self.numeric]
        fields += [Field(name, Kind.CATEGORICAL) for name in self.categorical]
        self.schema = Schema((*fields, Field("p", Kind.NUMERIC, Role.PREDICTION)))

    def draw(self, rows: int, seed: int) -> tuple[NDArray[np.float64], NDArray[np.object_]]:
        """Draw rows: the numbers, and the categories."""
        rng = np.random.default_rng(seed)
        numbers = rng.normal(size=(rows, len(self.numeric))).round(6)
        return numbers, rng.choice(LETTERS, size=(rows, len(self.categorical)))

    def baseline(self) -> Baseline:
        """Return what 20,000 rows look like."""
        numbers, texts = self.draw(20_000, 1)
        predictions = numbers[:, :1] * 2
        columns = dict(zip(self.numeric, numbers.T, strict=True)) | dict(zip(self.categorical, texts.T, strict=True))
        layout = build_layout(self.schema, columns | {"p": predictions[:, 0]})
        summary = Summary.empty(layout, exact=True)
        features = Columns(len(numbers), numbers, None, tuple(texts.T), (None,) * len(self.categorical))
        summary.update(features, Role.FEATURE)
        summary.update(Columns(len(numbers), predictions, None, (), ()), Role.PREDICTION)
        spec = sample_spec()
        return Baseline.build(
            layout=layout,
            summary=summary,
            model=spec.model.name,
            version=spec.model.version,
            source=spec.baseline.source,
            scores=lambda tables: tables.score(features)[0],
            watch=spec.watch,
        )

    def bodies(self, rows: int) -> Iterator[tuple[bytes, bytes]]:
        """Yield requests of one row, and their answers."""
        numbers, texts = self.draw(rows, 2)
        for row, letters in zip(numbers.tolist(), texts.tolist(), strict=True):
            yield orjson.dumps({"instances": [row + letters]}), orjson.dumps({"predictions": [row[0] * 2]})


def send(address: str, spec: MonitorSpec, rows: Rows, count: int) -> None:
    """Send `count` events, half of them requests, dated now, as the inference logger writes them."""
    producer = Producer(
        {
            "bootstrap.servers": address,
            "linger.ms": 20,
            "compression.type": "lz4",
            "queue.buffering.max.messages": 10**6,
        }
    )
    at = datetime.now(UTC)
    stamp = at.strftime("%Y-%m-%dT%H:%M:%S.123456789Z")
    shared = {
        wire.HEADER_SPEC_VERSION: wire.SPEC_VERSION,
        wire.HEADER_SOURCE: "http://localhost:9081/",
        wire.HEADER_TIME: stamp,
        wire.HEADER_RECORDED_TIME: stamp,
        wire.HEADER_ENDPOINT: spec.endpoint,
        wire.HEADER_NAMESPACE: spec.namespace,
        wire.HEADER_COMPONENT: wire.PREDICTOR,
        wire.HEADER_POD_LABEL: "",
        wire.HEADER_METADATA: "{}",
        wire.HEADER_CONTENT_TYPE: wire.JSON,
    }
    common = [(name, value.encode()) for name, value in shared.items()]
    for number, (asked, answered) in enumerate(rows.bodies(count // 2)):
        event_id = str(uuid.uuid4()).encode()
        for kind, body in ((wire.REQUEST_TYPE, asked), (wire.RESPONSE_TYPE, answered)):
            own = compacted(event_id, [(wire.HEADER_ID, event_id), (wire.HEADER_TYPE, kind.encode()), *common])
            producer.produce(TOPIC, body, key=event_id, headers=list(own), timestamp=round(at.timestamp() * 1000))
        if number % CHUNK == 0:
            producer.poll(0)
    producer.flush()


def floor_us(address: str, fields: int, count: int) -> float:
    """Return processor time per event, in microseconds, of reading all events and counting what they hold in cells."""
    consumer = Consumer({"bootstrap.servers": address, "group.id": "floor", "enable.auto.commit": False})
    consumer.assign([TopicPartition(TOPIC, partition, 0) for partition in range(PARTITIONS)])
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


def spent(driver: psutil.Process) -> dict[str, float]:
    """Return the processor time of a driver and all below it, in seconds, by kind of process."""
    times: dict[str, float] = defaultdict(float)
    for process in (driver, *driver.children(recursive=True)):
        with suppress(psutil.Error):
            used = process.cpu_times()
            kind = "java" if process.name() == "java" else "driver" if process.pid == driver.pid else "workers"
            times[kind] += used.user + used.system
    return times


def measure(broker: Broker, folder: Path, rows: Rows, count: int) -> dict[str, Any]:
    """Let a driver read `count` events; return what they cost, and how loaded the machine was before by others."""
    load = round(os.getloadavg()[0], 1)
    settings = Settings.of_home(folder / "home")
    settings.home.mkdir()
    engine = connect(settings.database)
    migrate(engine)
    spec = sample_spec(windowing={"length": 3600, "lateness": 60})
    baseline = rows.baseline()
    baselines = BaselineStore(engine)
    baselines.register(spec, baselines.put(baseline), by="benchmark", now=datetime.now(UTC))
    job = folder / "job"
    job.mkdir()
    document = JobDocument(group=spec.group, fingerprint="f" * 64, kafka=broker.address)
    (job / "job.json").write_text(json.dumps(document.to_json(1)))
    values = {f"PEGEL_{name.upper()}": str(value) for name, value in settings.model_dump(exclude_none=True).items()}
    values |= {"PEGEL_SPARK_JARS": str(checkout().jars("spark"))}
    with (folder / "log").open("wb") as log:
        command = [sys.executable, "-m", "pegel_spark.jobs.monitor", str(job)]
        driver = subprocess.Popen(command, env={**os.environ, **values}, stdout=log, stderr=subprocess.STDOUT)
    try:
        results = Results(engine)
        send(broker.address, spec, rows, WARM)
        wait(lambda: _counted(results, spec) >= WARM and any(_is_idle(beat) for beat in results.heartbeats()))
        before, began = spent(psutil.Process(driver.pid)), time.monotonic()
        send(broker.address, spec, rows, count)
        sent_s = time.monotonic() - began
        wait(lambda: _counted(results, spec) >= WARM + count)
        seconds, after = time.monotonic() - began, spent(psutil.Process(driver.pid))
    finally:
        driver.terminate()
        driver.wait(60)
    cost = {kind: round(1e6 * (after[kind] - before[kind]) / count, 2) for kind in ("java", "workers", "driver")}
    return {
        "events": count,
        "numeric": len(rows.numeric),
        "categorical": len(rows.categorical),
        "ms_per_1000_events": round(sum(cost.values()), 2),
        "by_process": cost,
        "goal_ms": GOALS_MS.get((len(rows.numeric), len(rows.categorical))),
        "floor_ms": round(floor_us(broker.address, len(rows.numeric), count), 2),
        "sent_in_s": round(sent_s, 1),
        "events_per_s": round(count / seconds),
        "load_before": load,
    }


def _counted(results: Results, spec: MonitorSpec) -> int:
    """Return how many events all windows hold."""
    return sum(row.requests + row.responses for row in results.windows(spec.model.name, spec.model.version))


def _is_idle(beat: Heartbeat) -> bool:
    """Say whether a driver has run long enough for its start to be over."""
    return beat.progressed_at is not None and beat.progressed_at > beat.started_at + timedelta(seconds=8)


def wait(what: Any) -> None:
    """Wait until something is true. Raises TimeoutError."""
    deadline = time.monotonic() + WITHIN_S
    while not what():
        if time.monotonic() > deadline:
            raise TimeoutError(f"expected within {WITHIN_S:.0f} s")
        time.sleep(0.2)


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
        "| JVM + workers + driver | librdkafka, orjson, numpy alone | events a second, sending included "
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
    parser.add_argument("--write", type=Path)
    options = parser.parse_args()
    shapes = [(4, 0), (40, 10)] if options.numeric is None else [(options.numeric, options.categorical)]
    measured = []
    for shape in shapes:
        with (
            tempfile.TemporaryDirectory() as folder,
            Broker(Path(folder) / "broker", checkout().jars("broker")) as broker,
        ):
            admin = AdminClient({"bootstrap.servers": broker.address})
            for created in admin.create_topics([NewTopic(TOPIC, PARTITIONS, 1)]).values():
                created.result(timeout=20)
            measured.append(measure(broker, Path(folder), Rows(*shape), options.events))
        print(json.dumps(measured[-1]), flush=True)
    if options.write:
        put(options.write, "catch-up", section(measured))


if __name__ == "__main__":
    main()
