"""The rules of the pipeline, with a broker that the test switches on and off and a clock that it moves."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import orjson
import pytest
from full_disks import no_file_beyond, small_disk
from senders import SwitchedSender

from pegel_serving.logger.drops import Drops
from pegel_serving.logger.kafka_record import KafkaRecord
from pegel_serving.logger.metrics import Metrics
from pegel_serving.logger.pipeline import Fate, Limits, Pipeline
from pegel_serving.logger.producer import DeliveryOutcome
from pegel_serving.logger.spool import Spool

MINUTE_MS = 60_000
HOUR_AGO_MS = int(time.time()) // 60 * MINUTE_MS - 60 * MINUTE_MS


def event(
    number: int, *, minute: int = 0, size: int = 0, endpoint: str = "m-v1", at_ms: int | None = None
) -> KafkaRecord:
    """Return a numbered request."""
    headers = {
        "ce_id": str(number),
        "ce_type": "org.kubeflow.serving.inference.request",
        "ce_namespace": "default",
        "ce_inferenceservicename": endpoint,
    }
    encoded = tuple((name, value.encode()) for name, value in headers.items())
    return KafkaRecord(
        "pegel.default.inference",
        b"%d" % number,
        b"x" * size,
        encoded,
        HOUR_AGO_MS + minute * MINUTE_MS if at_ms is None else at_ms,
    )


def keys(events: list[KafkaRecord]) -> list[int]:
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


def away_for(pipeline: Pipeline, sender: SwitchedSender, events: int, *, seconds: float) -> None:
    """Submit events while the broker takes nothing and says so or not, see `sender.verdict`; then it takes them."""
    for number in range(events):
        pipeline.submit(event(number), 0.0)
    run(pipeline, seconds=seconds)
    sender.verdict = DeliveryOutcome.DELIVERED
    run(pipeline, start=seconds)


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
    sender.verdict = DeliveryOutcome.DELIVERED
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
    sender.verdict = DeliveryOutcome.UNREACHED
    pipeline.tick(0.1)
    sender.verdict = DeliveryOutcome.DELIVERED
    run(pipeline, start=0.2)

    assert list(range(3)) == keys(sender.topic)


def test_a_full_queue_overflows_to_disk_in_order(make: Maker, sender: SwitchedSender) -> None:
    """Bounded by messages: the rest waits behind what is in flight."""
    pipeline = make(queue_messages=2)
    sender.verdict = None
    fates = [pipeline.submit(event(number), 0.0)[0] for number in range(4)]
    sender.verdict = DeliveryOutcome.DELIVERED
    run(pipeline)

    assert [Fate.IN_FLIGHT, Fate.IN_FLIGHT, Fate.SPOOLED, Fate.SPOOLED] == fates
    assert list(range(4)) == keys(sender.topic)


def test_the_queue_is_bounded_by_bytes_too(make: Maker, sender: SwitchedSender) -> None:
    """A few large bodies fill it as well as many small ones."""
    sender.verdict = None
    pipeline = make(queue_bytes=4500)
    fates = [pipeline.submit(event(number, size=800), 0.0)[0] for number in range(3)]

    assert [Fate.IN_FLIGHT, Fate.IN_FLIGHT, Fate.SPOOLED] == fates


def test_a_queue_that_overflowed_and_then_stalled_keeps_the_order(make: Maker, sender: SwitchedSender) -> None:
    """Evacuated events go before those that overflowed earlier."""
    sender.verdict = None
    away_for(make(queue_messages=2), sender, 4, seconds=6)

    assert list(range(4)) == keys(sender.topic)


def test_a_failed_replay_is_tried_again(make: Maker, sender: SwitchedSender) -> None:
    """Nothing leaves the spool before the broker has it."""
    pipeline = make()
    sender.verdict = DeliveryOutcome.UNREACHED
    for number in range(3):
        pipeline.submit(event(number), 0.0)
    run(pipeline, seconds=20)

    assert 3 == pipeline.spool.records

    sender.verdict = DeliveryOutcome.DELIVERED
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
    sender.verdict = DeliveryOutcome.DELIVERED
    run(second)

    assert list(range(4)) == keys(sender.topic)


def test_events_without_room_are_dropped_counted_and_told(make: Maker, sender: SwitchedSender) -> None:
    """After the outage the topic holds a notice with count, reason and minute of what was lost."""
    pipeline = make(cap_bytes=5000, queue_messages=0)
    sender.verdict = None
    fates = [pipeline.submit(event(number, minute=7, size=2000), 0.0)[0] for number in range(4)]
    sender.verdict = DeliveryOutcome.DELIVERED
    run(pipeline)
    notices = [one for one in sender.topic if one.header("ce_type") == "org.pegel.logger.dropped"]

    assert [Fate.SPOOLED, Fate.SPOOLED, Fate.DROPPED, Fate.DROPPED] == fates
    assert [{"count": 2, "reason": "spool_full"}] == [orjson.loads(one.value) for one in notices]
    assert [("m-v1", "default", HOUR_AGO_MS + 7 * MINUTE_MS)] == [
        (one.header("ce_inferenceservicename"), one.header("ce_namespace"), one.timestamp_ms) for one in notices
    ]


def test_a_notice_that_is_lost_is_told_again(make: Maker, sender: SwitchedSender) -> None:
    """The number of lost events is not lost with the notice."""
    pipeline = make()
    for number in range(3):
        pipeline.drops.add(event(number), "spool_full")
    (notice,) = pipeline.drops.take()
    pipeline.drops.add(notice, "spool_full")
    run(pipeline)

    assert [{"count": 3, "reason": "spool_full"}] == [orjson.loads(one.value) for one in sender.topic]


def test_a_refused_event_does_not_hold_up_the_others(make: Maker, sender: SwitchedSender) -> None:
    """An unknown topic is nobody else's problem."""
    pipeline = make()
    pipeline.submit(event(0), 0.0)
    sender.verdict, sender.reason = DeliveryOutcome.REFUSED, "unknown_topic"
    pipeline.tick(0.1)
    sender.verdict = DeliveryOutcome.DELIVERED
    pipeline.submit(event(1), 0.2)
    run(pipeline, start=0.2)

    assert [1] == keys(sender.topic)
    assert not pipeline.busy


