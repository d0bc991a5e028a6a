"""The life of a streaming driver: claim, restore, read, beat, stop. Its exit code says why it ended.

Everything that must survive is in the results database. A driver may be killed anywhere, and another one may go on in
another folder on another machine; a second driver of the same group ends at its next word to the database.
"""

from __future__ import annotations

import signal
import time
from dataclasses import dataclass, field
from enum import IntEnum
from pathlib import Path
from types import FrameType

import structlog
from py4j.protocol import Py4JError
from pyspark.errors import StreamingQueryException
from pyspark.sql import SparkSession
from pyspark.sql.streaming.query import StreamingQuery

from pegel.errors import Superseded, Unavailable
from pegel.spec import names
from pegel.spec.clock import SystemClock
from pegel.spec.limits import STOP_GRACE
from pegel.spec.settings import Settings
from pegel.store.baseline_store import BaselineStore
from pegel.store.database import connect, migrate
from pegel.store.registry import Registry
from pegel.store.registry_view import RegistryView
from pegel.store.stream_store import StreamStore
from pegel.stream.arrivals import Address
from pegel.stream.positions import PartitionEnds, positions
from pegel_spark import session, source
from pegel_spark.careful_reading import CarefulReader
from pegel_spark.group_stream import GroupStream
from pegel_spark.heartbeat import HeartbeatWriter
from pegel_spark.job import Job
from pegel_spark.persistence import DatabaseWait, Persistence, StoppedWaiting
from pegel_spark.progress import Progress
from pegel_spark.side_topics import SideTopics
from pegel_spark.topic_partitions import TopicPartitions

log = structlog.get_logger()
LOOK_EVERY_S = 0.5
TOPICS_EVERY_S = 5.0
"""How often topics and partitions are looked at again while the stream runs."""
CAREFUL_AFTER = 2
"""Deaths at the same offsets after which these are read in small steps."""
GIVE_UP_AFTER = 5
"""Failures of the query without any progress after which the process ends: a new one may do better."""


class Exit(IntEnum):
    """Why a driver ended."""

    STOPPED = 0
    """It was asked to."""
    QUERY_FAILED = 3
    """The stream broke; why is in the last heartbeat. Starting again continues where it was."""
    SUPERSEDED = 4
    """Another driver claimed the group."""


@dataclass(slots=True)
class RunningQuery:
    """A query with what it was started for."""

    query: StreamingQuery
    partitions: dict[Address, str]
    """The id of each partition's topic."""
    max_records: int


