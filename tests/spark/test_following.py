"""Following partitions where batches find no room: a pause that grows, and no healthy look before one got through."""

from __future__ import annotations

import errno
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from pegel.reconcile.job_backend import JobDocument
from pegel.spec.settings import Settings
from pegel.store.database import connect
from pegel.store.registry_view import RegistryView
from pegel.store.stream_store import StreamStore
from pegel.stream.positions import PartitionEnds, positions
from pegel.stream.task_output import TaskOutput
from pegel.testing import ManualClock
from pegel_spark.driver import Driver
from pegel_spark.following import ROOM, Following, classify
from pegel_spark.group_stream import GroupStream
from pegel_spark.heartbeat import HeartbeatWriter
from pegel_spark.job import Job
from pegel_spark.persistence import DatabaseWait, Persistence
from pegel_spark.progress import Progress
from pegel_spark.realtime_outliers import RealtimeOutliers
from pegel_spark.scratch_room import ScratchRoom
from pegel_spark.side_topics import SideTopics
from pegel_spark.topic_partitions import Partitions, TopicPartitions
from pegel_spark.waiting_note import WaitingNote

NOWHERE = "127.0.0.1:9"
UNREAD = PartitionEnds(topic="t", partition=0, topic_id="a", beginning=0, end=1000)


class NoRoom(GroupStream):
    """A stream whose batches need more room than there is, until `room`."""

    __slots__ = ("room", "tries")

    def read(self, *_arguments: Any) -> TaskOutput:
        """Count the try, and fail as Spark's driver does."""
        self.tries = getattr(self, "tries", 0) + 1
        if not getattr(self, "room", False):
            raise OSError(errno.ENOSPC, "No space left on device")
        return TaskOutput()


class Ends(TopicPartitions):
    """Partitions that never change."""

    def grown(self, known: Sequence[PartitionEnds]) -> list[PartitionEnds]:
        """Return them as they were."""
        return list(known)


@dataclass
class Looks:
    """Lets a driver look so many times before it is asked to stop."""

    left: int = 0

    def __call__(self) -> bool:
        """Say whether that was all."""
        self.left -= 1
        return self.left < 0


@pytest.fixture
def beats(world: Any, tmp_path: Path) -> HeartbeatWriter:
    """The heartbeat of a stream with a thousand unread records."""
    clock = ManualClock()
    store = StreamStore(connect(world.settings.database))
    wait = DatabaseWait(clock, lambda: False, WaitingNote(tmp_path / "waiting"))
    persistence = Persistence(store, store.claim("default", 1, clock.now()), clock, wait)
    view = RegistryView(world.registry, world.baselines, "default")
    stream = NoRoom(view, persistence, SideTopics(NOWHERE), RealtimeOutliers(NOWHERE), clock)
    stream.restore()
    stream.begin_at(positions({}, [UNREAD], clock.now()), Partitions([UNREAD]))
    document = JobDocument(group="default", fingerprint="f", kafka=NOWHERE)
    return HeartbeatWriter(Job(document, 1, tmp_path), stream, Progress(document.trigger), clock, clock.now())


def test_a_batch_without_room_is_tried_again_after_a_pause(beats: HeartbeatWriter) -> None:
    """However often is looked meanwhile, the batch is tried once, and the driver says what it waits for all along."""
    looks = Looks()
    following = Following(None, beats, Ends(NOWHERE), looks)  # type: ignore[arg-type]  # no batch gets as far as Spark
    with ThreadPoolExecutor(1) as pool:
        for _ in range(10):
            looks.left = 2
            following.follow(Partitions([UNREAD]), pool)
            beats.missing.found(but=following.lacking)

    assert (1, ROOM) == (beats.stream.tries, following.lacking)  # type: ignore[attr-defined]  # a NoRoom
    assert beats.words_of_missing.startswith(f"waiting for {ROOM} since ")


def test_the_pause_grows_up_to_a_bound_and_ends_with_the_first_batch_that_gets_through(beats: HeartbeatWriter) -> None:
    """Half a minute at most, so that a disk with room again is soon found."""
    looks, pauses = Looks(), []
    following = Following(None, beats, Ends(NOWHERE), looks)  # type: ignore[arg-type]  # no batch gets as far as Spark
    with ThreadPoolExecutor(1) as pool:
        for room in [False] * 7 + [True]:
            looks.left, following._again_at = 2, 0.0
            beats.stream.room = room  # type: ignore[attr-defined]  # a NoRoom
            following.follow(Partitions([UNREAD]), pool)
            pauses.append(following._pause_s)

    assert [1.0, 2.0, 4.0, 8.0, 16.0, 30.0, 30.0, 0.0] == pauses
    assert ("", "") == (following.lacking, beats.words_of_missing)


def test_a_folder_that_cannot_be_used_is_not_waited_for(beats: HeartbeatWriter, tmp_path: Path) -> None:
    """A file where the folder should be is no full disk: the driver ends with that reason, and is started again."""
    (tmp_path / "scratch").write_text("a file")
    driver = Driver(beats.job, Settings(home=tmp_path))
    with pytest.raises(FileExistsError):
        driver._scratch(beats, ScratchRoom(beats.job))

    assert "" == beats.words_of_missing


@pytest.mark.parametrize(
    ("message", "kind"),
    [
        ("SparkException: Python worker exited unexpectedly (crashed)", "WORKER_DIED"),
        ("java.lang.OutOfMemoryError: Java heap space", "OUTOFMEMORYERROR"),
        ("java.io.IOException: No space left on device", "NO_SPACE_LEFT_ON_DEVICE"),
        ("pegel_spark.consuming.RecordsDamaged: t, partition 0, offsets 0 to 3: CRC32C", "RECORDS_DAMAGED"),
        ("something else", "UNKNOWN"),
    ],
)
def test_what_ended_a_batch_has_a_class(message: str, kind: str) -> None:
    """An operator acts on a class; what nobody knows is said to be unknown."""
    assert kind == classify(message)
