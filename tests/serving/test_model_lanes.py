"""What goes wrong with one model stays with it: its events are refused with a reason, offsets and others go on."""

from __future__ import annotations

import threading
from collections.abc import Callable
from pathlib import Path
from queue import SimpleQueue
from typing import Any

import paint_model
import pyarrow as pa
import pytest
import senders
from pyarrow import parquet
from waiting import wait_until

from pegel.data import wire
from pegel.errors import SetupError, Unavailable
from pegel.spec.monitor_spec import MonitorSpec
from pegel.spec.settings import Settings
from pegel.store.database import connect
from pegel_serving.attribution.attribution_metrics import REASONS, AttributionMetrics
from pegel_serving.attribution.attribution_outbox import AttributionOutbox
from pegel_serving.attribution.attribution_worker import LONGEST_READ_S, AttributionWorker, ReadRecord
from pegel_serving.attribution.joined_halves import OVERHEAD, WAITS_S, EventHalf, WholeEvent
from pegel_serving.attribution.model_lane import ENDED, ModelLane
from pegel_serving.attribution.model_preparation import ModelPreparation
from pegel_serving.attribution.ordered_features import OrderedFeatures
from pegel_serving.attribution.told_event import ToldEvent
from pegel_serving.attribution.unprepared import NO_ARTEFACT, NO_ENDPOINT, NOT_PREPARED, Unprepared

# a process that starts beside other tests on two cores may take a while
pytestmark = [pytest.mark.slow, pytest.mark.timeout(400)]

TOPIC = ("pegel.default.inference", 0)
MOST_BYTES = 1 << 22


def spec_of(name: str = "paint", uri: str = "file:///nowhere", **attribution: Any) -> MonitorSpec:
    """Return the spec of a model that is to be explained."""
    section = {"via": "artefact", **attribution}
    return MonitorSpec.parse(
        {"model": {"name": name, "uri": uri}, "baseline": {"source": "local://paint"}, "attribution": section}
    )


def record(offset: int, *, event_id: str, kind: str = wire.REQUEST_TYPE, time_ms: int = 1, size: int = 0) -> ReadRecord:
    """Return a record of the topic."""
    named = {wire.HEADER_ID: event_id, wire.HEADER_TYPE: kind, wire.HEADER_ENDPOINT: "paint-v1"}
    headers = [(name, text.encode()) for name, text in named.items()]
    body = b'{"instances": [["red", 1, 1]]}' + b" " * size
    return ReadRecord(TOPIC, offset, time_ms, event_id.encode(), body, list(headers))


def event(offset: int) -> WholeEvent:
    """Return a request without an answer."""
    half = EventHalf(
        endpoint="paint-v1",
        event_id=b"e%d" % offset,
        hashed=1,
        is_request=True,
        address=TOPIC,
        offset=offset,
        time_ms=0,
        body=b"{}",
    )
    return WholeEvent(half, None)


def raising(error: Exception) -> Callable[[], dict[str, Any]]:
    """Return a preparation that fails."""

    def told() -> dict[str, Any]:
        raise error

    return told


@pytest.mark.parametrize(
    ("preparation", "reason"),
    [
        (raising(RuntimeError("nobody foresaw this")), NOT_PREPARED),
        (raising(KeyError("field")), NOT_PREPARED),
        (raising(Unprepared(NO_ARTEFACT, "no folder")), NO_ARTEFACT),
        (lambda: {"folder": object()}, NOT_PREPARED),
        (lambda: {"folder": "/nowhere", "digest": None}, NO_ARTEFACT),
    ],
)
def test_whatever_fails_in_preparing_a_model_is_told_of_its_events(
    preparation: Callable[[], dict[str, Any]], reason: str
) -> None:
    """One after the other, foreseen or not: the lane goes on, and each event has its reason."""
    told: SimpleQueue[ToldEvent] = SimpleQueue()
    lane = ModelLane("paint-v1", preparation, lambda _, one: told.put(one), most_bytes=MOST_BYTES)
    try:
        assert lane.put(event(0))
        first = told.get(timeout=180)
        assert lane.put(event(1))
        second = told.get(timeout=180)
    finally:
        lane.end(5.0)

    assert [reason, reason] == [first.reason, second.reason]
    assert first.why
    assert reason in REASONS


def test_what_is_told_of_a_model_that_is_explained_may_fail(tmp_path: Path) -> None:
    """Whoever is told what a process said of its model may fail in it: that, too, is a matter of this model."""
    told: SimpleQueue[ToldEvent] = SimpleQueue()

    def fails(_said: dict[str, Any]) -> None:
        raise RuntimeError("no thread can be started")

    paint_model.write_paint_model(tmp_path)
    rows = pa.table({"colour": ["red", "blue"], "size": [1.0, 2.0], "weight": [1.0, 2.0]})
    parquet.write_table(rows, tmp_path / "rows.parquet")
    preparation = {
        "folder": str(tmp_path),
        "digest": None,
        "features": rows.column_names,
        "background": str(tmp_path / "rows.parquet"),
        "rate": 1.0,
        "replays": False,
    }
    lane = ModelLane(
        "paint-v1", lambda: preparation, lambda _, one: told.put(one), most_bytes=MOST_BYTES, prepared=fails
    )
    try:
        lane.put(event(0))
        refusal = told.get(timeout=180)
    finally:
        lane.end(5.0)

    assert (NOT_PREPARED, True) == (refusal.reason, "no thread can be started" in refusal.why)


