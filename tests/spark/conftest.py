"""Fixtures of the Spark room: training data, a feature store, a results database, a real broker, a Spark session."""

from __future__ import annotations

import json
import sys
import time
import uuid
from collections.abc import Iterator
from contextlib import closing, suppress
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import psutil
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from kafka import KafkaAdminClient, KafkaConsumer, KafkaProducer
from kafka.admin import NewTopic
from kafka.errors import TopicAlreadyExistsError
from numpy.typing import NDArray
from pyspark.sql import SparkSession

from pegel.baseline.baseline import Baseline
from pegel.data.columns import Field, Kind, Role, Schema
from pegel.data.wire import REQUEST_TYPE, RESPONSE_TYPE
from pegel.featurestore import LocalFeatureStore
from pegel.spec import names
from pegel.spec.monitor_spec import MonitorSpec
from pegel.spec.settings import Settings
from pegel.stats.layout import Layout
from pegel.stats.summary import Summary
from pegel.store.baseline_store import BaselineStore
from pegel.store.database import connect, migrate
from pegel.store.registry import Registry
from pegel.store.results import Results
from pegel.stream.result_rows import WindowRow
from pegel.testing.samples import trained_on
from pegel_local.kafka.broker import Broker
from pegel_local.machine.paths import checkout

ROWS = 4_000
SCHEMA = Schema(
    (
        Field("distance", Kind.NUMERIC, Role.FEATURE, "km"),
        Field("carrier", Kind.CATEGORICAL),
        Field("age", Kind.NUMERIC),
        Field("delay", Kind.NUMERIC, Role.PREDICTION, "min"),
    )
)


def training_table(rows: int = ROWS, seed: int = 7) -> pa.Table:
    """Return training data of the schema: a few nulls in `age`, three carriers."""
    rng = np.random.default_rng(seed)
    ages = rng.normal(40, 12, rows)
    return pa.table(
        {
            "distance": rng.gamma(2.0, 400.0, rows),
            "carrier": rng.choice(["AA", "DL", "WN"], rows, p=[0.5, 0.3, 0.2]),
            "age": pa.array(ages, mask=rng.random(rows) < 0.01),
            "delay": rng.normal(5.0, 10.0, rows),
        }
    )


@dataclass
class World:
    """A home with a feature store and a results database, and what a driver needs to know about it."""

    settings: Settings
    store: LocalFeatureStore
    registry: Registry
    results: Results
    baselines: BaselineStore

    def watch(self, spec: MonitorSpec, *, baseline: bool = True) -> Baseline | None:
        """Put a spec into the registry, with a current baseline if wished."""
        made = None
        if baseline:
            made = trained_on(training_table(), SCHEMA, spec, spec.watch.statistics)
            current = self.baselines.current(spec.model.name, 1)
            self.baselines.promote(
                spec.model.name, 1, self.baselines.put(made), current, by="test", now=datetime.now(UTC)
            )
        self.registry.put(spec)
        return made

    @staticmethod
    def now() -> datetime:
        """Return the present instant."""
        return datetime.now(UTC)


@pytest.fixture
def world(tmp_path: Path) -> World:
    """An empty registry, results database and feature store, with the training data registered."""
    return new_world(tmp_path)


def new_world(tmp_path: Path) -> World:
    """Return a home of its own, with the training data registered."""
    tmp_path.mkdir(exist_ok=True)
    jars = checkout().jars("spark")
    settings = Settings(home=tmp_path, spark_jars=jars)
    engine = connect(settings.database)
    migrate(engine)
    store = LocalFeatureStore(settings.features)
    source = tmp_path / "train.parquet"
    pq.write_table(training_table(), source)
    store.register_training_data("delays", 1, source, SCHEMA)
    return World(settings, store, Registry(engine), Results(engine), BaselineStore(engine))


def headers_of(event_id: str, kind: str, endpoint: str, namespace: str = "default") -> list[tuple[str, bytes]]:
    """Return the headers of a logged event."""
    values = {
        "ce_specversion": "1.0",
        "ce_id": event_id,
        "ce_type": kind,
        "ce_source": "pod-1",
        "ce_inferenceservicename": endpoint,
        "ce_namespace": namespace,
        "ce_component": "predictor",
        "content-type": "application/json",
    }
    return [(name, value.encode()) for name, value in values.items()]


def request_body(rng: np.random.Generator, rows: int = 1, shift: float = 0.0) -> bytes:
    """Return a v1 request of the schema."""
    items = [
        [float(rng.gamma(2.0, 400.0)) + shift, str(rng.choice(["AA", "DL", "WN"])), float(rng.normal(40, 12))]
        for _ in range(rows)
    ]
    return json.dumps({"instances": items}).encode()


def response_body(rng: np.random.Generator, rows: int = 1) -> bytes:
    """Return a v1 response of the schema."""
    return json.dumps({"predictions": rng.normal(5.0, 10.0, rows).tolist()}).encode()