def test_being_stuck_is_measured_while_something_waits(make: Maker, sender: SwitchedSender) -> None:
    """An idle logger is not stuck, however long nothing was delivered."""
    pipeline = make()
    run(pipeline, seconds=100)

    assert 0.0 == pipeline.progress(500.0).stuck_s

    sender.verdict = DeliveryOutcome.UNREACHED
    pipeline.submit(event(0), 500.0)
    run(pipeline, start=500.0, seconds=100)

    assert 100.0 == pytest.approx(pipeline.progress(600.0).stuck_s, abs=1.0)


def test_memory_full_and_disk_full_is_full(make: Maker, sender: SwitchedSender) -> None:
    """Full means: the next event would be lost."""
    sender.verdict = None
    pipeline = make(cap_bytes=4500, queue_messages=1)
    before = pipeline.full
    pipeline.submit(event(0), 0.0)
    pipeline.submit(event(1, size=1000), 0.0)

    assert (False, True) == (before, pipeline.full)


def notices(events: list[KafkaRecord]) -> list[tuple[str, int]]:
    """Return reason and count of every notice."""
    told = [orjson.loads(one.value) for one in events if one.header("ce_type") == "org.pegel.logger.dropped"]
    return [(notice["reason"], notice["count"]) for notice in told]


def told_by_reason(events: list[KafkaRecord]) -> Counter[str]:
    """Return how many lost events all notices together tell of."""
    counts: Counter[str] = Counter()
    for reason, count in notices(events):
        counts[reason] += count
    return counts


def plain(events: list[KafkaRecord]) -> list[int]:
    """Return the numbers of events that are neither notices nor letters."""
    return [int(one.key) for one in events if one.header("ce_type").endswith(".request") and one.topic.endswith("e")]