def test_a_lane_that_ends_while_it_prepares_gives_its_events_back() -> None:
    """Whatever becomes of the preparation then, they are told as not worked on, and nothing is told of them."""
    told: SimpleQueue[ToldEvent] = SimpleQueue()
    asked, ending = threading.Event(), threading.Event()

    def preparation() -> dict[str, Any]:
        asked.set()
        ending.wait(30)
        raise Unprepared(NO_ARTEFACT, "no folder")

    lane = ModelLane("paint-v1", preparation, lambda _, one: told.put(one), most_bytes=MOST_BYTES)
    lane.put(event(0))
    asked.wait(30)
    lane.end(0.0)
    ending.set()

    assert ENDED == told.get(timeout=30).reason


class OddPreparation(ModelPreparation):
    """A preparation in which something fails that nobody foresaw."""

    def __init__(self) -> None:
        """Know nothing."""

    def told(self, spec: MonitorSpec, *, held_out: bool = False) -> dict[str, Any]:
        """Fail."""
        raise ZeroDivisionError(spec.key, held_out)


@pytest.fixture
def worker() -> Any:
    """Return a worker that watches a model of which nothing can be prepared."""
    made = AttributionWorker(
        OddPreparation(), AttributionOutbox(senders.SwitchedSender()), AttributionMetrics(), most_bytes=MOST_BYTES
    )
    made.watch([spec_of()])
    yield made
    made.end(1.0)


def refused(worker: AttributionWorker, reason: str) -> float:
    """Return how many events were refused for a reason."""
    return float(worker._metrics.refused.labels("paint", "1", reason)._value.get())


def test_offsets_go_on_whatever_fails(worker: AttributionWorker) -> None:
    """An event of a model in whose preparation something unforeseen fails is refused, and read no second time."""
    worker.take([record(4, event_id="a"), record(5, event_id="a", kind=wire.RESPONSE_TYPE)])

    def gone_on() -> bool:
        worker.work()
        return worker.offsets.safe() == {TOPIC: 6}

    assert wait_until(gone_on, within_s=20)
    assert 1 == refused(worker, NOT_PREPARED)


def test_a_record_dated_ahead_says_nothing_of_others(worker: AttributionWorker) -> None:
    """Beside a record of next year, requests wait for their answers as ever."""
    worker.take([record(0, event_id="ahead", time_ms=1 << 45), record(1, event_id="a", time_ms=1_000)])
    worker.work()

    assert 2 * OVERHEAD < worker._join.size
    assert {TOPIC: 0} == worker.offsets.safe()


def test_a_pause_is_no_waiting(worker: AttributionWorker) -> None:
    """While nothing is read no answer can come, so that time does not count, however long it was."""
    worker.take([record(0, event_id="a")])
    before = worker._read_s
    worker._read_at -= 10 * WAITS_S
    worker.take([])

    assert before + LONGEST_READ_S == pytest.approx(worker._read_s, abs=0.01)
    assert {TOPIC: 0} == worker.offsets.safe()


def test_what_waits_is_bounded_while_records_are_taken(worker: AttributionWorker) -> None:
    """However many records come at once, those that wait take no more than their part of the memory."""
    most: list[int] = []
    for at in range(40):
        worker.take([record(at, event_id=f"e{at}", size=MOST_BYTES // 8)] * 5)
        most.append(worker._join.size)

    assert max(most) <= MOST_BYTES // 2


@pytest.mark.parametrize(
    ("spec", "error", "reason"),
    [
        (spec_of(uri="s3://models/paint"), None, NO_ARTEFACT),
        (spec_of(via="endpoint", identity="off"), SetupError("no address yet"), NO_ENDPOINT),
        (spec_of(), None, NOT_PREPARED),
    ],
)
def test_the_reason_is_the_one_that_it_is(
    tmp_path: Path, spec: MonitorSpec, error: Exception | None, reason: str
) -> None:
    """A model that is in no folder, an endpoint that is not found and features that nobody knows are told apart."""
    settings = Settings(home=tmp_path / "home")

    class KnownFeatures(OrderedFeatures):
        def of(self, spec: MonitorSpec) -> tuple[Any, ...]:
            if error is None:
                raise Unavailable(f"the database does not answer about {spec.key}")
            return ()

    def door(_spec: MonitorSpec) -> tuple[str, str]:
        assert error is not None
        raise error

    features = KnownFeatures(settings, connect(f"sqlite:///{tmp_path / 'pegel.db'}"))
    with pytest.raises(Unprepared) as refusal:
        ModelPreparation(settings, door, features).told(spec)

    assert reason == refusal.value.reason