@dataclass
class Wire:
    """The broker as a producer of logged events of one namespace."""

    address: str
    namespace: str
    producer: Any

    @property
    def topic(self) -> str:
        """Return the topic of the namespace."""
        return names.inference_topic(self.namespace)

    def send(self, event_id: str, kind: str, endpoint: str, body: bytes, at: datetime) -> None:
        """Send one event with its event time."""
        self.producer.send(
            self.topic,
            key=event_id.encode(),
            value=body,
            headers=headers_of(event_id, kind, endpoint, self.namespace),
            timestamp_ms=round(at.timestamp() * 1000),
        )

    def create(self, partitions: int = 1) -> None:
        """Make the topics of the namespace."""
        with closing(KafkaAdminClient(bootstrap_servers=self.address)) as admin:
            topics = names.topics(self.namespace)
            admin.create_topics([NewTopic(topic, num_partitions=partitions, replication_factor=1) for topic in topics])

    def pair(self, event_id: str, at: datetime, rng: np.random.Generator, endpoint: str = "delays-v1") -> None:
        """Send a request and its response."""
        self.send(event_id, REQUEST_TYPE, endpoint, request_body(rng), at)
        self.send(event_id, RESPONSE_TYPE, endpoint, response_body(rng), at)

    def read(self, topic: str) -> list[Any]:
        """Return everything on a topic."""
        consumer = KafkaConsumer(
            topic, bootstrap_servers=self.address, auto_offset_reset="earliest", consumer_timeout_ms=3000
        )
        found = list(consumer)
        consumer.close()
        return found


@pytest.fixture(scope="session")
def broker(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Broker]:
    """A real broker in its own JVM."""
    with Broker(tmp_path_factory.mktemp("broker"), checkout().jars("broker")) as running:
        yield running


def wire_to(broker: Broker, *, create: bool = True) -> Wire:
    """Return a producer to a broker, for a namespace of its own."""
    wire = Wire(broker.address, f"test-{uuid.uuid4().hex[:8]}", producer_to(broker.address))
    if create:
        wire.create()
    return wire


def producer_to(address: str) -> KafkaProducer:
    """Return a producer that waits until the broker has what it sends."""
    return KafkaProducer(bootstrap_servers=address, acks="all", linger_ms=5, max_request_size=4 * 1024 * 1024)


@pytest.fixture
def wire(broker: Broker) -> Iterator[Wire]:
    """A topic of this test's own on the broker that all tests share."""
    made = wire_to(broker)
    yield made
    made.producer.close()


@pytest.fixture(scope="session")
def spark() -> Iterator[SparkSession]:
    """A Spark session of this process, without the Kafka connector."""
    from pegel_spark import session  # the session's environment must not be set before a test asks for it

    built = session.build("tests", Settings(), jars=[])
    yield built
    built.stop()


def now() -> datetime:
    """Return the present instant to the millisecond, as the wire carries it."""
    instant = datetime.now(UTC)
    return instant.replace(microsecond=instant.microsecond // 1000 * 1000)


def content(row: WindowRow, layout: Layout) -> tuple[WindowRow, list[int], list[int]]:
    """Return what a window counts, without when it was emitted, how often it was revised on the way, and its moments.

    The last digits of moments, and of what is judged by them, depend on how the records were spread over batches.
    """
    counts = Summary.from_bytes(row.summary, layout)
    said = replace(row, emitted_at=row.span.end, revision=0, summary=b"", judgement={})
    return said, counts.counters.ravel().tolist(), counts.cells.tolist()


def moments(rows: list[WindowRow], layout: Layout) -> NDArray[np.float64]:
    """Return the moments of windows' fields."""
    return np.array([Summary.from_bytes(row.summary, layout).moments for row in rows])


def broker_in(folder: Path) -> Broker:
    """Return a broker of a test's own."""
    return Broker(folder, checkout().jars("broker"))


def create_again(admin: Any, topic: str) -> None:
    """Make a topic that was just deleted; the broker needs a moment to forget the old one."""
    deadline = time.monotonic() + 20
    while True:
        try:
            admin.create_topics([NewTopic(topic, num_partitions=1, replication_factor=1)])
        except TopicAlreadyExistsError:
            if time.monotonic() > deadline:
                raise
            time.sleep(0.2)
        else:
            return


def python_workers(driver: int) -> list[int]:
    """Return the processes of Spark's Python daemon and its workers, below a driver."""
    workers = []
    for process in psutil.Process(driver).children(recursive=True):
        with suppress(psutil.Error):  # some end while one looks
            if process.cmdline()[1:3] == ["-m", "pegel_spark.daemon"]:
                workers.append(process.pid)
    return workers


DANGEROUS = '''
import os
import time

class Dangerous:
    """Ends, or takes all the memory of, whoever counts certain numbers."""

    name = "dangerous"

    @classmethod
    def start(cls, edges):
        return cls()

    def update(self, values):
        if (values == 666.0).any():
            os._exit(77)
        if (values == 667.0).any():
            hoard = [bytearray(256 * 1024 * 1024) for _ in range(10)]

    def merge(self, other):
        pass

    def get(self):
        return None

    def to_bytes(self):
        return b""

    @classmethod
    def from_bytes(cls, data):
        return cls()
'''
"""A module with a statistic, to be installed for one test."""


def install(site: Path, package: str, source: str, group: str, place: str) -> Path:
    """Install a module with one entry point, named like the module, in a folder for the path."""
    info = site / f"{package}-1.0.dist-info"
    info.mkdir(parents=True)
    (site / f"{package}.py").write_text(source)
    (info / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {package}\nVersion: 1.0\n")
    (info / "entry_points.txt").write_text(f"[{group}]\n{package} = {place}\n")
    return site


@pytest.fixture(scope="session")
def toolbox() -> ModuleType:
    """The helpers of this file, for tests that cannot import it."""
    return sys.modules[__name__]
