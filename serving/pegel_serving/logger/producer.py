"""The Kafka producer behind a small protocol, so that the rules of the pipeline can be tested without a broker."""

from __future__ import annotations

import logging
from collections import deque
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from enum import Enum
from typing import Protocol

import structlog
from confluent_kafka import KafkaError, KafkaException, Producer

from pegel_serving.logger.kafka_record import KafkaRecord
from pegel_serving.logger.report_listener import LISTEN_S, ReportListener

log = structlog.stdlib.get_logger(__name__)


class DeliveryOutcome(Enum):
    """What became of an event that was handed to the producer."""

    DELIVERED = "delivered"
    UNREACHED = "unreached"
    """The broker did not take it in time; later it may."""
    REFUSED = "refused"
    """It will never be taken, and that is nobody else's fault: its topic is unknown, or it is too large to be sent."""
    REFUSED_TOGETHER = "refused_together"
    """The broker refused the batch it travelled in; it may have been a neighbour's fault. Sent alone, it is its own."""


Report = Callable[[DeliveryOutcome, str], None]
"""Called once per event, from `poll`, `flush` or at once, with the verdict and the broker's word for it."""


class Sender(Protocol):
    """Takes events and reports, in `poll`, what became of each."""

    def send(self, event: KafkaRecord, report: Report) -> bool:
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

    def listen(self, wake: Callable[[], None]) -> None:
        """From now on call `wake`, in any thread, when reports wait for `poll`."""
        ...

    def close(self) -> None:
        """Call nobody any more."""
        ...


def _codes(names: str) -> frozenset[int]:
    return frozenset(getattr(KafkaError, name) for name in names.split())


# librdkafka's own codes begin with an underscore; they are public. Whatever stands in neither list, such as a refused
# timestamp and every code that is yet to be invented, is a refusal together with others: it is tried alone, then set
# aside, and can never hold up anybody.
_LATER = _codes(
    "_ALL_BROKERS_DOWN _AUTHENTICATION _DESTROY _DESTROY_BROKER _FATAL _ISR_INSUFF _MSG_TIMED_OUT _PURGE_INFLIGHT "
    "_PURGE_QUEUE _QUEUE_FULL _RESOLVE _RETRY _SSL _STATE _TIMED_OUT _TIMED_OUT_QUEUE _TRANSPORT _WAIT_COORD "
    "BROKER_NOT_AVAILABLE CLUSTER_AUTHORIZATION_FAILED COORDINATOR_LOAD_IN_PROGRESS COORDINATOR_NOT_AVAILABLE "
    "FENCED_LEADER_EPOCH INVALID_PRODUCER_EPOCH INVALID_PRODUCER_ID_MAPPING KAFKA_STORAGE_ERROR "
    "LEADER_NOT_AVAILABLE NETWORK_EXCEPTION NOT_COORDINATOR NOT_ENOUGH_REPLICAS NOT_ENOUGH_REPLICAS_AFTER_APPEND "
    "NOT_LEADER_FOR_PARTITION OUT_OF_ORDER_SEQUENCE_NUMBER PRODUCER_FENCED REPLICA_NOT_AVAILABLE REQUEST_TIMED_OUT "
    "SASL_AUTHENTICATION_FAILED THROTTLING_QUOTA_EXCEEDED UNKNOWN_LEADER_EPOCH UNKNOWN_PRODUCER_ID"
)
_TOPIC = _codes(
    "_INVALID_ARG _UNKNOWN_PARTITION _UNKNOWN_TOPIC TOPIC_AUTHORIZATION_FAILED TOPIC_EXCEPTION UNKNOWN_TOPIC_OR_PART"
)


def _word(error: KafkaError) -> str:
    return error.name().lstrip("_").lower()


