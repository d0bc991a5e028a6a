"""The life of a streaming driver: claim, restore, read, beat, stop. Its exit code says why it ended.

Everything that must survive is in the results database. A driver may be killed anywhere, and another one may go on in
another folder on another machine; a second driver of the same group ends at its next word to the database.
"""

from __future__ import annotations

import signal
import time
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass, field, replace
from enum import IntEnum
from pathlib import Path
from types import FrameType

import structlog
from py4j.protocol import Py4JError
from pyspark.errors import PySparkException
from pyspark.sql import SparkSession

from pegel.errors import SetupError, Superseded, Unavailable
from pegel.spec.clock import SystemClock
from pegel.spec.settings import Settings
from pegel.store.baseline_store import BaselineStore
from pegel.store.database import connect, migrate
from pegel.store.registry import Registry
from pegel.store.registry_view import RegistryView
from pegel.store.stream_store import StreamStore
from pegel.stream.positions import OffsetRange, PartitionEnds, positions
from pegel_spark import session
from pegel_spark.careful_reading import CarefulReader
from pegel_spark.following import LOOK_EVERY_S, WARY_RECORDS, Following
from pegel_spark.group_stream import GroupStream
from pegel_spark.heartbeat import HeartbeatWriter
from pegel_spark.job import Job
from pegel_spark.persistence import DatabaseWait, Persistence, StoppedWaiting
from pegel_spark.progress import Progress
from pegel_spark.side_topics import SideTopics
from pegel_spark.topic_partitions import TopicPartitions

log = structlog.get_logger()
MAX_ERROR = 500
"""Characters of an error that a heartbeat carries."""
CAREFUL_AFTER = 2
"""Deaths at the same offsets after which these are read in small steps."""
CAREFUL_ROUNDS = 3
"""Times in a row that careful reading had to help after which the process ends: its Spark is broken, a new one may not
be."""


class Exit(IntEnum):
    """Why a driver ended."""

    STOPPED = 0
    """It was asked to."""
    QUERY_FAILED = 3
    """The stream broke; why is in the last heartbeat. Starting again continues where it was."""
    SUPERSEDED = 4
    """Another driver claimed the group."""


