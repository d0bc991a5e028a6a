"""The Kafka producer behind a small protocol, so that the rules of the pipeline can be tested without a broker."""

from __future__ import annotations

import logging
from collections.abc import Callable
from dataclasses import dataclass
from enum import Enum
from typing import Protocol

from confluent_kafka import KafkaError, KafkaException, Producer

from pegel_serving.logger.logged_event import Event


class Verdict(Enum):
    """What became of an event that was handed to the producer."""

    DELIVERED = "delivered"
    UNREACHED = "unreached"
    """The broker did not take it in time; later it may."""
    REFUSED = "refused"
    """The broker will never take it: unknown topic, too large, not allowed."""


Report = Callable[[Verdict, str], None]
"""Called once per event from `poll`, with the verdict and the broker's word for it."""


class Sender(Protocol):
    """Takes events and reports, in `poll`, what became of each."""

    def send(self, event: Event, report: Report) -> bool:
        """Take an event; False when the sender's own queue is full, and then nothing is ever reported."""
        ...

    def poll(self) -> None:
        """Deliver waiting reports."""
        ...

    def forget(self) -> None:
        """Give up what is not delivered; whatever is still reported about it does not matter any more."""
        ...

    def flush(self, timeout_s: float) -> None:
        """Deliver reports until nothing is outstanding or the time is over."""
        ...


_NEVER = frozenset(
    {
        KafkaError.UNKNOWN_TOPIC_OR_PART,
        KafkaError._UNKNOWN_TOPIC,  # noqa: SLF001 (librdkafka's own codes begin with an underscore; they are public)
        KafkaError._UNKNOWN_PARTITION,  # noqa: SLF001
        KafkaError.TOPIC_EXCEPTION,
        KafkaError.TOPIC_AUTHORIZATION_FAILED,
        KafkaError.MSG_SIZE_TOO_LARGE,
        KafkaError.INVALID_RECORD,
        KafkaError.INVALID_TIMESTAMP,
    }
)


@dataclass(frozen=True, slots=True, kw_only=True)
class KafkaSettings:
    """How records are produced: acknowledged by every in-sync replica, neither reordered nor doubled by retries."""

    servers: str
    delivery_timeout_s: float = 5.0
    """How long the producer itself tries; after that the spool takes over, so this is no limit on outages."""
    linger_ms: int = 10
    queue_messages: int = 100_000
    queue_bytes: int = 64 << 20
    max_body_bytes: int = 1_000_000

    def options(self) -> dict[str, object]:
        """Return the settings in librdkafka's words."""
        return {
            "bootstrap.servers": self.servers,
            "client.id": "pegel-logger",
            "acks": "all",
            "enable.idempotence": True,
            "compression.type": "lz4",
            "linger.ms": self.linger_ms,
            "message.timeout.ms": int(self.delivery_timeout_s * 1000),
            # a topic that does not exist must be told apart from a broker that is away, so it has to fail first
            "topic.metadata.propagation.max.ms": int(self.delivery_timeout_s * 600),
            "queue.buffering.max.messages": self.queue_messages,
            "queue.buffering.max.kbytes": self.queue_bytes // 1024,
            "message.max.bytes": self.max_body_bytes + 48_576,
            "reconnect.backoff.max.ms": 1000,
            "socket.keepalive.enable": True,
        }


class KafkaSender:
    """A Sender over librdkafka. Constructing it needs no broker."""

    def __init__(self, settings: KafkaSettings) -> None:
        """Create the producer; it connects in its own thread, whenever a broker is there."""
        self._settings = settings
        self._fatal = False
        self._producer = self._create()

    def send(self, event: Event, report: Report) -> bool:
        """Hand the event over. An event that the producer refuses outright is reported at once."""
        try:
            self._producer.produce(
                event.topic,
                value=event.value,
                key=event.key,
                headers=list(event.headers),
                timestamp=event.timestamp_ms,
                on_delivery=lambda error, _message: report(*_verdict(error)),
            )
        except BufferError:
            return False
        except KafkaException as error:
            report(*_verdict(error.args[0]))
        return True

    def poll(self) -> None:
        """Deliver waiting reports; replace a producer that librdkafka declared beyond repair."""
        self._producer.poll(0)
        if self._fatal:
            self.forget()
            self._producer.flush(0.1)
            self._producer, self._fatal = self._create(), False

    def forget(self) -> None:
        """Purge queue and in-flight requests; some of them may have reached the broker all the same."""
        self._producer.purge()

    def flush(self, timeout_s: float) -> None:
        """Send without lingering and deliver reports."""
        self._producer.flush(timeout_s)

    def _create(self) -> Producer:
        def notice(error: KafkaError) -> None:
            self._fatal = self._fatal or error.fatal()

        options = {**self._settings.options(), "error_cb": notice}
        return Producer(options, logger=logging.getLogger("librdkafka"))


def _verdict(error: KafkaError | None) -> tuple[Verdict, str]:
    if error is None:
        return Verdict.DELIVERED, ""
    reason = error.name().lstrip("_").lower()
    return (Verdict.REFUSED if error.code() in _NEVER else Verdict.UNREACHED), reason