TOPIC_REASONS = frozenset(_word(KafkaError(code)) for code in _TOPIC)
"""Refusals of a topic: where an event could not go for one of these, a notice about it cannot go either."""
NO_REPORT = "no_report"
"""The reason of an event of which the client library said nothing at all."""
UNEXPLAINED = frozenset(
    {NO_REPORT}
    | {_word(KafkaError(code)) for code in _codes("_DESTROY _FATAL _PURGE_INFLIGHT _PURGE_QUEUE _STATE")}
    | {_word(KafkaError(code)) for code in _codes("INVALID_PRODUCER_ID_MAPPING OUT_OF_ORDER_SEQUENCE_NUMBER")}
)
"""Reasons that speak of the client, not of the broker: an event that comes back with one again and again may be at
fault itself. Not so one that timed out: its topic may be without a leader, and waits for one."""


@dataclass(frozen=True, slots=True, kw_only=True)
class KafkaSettings:
    """How records are produced: acknowledged by every in-sync replica, neither reordered nor doubled by retries."""

    servers: str
    delivery_timeout_s: float = 5.0
    """How long the producer itself tries; after that the spool takes over, so this is no limit on outages."""
    linger_ms: float = 10.0
    """How long it waits for more events to send together."""
    queue_messages: int = 100_000
    queue_bytes: int = 64 << 20
    max_body_bytes: int = 1_000_000
    security: Mapping[str, object] = field(default_factory=dict, repr=False)
    """What the broker asks of a client, in librdkafka's words."""
    client_id: str = "pegel-logger"
    """As which the broker knows this client."""

    def options(self) -> dict[str, object]:
        """Return the settings in librdkafka's words."""
        return {
            **self.security,
            "bootstrap.servers": self.servers,
            "client.id": self.client_id,
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
        self._reports: deque[tuple[Report, KafkaError | None]] = deque()
        self._listener: ReportListener | None = None
        self._producer = self._create()

    def send(self, event: KafkaRecord, report: Report) -> bool:
        """Hand the event over. An event that the producer refuses outright is reported at once."""
        try:
            self._producer.produce(
                event.topic,
                value=event.value,
                key=event.key,
                headers=list(event.sent_headers),
                timestamp=event.timestamp_ms,
                on_delivery=lambda error, _message: self._note(report, error),
            )
        except BufferError:
            return False
        except KafkaException as error:
            verdict, reason = _verdict(error.args[0])
            self._fatal = self._fatal or reason == "fatal"
            # nothing was sent, so nobody else can be at fault
            report(DeliveryOutcome.REFUSED if verdict is DeliveryOutcome.REFUSED_TOGETHER else verdict, reason)
        except Exception as error:  # noqa: BLE001 (whatever the library finds to say of one event must not stop the others)
            log.warning("the client library cannot send an event", why=str(error))
            report(DeliveryOutcome.REFUSED, "unsendable")
        return True

    def poll(self) -> None:
        """Deliver waiting reports; replace a producer that librdkafka declared beyond repair."""
        if self._listener is None:
            self._producer.poll(0)
        else:
            self._listener.collect()
        self._deliver()
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
        self._deliver()

    def listen(self, wake: Callable[[], None]) -> None:
        """Wait for reports in a thread. Worth it where an answer waits for each: it takes turns for every report."""
        self._listener = ReportListener(lambda: self._producer.poll(LISTEN_S), wake)

    def close(self) -> None:
        """End the thread, if there is one."""
        if self._listener is not None:
            self._listener.close()

    def _note(self, report: Report, error: KafkaError | None) -> None:
        """Keep a report for the thread that polls: this is called in any."""
        self._reports.append((report, error))
        if self._listener is not None:
            self._listener.tell()

    def _deliver(self) -> None:
        while self._reports:
            report, error = self._reports.popleft()
            report(*_verdict(error))

    def _create(self) -> Producer:
        def notice(error: KafkaError) -> None:
            self._fatal = self._fatal or error.fatal()

        options = {**self._settings.options(), "error_cb": notice}
        return Producer(options, logger=logging.getLogger("librdkafka"))


def _verdict(error: KafkaError | None) -> tuple[DeliveryOutcome, str]:
    if error is None:
        return DeliveryOutcome.DELIVERED, ""
    code = error.code()
    if code in _LATER:
        return DeliveryOutcome.UNREACHED, _word(error)
    return (DeliveryOutcome.REFUSED if code in _TOPIC else DeliveryOutcome.REFUSED_TOGETHER), _word(error)
