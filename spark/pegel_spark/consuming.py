"""Records read from the broker by whoever counts them: a task's worker, or the process of a careful step.

Spark hands out ranges of offsets, not records: no record passes through the JVM.
"""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, TypeAlias

import numpy as np
from confluent_kafka import Consumer, KafkaError, KafkaException, TopicPartition

from pegel.data.compact_headers import Headers
from pegel.errors import Unavailable
from pegel.stream.positions import OffsetRange
from pegel.stream.wire_records import Address, Records
from pegel_spark import kafka_clients

Message: TypeAlias = Any
"""The client's type says of each part that it may be missing, which those of a record are not."""
ANSWER_WITHIN_S = 30.0
"""How long the broker may say nothing while records are asked for."""
FIRST_RECORDS, MOST_RECORDS = 500, 5_000
"""Records that are counted at once: few until it is seen how many panes they lie in, so that memory is bounded."""
LONGEST_MS = 2**53
"""Any 64 bits may stand as the time of a record; what a microsecond more would not hold is as far away as this."""
CHUNK_BYTES = 8 * 1024 * 1024
"""Bytes of bodies that are handed over at once, and what the client fetches ahead: bounds memory, whatever a record's
size."""
STEP = 20
"""Records after which the bytes at hand are looked at."""
WAIT_S = 0.1
"""How long records are waited for that the broker said it has: where some offsets hold none there are fewer."""
GONE = frozenset((KafkaError.OFFSET_OUT_OF_RANGE, KafkaError._AUTO_OFFSET_RESET, KafkaError.UNKNOWN_TOPIC_OR_PART))  # noqa: SLF001  the client's own name
DAMAGED = frozenset(
    getattr(KafkaError, code)
    for code in ("_BAD_MSG", "_BAD_COMPRESSION", "_NOT_IMPLEMENTED", "INVALID_MSG", "MSG_SIZE_TOO_LARGE")
)
"""What the client says of records that it cannot take apart. It goes on behind them, as if they had not been there."""
_consumers: dict[str, Consumer] = {}
"""By broker: a worker is used for many tasks, and a connection costs more than what a small one reads."""


_troubles: dict[str, str] = {}
"""By broker: what the client said last of what is wrong with it, such as a password that it does not take."""


class RecordsGone(Exception):
    """The broker has not got the records any more; whoever asks for its partitions again sees what became of them."""


class RecordsDamaged(Exception):
    """Records are there and cannot be taken apart: whoever reads carefully sets them aside, each by its address."""


