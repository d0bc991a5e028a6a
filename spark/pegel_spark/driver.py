"""The life of a streaming driver: start, watch, beat, stop. Its exit code says why it ended."""

from __future__ import annotations

import signal
import time
from dataclasses import dataclass
from enum import IntEnum
from types import FrameType

import structlog
from filelock import FileLock, Timeout
from py4j.protocol import Py4JError
from pyspark.errors import StreamingQueryException
from pyspark.sql import SparkSession
from pyspark.sql.streaming.query import StreamingQuery

from pegel.errors import TemporaryError
from pegel.spec.clock import SystemClock
from pegel.spec.settings import Settings
from pegel.store.baseline_store import BaselineStore
from pegel.store.database import connect, migrate
from pegel.store.registry import Registry
from pegel.store.registry_view import WishList
from pegel.store.results import Results
from pegel_spark import session, source
from pegel_spark.group_stream import Monitor
from pegel_spark.heartbeat import Heart
from pegel_spark.job import Job
from pegel_spark.journal import Journal
from pegel_spark.progress import Progress
from pegel_spark.side_topics import SideTopics

log = structlog.get_logger()
LOCK_PATIENCE_S = 30.0
STOP_PATIENCE_S = 30.0
LOOK_EVERY_S = 0.5


class Exit(IntEnum):
    """Why a driver ended."""

    STOPPED = 0
    """It was asked to."""
    QUERY_FAILED = 3
    """The stream broke; the class of the error is in the last heartbeat. Starting again continues where it was."""
    SUPERSEDED = 4
    """A newer generation of its group is running."""
    LOCKED = 5
    """Another driver of its group still holds the folder."""
    DATABASE_GONE = 6
    """The results database did not answer."""


@dataclass(slots=True)
class Driver:
    """A streaming driver in its folder."""

    job: Job
    settings: Settings
    _stopping: bool = False

    def run(self) -> Exit:
        """Run until asked to stop or until something breaks."""
        signal.signal(signal.SIGTERM, self._on_signal)
        signal.signal(signal.SIGINT, self._on_signal)
        try:
            # Two drivers on one checkpoint would corrupt it; the lock of a killed one is freed by the system.
            with FileLock(self.job.folder / "driver.lock", timeout=LOCK_PATIENCE_S):
                return self._run()
        except Timeout:
            log.warning("folder in use", folder=str(self.job.folder), waited_s=LOCK_PATIENCE_S)
            return Exit.LOCKED
        except TemporaryError as error:
            log.critical("database gone", error=str(error))
            return Exit.DATABASE_GONE

    def _run(self) -> Exit:
        heart = self._prepare()
        jars = session.connector_jars(self.settings)
        spark = session.build(f"pegel-monitor-{self.job.document.group}", self.settings, jars=jars)
        session.warm(spark)
        # The first heartbeat comes from the loop below: until the stream runs, nothing is being watched.
        spark.streams.addListener(heart.progress.idle)
        query = self._start(spark, heart.monitor)
        log.info("running", group=self.job.document.group, generation=self.job.generation)
        try:
            code, error = self._watch(query, heart)
        except Py4JError as failure:
            # The Java side ends by itself when the whole process group is told to stop; otherwise it crashed.
            code, error = (Exit.STOPPED, None) if self._stopping else (Exit.QUERY_FAILED, type(failure).__name__)
        heart.monitor.side.close()
        heart.beat(state="stopped", error=error)
        log.info("ended", code=code.name.lower(), error=error)
        return code

    def _prepare(self) -> Heart:
        """Restore the windows and connect everything but Spark."""
        engine = connect(self.settings.database)
        migrate(engine)
        results = Results(engine)
        wish_list = WishList(Registry(engine), BaselineStore(engine), self.job.document.group)
        journal = Journal(self.job.journal)
        if not self.job.checkpoint.exists():
            # Batch numbers begin again with a new checkpoint; a history with other numbers must not swallow them.
            journal.set_aside()
        monitor = Monitor(wish_list, journal, results, SideTopics(self.job.document.kafka))
        monitor.restore()
        progress = Progress(monitor.manager.last_batch)
        return Heart(self.job, monitor, progress, results, SystemClock().now())

    def _start(self, spark: SparkSession, monitor: Monitor) -> StreamingQuery:
        self.job.checkpoint.mkdir(parents=True, exist_ok=True)
        trigger_ms = round(self.job.document.trigger.total_seconds() * 1000)
        return (
            source.events(spark, self.job.document)
            .writeStream.queryName(f"windows-{self.job.document.group}")
            .foreachBatch(monitor.process)
            .option("checkpointLocation", str(self.job.checkpoint))
            .trigger(processingTime=f"{trigger_ms} milliseconds")
            .start()
        )

    def _watch(self, query: StreamingQuery, heart: Heart) -> tuple[Exit, str | None]:
        """Turn until something ends it. Returns why, and the error's class if it was one."""
        while not self._asked_to_stop():
            time.sleep(LOOK_EVERY_S)
            if not query.isActive:
                return Exit.QUERY_FAILED, classify(query.exception())
            heart.progress.look(query)
            heart.monitor.tick(heart.progress.caught_up_at)
            if not heart.beat_if_due():
                query.stop()
                return Exit.SUPERSEDED, "a newer generation is running"
        finish(query)
        return Exit.STOPPED, None

    def _asked_to_stop(self) -> bool:
        return self._stopping or self.job.stop_file.exists()

    def _on_signal(self, _number: int, _frame: FrameType | None) -> None:
        self._stopping = True


def finish(query: StreamingQuery) -> None:
    """Let the running batch end, then stop. A batch that takes too long is interrupted, and repeated next time."""
    deadline = time.monotonic() + STOP_PATIENCE_S
    while query.status["isTriggerActive"] and time.monotonic() < deadline:
        time.sleep(0.05)
    query.stop()


def classify(failure: StreamingQueryException | None) -> str:
    """Return the error class of a broken query: what an operator can act on, else Spark's own condition."""
    text = str(failure)
    log.error("query failed", message=text[:2000].replace("\n", " | "))
    for mark in ("OffsetOutOfRange", "data was lost", "data may have been lost", "KAFKA_DATA_LOSS"):
        if mark in text:
            return "DATA_LOSS"
    for mark in ("Unavailable", "OutOfMemoryError", "No space left on device", "TimeoutException"):
        if mark in text:
            return mark.upper().replace(" ", "_")
    return (failure.getCondition() if failure else None) or "UNKNOWN"
