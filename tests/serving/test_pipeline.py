"""The rules of the pipeline, with a broker that the test switches on and off and a clock that it moves."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import orjson
import pytest

from pegel_serving.logger.logged_event import Event
from pegel_serving.logger.metrics import Metrics
from pegel_serving.logger.pipeline import Fate, Limits, Pipeline
from pegel_serving.logger.producer import Report, Verdict
from pegel_serving.logger.spool import Spool


@dataclass
class SwitchedSender:
    """A Sender whose broker is reachable, away or refusing."""

    verdict: Verdict | None = Verdict.DELIVERED
    """None: nothing is reported, as while the broker is away and its timeout has not passed."""
    reason: str = ""
    room: int = 10**6
    waiting: list[tuple[Event, Report]] = field(default_factory=list)
    topic: list[Event] = field(default_factory=list)

    def send(self, event: Event, report: Report) -> bool:
        """Take the event while there is room."""
        if len(self.waiting) >= self.room:
            return False
        self.waiting.append((event, report))
        return True

    def poll(self) -> None:
        """Report the present verdict on everything that waits."""
        if self.verdict is None:
            return
        waiting, self.waiting = self.waiting, []
        for event, report in waiting:
            if self.verdict is Verdict.DELIVERED:
                self.topic.append(event)
            report(self.verdict, self.reason)

    def forget(self) -> None:
        """Report everything that waits as purged."""
        waiting, self.waiting = self.waiting, []
        for _, report in waiting:
            report(Verdict.UNREACHED, "purged")

    def flush(self, timeout_s: float) -> None:
        """Poll once."""
        del timeout_s
        self.poll()


def event(number: int, *, minute: int = 0, size: int = 0) -> Event:
    """Return a numbered request of endpoint `m-v1`."""
    headers = {
        "ce_id": str(number),
        "ce_type": "org.kubeflow.serving.inference.request",
        "ce_namespace": "default",
        "ce_inferenceservicename": "m-v1",
    }
    encoded = tuple((name, value.encode()) for name, value in headers.items())
    return Event("pegel.default.inference", b"%d" % number, b"x" * size, encoded, minute * 60_000)


def keys(events: list[Event]) -> list[int]:
    """Return the numbers of events."""
    return [int(one.key) for one in events]


Maker = Callable[..., Pipeline]


@pytest.fixture
def sender() -> SwitchedSender:
    """A sender whose broker is reachable at first."""
    return SwitchedSender()


@pytest.fixture
def make(sender: SwitchedSender, tmp_path: Path) -> Iterator[Maker]:
    """Build pipelines over one sender and one spool folder."""
    spools: list[Spool] = []

    def build(*, cap_bytes: int = 1 << 20, **limits: Any) -> Pipeline:
        spools.append(Spool(tmp_path, cap_bytes=cap_bytes))
        return Pipeline(sender, spools[-1], Metrics(), Limits(stall_s=5.0, retry_s=1.0, **limits))

    yield build
    for spool in spools:
        spool.close()


def run(pipeline: Pipeline, *, start: float = 0.0, seconds: float = 60.0) -> None:
    """Tick ten times a second."""
    for step in range(int(seconds * 10)):
        pipeline.tick(start + step / 10)


def test_events_go_straight_to_a_broker_that_is_there(make: Maker, sender: SwitchedSender) -> None:
    """The spool is not touched on a good day."""
    pipeline = make()
    fates = {pipeline.submit(event(number), 0.0)[0] for number in range(5)}
    pipeline.tick(0.1)

    assert {Fate.IN_FLIGHT} == fates
    assert list(range(5)) == keys(sender.topic)
    assert not pipeline.busy


def test_an_outage_keeps_the_order(make: Maker, sender: SwitchedSender) -> None:
    """What was in flight when the broker went away comes before what came during the outage."""
    pipeline = make()
    sender.verdict = None
    for number in range(3):
        pipeline.submit(event(number), 0.0)
    run(pipeline, seconds=6)
    for number in range(3, 6):
        pipeline.submit(event(number), 6.0)
    sender.verdict = Verdict.DELIVERED
    run(pipeline, start=6.0)
    pipeline.submit(event(6), 70.0)
    pipeline.tick(70.0)

    assert list(range(7)) == keys(sender.topic)
    assert pipeline.spool.empty


def test_one_failed_delivery_moves_everything_in_flight(make: Maker, sender: SwitchedSender) -> None:
    """The events behind a failed one would fail too, and must not overtake it."""
    pipeline = make()
    for number in range(3):
        pipeline.submit(event(number), 0.0)
    sender.verdict = Verdict.UNREACHED
    pipeline.tick(0.1)
    sender.verdict = Verdict.DELIVERED
    run(pipeline, start=0.2)

    assert list(range(3)) == keys(sender.topic)


def test_a_full_queue_overflows_to_disk_in_order(make: Maker, sender: SwitchedSender) -> None:
    """Bounded by messages: the rest waits behind what is in flight."""
    pipeline = make(queue_messages=2)
    sender.verdict = None
    fates = [pipeline.submit(event(number), 0.0)[0] for number in range(4)]
    sender.verdict = Verdict.DELIVERED
    run(pipeline)

    assert [Fate.IN_FLIGHT, Fate.IN_FLIGHT, Fate.SPOOLED, Fate.SPOOLED] == fates
    assert list(range(4)) == keys(sender.topic)


def test_the_queue_is_bounded_by_bytes_too(make: Maker, sender: SwitchedSender) -> None:
    """A few large bodies fill it as well as many small ones."""
    sender.verdict = None
    pipeline = make(queue_bytes=2000)
    fates = [pipeline.submit(event(number, size=800), 0.0)[0] for number in range(3)]

    assert [Fate.IN_FLIGHT, Fate.IN_FLIGHT, Fate.SPOOLED] == fates


def test_a_queue_that_overflowed_and_then_stalled_keeps_the_order(make: Maker, sender: SwitchedSender) -> None:
    """Evacuated events go before those that overflowed earlier."""
    pipeline = make(queue_messages=2)
    sender.verdict = None
    for number in range(4):
        pipeline.submit(event(number), 0.0)
    run(pipeline, seconds=6)
    sender.verdict = Verdict.DELIVERED
    run(pipeline, start=6.0)

    assert list(range(4)) == keys(sender.topic)


def test_a_failed_replay_is_tried_again(make: Maker, sender: SwitchedSender) -> None:
    """Nothing leaves the spool before the broker has it."""
    pipeline = make()
    sender.verdict = Verdict.UNREACHED
    for number in range(3):
        pipeline.submit(event(number), 0.0)
    run(pipeline, seconds=20)

    assert 3 == pipeline.spool.records

    sender.verdict = Verdict.DELIVERED
    run(pipeline, start=20.0)

    assert list(range(3)) == keys(sender.topic)


def test_a_new_process_replays_what_the_last_one_left(make: Maker, sender: SwitchedSender) -> None:
    """Closing puts on disk what the broker did not take in time."""
    first = make()
    sender.verdict = None
    for number in range(3):
        first.submit(event(number), 0.0)
    first.close(0.0)
    second = make()
    second.submit(event(3), 0.0)
    sender.verdict = Verdict.DELIVERED
    run(second)

    assert list(range(4)) == keys(sender.topic)


def test_events_without_room_are_dropped_counted_and_told(make: Maker, sender: SwitchedSender) -> None:
    """After the outage the topic holds a notice with count, reason and minute of what was lost."""
    pipeline = make(cap_bytes=5000, queue_messages=0)
    sender.verdict = None
    fates = [pipeline.submit(event(number, minute=7, size=2000), 0.0)[0] for number in range(4)]
    sender.verdict = Verdict.DELIVERED
    run(pipeline)
    notices = [one for one in sender.topic if one.header("ce_type") == "org.pegel.logger.dropped"]

    assert [Fate.SPOOLED, Fate.SPOOLED, Fate.DROPPED, Fate.DROPPED] == fates
    assert [{"count": 2, "reason": "spool_full"}] == [orjson.loads(one.value) for one in notices]
    assert [("m-v1", "default", 7 * 60_000)] == [
        (one.header("ce_inferenceservicename"), one.header("ce_namespace"), one.timestamp_ms) for one in notices
    ]


def test_a_notice_that_is_lost_is_told_again(make: Maker, sender: SwitchedSender) -> None:
    """The number of lost events is not lost with the notice."""
    pipeline = make()
    pipeline.drops.add(event(0), "spool_full", 3)
    (notice,) = pipeline.drops.take()
    pipeline.drops.add(notice, "spool_full")
    run(pipeline)

    assert [{"count": 3, "reason": "spool_full"}] == [orjson.loads(one.value) for one in sender.topic]


def test_a_refused_event_does_not_hold_up_the_others(make: Maker, sender: SwitchedSender) -> None:
    """An unknown topic is nobody else's problem."""
    pipeline = make()
    pipeline.submit(event(0), 0.0)
    sender.verdict, sender.reason = Verdict.REFUSED, "unknown_topic"
    pipeline.tick(0.1)
    sender.verdict = Verdict.DELIVERED
    pipeline.submit(event(1), 0.2)
    run(pipeline, start=0.2)

    assert [1] == keys(sender.topic)
    assert not pipeline.busy