@dataclass(slots=True)
class Reading:
    """Ranges of records as they are read. Each partition's records come in the order of their offsets.

    `at_once`: how many records are handed over at most; whoever takes them may change it. `enough`: set by whoever
    takes them; then nothing more is read. `emptied`: ranges whose last offsets hold no records: they are read to their
    ends all the same.
    """

    kafka: str
    ranges: Sequence[OffsetRange]
    at_once: int = MOST_RECORDS
    enough: bool = False
    emptied: list[OffsetRange] = field(default_factory=list)

    def records(self) -> Iterator[Records]:
        """Yield the records. Raises Unavailable when the broker is silent, RecordsGone, RecordsDamaged.

        A broker that falls silent after some were yielded ends it: what is left is the next batch's, which raises.
        """
        consumer = _consumers.pop(self.kafka, None) or _connected(self.kafka)
        open_ranges = {wanted.address: wanted for wanted in self.ranges if wanted.start < wanted.end}
        try:
            consumer.assign([TopicPartition(*address, wanted.start) for address, wanted in open_ranges.items()])
            yield from self._consumed(consumer, open_ranges)
            consumer.unassign()
        except KafkaException as error:
            consumer.close()
            raise Unavailable(f"the broker {self.kafka} did not answer: {error!r:.200}") from error
        except BaseException:
            consumer.close()
            raise
        _consumers[self.kafka] = consumer

    def _consumed(self, consumer: Consumer, open_ranges: dict[Address, OffsetRange]) -> Iterator[Records]:
        heard_at, heard = time.monotonic(), False
        while open_ranges and not self.enough:
            messages = self._chunk(consumer, sum(wanted.records for wanted in open_ranges.values()))
            if any(message.error() is None for message in messages):
                heard_at, heard = time.monotonic(), True
            elif time.monotonic() - heard_at > ANSWER_WITHIN_S:
                if heard:
                    return
                trouble = _troubles.pop(self.kafka, "")
                asked = f"{_list(open_ranges)}{f'; the client says: {trouble}' if trouble else ''}"
                raise Unavailable(f"the broker {self.kafka} sent none of the records asked for: {asked}")
            for address, own in self._wanted(messages, open_ranges).items():
                yield as_records(address, own)

    def _chunk(self, consumer: Consumer, waiting: int) -> list[Message]:
        """Return some messages of those that wait. Asked for more than there are, the client would wait for these."""
        messages: list[Message] = []
        most, size = min(self.at_once, waiting), 0
        while len(messages) < most and size < CHUNK_BYTES:
            step: list[Message] = consumer.consume(min(STEP, most - len(messages)), timeout=WAIT_S)
            if not step:
                break
            messages += step
            size += sum([len(message) for message in step])
        return messages

    def _wanted(self, messages: list[Message], open_ranges: dict[Address, OffsetRange]) -> dict[Address, list[Message]]:
        """Return messages that lie in open ranges by partition, and close the ranges that end with them."""
        by_address: dict[Address, list[Message]] = {}
        for message in messages:
            address = (message.topic(), message.partition())
            wanted = open_ranges.get(address)
            if wanted is None:
                continue  # fetched ahead, beyond the end of its range
            if message.error() is not None:
                if _is_emptied(message, wanted):
                    self.emptied.append(open_ranges.pop(address))
                elif message.error().code() != KafkaError._PARTITION_EOF:  # noqa: SLF001  the client's own name
                    _troubles[self.kafka] = str(message.error())
                continue
            if message.offset() < wanted.end:
                by_address.setdefault(address, []).append(message)
            else:
                self.emptied.append(wanted)
            if message.offset() >= wanted.end - 1:
                del open_ranges[address]
        for address, own in by_address.items():
            if address in open_ranges:
                open_ranges[address] = replace(open_ranges[address], start=own[-1].offset() + 1)
        return by_address


def _is_emptied(message: Message, wanted: OffsetRange) -> bool:
    """Say whether there is nothing up to the end of a range. Raises RecordsGone if it can be read no more.

    Raises RecordsDamaged if records of it cannot be taken apart; those behind its end are not its own.
    """
    error = message.error()
    if error.code() in GONE:
        raise RecordsGone(f"{wanted}: {error}")
    if error.code() in DAMAGED and message.offset() < wanted.end:
        raise RecordsDamaged(f"{wanted}: {error}")
    return bool(error.code() == KafkaError._PARTITION_EOF and message.offset() >= wanted.end)  # noqa: SLF001  the client's own name


def as_records(address: Address, messages: Sequence[Message]) -> Records:
    """Return messages of one partition as they are counted."""
    times_ms = np.array([message.timestamp()[1] for message in messages], dtype=np.int64)
    return Records(
        address,
        np.array([message.offset() for message in messages], dtype=np.int64),
        np.clip(times_ms, -LONGEST_MS, LONGEST_MS) * 1_000,
        [message.key() or b"" for message in messages],
        [message.value() or b"" for message in messages],
        [_headers(message) for message in messages],
    )


def _headers(message: Message) -> Headers:
    try:
        return message.headers() or ()
    except UnicodeDecodeError:
        return ()  # a name that is no text: none of those that are looked for


def _connected(kafka: str) -> Consumer:
    return Consumer(
        {
            **kafka_clients.librdkafka(kafka),
            "error_cb": lambda error: _troubles.__setitem__(kafka, error.str()),
            # The client wants one. Nothing is ever committed under it.
            "group.id": "pegel-stream",
            "enable.auto.commit": False,
            "enable.auto.offset.store": False,
            "enable.partition.eof": True,
            # What is gone is to be known, not skipped.
            "auto.offset.reset": "error",
            "isolation.level": "read_uncommitted",
            "check.crcs": True,
            "queued.max.messages.kbytes": CHUNK_BYTES // 1024,
            # A question for what comes next is still open when a range was read: the next one waits for its answer.
            "fetch.wait.max.ms": 10,
            "fetch.error.backoff.ms": 100,
        }
    )


def _list(ranges: dict[Address, OffsetRange]) -> str:
    return ", ".join(map(str, ranges.values()))[:300]
