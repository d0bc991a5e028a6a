"""Reading outside the JVM, in processes that may die: what kills them is found, everything else is counted."""

from __future__ import annotations

from collections.abc import Iterable
from contextlib import closing
from datetime import timedelta
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from pegel.data.wire import REQUEST_TYPE
from pegel.spec.clock import SystemClock
from pegel.store.database import connect
from pegel.store.registry_view import RegistryView
from pegel.store.stream_store import StreamStore
from pegel.stream.positions import OffsetRange
from pegel.testing.samples import brief_spec
from pegel_spark.careful_reading import CarefulReader
from pegel_spark.group_stream import GroupStream
from pegel_spark.persistence import DatabaseWait, Persistence
from pegel_spark.topic_partitions import TopicPartitions

pytestmark = [pytest.mark.slow, pytest.mark.timeout(240)]


class NoSideChannel:
    """A side channel that tells nobody."""

    def outliers(self, found: Iterable[Any]) -> None:
        """Look at them, as a real one does."""
        list(found)

    def letters(self, found: Iterable[Any]) -> None:
        """Look at them, as a real one does."""
        list(found)

    def close(self) -> None:
        """Do nothing."""


@pytest.fixture
def stream(world: Any, toolbox: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> GroupStream:
    """The group's stream, without Spark, where the dangerous statistic is installed."""
    site = toolbox.install(tmp_path / "site", "dangerous", toolbox.DANGEROUS, "pegel.statistics", "dangerous:Dangerous")
    monkeypatch.syspath_prepend(str(site))
    monkeypatch.setenv("PYTHONPATH", str(site))
    clock, store = SystemClock(), StreamStore(connect(world.settings.database))
    claim = store.claim("default", 1, clock.now())
    persistence = Persistence(store, claim, clock, DatabaseWait(clock, lambda: False))
    return GroupStream(RegistryView(world.registry, world.baselines, "default"), persistence, NoSideChannel(), clock)


@pytest.mark.long
def test_records_that_end_their_reader_are_set_aside(world: Any, wire: Any, toolbox: Any, stream: GroupStream) -> None:
    """What ends its process or takes all memory is kept by address; any other counts once, of any age."""
    world.watch(brief_spec(namespace=wire.namespace, watch={"statistics": ["dangerous"]}))
    stream.restore()
    begin, rng = toolbox.now() - timedelta(seconds=60), np.random.default_rng(3)
    for number in range(10):
        wire.pair(f"e{number}", begin + timedelta(milliseconds=50 * number), rng)
    wire.send("poison", REQUEST_TYPE, "delays-v1", b'{"instances": [[666.0, "AA", 40.0]]}', begin)
    for number in range(10, 15):
        wire.pair(f"e{number}", begin + timedelta(milliseconds=50 * number), rng)
    wire.send("hoarder", REQUEST_TYPE, "delays-v1", b'{"instances": [[667.0, "AA", 40.0]]}', begin)
    another_age = {"headers": toolbox.headers_of("age", REQUEST_TYPE, "delays-v1"), "timestamp_ms": -(2**61)}
    wire.producer.send(wire.topic, toolbox.request_body(rng), **another_age)
    wire.producer.flush()
    with closing(TopicPartitions(wire.address)) as topics:
        (ends,) = topics.ends({wire.topic})
    turns: list[None] = []
    everything = OffsetRange((wire.topic, 0), 0, ends.end)
    CarefulReader(wire.address, stream, lambda: turns.append(None)).read(everything)
    windows = world.results.windows("delays", 1)
    with connect(world.settings.database).connect() as connection:
        aside = connection.exec_driver_sql("SELECT topic, partition, offset, size_bytes, reason FROM set_aside").all()

    assert 33 == ends.end
    assert (15, 15) == tuple(sum(getattr(row, name) for row in windows) for name in ("requests", "responses"))
    assert [(wire.topic, 0, 20, 36), (wire.topic, 0, 31, 36)] == [tuple(row)[:4] for row in aside]
    assert "its reader ended with exit code 77" == aside[0][4]
    assert {0} == {row.difference for row in world.results.ledger_balance("default")}
    assert 2 == sum(row.set_aside for row in world.results.ledger("", 0))
    assert 1 == sum(row.late for row in world.results.ledger("delays", 1))
    assert 33 == stream.persistence.restore().offsets[wire.topic, 0].end