@dataclass(slots=True)
class Driver:
    """A streaming driver in its folder."""

    job: Job
    settings: Settings
    clock: SystemClock = field(default_factory=SystemClock)
    _stopping: bool = False
    _superseded: bool = False
    _failures: int = 0
    """Of the query, since anything was committed."""
    _last_error: str | None = None
    _topics_looked_at: float = float("-inf")

    def run(self) -> Exit:
        """Run until asked to stop, superseded, or until the stream breaks again and again."""
        signal.signal(signal.SIGTERM, self._on_signal)
        signal.signal(signal.SIGINT, self._on_signal)
        try:
            return self._run()
        except StoppedWaiting:
            log.info("stopped while the database was away")
            return Exit.STOPPED
        except Superseded as error:
            log.warning("superseded", reason=str(error))
            return Exit.SUPERSEDED

    def _run(self) -> Exit:
        scratch = self.job.new_scratch()
        stream = self._connect()
        beats = HeartbeatWriter(self.job, stream, Progress(), self.clock, self.clock.now())
        topics = TopicPartitions(self.job.document.kafka)
        code = Exit.QUERY_FAILED
        try:
            code = self._stream(stream, beats, topics, scratch)
        except (Py4JError, ConnectionError, EOFError) as failure:
            # The Java side ends by itself when the whole process group is told to stop; otherwise it crashed.
            code = Exit.STOPPED if self._asked_to_stop() else Exit.QUERY_FAILED
            self._last_error = None if code is Exit.STOPPED else type(failure).__name__
        finally:
            topics.close()
            stream.side.close()
        beats.write(state="stopped", error=self._last_error if code is Exit.QUERY_FAILED else None)
        if code is Exit.STOPPED:
            stream.persistence.release()
        log.info("ended", code=code.name.lower(), error=self._last_error)
        return code

    def _connect(self) -> GroupStream:
        """Claim the group and restore its state; wait for the database if need be."""
        document = self.job.document
        wait = DatabaseWait(self.clock, self._asked_to_stop)
        engine = connect(self.settings.database)
        wait.patiently(lambda: migrate(engine))
        store = StreamStore(engine)
        claim = wait.patiently(lambda: store.claim(document.group, self.job.generation, self.clock.now()))
        self._failures = claim.deaths
        registry_view = RegistryView(Registry(engine), BaselineStore(engine), document.group)
        persistence = Persistence(store, claim, self.clock, wait)
        stream = GroupStream(registry_view, persistence, SideTopics(document.kafka), self.clock)
        stream.restore()
        return stream

    def _stream(self, stream: GroupStream, beats: HeartbeatWriter, topics: TopicPartitions, scratch: Path) -> Exit:
        """Run one query after the other: topics change, records vanish, readers die."""
        spark: SparkSession | None = None
        while not self._asked_to_stop():
            there = self._partitions(stream, beats, topics)
            found = positions(stream.state.offsets, there, self.clock.now())
            stream.begin_at(found)
            if found.gaps:
                self._failures = 0
            if self._failures >= CAREFUL_AFTER and found.starts:
                self._read_carefully(stream, beats, there, found.starts)
                self._failures = 0
                continue
            if spark is None:
                spark = self._session(scratch)
                spark.streams.addListener(beats.progress.idle)
            beats.progress.begin(self.clock.now())
            running = self._start(spark, stream, there, found.starts, scratch)
            committed = stream.batches
            if running is None or self._watch(running, stream, beats, topics):
                self._failures = 0
            else:
                self._failures = 1 if stream.batches > committed else self._failures + 1
                self._last_error = classify(running.query.exception())
                if isinstance(stream.failure, Superseded):
                    raise stream.failure
                if self._failures >= GIVE_UP_AFTER:
                    return Exit.QUERY_FAILED
            if not self._asked_to_stop():
                stream.restore()
        return Exit.STOPPED

    def _session(self, scratch: Path) -> SparkSession:
        jars = session.connector_jars(self.settings)
        name = f"pegel-monitor-{self.job.document.group}"
        spark = session.build(name, self.settings, jars=jars, scratch=scratch)
        session.warm(spark)
        return spark

    def _partitions(self, stream: GroupStream, beats: HeartbeatWriter, topics: TopicPartitions) -> list[PartitionEnds]:
        """Return the partitions that there are, waiting for the broker and for the first topic."""
        while not self._asked_to_stop():
            stream.tick(None)
            wanted = topics_of(stream)
            try:
                there = topics.ends(wanted)
            except Unavailable as error:
                self._wait_for(beats, "the broker", str(error))
                continue
            if there:
                beats.waiting_for = ""
                present = [(ends.topic, ends.partition) for ends in there]
                stream.forget_partitions_but(present)
                return there
            self._wait_for(beats, "a topic", f"none of {', '.join(sorted(wanted)) or 'no model'} exists yet")
        return []

    def _wait_for(self, beats: HeartbeatWriter, what: str, reason: str) -> None:
        if beats.waiting_for != what:
            log.warning("waiting", for_what=what, reason=reason)
        beats.waiting_for = what
        beats.write_if_due()
        time.sleep(LOOK_EVERY_S)

    def _start(
        self,
        spark: SparkSession,
        stream: GroupStream,
        there: list[PartitionEnds],
        starts: dict[Address, int],
        scratch: Path,
    ) -> RunningQuery | None:
        """Start a query at our own offsets, with a checkpoint that nobody will read again."""
        if not starts:
            return None
        document = self.job.document
        max_records = min(document.max_events_per_trigger, stream.records_per_trigger)
        trigger_ms = round(document.trigger.total_seconds() * 1000)
        query = (
            source.events(spark, document.kafka, starts, max_records=max_records)
            .writeStream.queryName(f"windows-{document.group}")
            .foreachBatch(stream.process)
            .option("checkpointLocation", str(scratch / f"checkpoint-{time.monotonic_ns()}"))
            .trigger(processingTime=f"{trigger_ms} milliseconds")
            .start()
        )
        log.info("running", group=document.group, generation=self.job.generation, partitions=len(starts))
        return RunningQuery(query, {(ends.topic, ends.partition): ends.topic_id or "" for ends in there}, max_records)

    def _watch(
        self, running: RunningQuery, stream: GroupStream, beats: HeartbeatWriter, topics: TopicPartitions
    ) -> bool:
        """Turn until the query ends. True: it was ended, to stop or to start anew; False: it broke."""
        query = running.query
        while not self._asked_to_stop():
            time.sleep(LOOK_EVERY_S)
            if not query.isActive:
                return False
            beats.progress.look(query)
            try:
                stream.tick(beats.progress.caught_up_at)
                beats.write_if_due()
            except Unavailable as error:
                log.warning("database away", error=str(error)[:300])
                continue
            except Superseded:
                self._superseded = True
                finish(query)
                raise
            if self._has_outgrown(running, stream, beats, topics):
                break
        finish(query)
        return True

    def _has_outgrown(
        self, running: RunningQuery, stream: GroupStream, beats: HeartbeatWriter, topics: TopicPartitions
    ) -> bool:
        """Say whether the query should start anew: other partitions, or records of quite another size."""
        if stream.is_busy or time.monotonic() - self._topics_looked_at < TOPICS_EVERY_S:
            return False
        self._topics_looked_at = time.monotonic()
        best = min(self.job.document.max_events_per_trigger, stream.records_per_trigger)
        if best * 2 < running.max_records or (best > 4 * running.max_records < beats.progress.lag):
            log.info("records of another size", records_per_trigger=best, before=running.max_records)
            return True
        try:
            there = topics.addresses(topics_of(stream))
            beats.waiting_for = ""
        except Unavailable as error:
            if not beats.waiting_for:
                log.warning("waiting", for_what="the broker", reason=str(error))
            beats.waiting_for = "the broker"
            return False
        if there == running.partitions:
            return False
        log.info("partitions changed", before=len(running.partitions), now=len(there))
        return True

    def _read_carefully(
        self,
        stream: GroupStream,
        beats: HeartbeatWriter,
        there: list[PartitionEnds],
        starts: dict[Address, int],
    ) -> None:
        """Read what one batch would hold in small steps, so that whatever kills its reader is found."""
        log.warning("reading carefully", deaths=self._failures)

        def turn() -> None:
            beats.write_if_due()
            if self._asked_to_stop():
                raise StoppedWaiting("asked to stop while reading carefully")

        reader = CarefulReader(self.job.document.kafka, stream, turn)
        limit = min(self.job.document.max_events_per_trigger, stream.records_per_trigger)
        for ends in there:
            address = (ends.topic, ends.partition)
            end = min(ends.end, starts[address] + limit)
            try:
                reader.read(address, starts[address], end)
            except Unavailable as error:
                self._wait_for(beats, "the broker", str(error))
                return

    def _asked_to_stop(self) -> bool:
        return self._stopping or self._superseded or self.job.stop_file.exists()

    def _on_signal(self, _number: int, _frame: FrameType | None) -> None:
        self._stopping = True


def topics_of(stream: GroupStream) -> set[str]:
    """Return the topics of the group's models."""
    return {names.inference_topic(spec.namespace) for spec in stream.models.specs.values()}


def finish(query: StreamingQuery) -> None:
    """Let the running batch end, then stop. A batch that takes too long is interrupted, and read again next time."""
    deadline = time.monotonic() + STOP_GRACE.total_seconds()
    while query.isActive and query.status["isTriggerActive"] and time.monotonic() < deadline:
        time.sleep(0.05)
    query.stop()


def classify(failure: StreamingQueryException | None) -> str:
    """Return the error class of a broken query: what an operator can act on, else Spark's own condition."""
    text = str(failure)
    log.error("query failed", message=text[:2000].replace("\n", " | "))
    for mark in ("OffsetOutOfRange", "data was lost", "data may have been lost", "KAFKA_DATA_LOSS", "Could not read"):
        if mark in text:
            return "DATA_LOSS"
    for mark in ("Unavailable", "OutOfMemoryError", "No space left on device", "TimeoutException"):
        if mark in text:
            return mark.upper().replace(" ", "_")
    return (failure.getCondition() if failure else None) or "UNKNOWN"
