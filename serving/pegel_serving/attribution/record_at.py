"""One record of a topic, read by its place: of a request that is told one by one, whenever that was."""

from __future__ import annotations

import time
from typing import Any, Final, Protocol

from confluent_kafka import Consumer, KafkaError, KafkaException, TopicPartition

from pegel.spec.kafka_security import KafkaSecurity
from pegel.spec.settings import Settings
from pegel.stream.wire_records import attributes_of

ANSWERS_WITHIN_S: Final = 10.0
_GONE: Final = frozenset({KafkaError.UNKNOWN_TOPIC_OR_PART, KafkaError._UNKNOWN_TOPIC, KafkaError._UNKNOWN_PARTITION})  # noqa: SLF001  the client's own


class RecordSource(Protocol):
    """Where records are read."""

    def request(self, topic: str, partition: int, offset: int) -> tuple[str, bytes] | None:
        """Return the id and the body of the event at a place; None where it is gone. Raises OSError: not known now."""
        ...


class RecordAt:
    """Reads records of Kafka by their places, in no group: nobody's offsets move by it."""

    def __init__(self, settings: Settings) -> None:
        """Connect in the client's own time."""
        options: dict[str, Any] = {
            **KafkaSecurity.of(settings).librdkafka(),
            "bootstrap.servers": settings.kafka,
            "client.id": "pegel-attribution-outliers",
            "group.id": "pegel-attribution-outliers",
            "enable.auto.commit": False,
            "auto.offset.reset": "error",
            "allow.auto.create.topics": False,
            "error_cb": lambda _error: None,
        }
        self._consumer = Consumer(options)

    def request(self, topic: str, partition: int, offset: int) -> tuple[str, bytes] | None:
        """Return the id and the body of the event at a place; None where it is gone. Raises OSError: not known now."""
        try:
            low, high = self._consumer.get_watermark_offsets(TopicPartition(topic, partition), timeout=ANSWERS_WITHIN_S)
            if not low <= offset < high:
                return None
            self._consumer.assign([TopicPartition(topic, partition, offset)])
            message = self._next()
        except KafkaException as error:
            if error.args[0].code() in _GONE:
                return None
            raise OSError(str(error.args[0].str())) from error
        if message.offset() != offset:
            return None
        headers = message.headers() or []
        read = attributes_of([message.key() or b""], [headers])
        return read.ids[0].decode(errors="replace"), message.value() or b""

    def close(self) -> None:
        """Let go of the connection."""
        self._consumer.close()

    def _next(self) -> Any:
        until = time.monotonic() + ANSWERS_WITHIN_S
        while time.monotonic() < until:
            message = self._consumer.poll(1.0)
            if message is None:
                continue
            if message.error() is not None:
                raise KafkaException(message.error())
            return message
        raise OSError(f"the broker gives no record within {ANSWERS_WITHIN_S:g} s")
