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
from pegel_spark.side_topics import SideTopics

pytestmark = [pytest.mark.slow, pytest.mark.timeout(240)]


def test_documents_sent_to_workers_do_not_pile_up(world: Any, toolbox: Any, spark: SparkSession) -> None:
    """Spark keeps a file of whatever is broadcast: of several batches it is one, also while a document is damaged."""
    engine, clock = connect(world.settings.database), SystemClock()
    world.watch(brief_spec())
    with engine.begin() as connection:
        connection.exec_driver_sql("UPDATE baselines SET document = x'00'")
    store = StreamStore(engine)
    persistence = Persistence(store, store.claim("default", 1, clock.now()), clock, DatabaseWait(clock, lambda: False))
    view = RegistryView(world.registry, world.baselines, "default")
    stream = GroupStream(view, persistence, SideTopics("127.0.0.1:9"), clock)
    stream.restore()
    kept = Path(spark.sparkContext._temp_dir)
    before = len(list(kept.iterdir()))
    for name in ("first", "second"):
        world.watch(brief_spec(name))
        stream.read(spark, "127.0.0.1:9", [OffsetRange(("t", 0), 0, 0)])

    assert 1 == len(list(kept.iterdir())) - before
