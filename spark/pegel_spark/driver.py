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

from pegel.data.asked_tracing import tracing_of
from pegel.data.keyed_hash import KeyedHash
from pegel.errors import SetupError, Superseded, Unavailable
from pegel.spec.clock import SystemClock
from pegel.spec.settings import Settings
from pegel.store.attribution_store import AttributionStore
from pegel.store.baseline_store import BaselineStore
from pegel.store.database import connect, migrate
from pegel.store.registry import Registry
from pegel.store.registry_view import RegistryView
from pegel.store.row_quality_store import RowQualityStore
from pegel.store.stream_store import StreamStore
from pegel.stream.positions import OffsetRange, positions
from pegel_spark import driver_metrics, executors, session
from pegel_spark.batch_spans import EVENTS_TRACED, BatchSpans
from pegel_spark.careful_reading import CarefulReader
from pegel_spark.following import BROKER, LOOK_EVERY_S, ROOM, WARY_RECORDS, Following
from pegel_spark.group_stream import GroupStream
from pegel_spark.heartbeat import HeartbeatWriter
from pegel_spark.job import Job
from pegel_spark.persistence import DatabaseWait, Persistence, StoppedWaiting
from pegel_spark.progress import Progress
from pegel_spark.realtime_outliers import RealtimeOutliers
from pegel_spark.row_quality_thread import RowQualityThread
from pegel_spark.scratch_room import ScratchRoom, lacks_room
from pegel_spark.side_topics import SideTopics
from pegel_spark.topic_partitions import Partitions, TopicPartitions
from pegel_spark.waiting_note import WaitingNote

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
    """A streaming driver."""

    job: Job
    settings: Settings
    clock: SystemClock = field(default_factory=SystemClock)
    _spark: SparkSession | None = None
    _stopping: bool = False
    _careful_rounds: int = 0
    _last_error: str | None = None

    def run(self) -> Exit:
        """Run until asked to stop, superseded, or until the stream breaks again and again."""
        signal.signal(signal.SIGTERM, self._on_signal)
        signal.signal(signal.SIGINT, self._on_signal)
        try:
            code = self._run(self._connect())
        except StoppedWaiting:
            log.info("stopped while the database was away")
            return Exit.STOPPED
        except Superseded as error:
            log.warning("superseded", reason=str(error))
            return Exit.SUPERSEDED
        finally:
            # Last of all: what the database is to know is said.
            if self._spark is not None:
                session.end(self._spark)
        log.info("ended", code=code.name.lower(), error=self._last_error)
        return code

    def _run(self, beats: HeartbeatWriter) -> Exit:
        stream = beats.stream
        topics = TopicPartitions(self.job.document.kafka)
        try:
            driver_metrics.serve(beats, self.settings.metrics_port)
            code = self._stream(beats, topics)
        except StoppedWaiting:
            code = Exit.STOPPED
        except (Py4JError, ConnectionError, EOFError) as failure:
            # The Java side ends by itself when the whole process group is told to stop; otherwise it crashed.
            code = Exit.STOPPED if self._asked_to_stop() else Exit.QUERY_FAILED
            self._last_error = type(failure).__name__
        except (PySparkException, SetupError, OSError) as failure:
            # Raised while the session or a query starts, where no query is there yet that could tell it; or a folder
            # that cannot be used, for another reason than that its disk is full.
            code, self._last_error = Exit.QUERY_FAILED, f"{type(failure).__name__}: {failure}"[:MAX_ERROR]
        finally:
            topics.close()
            stream.realtime.close()
            stream.side.close()
            if stream.rows is not None:
                stream.rows.close()
            if stream.spans is not None:
                stream.spans.close()
        if code is Exit.STOPPED:
            self._last_error = None
            with suppress(StoppedWaiting):
                stream.persistence.release()
        beats.write(state="stopped", error=self._last_error)
        return code

    def _connect(self) -> HeartbeatWriter:
        """Claim the group and restore its state; wait for the database if need be."""
        document, started_at = self.job.document, self.clock.now()
        note = WaitingNote(self.job.note)
        note.clear()
        wait = DatabaseWait(self.clock, self._asked_to_stop, note)
        engine = connect(self.settings.database)
        wait.patiently(lambda: migrate(engine))
        store = StreamStore(engine)
        claim = wait.patiently(lambda: store.claim(document.group, self.job.generation, self.clock.now()))
        registry_view = RegistryView(Registry(engine), BaselineStore(engine), document.group)
        persistence = Persistence(store, claim, self.clock, wait)
        side, realtime = SideTopics(document.kafka), RealtimeOutliers(document.kafka)
        rows = RowQualityThread(RowQualityStore(engine), BaselineStore(engine).get)
        tracing = tracing_of("pegel-driver", per_second=EVENTS_TRACED)
        stream = GroupStream(
            registry_view,
            persistence,
            side,
            realtime,
            self.clock,
            rows,
            KeyedHash(self.settings.secret),
            AttributionStore(engine),
            None if tracing is None else BatchSpans(tracing, document.group),
        )
        beats = HeartbeatWriter(self.job, stream, Progress(document.trigger), self.clock, started_at)
        with beats.meanwhile("restoring its state"):
            stream.restore()
        return beats

    def _stream(self, beats: HeartbeatWriter, topics: TopicPartitions) -> Exit:
        """Follow the partitions that there are, and look again which these are, now and then."""
        following: Following | None = None
        stream, room, group = beats.stream, ScratchRoom(self.job), self.job.document.group
        with ThreadPoolExecutor(1, "batch") as pool:
            while (scratch := self._scratch(beats, room)) and (
                there := self._partitions(beats, topics, lacking=following.lacking if following else "")
            ):
                begin = positions(stream.state.offsets, there.ends, self.clock.now())
                stream.begin_at(begin, there)
                if following is None:
                    with beats.meanwhile("starting Spark"):
                        self._spark = session.build(f"pegel-monitor-{group}", self.settings, scratch=scratch)
                        executors.warm(self._spark, beats, pool, self._asked_to_stop)
                    following = self._following(self._spark, beats, topics)
                if following.failures >= CAREFUL_AFTER and not begin.gaps:
                    self._careful_rounds += 1
                    if self._careful_rounds > CAREFUL_ROUNDS:
                        return Exit.QUERY_FAILED
                    self._read_carefully(beats, begin.ranges)
                    following.failures = 0
                    continue
                before = stream.batches
                following.follow(there, pool)
                if stream.batches > before:
                    self._careful_rounds = 0
                self._last_error = following.error
        return Exit.STOPPED

    def _following(self, spark: SparkSession, beats: HeartbeatWriter, topics: TopicPartitions) -> Following:
        """Say that records are read from now on."""
        persistence = beats.stream.persistence
        persistence.begin_to_read()
        beats.runs()
        log.info("running", group=self.job.document.group, generation=self.job.generation)
        return Following(spark, beats, topics, self._asked_to_stop, persistence.claim.deaths)

    def _scratch(self, beats: HeartbeatWriter, room: ScratchRoom) -> Path | None:
        """Return where Spark puts its files, once there is room for them; None: to stop."""
        while not self._asked_to_stop():
            try:
                return room.folder()
            except OSError as error:
                if not lacks_room(error):
                    raise
                beats.missing.wait_for(ROOM, str(error))
                beats.write_if_due()
                time.sleep(LOOK_EVERY_S)
        return None

    def _partitions(self, beats: HeartbeatWriter, topics: TopicPartitions, *, lacking: str) -> Partitions | None:
        """Return the partitions that there are, waiting for the broker and for the first topic; None: to stop.

        `lacking`: what else is waited for until a batch has proved that it is there.
        """
        stream = beats.stream
        while not self._asked_to_stop():
            stream.look()
            try:
                there = topics.look(stream.topics)
            except Unavailable as error:
                beats.missing.wait_for(BROKER, str(error))
            else:
                if there.addresses:
                    beats.missing.found(but=lacking)
                    beats.missing.cannot_read(there)
                    stream.forget_partitions_but(there.addresses)
                    return there
                names = ", ".join(there.absent)
                beats.missing.wait_for(f"the topic {names}" if names else "a model", "the broker has no such topic")
            beats.write_if_due()
            time.sleep(LOOK_EVERY_S)
        return None

    def _read_carefully(self, beats: HeartbeatWriter, ranges: Sequence[OffsetRange]) -> None:
        """Read what one wary batch would hold in small steps, so that whatever kills its reader is found."""
        before = f"{beats.stream.persistence.claim.deaths} drivers ended while they read from here"
        log.warning("reading carefully", reason=self._last_error or before)

        def turn() -> None:
            beats.write_if_due()
            if self._asked_to_stop():
                raise StoppedWaiting("asked to stop while reading carefully")

        reader = CarefulReader(self.job.document.kafka, beats.stream, turn)
        for each in ranges:
            try:
                reader.read(replace(each, end=min(each.end, each.start + WARY_RECORDS)))
            except Unavailable as error:
                beats.missing.wait_for(BROKER, str(error))
                return

    def _asked_to_stop(self) -> bool:
        return self._stopping or self.job.is_told_to_stop

    def _on_signal(self, _number: int, _frame: FrameType | None) -> None:
        self._stopping = True
