"""One run of the Spark query: started at our own offsets, watched until it ends or should start anew."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import structlog
from pyspark.errors import StreamingQueryException
from pyspark.sql import SparkSession
from pyspark.sql.streaming.query import StreamingQuery

from pegel.errors import Superseded, Unavailable
from pegel.spec.limits import STOP_GRACE
from pegel.stream.arrivals import Address
from pegel.stream.positions import PartitionEnds
from pegel_spark import source
from pegel_spark.group_stream import GroupStream
from pegel_spark.heartbeat import HeartbeatWriter
from pegel_spark.topic_partitions import TopicPartitions

log = structlog.get_logger()
LOOK_EVERY_S = 0.5
TOPICS_EVERY_S = 5.0
"""How often topics and partitions are looked at again while the stream runs."""


@dataclass(slots=True)
class QueryRun:
    """A query over partitions that were there when it started."""

    query: StreamingQuery
    stream: GroupStream
    beats: HeartbeatWriter
    topics: TopicPartitions
    partitions: dict[Address, str]
    """The id of each partition's topic."""
    max_records: int
    _topics_looked_at: float

    @classmethod
    def start(
        cls,
        spark: SparkSession,
        beats: HeartbeatWriter,
        topics: TopicPartitions,
        *,
        there: Sequence[PartitionEnds],
        starts: Mapping[Address, int],
        scratch: Path,
    ) -> QueryRun:
        """Start a query with a checkpoint that nobody will read again."""
        document, stream = beats.job.document, beats.stream
        max_records = records_per_trigger(beats)
        trigger_ms = round(document.trigger.total_seconds() * 1000)
        beats.progress.begin(stream.clock.now())
        query = (
            source.events(spark, document.kafka, starts, max_records=max_records)
            .writeStream.queryName(f"windows-{document.group}")
            .foreachBatch(stream.process)
            .option("checkpointLocation", str(scratch / f"checkpoint-{time.monotonic_ns()}"))
            .trigger(processingTime=f"{trigger_ms} milliseconds")
            .start()
        )
        log.info("running", group=document.group, generation=beats.job.generation, partitions=len(starts))
        ids = {(ends.topic, ends.partition): ends.topic_id or "" for ends in there}
        return cls(query, stream, beats, topics, ids, max_records, time.monotonic())

    def watch(self, is_stopping: Callable[[], bool]) -> bool:
        """Turn until the query ends. True: it was ended, to stop or to start anew; False: it broke.

        Raises Superseded when another driver holds the group; the query is ended then.
        """
        while not is_stopping():
            time.sleep(LOOK_EVERY_S)
            if not self.query.isActive:
                return False
            self.beats.progress.look(self.query)
            try:
                self.stream.tick(self.beats.progress.caught_up_at)
                self.beats.write_if_due()
            except Unavailable as error:
                log.warning("database away", error=str(error)[:300])
                continue
            except Superseded:
                # The batch at hand may wait for the database: its commit is refused as well.
                self._finish()
                raise
            if self._should_start_anew():
                break
        self._finish()
        return True

    def error(self) -> str:
        """Return the class of the error that broke the query."""
        return classify(self.query.exception())

    def _should_start_anew(self) -> bool:
        """Say whether there are other partitions, or records of quite another size, than when it started."""
        if self.stream.is_busy or time.monotonic() - self._topics_looked_at < TOPICS_EVERY_S:
            return False
        self._topics_looked_at = time.monotonic()
        best = records_per_trigger(self.beats)
        if best * 2 < self.max_records or (best > 4 * self.max_records and self.beats.progress.lag > self.max_records):
            log.info("records of another size", records_per_trigger=best, before=self.max_records)
            return True
        try:
            there = self.topics.addresses(self.stream.topics)
        except Unavailable as error:
            self.beats.waits_for("the broker", str(error))
            return False
        self.beats.waits_for_nothing()
        if there == self.partitions:
            return False
        log.info("partitions changed", before=len(self.partitions), now=len(there))
        return True

    def _finish(self) -> None:
        """Let the running batch end, then stop. One that takes too long is interrupted, and read again next time."""
        deadline = time.monotonic() + STOP_GRACE.total_seconds()
        while self.query.isActive and self.query.status["isTriggerActive"] and time.monotonic() < deadline:
            time.sleep(0.05)
        self.query.stop()


def records_per_trigger(beats: HeartbeatWriter) -> int:
    """Return how many records one batch takes at most: as many as its bytes are meant to be, but no more than told."""
    return min(beats.job.document.max_events_per_trigger, beats.stream.batch_size.records)


def classify(failure: StreamingQueryException | None) -> str:
    """Return the error class of a broken query: what an operator can act on, else Spark's own condition."""
    text = str(failure)
    log.error("query failed", message=text[:2000].replace("\n", " | "))
    for mark in ("OffsetOutOfRange", "data was lost", "data may have been lost", "KAFKA_DATA_LOSS", "Could not read"):
        if mark in text:
            return "DATA_LOSS"
    if "Python worker exited unexpectedly" in text:
        return "WORKER_DIED"
    for mark in ("Unavailable", "OutOfMemoryError", "No space left on device", "TimeoutException"):
        if mark in text:
            return mark.upper().replace(" ", "_")
    return (failure.getCondition() if failure else None) or "UNKNOWN"
