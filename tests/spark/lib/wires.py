"""Logged events on a real broker, as the inference logger writes them."""

from __future__ import annotations

import json
import time
import uuid
from contextlib import closing
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np
from kafka import KafkaAdminClient, KafkaConsumer, KafkaProducer
from kafka.admin import NewTopic
from kafka.errors import TopicAlreadyExistsError

from pegel.data.wire import REQUEST_TYPE, RESPONSE_TYPE
from pegel.spec import names
from pegel_local.kafka.broker import Broker
from pegel_local.machine.paths import checkout


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

    def create(self, partitions: int = 1, configs: dict[str, str] | None = None) -> None:
        """Make the topics of the namespace; `configs` are settings of each."""
        with closing(KafkaAdminClient(bootstrap_servers=self.address)) as admin:
            made = (
                NewTopic(topic, num_partitions=partitions, replication_factor=1, topic_configs=configs)
                for topic in names.topics(self.namespace)
            )
            admin.create_topics([*made])

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


def wire_to(broker: Broker, *, create: bool = True) -> Wire:
    """Return a producer to a broker, for a namespace of its own."""
    wire = Wire(broker.address, f"test-{uuid.uuid4().hex[:8]}", producer_to(broker.address))
    if create:
        wire.create()
    return wire


def producer_to(address: str) -> KafkaProducer:
    """Return a producer that waits until the broker has what it sends."""
    return KafkaProducer(bootstrap_servers=address, acks="all", linger_ms=5, max_request_size=4 * 1024 * 1024)


def now() -> datetime:
    """Return the present instant to the millisecond, as the wire carries it."""
    instant = datetime.now(UTC)
    return instant.replace(microsecond=instant.microsecond // 1000 * 1000)


def broker_in(folder: Path) -> Broker:
    """Return a broker of a test's own."""
    return Broker(folder, checkout().jars("broker"))


def damage(broker: Broker, topic: str, word: bytes) -> None:
    """Change one byte of a record that holds a word, where the broker keeps the only partition of a topic."""
    log = broker.folder / "data" / f"{topic}-0" / "00000000000000000000.log"
    with log.open("r+b") as file:
        at = file.read().index(word)
        file.seek(at)
        file.write(bytes([word[0] ^ 1]))


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
