"""Reading outside the JVM, in processes that may die: what kills them is found, everything else is counted."""

from __future__ import annotations

import uuid
from collections.abc import Iterable, Mapping
from contextlib import closing
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import wires
from installed_modules import DANGEROUS, install

from pegel.data.wire import REQUEST_TYPE
from pegel.spec.clock import SystemClock
from pegel.store.database import connect
from pegel.store.registry_view import RegistryView
from pegel.store.stream_store import StreamStore
from pegel.stream.positions import OffsetRange, positions
from pegel.testing.samples import brief_spec
from pegel_spark.careful_reading import CarefulReader
from pegel_spark.group_stream import GroupStream
from pegel_spark.persistence import DatabaseWait, Persistence
from pegel_spark.realtime_outliers import RealtimeOutliers
from pegel_spark.topic_partitions import TopicPartitions
from pegel_spark.waiting_note import WaitingNote

pytestmark = [pytest.mark.slow, pytest.mark.timeout(240)]


class NoSideChannel:
    """A side channel that tells nobody."""

    def outliers(self, rows: Iterable[Any]) -> None:
        """Look at them, as a real one does."""
        list(rows)

    def letters(self, letters: Iterable[Any], namespaces: Mapping[str, str]) -> None:  # noqa: ARG002  the protocol's
        """Look at them, as a real one does."""
        list(letters)

    def close(self) -> None:
        """Do nothing."""


@pytest.fixture
def stream(world: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> GroupStream:
    """The group's stream, without Spark, where the dangerous statistic is installed."""
    site = install(tmp_path / "site", "dangerous", DANGEROUS, "pegel.statistics", "dangerous:Dangerous")
    monkeypatch.syspath_prepend(str(site))
    monkeypatch.setenv("PYTHONPATH", str(site))
    clock, store = SystemClock(), StreamStore(connect(world.settings.database))
    claim = store.claim("default", 1, clock.now())
    wait = DatabaseWait(clock, lambda: False, WaitingNote(tmp_path / "waiting"))
    persistence = Persistence(store, claim, clock, wait)
    view, realtime = RegistryView(world.registry, world.baselines, "default"), RealtimeOutliers("127.0.0.1:9")
    return GroupStream(view, persistence, NoSideChannel(), realtime, clock)


def test_partitions_that_are_read_carefully_leave_every_window_whole(
    world: Any, wire: Any, stream: GroupStream
) -> None:
    """A backlog on three partitions, read one after the other, gives whole windows: no event is late."""
    three = replace(wire, namespace=f"three-{uuid.uuid4().hex[:8]}")
    three.create(partitions=3)
    world.watch(brief_spec(namespace=three.namespace))
    stream.restore()
    begin, rng = wires.now() - timedelta(minutes=5), np.random.default_rng(3)
    for number in range(120):
        three.pair(f"e{number}", begin + timedelta(milliseconds=500 * number), rng)
    three.producer.flush()
    with closing(TopicPartitions(wire.address)) as topics:
        there = topics.look({three.topic})
    stream.begin_at(positions({}, there.ends, stream.clock.now()), there)
    reader = CarefulReader(wire.address, stream, lambda: None)
    final_after = []
    for each in there.ends:
        reader.read(OffsetRange((each.topic, each.partition), 0, each.end))
        final_after.append(sum(row.requests for row in world.results.windows("delays", 1, final_only=True)))
    finals = world.results.windows("delays", 1, final_only=True)
    ledger = world.results.ledger("delays", 1)

    assert min(each.end for each in there.ends) > 0
    assert [0, 0] == final_after[:2]
    # The first of them began before the first event.
    assert [(10, 10, 0)] * 9 == [(row.requests, row.joined, row.late) for row in finals[1:10]]
    assert (240, 0, 0) == tuple(sum(getattr(row, name) for row in ledger) for name in ("judged", "late", "unanswered"))


@pytest.mark.long
def test_records_that_end_their_reader_are_set_aside(world: Any, wire: Any, stream: GroupStream) -> None:
    """What ends its process or takes all memory is kept by address; any other counts once, of any age."""
    world.watch(brief_spec(namespace=wire.namespace, watch={"statistics": ["dangerous"]}))
    stream.restore()
    begin, rng = wires.now() - timedelta(seconds=60), np.random.default_rng(3)
    for number in range(10):
        wire.pair(f"e{number}", begin + timedelta(milliseconds=50 * number), rng)
    wire.send("poison", REQUEST_TYPE, "delays-v1", b'{"instances": [[666.0, "AA", 40.0]]}', begin)
    for number in range(10, 15):
        wire.pair(f"e{number}", begin + timedelta(milliseconds=50 * number), rng)
    wire.send("hoarder", REQUEST_TYPE, "delays-v1", b'{"instances": [[667.0, "AA", 40.0]]}', begin)
    another_age = {"headers": wires.headers_of("age", REQUEST_TYPE, "delays-v1"), "timestamp_ms": -(2**61)}
    wire.producer.send(wire.topic, wires.request_body(rng), **another_age)
    wire.producer.flush()
    with closing(TopicPartitions(wire.address)) as topics:
        (ends,) = topics.look({wire.topic}).ends
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


@pytest.mark.long
def test_records_that_cannot_be_taken_apart_are_set_aside(
    world: Any, wire: Any, broker: Any, stream: GroupStream
) -> None:
    """Of a batch whose bytes changed on the broker's disk each record is kept by address, and all others count."""
    world.watch(brief_spec(namespace=wire.namespace))
    stream.restore()
    begin, rng = wires.now() - timedelta(seconds=60), np.random.default_rng(3)
    for number in range(3):
        wire.pair(f"e{number}", begin + timedelta(seconds=number), rng)
        wire.producer.flush()
    wires.damage(broker, wire.topic, b"e1")
    with closing(TopicPartitions(wire.address)) as topics:
        (ends,) = topics.look({wire.topic}).ends
    CarefulReader(wire.address, stream, lambda: None).read(OffsetRange((wire.topic, 0), 0, ends.end))
    aside = sorted(record.offset for record in world.results.set_aside("default"))

    assert (6, [2, 3]) == (ends.end, aside)
    assert 4 == sum(row.judged for row in world.results.ledger("delays", 1))
    assert {0} == {row.difference for row in world.results.ledger_balance("default")}
    assert 6 == stream.persistence.restore().offsets[wire.topic, 0].end
