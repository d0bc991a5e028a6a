"""Outliers told as their requests come: the reader's process, with a real broker, and what becomes of one that dies."""

from __future__ import annotations

import json
import sys
import threading
from collections.abc import Iterator
from dataclasses import replace
from multiprocessing import Pipe
from typing import Any

import orjson
import pytest
import wires
from waiting import wait_until

from pegel.data.wire import REQUEST_TYPE
from pegel.spec import names
from pegel.stream.counting_plan import MonitorPlan
from pegel.testing.samples import brief_spec
from pegel_spark.realtime_outliers import MOST_DEATHS, RealtimeOutliers
from pegel_spark.realtime_reader import Orders, RealtimeReader

pytestmark = [pytest.mark.slow, pytest.mark.timeout(120)]
IN_REAL_TIME = "outliers in real time"
NOWHERE = "127.0.0.1:9"
WITHIN_S = 60.0


def orders(world: Any, wire: Any) -> Orders:
    """Return what is told of one model whose outliers are to be told in real time."""
    spec = brief_spec(namespace=wire.namespace)
    baseline = world.watch(spec)
    return Orders(
        monitors={spec.endpoint: MonitorPlan(spec.key, spec.windowing, (baseline.id,))},
        namespaces={spec.key: spec.namespace},
        read={(wire.topic, 0): 0},
        documents={baseline.id: orjson.dumps(baseline.to_json())},
    )


def some_orders() -> Orders:
    """Return what is told of one model without a baseline, of a partition where something was counted."""
    monitors = {"delays-v1": MonitorPlan("delays/1", brief_spec().windowing, ())}
    return Orders(monitors=monitors, namespaces={"delays/1": "default"}, read={("t", 0): 7}, documents={})


@pytest.fixture
def realtime(wire: Any) -> Iterator[RealtimeOutliers]:
    """Outliers in real time on the tests' broker."""
    made = RealtimeOutliers(wire.address)
    yield made
    made.close()


def send_far_out(wire: Any, event_id: str) -> None:
    """Send a request that is an outlier."""
    body = json.dumps({"instances": [[1e9, "ZZ", -1e9]]}).encode()
    wire.send(event_id, REQUEST_TYPE, "delays-v1", body, wires.now())
    wire.producer.flush()


def has_told(realtime: RealtimeOutliers, event_id: str) -> bool:
    """Say whether the row of an event was told."""
    return any(event_id == told[2] for told in realtime._told)


def test_an_outlier_is_told_and_remembered(world: Any, wire: Any, realtime: RealtimeOutliers) -> None:
    """It stands on the topic once, and whoever counts it knows; after its reader was killed another one goes on."""
    realtime.follow(orders(world, wire))

    assert wait_until(lambda: realtime.note == IN_REAL_TIME, within_s=WITHIN_S)

    def told(event_id: str) -> bool:
        send_far_out(wire, event_id)
        return wait_until(lambda: has_told(realtime, event_id), within_s=1.0)

    assert wait_until(lambda: told("before"), within_s=WITHIN_S)
    assert realtime._reader is not None
    realtime._reader._process.kill()

    assert wait_until(lambda: told("after"), within_s=WITHIN_S)
    published = [record.key for record in wire.read(names.outliers_topic(wire.namespace))]
    assert [b"before", b"after"] == published


def test_a_model_without_a_cut_off_has_no_outliers_in_real_time(wire: Any) -> None:
    """Where its baseline lets no row be an outlier nothing reads as if outliers were told; other models have theirs."""
    realtime = RealtimeOutliers(wire.address)
    realtime.follow(Orders(unscored=("fraud/1",)))
    alone, thread = realtime.note, realtime._thread
    realtime.follow(replace(some_orders(), unscored=("fraud/1", "loans/2")))
    beside = realtime.note
    realtime.close()

    assert ("no outliers of fraud/1: its baseline has no cut-off", None) == (alone, thread)
    assert beside.endswith("; no outliers of fraud/1, loans/2: their baselines have no cut-off")


def test_a_reader_that_dies_again_and_again_rests(wire: Any) -> None:
    """Outliers are then told with their batches; why, and until when, is said."""
    resting = RealtimeOutliers(NOWHERE, command=(sys.executable, "-c", "import sys; sys.exit(3)"))
    resting.follow(some_orders())
    wait_until(lambda: "tried again" in resting.note, within_s=WITHIN_S)
    note = resting.note
    resting.close()

    why = f"its reader ended with exit code 3, {MOST_DEATHS} times within a minute; tried again at "
    assert f"outliers are told with their batches, not in real time: {why}" == note[: note.index("at ", 80) + 3]


@pytest.mark.parametrize(
    "size",
    [pytest.param(10, marks=pytest.mark.long), 4_000_000],
    ids=["a small document", "more than a pipe holds"],
)
def test_a_reader_that_hangs_is_ended(size: int) -> None:
    """One that neither reads nor speaks is killed after a while, however much it was sent and did not take."""
    hung = RealtimeOutliers(NOWHERE, (sys.executable, "-c", "import time; time.sleep(600)"), silent_for_s=0.3)
    hung.follow(replace(some_orders(), documents={"sha256:1": bytes(size)}))
    wait_until(lambda: "tried again" in hung.note, within_s=WITHIN_S)
    note = hung.note
    hung.close()

    assert "its reader said nothing for 0 s, 3 times within a minute" in note
    assert ([], None) == ([thread for thread in threading.enumerate() if "outliers" in thread.name], hung._reader)


def test_a_reader_without_a_broker_tells_nothing_in_real_time() -> None:
    """It speaks, and it reads nothing: which partitions is said, and that outliers come with their batches."""
    blind = RealtimeOutliers(NOWHERE, behind_for_s=1.0)
    blind.follow(some_orders())
    wait_until(lambda: "behind" in blind.note, within_s=WITHIN_S)
    note = blind.note
    blind.close()

    why = "their reader is behind what is counted of t 0"
    assert f"outliers are told with their batches, not in real time: {why}" == note


def test_a_model_whose_outliers_cannot_be_told_is_named(world: Any, wire: Any, realtime: RealtimeOutliers) -> None:
    """Where its baseline is not to be had, its outliers come with their batches, and that is said."""
    realtime.follow(replace(orders(world, wire), documents={}))

    def is_named() -> bool:
        send_far_out(wire, "any")
        return "but those of delays/1 with their batches: NotFound" in realtime.note

    assert wait_until(is_named, within_s=WITHIN_S)


def test_partitions_may_appear_while_the_reader_is_behind(wire: Any) -> None:
    """A seek right after an assignment is refused by the client; the reader goes on, and skips a moment later."""
    ours, theirs = Pipe()
    with ours, theirs:
        reader = RealtimeReader(theirs, wire.address)
        for _ in range(10):
            reader._obey(Orders(read={(wire.topic, 0): 0}, documents={}))
            reader._next[wire.topic, 0] = 5
            reader._obey(Orders(read={(wire.topic, 0): 10, ("another", 0): 0}, documents={}))
            assert 10 == reader._next[wire.topic, 0]
            reader._next[wire.topic, 0] = 5
            reader._skip_what_is_counted()
            assert reader._next[wire.topic, 0] in (5, 10)
        reader._consumer.close()


def test_nobody_reads_where_no_model_wants_it() -> None:
    """Without a model that wants its outliers in real time there is no process, and nothing to say."""
    idle = RealtimeOutliers(NOWHERE)
    idle.follow(Orders())
    said = idle.note
    idle.close()

    assert ("", None) == (said, idle._reader)
