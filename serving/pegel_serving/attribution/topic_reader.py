"""The worker's consumer: a group for each namespace, offsets committed by hand, nothing read while there is no room."""

from __future__ import annotations

import time
from collections.abc import Callable, Collection, Iterable
from typing import Any, Final

import structlog
from confluent_kafka import Consumer, KafkaError, KafkaException, TopicPartition

from pegel.spec.kafka_security import KafkaSecurity
from pegel.spec.settings import Settings
from pegel.stream.wire_records import Address
from pegel_serving.attribution.attribution_worker import ReadRecord
from pegel_serving.repeated_lines import RepeatedLines

log = structlog.stdlib.get_logger(__name__)

AT_ONCE: Final = 500
FETCHED_KIB: Final = 8 << 10
"""What the client holds before anybody asks for it."""
WAIT_S: Final = 0.1
TIMESTAMP: Final = 1
ANSWERS_WITHIN_S: Final = 5.0
"""How long the broker is asked where to begin."""


class TopicReader:
    """Reads topics from where the group was, at first from their ends."""

    def __init__(self, settings: Settings, group: str, lost: Callable[[Address], None]) -> None:
        """Connect in the client's own time. `lost` is told of partitions that another reader has now."""
        self._lost = lost
        self._assigned: set[Address] = set()
        self._failures = RepeatedLines()
        self._topics: list[str] = []
        options: dict[str, Any] = {
            **KafkaSecurity.of(settings).librdkafka(),
            "bootstrap.servers": settings.kafka,
            "client.id": "pegel-attribution",
            "group.id": group,
            "enable.auto.commit": False,
            "enable.auto.offset.store": False,
            "auto.offset.reset": "latest",
            "queued.max.messages.kbytes": FETCHED_KIB,
            "allow.auto.create.topics": False,
            "topic.metadata.refresh.interval.ms": 5_000,
            "session.timeout.ms": 10_000,
            "partition.assignment.strategy": "cooperative-sticky",
            "error_cb": self._trouble,
        }
        self._consumer = Consumer(options)

    @property
    def is_settled(self) -> bool:
        """Say whether partitions are read where some are asked for."""
        if not self._topics:
            return True
        return bool(self._assigned)

    def follow(self, topics: Collection[str]) -> None:
        """Read these topics from now on."""
        if sorted(topics) == self._topics:
            return
        self._topics = sorted(topics)
        if self._topics:
            self._consumer.subscribe(self._topics, on_assign=self._assign, on_revoke=self._revoke, on_lost=self._revoke)
        else:
            self._consumer.unsubscribe()

    def read(self) -> list[ReadRecord]:
        """Return the next records, after a tenth of a second at most."""
        if not self._topics:
            time.sleep(WAIT_S)
            return []
        return self._records(self._consumer.consume(AT_ONCE, timeout=WAIT_S))

    def _records(self, messages: Iterable[Any]) -> list[ReadRecord]:
        records = []
        for message in messages:
            if (error := message.error()) is not None:
                self._trouble(error)
                continue
            records.append(_record(message))
        return records

    def rest(self) -> list[ReadRecord]:
        """Stay a member of the group and read nothing for a moment.

        While partitions move, one that comes here meanwhile brings a record all the same: it is returned, because what
        comes after it says that it was read.
        """
        partitions = [TopicPartition(*address) for address in self._assigned]
        if partitions:
            self._consumer.pause(partitions)
        message = self._consumer.poll(WAIT_S)
        if self._assigned:
            self._consumer.resume([TopicPartition(*address) for address in self._assigned])
        return self._records([] if message is None else [message])

    def commit(self, offsets: dict[Address, int], *, wait: bool = False) -> None:
        """Note up to where everything is done. What cannot be noted is read again some day."""
        own = [TopicPartition(*address, offset) for address, offset in offsets.items() if address in self._assigned]
        if not own:
            return
        try:
            if wait:
                self._consumer.commit(offsets=own, asynchronous=False)
            else:
                self._consumer.commit(offsets=own)
        except KafkaException as error:
            self._trouble(error.args[0])

    def close(self) -> None:
        """Leave the group."""
        self._consumer.close()

    def _assign(self, _consumer: Any, partitions: list[TopicPartition]) -> None:
        self._consumer.incremental_assign([self._placed(one) for one in partitions])
        self._assigned |= {(one.topic, one.partition) for one in partitions}

    def _placed(self, partition: TopicPartition) -> TopicPartition:
        """Return a partition with where it is read from: where the group was, else its end as it is now.

        The client would look for the end with its first fetch, and pass over what has come until then.
        """
        place = partition
        try:
            committed = self._consumer.committed([partition], timeout=ANSWERS_WITHIN_S)[0]
            if committed.offset >= 0:
                return committed
            end = self._consumer.get_watermark_offsets(partition, timeout=ANSWERS_WITHIN_S)[1]
            place = TopicPartition(partition.topic, partition.partition, end)
            # At once: a worker that is killed before its first commit is to begin here again, not at a later end.
            self._consumer.commit(offsets=[place])
        except KafkaException as error:
            self._trouble(error.args[0])
        return place

    def _revoke(self, _consumer: Any, partitions: list[TopicPartition]) -> None:
        for one in partitions:
            self._assigned.discard((one.topic, one.partition))
            self._lost((one.topic, one.partition))
        self._consumer.incremental_unassign(partitions)

    def _trouble(self, error: KafkaError) -> None:
        why = error.str()
        if (times := self._failures.times(why)) is not None:
            log.warning("the broker", why=why, times=times)


def _record(message: Any) -> ReadRecord:
    try:
        headers = message.headers() or []
    except UnicodeDecodeError:
        headers = []
    kind, time_ms = message.timestamp()
    return ReadRecord(
        (message.topic(), message.partition()),
        message.offset(),
        int(time_ms) if kind == TIMESTAMP else int(time.time() * 1_000),
        message.key() or b"",
        message.value() or b"",
        headers,
    )