def test_a_full_disk_loses_nothing_that_fits_into_memory(sender: SwitchedSender, tmp_path: Path) -> None:
    """What cannot be evacuated stays in memory and is sent from there; later events queue up behind it."""
    with small_disk(tmp_path / "disk") as disk:
        spool = Spool(disk.folder / "spool")
        pipeline = Pipeline(sender, spool, Metrics(), Limits(stall_s=5.0, retry_s=1.0))
        disk.fill()
        sender.verdict = None
        fates = [pipeline.submit(event(number, size=10_000), 0.0)[0] for number in range(5)]
        run(pipeline, seconds=6)
        fates += [pipeline.submit(event(number, size=10_000), 6.0)[0] for number in range(5, 10)]
        run(pipeline, start=6.0, seconds=20)
        waiting = pipeline.progress(26.0).waiting_events
        sender.verdict = DeliveryOutcome.DELIVERED
        run(pipeline, start=26.0)
        lost = pipeline.close(0.0)

    assert {Fate.IN_FLIGHT} == set(fates)
    assert (10, 0) == (waiting, lost)
    assert list(range(10)) == keys(sender.topic)


def test_what_neither_disk_nor_memory_takes_is_told(sender: SwitchedSender, tmp_path: Path) -> None:
    """Taken and dropped add up, every taken event arrives once and in order, the notices add up to the rest."""
    with small_disk(tmp_path / "disk") as disk:
        spool = Spool(disk.folder / "spool")
        pipeline = Pipeline(sender, spool, Metrics(), Limits(stall_s=5.0, retry_s=1.0, queue_messages=20))
        sender.verdict = None
        fates = [pipeline.submit(event(number, size=10_000), 0.0)[0] for number in range(60)]
        full = (pipeline.full, pipeline.progress(0.0).disk)
        run(pipeline, seconds=6)
        fates += [pipeline.submit(event(number, size=10_000), 6.0)[0] for number in range(60, 100)]
        sender.verdict = DeliveryOutcome.DELIVERED
        run(pipeline, start=6.0)
        pipeline.close(0.0)
    taken = [number for number, fate in enumerate(fates) if fate is not Fate.DROPPED]

    assert (True, "No space left on device") == full
    assert 20 < len(taken) < 100
    assert taken == plain(sender.topic)
    assert {"disk_full": 100 - len(taken)} == told_by_reason(sender.topic)


def test_an_end_on_a_full_disk_says_what_is_lost(sender: SwitchedSender, tmp_path: Path) -> None:
    """Nothing can be saved, so the number is returned for the log and the exit code."""
    with small_disk(tmp_path / "disk") as disk:
        pipeline = Pipeline(sender, Spool(disk.folder / "spool"), Metrics(), Limits())
        disk.fill()
        sender.verdict = None
        pipeline.submit(event(0, size=10_000), 0.0)
        pipeline.submit(event(1, size=10_000), 0.0)
        lost = pipeline.close(0.0)

    assert 2 == lost


def test_segments_that_may_not_grow_take_an_evacuation_in_parts(make: Maker, sender: SwitchedSender) -> None:
    """With files limited to less than what is in flight, it goes to disk in several, in order."""
    pipeline = make(cap_bytes=1 << 20)
    sender.verdict = None
    for number in range(20):
        pipeline.submit(event(number, size=1000), 0.0)
    with no_file_beyond(5000):
        run(pipeline, seconds=6)
        spooled = pipeline.spool.records
        sender.verdict = DeliveryOutcome.DELIVERED
        run(pipeline, start=6.0)

    assert 20 == spooled
    assert list(range(20)) == keys(sender.topic)


def test_one_refused_event_takes_no_neighbour_with_it(make: Maker, sender: SwitchedSender) -> None:
    """The broker refuses the whole batch; the offender is found, told and kept aside, the others arrive."""
    pipeline = make()
    sender.poison = {b"3"}
    for number in range(10):
        pipeline.submit(event(number), 0.0)
    pipeline.tick(0.1)
    late = pipeline.submit(event(10), 0.1)[0]
    run(pipeline, start=0.2)
    letters = [one for one in sender.topic if one.topic == "pegel.default.dead-letters"]

    assert Fate.SPOOLED == late
    assert [number for number in range(11) if number != 3] == plain(sender.topic)
    assert [("invalid_timestamp", 1)] == notices(sender.topic)
    assert [("3", "invalid_timestamp")] == [(one.header("ce_id"), one.header("dlq_reason")) for one in letters]


