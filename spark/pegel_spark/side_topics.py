"""What is also told on Kafka: outliers, and unreadable records kept aside. Best effort: counted, never waited for."""

from __future__ import annotations

import time
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any, Protocol

import orjson
import structlog
from kafka import KafkaProducer
from kafka.errors import KafkaError

from pegel.spec import names
from pegel.spec.monitor_spec import MonitorSpec
from pegel.stream.partial_arrow import Letter

log = structlog.get_logger()
PATIENCE_S = 5.0
SILENCE_S = 30.0
"""How long nothing is tried after the broker refused."""


class SideChannel(Protocol):
    """Where outliers and unreadable records are also told. Neither call raises or waits for long."""

    def outliers(self, found: Iterable[tuple[MonitorSpec, dict[str, Any]]]) -> None:
        """Tell of outlying rows of monitors."""
        ...

    def letters(self, found: Iterable[Letter]) -> None:
        """Keep unreadable records aside."""
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

    def outliers(self, found: Iterable[tuple[MonitorSpec, dict[str, Any]]]) -> None:
        """Publish outlying rows of monitors, keyed by event id."""
        for spec, item in found:
            body = {"model": spec.model.name, "version": spec.model.version, **item}
            self._send(names.outliers_topic(spec.namespace), item["event_id"].encode(), orjson.dumps(body), ())

    def letters(self, found: Iterable[Letter]) -> None:
        """Keep unreadable records aside with their headers, and the reason in the header `dlq_reason`."""
        for letter in found:
            namespace = dict(letter.headers).get("ce_namespace", b"default").decode(errors="replace")
            topic = names.dead_letters_topic(namespace if names.is_safe(namespace) else "default")
            headers = (*letter.headers, ("dlq_reason", letter.reason.encode()))
            self._send(topic, dict(letter.headers).get("ce_id"), letter.value, headers)

    def close(self) -> None:
        """Hand over what is left and end."""
        if self._producer is not None:
            self._producer.close(timeout=PATIENCE_S)
            self._producer = None

    def _send(self, topic: str, key: bytes | None, value: bytes, headers: Iterable[tuple[str, bytes]]) -> None:
        if time.monotonic() < self._silent_until:
            self.lost += 1
            return
        try:
            if self._producer is None:
                self._producer = KafkaProducer(
                    bootstrap_servers=self.kafka.split(","), linger_ms=5, max_block_ms=2000, acks="all"
                )
            self._producer.send(topic, key=key, value=value, headers=list(headers)).add_errback(self._failed)
        except KafkaError as error:
            # Each further attempt could wait as long again, and the windows must not wait for it.
            self._silent_until = time.monotonic() + SILENCE_S
            self._failed(error)

    def _failed(self, error: BaseException) -> None:
        self.lost += 1
        if self.lost == 1:
            log.warning("side topics refuse", error=str(error))
