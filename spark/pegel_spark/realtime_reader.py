"""The process that tells outliers as they come, beside a group's driver.

It reads what is new on the group's partitions, scores requests and publishes the outlying rows. It counts nothing and
keeps nothing: what it does not tell, its driver tells with the batch that counts the row. Whatever kills it kills
nothing else; it ends with its driver.
"""

from __future__ import annotations

import time
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import partial
from multiprocessing.connection import Connection

import structlog
from confluent_kafka import OFFSET_END, Consumer, KafkaException, Producer, TopicPartition

from pegel.spec import names
from pegel.stream.baseline_documents import BaselineDocuments
from pegel.stream.counting_plan import LoadedBaseline, MonitorPlan
from pegel.stream.outlying import published
from pegel.stream.realtime_scoring import RealtimeScoring
from pegel.stream.result_rows import OutlierRow
from pegel.stream.wire_records import Address
from pegel_spark import kafka_clients
from pegel_spark.consuming import Message, as_records

log = structlog.get_logger()
GATHER_S = 0.003
"""How long others are waited for once a record is there: scoring five costs hardly more than scoring one."""
MOST_RECORDS = 1_000
WAIT_S = 0.1
"""How long a record is waited for before orders are looked for."""
REPORT_EVERY_S = 1.0
MOST_PROBLEMS = 3
"""Problems that one report names."""

PROBLEM_FOR_S = 10.0
"""For how long a problem of the broker's is reported after it was met."""

ToldRow = tuple[str, int, str, int, float, float, float]
"""What was told of an outlying row: model, version, event id and row; score, cut-off and p-value."""


def told_row(row: OutlierRow) -> ToldRow:
    """Return what is remembered of a row that was told. By another baseline it is another one, and told again."""
    return row.model, row.version, row.event_id, row.row, row.score, row.cutoff, row.p_value


@dataclass(frozen=True, slots=True)
class Orders:
    """What the reader is told, whole each time.

    `monitors`: by endpoint, those whose outliers are told in real time; `namespaces`: of each, by the monitor's key.
    `read`: every partition, and up to which offset (exclusive) the driver has counted it. `documents`: of baselines, by
    id; None: those of before. `unscored`: keys of further monitors, whose baseline has no cut-off: none of their rows
    is an outlier.
    """

    monitors: Mapping[str, MonitorPlan] = field(default_factory=dict)
    namespaces: Mapping[str, str] = field(default_factory=dict)
    read: Mapping[Address, int] = field(default_factory=dict)
    documents: Mapping[str, bytes] | None = None
    unscored: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Report:
    """What the reader says at least once a second.

    `told`: the rows that the broker has taken since it spoke last. `read`: by partition, up to which offset (exclusive)
    it has read itself; a partition of which the broker has sent nothing yet is absent. `problems`: why some rows are
    not told in real time, in words.
    """

    told: tuple[ToldRow, ...] = ()
    read: Mapping[Address, int] = field(default_factory=dict)
    problems: tuple[str, ...] = ()


