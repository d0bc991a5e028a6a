"""What a heartbeat says of a stream's progress: waiting for others is no standstill, a batch that hangs is one."""

from __future__ import annotations

from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from pegel.reconcile.job_backend import JobDocument
from pegel.spec.limits import WEDGED_AFTER
from pegel.store.database import connect
from pegel.store.registry_view import RegistryView
from pegel.store.stream_store import StreamStore
from pegel.testing import ManualClock
from pegel_spark.group_stream import GroupStream
from pegel_spark.heartbeat import HeartbeatWriter
from pegel_spark.job import Job
from pegel_spark.persistence import DatabaseWait, Persistence
from pegel_spark.progress import Progress
from pegel_spark.side_topics import SideTopics

NOWHERE = "127.0.0.1:9"


@pytest.fixture
def clock() -> ManualClock:
    """A clock that stands still."""
    return ManualClock()


@pytest.fixture
def beats(world: Any, clock: ManualClock) -> HeartbeatWriter:
    """The heartbeat of a stream that has done nothing yet."""
    store = StreamStore(connect(world.settings.database))
    persistence = Persistence(store, store.claim("default", 1, clock.now()), clock, DatabaseWait(clock, lambda: False))
    view = RegistryView(world.registry, world.baselines, "default")
    stream = GroupStream(view, persistence, SideTopics(NOWHERE), clock)
    document = JobDocument(group="default", fingerprint="f", kafka=NOWHERE)
    return HeartbeatWriter(Job(Path(), document, 1), stream, Progress(document.trigger), clock, clock.now())


def later(clock: ManualClock) -> datetime:
    """Let more time pass than a stream may stand still."""
    return clock.advance(WEDGED_AFTER + timedelta(seconds=1))


def test_waiting_for_the_broker_is_no_standstill(beats: HeartbeatWriter, clock: ManualClock) -> None:
    """Each look that finds it away counts as progress, and so does the one that finds it back."""
    beats.waits_for("the broker", "refused")
    away = later(clock)
    beats.waits_for("the broker", "refused")
    seen_away = beats.progressed_at
    back = later(clock)
    beats.waits_for_nothing()

    assert (away, back) == (seen_away, beats.progressed_at)


def test_a_batch_that_hangs_after_an_outage_is_a_standstill(beats: HeartbeatWriter, clock: ManualClock) -> None:
    """Nobody looks for the broker while a batch is processed: from the last look on, time counts."""
    beats.waits_for("the broker", "refused")
    looked_at = clock.now()
    later(clock)

    assert looked_at == beats.progressed_at