@pytest.mark.parametrize("bad", [{0}, {999}, {10, 11, 700}, set(range(0, 1000, 100))])
def test_refusals_never_hold_up_a_replay(make: Maker, sender: SwitchedSender, bad: set[int]) -> None:
    """From the spool as well: order kept, each offender counted once, in few round trips."""
    pipeline = make()
    sender.verdict = DeliveryOutcome.UNREACHED
    for number in range(1000):
        pipeline.submit(event(number), 0.0)
    run(pipeline, seconds=2)
    sender.verdict, sender.poison, sender.batches = DeliveryOutcome.DELIVERED, {b"%d" % number for number in bad}, 0
    run(pipeline, start=2.0, seconds=30)

    assert [number for number in range(1000) if number not in bad] == plain(sender.topic)
    assert ["invalid_timestamp"] * len(bad) == [reason for reason, count in notices(sender.topic) for _ in range(count)]
    assert sender.batches < 2 * len(bad) * 11 + 10
    assert not pipeline.busy


@pytest.mark.parametrize("said", ["fatal", "no_report", "purge_queue"])
def test_an_event_with_which_the_library_is_at_a_loss_holds_up_nobody(
    make: Maker, sender: SwitchedSender, said: str
) -> None:
    """What cannot be sent is set aside once the broker took the letter about it: told, kept, passed."""
    pipeline = make()
    sender.unreached = {b"3": said}
    for number in range(10):
        pipeline.submit(event(number), 0.0)
    run(pipeline, seconds=30)
    letters = [one for one in sender.topic if one.topic == "pegel.default.dead-letters"]

    assert [number for number in range(10) if number != 3] == sorted(set(plain(sender.topic)))
    assert [("not_taken", 1)] == notices(sender.topic)
    assert [("3", "not_taken")] == [(one.header("ce_id"), one.header("dlq_reason")) for one in letters]
    assert not pipeline.busy


def test_a_topic_without_a_leader_is_waited_for(make: Maker, sender: SwitchedSender) -> None:
    """What times out while others are taken is not at fault itself: it is sent when its topic is back."""
    pipeline = make()
    sender.unreached = {b"3": "msg_timed_out"}
    for number in range(10):
        pipeline.submit(event(number), 0.0)
    run(pipeline, seconds=120)
    sender.unreached = {}
    run(pipeline, start=120.0)

    assert list(range(10)) == sorted(set(plain(sender.topic)))
    assert [] == notices(sender.topic)


def test_an_outage_sets_nothing_aside(make: Maker, sender: SwitchedSender) -> None:
    """However long nothing is taken, letters included: what waits is sent when the broker is back, in order."""
    sender.verdict = DeliveryOutcome.UNREACHED
    away_for(make(), sender, 10, seconds=120)

    assert list(range(10)) == keys(sender.topic)


def test_what_an_old_spool_dates_ahead_is_sent_as_of_now(make: Maker, sender: SwitchedSender) -> None:
    """The broker would refuse it, and a window would close before its time."""
    pipeline = make()
    pipeline.spool.append(event(0, at_ms=253_402_300_799_000).encode())
    run(pipeline)

    assert [0] == plain(sender.topic)
    assert 0 <= time.time() * 1000 - sender.topic[0].timestamp_ms < MINUTE_MS


def test_refusals_are_sorted_out_without_a_disk_too(sender: SwitchedSender, tmp_path: Path) -> None:
    """The offender is found among what is in memory; nothing waits for room on the disk."""
    with small_disk(tmp_path / "disk") as disk:
        pipeline = Pipeline(sender, Spool(disk.folder / "spool"), Metrics(), Limits(stall_s=5.0, retry_s=1.0))
        disk.fill()
        sender.poison = {b"3"}
        for number in range(10):
            pipeline.submit(event(number), 0.0)
        pipeline.tick(0.1)
        pipeline.submit(event(10, size=10_000), 0.1)
        run(pipeline, start=0.2)
        pipeline.close(0.0)

    assert [number for number in range(11) if number != 3] == plain(sender.topic)
    assert [("invalid_timestamp", 1)] == notices(sender.topic)


