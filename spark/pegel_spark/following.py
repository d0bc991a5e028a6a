"""Following partitions: looking what there is to read, and reading it batch by batch while the driver says it lives."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from concurrent.futures import Future, ThreadPoolExecutor, wait
from dataclasses import dataclass, field, replace

import structlog
from py4j.protocol import Py4JJavaError
from pyspark.errors import PySparkException
from pyspark.sql import SparkSession

from pegel.errors import Superseded, Unavailable
from pegel.spec.limits import STOP_GRACE
from pegel.stream.positions import OffsetRange, PartitionEnds
from pegel.stream.task_output import TaskOutput
from pegel.stream.wire_records import Address
from pegel_spark import executors
from pegel_spark.group_stream import GroupStream
from pegel_spark.heartbeat import HeartbeatWriter
from pegel_spark.scratch_room import lacks_room
from pegel_spark.topic_partitions import Partitions, TopicPartitions

log = structlog.get_logger()
LOOK_EVERY_S = 0.2
TICK_EVERY_S = 0.5
TOPICS_EVERY_S = 5.0
"""How often topics and partitions are looked at again."""
MOST_RECORDS = 1 << 20
"""Records of one partition that a batch may hold; a task ends earlier where its bytes are enough."""
WARY_RECORDS = 1 << 14
"""The same after a batch has died: twice as many after each that did not."""
BROKER = "the broker"
ROOM = "the disk to have room"
"""What is waited for where Spark cannot put its files."""
NO_SPACE = "NO_SPACE_LEFT_ON_DEVICE"
"""The class of what ended a batch where that was so."""
TRY_AGAIN_S = 1.0
"""How long to wait before a batch that found no room is tried again; twice as long each time."""
TRY_AGAIN_AT_MOST_S = 30.0


@dataclass(slots=True)
class Following:
    """Reads partitions for a stream. `failures`: batches that died since one did not, in earlier processes too."""

    spark: SparkSession
    beats: HeartbeatWriter
    topics: TopicPartitions
    is_stopping: Callable[[], bool]
    failures: int = 0
    error: str | None = None
    """What ended the last batch that died."""
    lacking: str = ""
    """What the last batch that died had lacked; empty once one got through."""
    _pause_s: float = 0.0
    _again_at: float = float("-inf")
    """When a batch may be tried again, by the monotonic clock."""
    _most: int = MOST_RECORDS
    _ticked_at: float = float("-inf")
    _addresses: set[Address] = field(default_factory=set)

    def __post_init__(self) -> None:
        """Be wary where a process before this one has died."""
        self._most = WARY_RECORDS if self.failures else MOST_RECORDS

    def follow(self, there: Partitions, pool: ThreadPoolExecutor) -> None:
        """Read partitions until it is time to look at the topics again, a batch dies, or the driver is asked to stop.

        Raises Superseded when another driver holds the group.
        """
        until = time.monotonic() + TOPICS_EVERY_S
        progress, clock = self.beats.progress, self.stream.clock
        clocks = self.stream.clocks
        ends, is_whole = there.ends, not any(clocks.is_awaited(address, clock.now()) for address in there.addresses)
        addresses = set(there.addresses)
        if addresses != self._addresses:
            log.info("partitions changed", before=len(self._addresses), partitions=len(addresses))
        if not addresses <= self._addresses:
            progress.other_partitions()
        self._addresses = addresses
        while time.monotonic() < until and not self.is_stopping():
            at = clock.now()
            try:
                ends = self.topics.grown(ends)
            except Unavailable as error:
                self.beats.missing.wait_for(BROKER, str(error))
                return
            clocks.grown(ends)
            ranges = self._unread(ends)
            progress.looked(ranges, at, is_whole=is_whole)
            if not progress.is_worth_a_batch(at) or time.monotonic() < self._again_at:
                self._tick()
                time.sleep(progress.look_again_s(clock.now()))
                continue
            output = self._batch(ranges, ends, pool)
            if output is None:
                return
            progress.read(sum(read.end - read.start for read in output.reads.values()), at, is_whole=is_whole)
            self._tick()

    @property
    def stream(self) -> GroupStream:
        """Return the stream that is read for."""
        return self.beats.stream

    def _unread(self, ends: Sequence[PartitionEnds]) -> list[OffsetRange]:
        offsets = self.stream.state.offsets
        addresses = {(each.topic, each.partition): each.end for each in ends}
        # Of a topic that was just made again there may be less than was read; looked at as a whole, it begins anew.
        starts = {address: offsets[address].end for address in addresses}
        return [OffsetRange(address, starts[address], max(starts[address], end)) for address, end in addresses.items()]

    def _tick(self) -> None:
        """Close what is due and say that the driver lives."""
        self.beats.write_if_due()
        if time.monotonic() - self._ticked_at < TICK_EVERY_S:
            return
        self._ticked_at = time.monotonic()
        try:
            self.stream.tick(self.beats.progress.caught_up_at)
        except Unavailable as error:
            log.warning("database away", error=str(error)[:300])

    def _batch(
        self, ranges: Sequence[OffsetRange], ends: Sequence[PartitionEnds], pool: ThreadPoolExecutor
    ) -> TaskOutput | None:
        """Read a batch; None: it died, the broker was away, or a topic is another one than that which was looked at."""
        some = [replace(each, end=min(each.end, each.start + self._most)) for each in ranges if each.records > 0]
        kafka = self.beats.job.document.kafka
        batch = pool.submit(self.stream.read, self.spark, kafka, some, lambda: self._refuse_others(ends))
        try:
            self._await(batch)
            output = batch.result()
        except Unavailable as error:
            self.beats.missing.wait_for(BROKER, str(error))
            return None
        except (Py4JJavaError, PySparkException) as error:
            self._died(error)
            return None
        except OSError as error:
            # Spark's driver hands tasks to its Java side in files.
            if not lacks_room(error):
                raise
            self._found_no_room(str(error))
            self.stream.restore()
            return None
        self.beats.missing.found(but="")
        self.lacking, self._pause_s = "", 0.0
        self.failures, self._most = 0, min(MOST_RECORDS, 2 * self._most)
        return output

    def _refuse_others(self, ends: Sequence[PartitionEnds]) -> None:
        """Raise Unavailable if a topic was made again: what was read may be other records under the same numbers."""
        if not self.topics.are_the_same(ends):
            raise Unavailable("a topic was made again while it was read")

    def _await(self, batch: Future[TaskOutput]) -> None:
        """Turn until a batch has ended. One that takes too long to stop is interrupted, and read again next time."""
        deadline = None
        try:
            while not wait([batch], timeout=LOOK_EVERY_S).done:
                executors.say_if_none(self.spark, self.beats)
                self.beats.write_if_due()
                if deadline is None and self.is_stopping():
                    deadline = time.monotonic() + STOP_GRACE.total_seconds()
                elif deadline is not None and time.monotonic() > deadline:
                    self.spark.sparkContext.cancelAllJobs()
        except Superseded:
            # The batch at hand may wait for the database: its commit is refused as well.
            self.spark.sparkContext.cancelAllJobs()
            raise

    def _died(self, error: Exception) -> None:
        if self.is_stopping():
            return
        self._most = WARY_RECORDS
        self.error = classify(str(error))
        if self.error == NO_SPACE:  # no record's fault
            self._found_no_room(str(error))
        else:
            self.lacking, self.failures = "", self.failures + 1
        log.error("batch died", deaths=self.failures, error=self.error, message=str(error)[:2000].replace("\n", " | "))
        self.stream.restore()

    def _found_no_room(self, reason: str) -> None:
        """Wait before the next try: the little room that there is looks like enough until a batch needs it."""
        self.beats.missing.wait_for(ROOM, reason)
        self.lacking = ROOM
        self._pause_s = min(max(TRY_AGAIN_S, 2 * self._pause_s), TRY_AGAIN_AT_MOST_S)
        self._again_at = time.monotonic() + self._pause_s


def classify(message: str) -> str:
    """Return the class of what ended a batch: what an operator can act on."""
    if "Python worker exited unexpectedly" in message:
        return "WORKER_DIED"
    if "RecordsDamaged" in message:
        return "RECORDS_DAMAGED"
    for mark in ("OutOfMemoryError", "No space left on device", "TimeoutException"):
        if mark in message:
            return mark.upper().replace(" ", "_")
    return "UNKNOWN"
