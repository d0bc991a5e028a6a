"""What the benchmarks of the stream share: rows and their events, a real driver, and what its processes use."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
import uuid
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

import numpy as np
import psutil
from benchmarks.stream.formats import FORMATS, Bodies
from confluent_kafka import Producer
from confluent_kafka.admin import AdminClient
from confluent_kafka.cimpl import NewTopic
from numpy.typing import NDArray

from pegel.baseline.baseline import Baseline
from pegel.data import wire
from pegel.data.columns import Columns, Field, Kind, Role, Schema
from pegel.data.compact_headers import compacted
from pegel.data.instants import to_us
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
from pegel_local.kafka.broker import Broker
from pegel_local.machine.paths import checkout

PARTITIONS = 3
TOPIC = names.inference_topic("default")
LETTERS = np.array(["aa", "bb", "cc", "dd"], dtype=object)
WITHIN_S = 600.0
CHUNK = 10_000


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

    def baseline(self, spec: MonitorSpec) -> Baseline:
        """Return what 20,000 rows look like."""
        numbers, texts = self.draw(20_000, 1)
        predictions = numbers[:, :1] * 2
        columns = dict(zip(self.numeric, numbers.T, strict=True)) | dict(zip(self.categorical, texts.T, strict=True))
        layout = build_layout(self.schema, columns | {"p": predictions[:, 0]})
        summary = Summary.empty(layout, exact=True)
        features = Columns(len(numbers), numbers, None, tuple(texts.T), (None,) * len(self.categorical))
        summary.update(features, Role.FEATURE)
        summary.update(Columns(len(numbers), predictions, None, (), ()), Role.PREDICTION)
        return Baseline.build(
            layout=layout,
            summary=summary,
            model=spec.model.name,
            version=spec.model.version,
            source=spec.baseline.source,
            scores=lambda tables: tables.score(features)[0],
            watch=spec.watch,
        )

    def bodies(self, rows: int, body_format: str = "v1") -> Iterator[Bodies]:
        """Yield requests of one row, and their answers."""
        numbers, texts = self.draw(rows, 2)
        in_format = FORMATS[body_format]
        for row, letters in zip(numbers.tolist(), texts.tolist(), strict=True):
            yield in_format(row + letters, row[0] * 2)


class Logger:
    """Writes events of a model as the inference logger does, dated now."""

    def __init__(self, address: str, spec: MonitorSpec, **options: object) -> None:
        """Connect to a broker; `options` are those of the client, with `_` for each point."""
        self._producer = Producer(
            {
                "bootstrap.servers": address,
                "linger.ms": 20,
                "compression.type": "lz4",
                "queue.buffering.max.messages": 10**6,
                "log_level": 0,
            }
            | {name.replace("_", "."): value for name, value in options.items()}
        )
        self._said = {
            wire.HEADER_SPEC_VERSION: wire.SPEC_VERSION,
            wire.HEADER_SOURCE: "http://localhost:9081/",
            wire.HEADER_ENDPOINT: spec.endpoint,
            wire.HEADER_NAMESPACE: spec.namespace,
            wire.HEADER_COMPONENT: wire.PREDICTOR,
            wire.HEADER_POD_LABEL: "",
            wire.HEADER_METADATA: "{}",
            wire.HEADER_CONTENT_TYPE: wire.JSON,
        }

    def send(self, bodies: Iterable[Bodies]) -> None:
        """Send requests and their answers, dated now."""
        at = datetime.now(UTC)
        common = self._common(at)
        for number, pair in enumerate(bodies):
            self._send(str(uuid.uuid4()).encode(), pair, at, common)
            if number % CHUNK == 0:
                self._producer.poll(0)
        self._producer.poll(0)

    def send_one(self, event_id: str, asked: bytes, answered: bytes, at: datetime) -> None:
        """Send a request and its answer of an instant, under an id."""
        self._send(event_id.encode(), (asked, answered), at, self._common(at))
        self._producer.poll(0)

    def _common(self, at: datetime) -> list[tuple[str, bytes]]:
        """Return what is said alike of the events of an instant."""
        stamp = at.strftime("%Y-%m-%dT%H:%M:%S.%f000Z")
        said = self._said | {wire.HEADER_TIME: stamp, wire.HEADER_RECORDED_TIME: stamp}
        return [(name, value.encode()) for name, value in said.items()]

    def _send(self, event_id: bytes, pair: Bodies, at: datetime, common: list[tuple[str, bytes]]) -> None:
        at_ms = to_us(at) // 1_000  # never up: that may be the next window, where whoever sends does not count it
        for kind, body in zip((wire.REQUEST_TYPE, wire.RESPONSE_TYPE), pair, strict=True):
            own = compacted(event_id, [(wire.HEADER_ID, event_id), (wire.HEADER_TYPE, kind.encode()), *common])
            self._producer.produce(TOPIC, body, key=event_id, headers=list(own), timestamp=at_ms)

    def wait_below(self, most: int) -> None:
        """Wait until less than so many events are on their way."""
        while len(self._producer) >= most:
            self._producer.poll(0.001)

    def flush(self) -> None:
        """Wait until everything is sent."""
        self._producer.flush()


@dataclass(frozen=True, slots=True)
class World:
    """A broker and what is watched; drivers of the one group are begun in it."""

    folder: Path
    broker: Broker
    settings: Settings
    results: Results
    group: str

    @contextmanager
    def driver(self, *, generation: int = 1, master: str = "local[2]") -> Iterator[psutil.Process]:
        """Begin a driver; end it at last."""
        job = self.folder / f"job-{generation}"
        job.mkdir()
        document = JobDocument(group=self.group, fingerprint="f" * 64, kafka=self.broker.address)
        (job / "job.json").write_text(json.dumps(document.to_json(generation)))
        values = self.settings.variables() | {"PEGEL_SPARK_MASTER": master}
        with (self.folder / f"driver-{generation}.log").open("wb") as log:
            command = [sys.executable, "-m", "pegel_spark.jobs.monitor", str(job)]
            driver = subprocess.Popen(command, env={**os.environ, **values}, stdout=log, stderr=subprocess.STDOUT)
        try:
            yield psutil.Process(driver.pid)
        finally:
            driver.terminate()
            driver.wait(60)

    def beat(self, generation: int = 1) -> Heartbeat | None:
        """Return what the driver of a generation said last."""
        beats = self.results.heartbeats()
        return next((beat for beat in beats if (beat.group, beat.generation) == (self.group, generation)), None)

    def counted(self, spec: MonitorSpec) -> int:
        """Return how many events all windows of a model hold."""
        return sum(row.requests + row.responses for row in self.results.windows(spec.model.name, spec.model.version))


@dataclass(frozen=True, slots=True)
class Scene:
    """A driver that follows models on a real broker."""

    world: World
    driver: psutil.Process

    @property
    def broker(self) -> Broker:
        """Return the broker."""
        return self.world.broker

    @property
    def results(self) -> Results:
        """Return what the driver found."""
        return self.world.results

    @property
    def beat(self) -> Heartbeat | None:
        """Return what the driver said last."""
        return self.world.beat()

    def is_idle(self) -> bool:
        """Say whether the driver has run long enough for its start to be over, and has nothing to read.

        Raises RuntimeError if it has ended.
        """
        if self.driver.status() == psutil.STATUS_ZOMBIE:
            logs = sorted(self.world.folder.glob("driver-*.log"))
            raise RuntimeError(f"expected a driver that runs; it said last: {logs[-1].read_text()[-2_000:]}")
        beat = self.beat
        if beat is None or beat.progressed_at is None or beat.lag:
            return False
        return beat.progressed_at > beat.started_at + timedelta(seconds=8)

    def counted(self, spec: MonitorSpec) -> int:
        """Return how many events all windows of a model hold."""
        return self.world.counted(spec)


@contextmanager
def world(
    folder: Path, models: Iterable[tuple[MonitorSpec, Baseline]], partitions: int = PARTITIONS
) -> Iterator[World]:
    """Begin a broker and register models of one group; end the broker at last, also where SIGTERM ends this process."""
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(128 + signal.SIGTERM))
    with Broker(folder / "broker", checkout().jars("broker")) as broker:
        admin = AdminClient({"bootstrap.servers": broker.address, "log_level": 0})
        topics = [NewTopic(TOPIC, partitions, 1), NewTopic(names.outliers_topic("default"), 1, 1)]
        for created in admin.create_topics(topics).values():
            created.result(timeout=20)
        settings = Settings.of_home(folder / "home")
        settings.home.mkdir()
        engine = connect(settings.database)
        migrate(engine)
        baselines, group = BaselineStore(engine), ""
        for spec, baseline in models:
            group = spec.group
            baselines.register(spec, baselines.put(baseline), by="benchmark", now=datetime.now(UTC))
        yield World(folder, broker, settings, Results(engine), group)


@contextmanager
def scene(
    folder: Path,
    models: Iterable[tuple[MonitorSpec, Baseline]],
    master: str = "local[2]",
    partitions: int = PARTITIONS,
) -> Iterator[Scene]:
    """Begin a broker, register models of one group and begin its driver; end them all at last."""
    with world(folder, models, partitions) as here, here.driver(master=master) as driver:
        yield Scene(here, driver)


def spent(driver: psutil.Process) -> dict[str, float]:
    """Return the processor time of a driver and all below it, in seconds, by kind of process."""
    times: dict[str, float] = defaultdict(float)
    for process in (driver, *driver.children(recursive=True)):
        with suppress(psutil.Error):
            used = process.cpu_times()
            kind = "java" if process.name() == "java" else "driver" if process.pid == driver.pid else "workers"
            if "pegel_spark.jobs.outliers" in process.cmdline():
                kind = "realtime"
            times[kind] += used.user + used.system
    return times


def kill(driver: psutil.Process) -> None:
    """Kill a driver and all below it, as a lost machine would."""
    processes = (driver, *driver.children(recursive=True))
    for process in processes:
        with suppress(psutil.NoSuchProcess):
            process.kill()
    psutil.wait_procs(processes[1:], timeout=10)


@contextmanager
def halted(driver: psutil.Process) -> Iterator[None]:
    """Let a driver and all below it stand still."""
    processes = (driver, *driver.children(recursive=True))
    for process in processes:
        process.suspend()
    try:
        yield
    finally:
        for process in processes:
            process.resume()


def wait(what: Callable[[], bool], within_s: float = WITHIN_S) -> None:
    """Wait until something is true. Raises TimeoutError."""
    deadline = time.monotonic() + within_s
    while not what():
        if time.monotonic() > deadline:
            raise TimeoutError(f"expected within {within_s:.0f} s")
        time.sleep(0.1)