def test_a_refused_notice_is_not_told_again(make: Maker, sender: SwitchedSender) -> None:
    """Otherwise the notice about a notice would be refused for ever."""
    pipeline = make()
    sender.verdict, sender.reason = DeliveryOutcome.REFUSED, "invalid_record"
    pipeline.submit(event(0), 0.0)
    run(pipeline)

    assert not pipeline.busy


def test_damage_on_disk_is_told_on_the_topic(make: Maker, sender: SwitchedSender, tmp_path: Path) -> None:
    """With the reason, and at least one lost event for each damaged stretch."""
    first = make()
    sender.verdict = None
    for number in range(5):
        first.submit(event(number, size=100), 0.0)
    first.close(0.0)
    (segment,) = tmp_path.glob("*.seg")
    content = bytearray(segment.read_bytes())
    content[len(content) // 2 : len(content) // 2 + 10] = b"?" * 10
    segment.write_bytes(content)
    sender.verdict, sender.waiting = DeliveryOutcome.DELIVERED, []
    second = make()
    run(second)

    assert [0, 1, 3, 4] == plain(sender.topic)
    assert [("spool_damaged", 1)] == notices(sender.topic)


def test_a_record_that_is_no_event_is_left_out(make: Maker, sender: SwitchedSender) -> None:
    """Its checksum holds, its content does not: counted, told, and the next one is sent."""
    pipeline = make()
    pipeline.spool.append(b"\x00\x01")
    pipeline.spool.append(event(1).encode())
    run(pipeline)

    assert [1] == plain(sender.topic)
    assert [("spool_undecodable", 1)] == notices(sender.topic)


def test_counters_of_losses_are_bounded() -> None:
    """However many names come from outside, the number of lost events is right and the memory is small."""
    drops = Drops(max_bytes=5000)
    for number in range(1000):
        drops.add(event(number, endpoint=f"m{number}-v1"), "spool_full")
    told = drops.take()

    assert len(told) < 20
    assert 1000 == sum(count for _, count in notices(told))


def test_a_time_of_old_or_of_far_away_can_be_told() -> None:
    """Notices about the years 0 and 9999 lie between a week ago and now: the broker takes them, the ledger has them."""
    drops = Drops()
    for at_ms in (-(10**15), 253_402_300_799_000):
        drops.add(event(0, at_ms=at_ms), "invalid_record")
    now_ms = time.time() * 1000
    ages_ms = [now_ms - notice.timestamp_ms for notice in drops.take()]

    assert [7 * 24 * 60 * MINUTE_MS, 0] == pytest.approx(ages_ms, abs=2 * MINUTE_MS)


@pytest.mark.parametrize(
    "value", [b'{"count": -5, "reason": "busy"}', b'{"count": 1e308, "reason": "busy"}', b'{"count": 3}', b"[]", b"?"]
)
def test_a_notice_that_is_spoiled_counts_once(value: bytes) -> None:
    """What came back from a disk is read with care: never a negative loss, never one without end."""
    drops = Drops()
    drops.add(event(0), "busy")
    (notice,) = drops.take()
    drops.add(replace(notice, value=value), "spool_full")

    assert [("notice_unreadable", 1)] == notices(drops.take())


def test_progress_says_what_moved(make: Maker, sender: SwitchedSender) -> None:
    """Ages of the last acknowledgement and of the last write, and what waits."""
    pipeline = make()
    before = pipeline.progress(0.0)
    pipeline.submit(event(0), 0.0)
    run(pipeline, seconds=1)
    sender.verdict = DeliveryOutcome.UNREACHED
    pipeline.submit(event(1), 1.0)
    run(pipeline, start=1.0, seconds=9)
    after = pipeline.progress(10.0)

    assert (None, None, 0) == (before.acknowledged_s, before.spooled_s, before.waiting_events)
    assert [10.0, 9.0] == pytest.approx([after.acknowledged_s, after.spooled_s], abs=0.3)
    assert (1, "") == (after.waiting_events, after.disk)
