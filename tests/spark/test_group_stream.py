"""What one group's stream leaves behind on Spark."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from pyspark.sql import SparkSession

from pegel.spec.clock import SystemClock
from pegel.store.database import connect
from pegel.store.registry_view import RegistryView
from pegel.store.stream_store import StreamStore
from pegel.stream.positions import OffsetRange
from pegel.testing.samples import brief_spec
from pegel_spark.group_stream import GroupStream
from pegel_spark.persistence import DatabaseWait, Persistence
from pegel_spark.realtime_outliers import RealtimeOutliers
from pegel_spark.side_topics import SideTopics
from pegel_spark.waiting_note import WaitingNote

pytestmark = [pytest.mark.slow, pytest.mark.timeout(240)]


def group_stream(world: Any) -> GroupStream:
    """Return the stream of the group, which reaches no broker."""
    clock, store = SystemClock(), StreamStore(connect(world.settings.database))
    wait = DatabaseWait(clock, lambda: False, WaitingNote(world.settings.home / "waiting"))
    persistence = Persistence(store, store.claim("default", 1, clock.now()), clock, wait)
    view = RegistryView(world.registry, world.baselines, "default")
    return GroupStream(view, persistence, SideTopics("127.0.0.1:9"), RealtimeOutliers("127.0.0.1:9"), clock)


def test_outliers_that_nobody_can_be_are_not_promised_in_real_time(world: Any) -> None:
    """A model that asks for them, and has a baseline without a cut-off, is named; a damaged one fails elsewhere."""
    # Of so few rows none is as rare as that.
    world.watch(brief_spec(watch={"outliers": "realtime", "outliers_per_day": 1, "rows_per_day": 1e6}))
    stream = group_stream(world)
    stream.restore()
    stream.tick(None)
    unscored = stream.realtime.note
    with connect(world.settings.database).begin() as connection:
        connection.exec_driver_sql("UPDATE baselines SET document = x'00'")
    damaged = group_stream(world)
    damaged.restore()
    damaged.tick(None)
    note = damaged.realtime.note
    for each in (stream, damaged):
        each.realtime.close()

    assert "no outliers of delays/1: its baseline has no cut-off" == unscored
    assert "cut-off" not in note


def test_documents_sent_to_workers_do_not_pile_up(world: Any, spark: SparkSession) -> None:
    """Spark keeps a file of whatever is broadcast: of several batches it is one, also while a document is damaged."""
    world.watch(brief_spec())
    with connect(world.settings.database).begin() as connection:
        connection.exec_driver_sql("UPDATE baselines SET document = x'00'")
    stream = group_stream(world)
    stream.restore()
    kept = Path(spark.sparkContext._temp_dir)
    before = len(list(kept.iterdir()))
    for name in ("first", "second"):
        world.watch(brief_spec(name))
        stream.read(spark, "127.0.0.1:9", [OffsetRange(("t", 0), 0, 0)])

    assert 1 == len(list(kept.iterdir())) - before
