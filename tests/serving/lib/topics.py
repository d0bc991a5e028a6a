"""Topics of a real broker: created as onboarding does, read back whole."""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import Any

from confluent_kafka import Consumer, KafkaException, Message, TopicPartition
from confluent_kafka.admin import AdminClient
from confluent_kafka.cimpl import NewTopic

from pegel.data.compact_headers import expanded
from pegel.spec import names


def create_topics(address: str, namespace: str) -> None:
    """Create the topics of a namespace, as onboarding does."""
    admin = AdminClient({"bootstrap.servers": address})
    for created in admin.create_topics([NewTopic(topic, 1, 1) for topic in names.topics(namespace)]).values():
        created.result(timeout=20)


@dataclass(frozen=True)
class Record:
    """A Kafka record as read back, with one header for each attribute."""

    key: bytes | None
    value: bytes | None
    timestamp: int
    headers: dict[str, Any]


def consume(address: str, topic: str, *, at_least: int = 0, within_s: float = 20.0) -> list[Record]:
    """Read a topic from its beginning until its end is reached and `at_least` records were seen."""
    settings = {"bootstrap.servers": address, "group.id": "tests", "fetch.wait.max.ms": 50}
    consumer = Consumer(settings)
    deadline = time.monotonic() + within_s
    try:
        end = _end(consumer, topic, deadline)
        consumer.assign([TopicPartition(topic, 0, 0)])
        records: list[Record] = []
        while len(records) < max(end, at_least) and time.monotonic() < deadline:
            records += [_record(message) for message in consumer.consume(1000, timeout=0.2)]
    finally:
        consumer.close()
    return records


def _end(consumer: Consumer, topic: str, deadline: float) -> int:
    """Return where the topic ends; a broker that has just begun again does not lead it at once."""
    while True:
        try:
            _, end = consumer.get_watermark_offsets(TopicPartition(topic, 0), timeout=5.0)
        except KafkaException:
            if time.monotonic() > deadline:
                raise
            time.sleep(0.1)
        else:
            return int(end)


def _record(message: Message) -> Record:
    pairs: Any = message.headers() or []  # the stubs also allow forms that a consumer never returns
    key: Any = message.key()
    return Record(key, message.value(), message.timestamp()[1], dict(expanded(key, pairs)))