class RealtimeReader:
    """Reads, scores and publishes until its driver is gone."""

    def __init__(self, connection: Connection, kafka: str) -> None:
        """Connect to the broker; what to do is told over `connection`."""
        self._connection = connection
        self._consumer, self._producer = _consumer(kafka), _producer(kafka)
        self._scoring = RealtimeScoring(self._load)
        self._orders = Orders()
        self._documents = BaselineDocuments({}, {})
        self._next: dict[Address, int] = {}
        """Where each partition is read on: behind what was read, and behind what the driver has counted."""
        self._reached: dict[Address, int] = {}
        """Up to where each partition was read."""
        self._problems: dict[str, float] = {}
        """When each problem of the broker's was met last."""
        self._taken: list[ToldRow] = []
        self._reported_at = float("-inf")

    def run(self) -> None:
        """Turn for ever. Raises EOFError or OSError when the driver is gone."""
        while True:
            while self._connection.poll():
                self._obey(self._connection.recv())
            self._read()
            self._producer.poll(0)
            self._report()

    def _obey(self, orders: Orders) -> None:
        if orders.documents is not None:
            self._documents = BaselineDocuments(dict(orders.documents), {})
        self._scoring.monitors = orders.monitors
        if orders.read.keys() != self._orders.read.keys():
            self._assign(orders.read)
        self._orders = orders
        self._skip_what_is_counted()

    def _assign(self, counted: Mapping[Address, int]) -> None:
        """Read these partitions: one that is new from its end on, because what came before is told with its batch."""
        self._next = {
            address: max(self._next[address], end) for address, end in counted.items() if address in self._next
        }
        self._reached = {address: end for address, end in self._reached.items() if address in counted}
        self._consumer.assign([TopicPartition(*address, self._next.get(address, OFFSET_END)) for address in counted])

    def _skip_what_is_counted(self) -> None:
        """Go on behind what the driver has counted, and so told, while this process was slow."""
        for address, counted in self._orders.read.items():
            if self._next.get(address, counted) < counted:
                try:
                    self._consumer.seek(TopicPartition(*address, counted))
                except KafkaException:
                    continue  # a partition that was assigned just now; the next orders try again
                self._next[address] = counted

    def _read(self) -> None:
        first: Message | None = self._consumer.poll(WAIT_S)
        if first is None:
            self._reach_the_ends(self._orders.read)
            return
        time.sleep(GATHER_S)
        messages: list[Message] = [first, *self._consumer.consume(MOST_RECORDS, timeout=0)]
        by_address: dict[Address, list[Message]] = {}
        for message in messages:
            if message.error() is None:
                by_address.setdefault((message.topic(), message.partition()), []).append(message)
            else:
                self._met(f"not read: {message.error()}")
        now = datetime.now(UTC)
        for address, own in by_address.items():
            self._next[address] = self._reached[address] = own[-1].offset() + 1
            for row in self._scoring.outliers(as_records(address, own), now):
                self._publish(row)

    def _publish(self, row: OutlierRow) -> None:
        topic = names.outliers_topic(self._orders.namespaces[names.monitor_key(row.model, row.version)])
        taken = partial(self._settled, told_row(row))
        try:
            self._producer.produce(topic, published(row), key=row.event_id.encode(errors="replace"), on_delivery=taken)
        except BufferError:
            self._met("the broker takes no outliers")

    def _settled(self, row: ToldRow, error: object, _message: object) -> None:
        if error is None:
            self._taken.append(row)
        else:
            self._met(f"not published: {error}")

    def _reach_the_ends(self, addresses: Collection[Address]) -> None:
        """Note partitions as read to their ends, as far as the broker has sent what is there; nothing waits here."""
        for address in addresses:
            try:
                _, end = self._consumer.get_watermark_offsets(TopicPartition(*address), cached=True)
            except KafkaException:
                continue  # nothing is known of it yet
            if end > self._reached.get(address, -1):
                self._reached[address] = end

    def _met(self, problem: str) -> None:
        if problem not in self._problems:
            log.warning("outliers are not told in real time", reason=problem)
        self._problems[problem] = time.monotonic()

    def _report(self) -> None:
        now = time.monotonic()
        if not self._taken and now - self._reported_at < REPORT_EVERY_S:
            return
        # A partition where nothing comes while the others are busy was never read.
        self._reach_the_ends(self._orders.read.keys() - self._reached.keys())
        self._problems = {problem: at for problem, at in self._problems.items() if now - at < PROBLEM_FOR_S}
        of_models = (f"those of {key} with their batches: {why}" for key, why in sorted(self._scoring.failing.items()))
        problems = (*self._problems, *of_models)[:MOST_PROBLEMS]
        self._connection.send(Report(tuple(self._taken), dict(self._reached), problems))
        self._taken, self._reported_at = [], now

    def _load(self, name: str) -> LoadedBaseline:
        return self._documents.load(name)


def _consumer(kafka: str) -> Consumer:
    return Consumer(
        {
            **kafka_clients.librdkafka(kafka),
            # The client wants one. Nothing is ever committed under it.
            "group.id": "pegel-realtime",
            "enable.auto.commit": False,
            "enable.auto.offset.store": False,
            # What is gone is counted as a gap by the driver; here only the newest matters.
            "auto.offset.reset": "latest",
            "isolation.level": "read_uncommitted",
            "queued.max.messages.kbytes": 8 * 1024,
            "fetch.error.backoff.ms": 100,
        }
    )


def _producer(kafka: str) -> Producer:
    return Producer({**kafka_clients.librdkafka(kafka), "linger.ms": 1, "acks": "all"})