@dataclass(slots=True)
class Driver:
    """A streaming driver in its folder."""

    job: Job
    settings: Settings
    clock: SystemClock = field(default_factory=SystemClock)
    _stopping: bool = False
    _careful_rounds: int = 0
    _last_error: str | None = None

    def run(self) -> Exit:
        """Run until asked to stop, superseded, or until the stream breaks again and again."""
        signal.signal(signal.SIGTERM, self._on_signal)
        signal.signal(signal.SIGINT, self._on_signal)
        try:
            stream = self._connect()
            code = self._run(stream)
        except StoppedWaiting:
            log.info("stopped while the database was away")
            return Exit.STOPPED
        except Superseded as error:
            log.warning("superseded", reason=str(error))
            return Exit.SUPERSEDED
        log.info("ended", code=code.name.lower(), error=self._last_error)
        return code

    def _run(self, stream: GroupStream) -> Exit:
        beats = HeartbeatWriter(self.job, stream, Progress(self.job.document.trigger), self.clock, self.clock.now())
        topics = TopicPartitions(self.job.document.kafka)
        try:
            code = self._stream(beats, topics, self.job.new_scratch())
        except StoppedWaiting:
            code = Exit.STOPPED
        except (Py4JError, ConnectionError, EOFError) as failure:
            # The Java side ends by itself when the whole process group is told to stop; otherwise it crashed.
            code = Exit.STOPPED if self._asked_to_stop() else Exit.QUERY_FAILED
            self._last_error = type(failure).__name__
        except (PySparkException, SetupError) as failure:
            # Raised while the session or a query starts, where no query is there yet that could tell it.
            code, self._last_error = Exit.QUERY_FAILED, f"{type(failure).__name__}: {failure}"[:MAX_ERROR]
        finally:
            topics.close()
            stream.side.close()
        if code is Exit.STOPPED:
            self._last_error = None
            with suppress(StoppedWaiting):
                stream.persistence.release()
        beats.write(state="stopped", error=self._last_error)
        return code

    def _connect(self) -> GroupStream:
        """Claim the group and restore its state; wait for the database if need be."""
        document = self.job.document
        wait = DatabaseWait(self.clock, self._asked_to_stop)
        engine = connect(self.settings.database)
        wait.patiently(lambda: migrate(engine))
        store = StreamStore(engine)
        claim = wait.patiently(lambda: store.claim(document.group, self.job.generation, self.clock.now()))
        registry_view = RegistryView(Registry(engine), BaselineStore(engine), document.group)
        persistence = Persistence(store, claim, self.clock, wait)
        stream = GroupStream(registry_view, persistence, SideTopics(document.kafka), self.clock)
        stream.restore()
        return stream

    def _stream(self, beats: HeartbeatWriter, topics: TopicPartitions, scratch: Path) -> Exit:
        """Follow the partitions that there are, and look again which these are, now and then."""
        following: Following | None = None
        stream = beats.stream
        with ThreadPoolExecutor(1, "batch") as pool:
            while there := self._partitions(beats, topics):
                found = positions(stream.state.offsets, there, self.clock.now())
                stream.begin_at(found)
                if following is None:
                    spark = self._session(scratch)
                    following = Following(spark, beats, topics, self._asked_to_stop, stream.persistence.claim.deaths)
                    log.info("running", group=self.job.document.group, generation=self.job.generation)
                if following.failures >= CAREFUL_AFTER and not found.gaps:
                    self._careful_rounds += 1
                    if self._careful_rounds > CAREFUL_ROUNDS:
                        return Exit.QUERY_FAILED
                    self._read_carefully(beats, found.ranges)
                    following.failures = 0
                    continue
                before = stream.batches
                following.follow(there, pool)
                if stream.batches > before:
                    self._careful_rounds = 0
                self._last_error = following.error
        return Exit.STOPPED

    def _session(self, scratch: Path) -> SparkSession:
        spark = session.build(f"pegel-monitor-{self.job.document.group}", self.settings, jars=[], scratch=scratch)
        session.warm(spark)
        return spark

    def _partitions(self, beats: HeartbeatWriter, topics: TopicPartitions) -> list[PartitionEnds]:
        """Return the partitions that there are, waiting for the broker and for the first topic; none: to stop."""
        stream = beats.stream
        while not self._asked_to_stop():
            stream.look()
            try:
                there = topics.ends(stream.topics)
            except Unavailable as error:
                beats.waits_for("the broker", str(error))
            else:
                if there:
                    beats.waits_for_nothing()
                    stream.forget_partitions_but([(ends.topic, ends.partition) for ends in there])
                    return there
                beats.waits_for("a topic", f"none of {', '.join(sorted(stream.topics)) or 'no model'} exists")
            beats.write_if_due()
            time.sleep(LOOK_EVERY_S)
        return []

    def _read_carefully(self, beats: HeartbeatWriter, ranges: Sequence[OffsetRange]) -> None:
        """Read what one wary batch would hold in small steps, so that whatever kills its reader is found."""
        log.warning("reading carefully", error=self._last_error)

        def turn() -> None:
            beats.write_if_due()
            if self._asked_to_stop():
                raise StoppedWaiting("asked to stop while reading carefully")

        reader = CarefulReader(self.job.document.kafka, beats.stream, turn)
        for each in ranges:
            try:
                reader.read(replace(each, end=min(each.end, each.start + WARY_RECORDS)))
            except Unavailable as error:
                beats.waits_for("the broker", str(error))
                return

    def _asked_to_stop(self) -> bool:
        return self._stopping or self.job.stop_file.exists()

    def _on_signal(self, _number: int, _frame: FrameType | None) -> None:
        self._stopping = True
