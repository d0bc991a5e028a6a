"""A stream and the batch jobs of one world, each at work when a test says so, in the test's own Spark."""

from __future__ import annotations

import os
import subprocess
import sys
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import sqlalchemy as sa
import wires
from pyspark.sql import SparkSession
from wires import Wire
from worlds import World

from pegel.archive.folders import Kept
from pegel.archive.opened_archive import OpenedArchive, open_archive
from pegel.data.keyed_hash import NO_SECRET
from pegel.spec.clock import Clock, SystemClock
from pegel.store import tables
from pegel.store.archive_store import ArchiveStore
from pegel.store.baseline_store import BaselineStore
from pegel.store.database import connect
from pegel.store.erasure_store import ErasureStore
from pegel.store.registry import Registry
from pegel.store.registry_view import RegistryView
from pegel.store.stream_store import StreamStore
from pegel.stream.positions import positions
from pegel_spark.archiving import Archived, Archiving
from pegel_spark.group_stream import GroupStream
from pegel_spark.jobs import archive as launcher
from pegel_spark.labels_job import JoinedLabelsOfRun, LabelsJob
from pegel_spark.persistence import DatabaseWait, Persistence
from pegel_spark.realtime_outliers import RealtimeOutliers
from pegel_spark.side_topics import SideTopics
from pegel_spark.topic_partitions import TopicPartitions
from pegel_spark.waiting_note import WaitingNote

HOUR = timedelta(hours=1)


class System:
    """A stream and an archive of one world, each at work when a test says so."""

    def __init__(self, spark: SparkSession, world: World, wire: Wire, note: Path, clock: Clock | None = None) -> None:
        engine, clock = connect(world.settings.database), clock or SystemClock()
        self.spark, self.world, self.wire, self.clock = spark, world, wire, clock
        self.settings = world.settings.model_copy(update={"kafka": wire.address})
        self.store, stream_store = ArchiveStore(engine), StreamStore(engine)
        view = RegistryView(Registry(engine), BaselineStore(engine), "default")
        wait = DatabaseWait(clock, lambda: False, WaitingNote(note))
        persistence = Persistence(stream_store, stream_store.claim("default", 1, clock.now()), clock, wait)
        side, realtime = SideTopics(wire.address), RealtimeOutliers(wire.address)
        self.stream = GroupStream(view, persistence, side, realtime, clock, hashed=NO_SECRET)
        self.stream.restore()
        self.stream.look()

    def count(self) -> None:
        """Let the stream take what is on the topic."""
        self.wire.producer.flush()
        topics = TopicPartitions(self.wire.address)
        there = topics.look(self.stream.topics)
        begin = positions(self.stream.state.offsets, there.ends, self.stream.clock.now())
        self.stream.begin_at(begin, there)
        self.stream.read(self.spark, self.wire.address, begin.ranges)
        topics.close()

    def archive(self, **how: Any) -> Archived:
        """Do the job's work."""
        stores = self.store, self.world.baselines, ErasureStore(connect(self.settings.database))
        return Archiving(self.spark, self.settings, *stores, self.clock, **how).run()

    def join_labels(self, now: datetime) -> JoinedLabelsOfRun:
        """Do the work of the job that joins labels, as of an instant."""
        return LabelsJob(self.spark, self.settings, connect(self.settings.database), now).run()

    def launch(self, *arguments: str, **variables: str) -> subprocess.CompletedProcess[str]:
        """Run the job as a process of its own."""
        return subprocess.run(
            [sys.executable, launcher.__file__, *arguments],
            env=os.environ | self.settings.variables() | variables,
            capture_output=True,
            text=True,
            timeout=200,
            check=False,
        )

    def forget_what_is_archived(self) -> None:
        """Leave the files, as if the job had been killed before it could say what it wrote."""
        with connect(self.settings.database).begin() as connection:
            connection.execute(sa.delete(tables.archived))

    def opened(self, kept: Kept = Kept.ROWS) -> OpenedArchive:
        """Open everything that is archived."""
        now = wires.now()
        return open_archive(self.settings.archive_root, "delays", 1, start=now - 24 * HOUR, end=now + HOUR, kept=kept)