def test_an_event_secured_on_disk_is_not_evacuated_twice(make: Maker, sender: SwitchedSender) -> None:
    """Securing makes one copy on disk, whatever happens to the one in flight."""
    pipeline = make()
    sender.verdict = None
    _, number = pipeline.submit(event(0), 0.0)

    assert pipeline.secure(number)
    assert pipeline.secure(number)

    run(pipeline, seconds=6)

    assert 1 == pipeline.spool.records


def test_being_stuck_is_measured_while_something_waits(make: Maker, sender: SwitchedSender) -> None:
    """An idle logger is not stuck, however long nothing was delivered."""
    pipeline = make()
    run(pipeline, seconds=100)

    assert 0.0 == pipeline.stuck_for(500.0)

    sender.verdict = Verdict.UNREACHED
    pipeline.submit(event(0), 500.0)
    run(pipeline, start=500.0, seconds=100)

    assert 100.0 == pytest.approx(pipeline.stuck_for(600.0), abs=1.0)


def test_memory_full_and_disk_full_is_full(make: Maker, sender: SwitchedSender) -> None:
    """Full means: the next event would be lost."""
    sender.verdict = None
    pipeline = make(cap_bytes=4500, queue_messages=1)
    before = pipeline.full
    pipeline.submit(event(0), 0.0)
    pipeline.submit(event(1, size=1000), 0.0)

    assert (False, True) == (before, pipeline.full)
