"""What is also told on Kafka: outliers, and unreadable records kept aside. Best effort: counted, never waited for."""

from __future__ import annotations

import time
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Protocol

import structlog
from kafka import KafkaProducer
from kafka.errors import KafkaError

from pegel.data.wire import HEADER_ID, HEADER_NAMESPACE, HEADER_REASON
from pegel.errors import Unavailable
from pegel.spec import names
from pegel.spec.monitor_spec import MonitorSpec
from pegel.stream.outlying import published
from pegel.stream.result_rows import OutlierRow
from pegel.stream.task_output import DeadLetter
from pegel_spark import kafka_clients

log = structlog.get_logger()
CLOSE_WITHIN_S = 5.0
SILENCE_S = 30.0
"""How long nothing is tried after the broker refused."""


class SideChannel(Protocol):
    """Where outliers and unreadable records are also told. Neither call raises or waits for long."""

    def outliers(self, rows: Iterable[tuple[MonitorSpec, OutlierRow]]) -> None:
        """Tell of outlying rows of monitors."""
        ...

    def letters(self, letters: Iterable[DeadLetter], namespaces: Mapping[str, str]) -> None:
        """Keep unreadable records aside; `namespaces`: of whom a topic is, by topic."""
        ...

    def close(self) -> None:
        """Hand over what is left and end."""
        ...


@dataclass(slots=True)
class SideTopics:
    """The side channel on Kafka topics. It publishes beside the results database, which stays the one place of record.

    `lost` counts what could not be handed to the broker.
    """

    kafka: str
    lost: int = 0
    _producer: Any = None
    _silent_until: float = 0.0

    def outliers(self, rows: Iterable[tuple[MonitorSpec, OutlierRow]]) -> None:
        """Publish outlying rows of monitors, keyed by event id."""
        for spec, row in rows:
            key = row.event_id.encode(errors="replace")
            self._send(names.outliers_topic(spec.namespace), key, published(row), ())

    def letters(self, letters: Iterable[DeadLetter], namespaces: Mapping[str, str]) -> None:
        """Keep unreadable records aside with their headers, and the reason in a header of its own.

        Those that do not say of which namespace they are lie beside those of the topic's.
        """
        for letter in letters:
            attributes = dict(letter.headers)
            said, known = attributes.get(HEADER_NAMESPACE), namespaces.get(letter.topic, "default")
            namespace = known if said is None else said.decode(errors="replace")
            topic = names.dead_letters_topic(namespace if names.is_safe(namespace) else "default")
            headers = (*letter.headers, (HEADER_REASON, letter.reason.encode()))
            self._send(topic, attributes.get(HEADER_ID), letter.value, headers)

    def close(self) -> None:
        """Hand over what is left and end."""
        if self._producer is not None:
            self._producer.close(timeout=CLOSE_WITHIN_S)
            self._producer = None

    def _send(self, topic: str, key: bytes | None, value: bytes, headers: Iterable[tuple[str, bytes]]) -> None:
        if time.monotonic() < self._silent_until:
            self.lost += 1
            return
        try:
            if self._producer is None:
                options = kafka_clients.kafka_python(self.kafka)
                self._producer = KafkaProducer(**options, linger_ms=5, max_block_ms=2000, acks="all")
            self._producer.send(topic, key=key, value=value, headers=list(headers)).add_errback(self._failed)
        except (KafkaError, Unavailable) as error:
            # Each further attempt could wait as long again, and the windows must not wait for it.
            self._silent_until = time.monotonic() + SILENCE_S
            self._failed(error)

    def _failed(self, error: BaseException) -> None:
        self.lost += 1
        if self.lost == 1:
            log.warning("side topics refuse", error=str(error))
