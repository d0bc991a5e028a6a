"""A pipeline that ends as SIGKILL ends it: what it had in memory is on disk, and sent by the next one."""

from __future__ import annotations

import shutil
import tempfile
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import orjson
import pytest
from full_disks import small_disk
from hypothesis import given
from hypothesis import strategies as st
from senders import SwitchedSender

from pegel.data import wire
from pegel.errors import SetupError
from pegel.spec.names import inference_topic
from pegel_serving.logger.journal import Journal, Place, take_over
from pegel_serving.logger.kafka_record import KafkaRecord
from pegel_serving.logger.metrics import Metrics
from pegel_serving.logger.pipeline import Fate, Limits, Pipeline
from pegel_serving.logger.producer import DeliveryOutcome
from pegel_serving.logger.report_listener import ReportListener
from pegel_serving.logger.spool import Spool
from pegel_serving.logger.untold_losses import MOST, Loss, UntoldLosses

STEPS = st.lists(st.sampled_from(["submit", "submit", "submit", "deliver", "tick", "evacuate", "kill"]), max_size=40)


class OneStuck(SwitchedSender):
    """A Sender that delivers all but the first event, whose partition has no leader."""

    def poll(self) -> None:
        """Report all others."""
        stuck = [pair for pair in self.waiting if pair[0].key == b"0"]
        self.waiting = [pair for pair in self.waiting if pair[0].key != b"0"]
        super().poll()
        self.waiting = stuck


def event(number: int, *, size: int = 100) -> KafkaRecord:
    """Return a numbered request."""
    headers = (("ce_id", b"%d" % number), ("ce_type", b"org.kubeflow.serving.inference.request"))
    return KafkaRecord("pegel.default.inference", b"%d" % number, b"x" * size, headers, int(time.time() * 1000))


def begin(folder: Path, sender: SwitchedSender) -> Pipeline:
    """Return the pipeline of a logger that has just been started."""
    return Pipeline(sender, Spool(folder), Metrics(), Limits(stall_s=5.0, retry_s=1.0))


def kill(pipeline: Pipeline) -> None:
    """End it as SIGKILL does: the system closes its files, and nothing else is done."""
    pipeline.spool.close()


def submit(pipeline: Pipeline, sender: SwitchedSender, count: int, *, verdict: DeliveryOutcome | None = None) -> None:
    """Submit events numbered from 0, while the broker says `verdict` of them."""
    sender.verdict = verdict
    for number in range(count):
        pipeline.submit(event(number), 0.0)


def sent_by_the_next(folder: Path) -> list[KafkaRecord]:
    """Return what the next logger sends of itself."""
    sender = SwitchedSender()
    pipeline = begin(folder, sender)
    for step in range(50):
        pipeline.tick(step / 10)
    kill(pipeline)
    return sender.topic


def numbers(events: list[KafkaRecord]) -> list[int]:
    """Return the numbers of events that are no notices."""
    return [int(one.key) for one in events if one.header("ce_type").endswith("request")]


def told(events: list[KafkaRecord]) -> Counter[str]:
    """Return by reason how many lost events the notices tell of."""
    counts: Counter[str] = Counter()
    for one in events:
        if one.header("ce_type").endswith("dropped"):
            notice = orjson.loads(one.value)
            counts[notice["reason"]] += notice["count"]
    return counts


def test_what_was_in_memory_is_sent_by_the_next_process(tmp_path: Path) -> None:
    """In the order in which it came, each once."""
    sender = SwitchedSender()
    pipeline = begin(tmp_path, sender)
    submit(pipeline, sender, 20)
    kill(pipeline)

    assert list(range(20)) == numbers(sent_by_the_next(tmp_path))


def test_what_was_delivered_before_the_last_tick_does_not_come_again(tmp_path: Path) -> None:
    """Only what the broker took since then, or had not taken, does."""
    sender = SwitchedSender()
    pipeline = begin(tmp_path, sender)
    submit(pipeline, sender, 20, verdict=DeliveryOutcome.DELIVERED)
    pipeline.tick(0.1)
    sender.verdict = None
    for number in range(20, 25):
        pipeline.submit(event(number), 0.2)
    kill(pipeline)

    assert list(range(20, 25)) == numbers(sent_by_the_next(tmp_path))


@given(steps=STEPS)
def test_wherever_it_is_killed_nothing_is_lost(steps: list[str]) -> None:
    """After any steps, with kills between: every event that was taken arrives, the first time in order."""
    folder = Path(tempfile.mkdtemp())
    sender = SwitchedSender(verdict=None)
    pipeline, taken, at = begin(folder, sender), 0, 0.0

    def step(name: str) -> None:
        nonlocal pipeline, taken
        if name == "submit":
            pipeline.submit(event(taken), at)
            taken += 1
        elif name == "kill":
            kill(pipeline)
            sender.waiting = []
            pipeline = begin(folder, sender)
        else:
            known = {"deliver": DeliveryOutcome.DELIVERED, "evacuate": DeliveryOutcome.UNREACHED, "tick": None}
            sender.verdict = known[name]
            pipeline.tick(at)
            sender.verdict = None

    try:
        for name in steps:
            at += 2.0
            step(name)
        kill(pipeline)
        arrived = numbers(sender.topic) + numbers(sent_by_the_next(folder))
    finally:
        shutil.rmtree(folder)

    assert list(range(taken)) == list(dict.fromkeys(arrived))


def test_a_note_that_is_damaged_costs_copies_and_no_event(tmp_path: Path) -> None:
    """Without it nobody knows what was settled: all that still lies there is sent again."""
    sender = SwitchedSender()
    pipeline = begin(tmp_path, sender)
    submit(pipeline, sender, 5, verdict=DeliveryOutcome.DELIVERED)
    pipeline.tick(0.1)
    kill(pipeline)
    (tmp_path / "settled").write_bytes(b"1 700 0 12345")

    assert list(range(5)) == numbers(sent_by_the_next(tmp_path))


@pytest.mark.parametrize("kept", [0, 1, 100, 700, 1500])
def test_a_power_failure_costs_what_the_system_had_not_written(tmp_path: Path, kept: int) -> None:
    """Whatever is cut off, the whole records before it are sent, and a record that was cut is told."""
    sender = SwitchedSender()
    pipeline = begin(tmp_path, sender)
    submit(pipeline, sender, 10)
    kill(pipeline)
    (file,) = tmp_path.glob("*.mem")
    each = file.stat().st_size // 10
    content = file.read_bytes()[:kept]
    file.write_bytes(content)
    sent = sent_by_the_next(tmp_path)

    assert list(range(kept // each)) == numbers(sent)
    assert Counter({"spool_damaged": 1} if kept % each else {}) == told(sent)


def test_a_start_that_is_killed_keeps_the_order(tmp_path: Path) -> None:
    """Files are renamed from the newest on, so that those which are left belong before them."""
    journal = Journal(tmp_path, file_bytes=500)
    for number in range(20):
        journal.add(event(number).encode())
    journal.close()
    files = sorted(tmp_path.glob("*.mem"))
    for back, file in enumerate(files[: len(files) // 2 : -1], 1):
        file.rename(tmp_path / f"{10**9 - back:016d}-{file.stem.partition('-')[2]}.seg")

    assert len(files) > 5
    assert list(range(20)) == numbers(sent_by_the_next(tmp_path))


def test_settled_files_are_deleted(tmp_path: Path) -> None:
    """However much passes through memory, the disk holds what is not settled and one file."""
    journal = Journal(tmp_path, file_bytes=500)
    for number in range(100):
        before = journal.end
        journal.add(event(number).encode())
        journal.settle(before, {})
    left = len(list(tmp_path.glob("*.mem")))
    journal.settle(journal.end, {})
    journal.close()

    assert left in {1, 2}
    assert 1 == len(list(tmp_path.glob("*.mem")))


def test_places_grow() -> None:
    """By file, then by offset."""
    assert [Place(1, 900), Place(2, 0), Place(2, 40)] == sorted([Place(2, 40), Place(1, 900), Place(2, 0)])


def test_what_a_full_disk_refused_is_told_after_a_kill(tmp_path: Path) -> None:
    """It is gone with the memory, so the next process says up to how many events were: never none."""
    with small_disk(tmp_path / "disk") as disk:
        sender = SwitchedSender()
        pipeline = begin(disk.folder / "spool", sender)
        disk.fill()
        sender.verdict = None
        for number in range(3):
            pipeline.submit(event(number, size=10_000), 0.0)
        pipeline.tick(0.1)
        refused = (pipeline.progress(0.1).disk, pipeline.full)
        kill(pipeline)
        disk.free()
        sent = sent_by_the_next(disk.folder / "spool")

    assert ("No space left on device", False) == refused
    assert [] == numbers(sent)
    assert Counter({"killed_in_memory": 3}) == told(sent)


def test_losses_that_no_notice_had_told_are_told_after_a_kill(tmp_path: Path) -> None:
    """With their number, their reason and whose they were: nothing of that is unknown."""
    sender = SwitchedSender(verdict=None)
    pipeline = begin(tmp_path, sender)
    pipeline.tick(0.0)
    for number in range(4):
        pipeline.drops.add(event(number), "grpc")
    pipeline.tick(0.1)
    kill(pipeline)

    assert Counter({"grpc": 4}) == told(sent_by_the_next(tmp_path))


@pytest.mark.parametrize("ticks", [0, 1, 5])
def test_a_loss_is_on_disk_before_anybody_is_answered(tmp_path: Path, ticks: int) -> None:
    """A kill at once, or after any tick, leaves an event that was turned away and one that was refused as told."""
    sender = SwitchedSender(verdict=None)
    pipeline = Pipeline(sender, Spool(tmp_path, cap_bytes=10), Metrics(), Limits(queue_messages=1, stall_s=50.0))
    fates = [pipeline.submit(event(number), 0.0)[0] for number in range(3)]
    pipeline.lose(event(3), "grpc")
    for step in range(ticks):
        pipeline.tick(step / 10)
    kill(pipeline)
    sent = sent_by_the_next(tmp_path)

    assert [Fate.IN_FLIGHT, Fate.DROPPED, Fate.DROPPED] == fates
    assert [0] == numbers(sent)
    assert 3 == told(sent).total()


def test_an_event_that_is_in_memory_alone_is_known_before_it_is_answered(tmp_path: Path) -> None:
    """So a kill in the same moment is told as up to one lost event, not as none."""
    with small_disk(tmp_path / "disk") as disk:
        pipeline = begin(disk.folder / "spool", SwitchedSender(verdict=None))
        disk.fill()
        pipeline.submit(event(0, size=10_000), 0.0)
        kill(pipeline)
        disk.free()
        sent = sent_by_the_next(disk.folder / "spool")

    assert Counter({"killed_in_memory": 1}) == told(sent)


def test_a_logger_that_starts_on_a_full_disk_tells_what_a_kill_cost(tmp_path: Path) -> None:
    """The note has its place since the folder was used first, so that it is never empty."""
    with small_disk(tmp_path / "disk") as disk:
        begin(disk.folder / "spool", SwitchedSender()).close(0.0)
        disk.fill()
        pipeline = begin(disk.folder / "spool", SwitchedSender(verdict=None))
        for number in range(5):
            pipeline.submit(event(number, size=10_000), 0.0)
        kill(pipeline)
        disk.free()
        sent = sent_by_the_next(disk.folder / "spool")

    assert Counter({"killed_in_memory": 5}) == told(sent)


def test_a_first_start_without_room_for_the_note_is_refused(tmp_path: Path) -> None:
    """With a sentence; and once there is room, a logger that never ran has lost nothing."""
    with small_disk(tmp_path / "disk") as disk:
        (disk.folder / "spool").mkdir()
        disk.fill()
        with pytest.raises(SetupError, match=r"No space left on device.*Nothing was started"):
            Spool(disk.folder / "spool")
        disk.free()
        sent = sent_by_the_next(disk.folder / "spool")

    assert Counter() == told(sent)


@pytest.mark.parametrize("note", [None, b"", b"1 700 0 12345", b"\xff"])
def test_a_note_that_is_gone_or_damaged_never_says_that_nothing_was_lost(tmp_path: Path, note: bytes | None) -> None:
    """Nobody knows how many then: that is told under a reason of its own."""
    kill(begin(tmp_path, SwitchedSender()))
    (tmp_path / "settled").unlink()
    if note is not None:
        (tmp_path / "settled").write_bytes(note)

    assert Counter({"killed_unknown": 1}) == told(sent_by_the_next(tmp_path))


@pytest.mark.parametrize("starts", [1, 3])
def test_untold_losses_survive_starts_that_are_killed_before_their_first_tick(tmp_path: Path, starts: int) -> None:
    """The number is handed on until a notice carries it."""
    pipeline = begin(tmp_path, SwitchedSender(verdict=None))
    for number in range(5):
        pipeline.lose(event(number), "grpc")
    kill(pipeline)
    for _ in range(starts):
        Spool(tmp_path).close()  # as where the broker's address is wrong

    assert Counter({"grpc": 5}) == told(sent_by_the_next(tmp_path))


def test_a_notice_in_memory_alone_counts_as_what_it_tells(tmp_path: Path) -> None:
    """A kill loses the notice, not the number in it."""
    with small_disk(tmp_path / "disk") as disk:
        pipeline = begin(disk.folder / "spool", SwitchedSender(verdict=None))
        for number in range(7):
            pipeline.drops.add(event(number), "grpc")
        disk.fill()
        pipeline.tick(0.0)
        has_handed_over = not pipeline.drops
        kill(pipeline)
        disk.free()
        sent = sent_by_the_next(disk.folder / "spool")

    assert has_handed_over
    assert Counter({"grpc": 7}) == told(sent)


def test_damage_that_a_killed_start_skipped_is_told_by_the_next(tmp_path: Path) -> None:
    """A segment of nothing but damage is deleted at the start; its loss is noted until it is told."""
    kill(begin(tmp_path, SwitchedSender()))
    (tmp_path / "0000001000000000-00000000.seg").write_bytes(b"damage")
    kill(begin(tmp_path, SwitchedSender()))

    assert Counter({"spool_damaged": 1}) == told(sent_by_the_next(tmp_path))


def of(namespace: str, endpoint: str, number: int, *, size: int = 100) -> KafkaRecord:
    """Return a numbered request of an endpoint in a namespace."""
    plain = event(number, size=size)
    headers = (*plain.headers, (wire.HEADER_NAMESPACE, namespace.encode()), (wire.HEADER_ENDPOINT, endpoint.encode()))
    return replace(plain, topic=inference_topic(namespace), headers=headers)


def whose(events: list[KafkaRecord]) -> Counter[tuple[str, str, str, str]]:
    """Return how many lost events the notices tell of, by topic, namespace, endpoint and reason."""
    counts: Counter[tuple[str, str, str, str]] = Counter()
    for one in events:
        if one.header("ce_type").endswith("dropped"):
            notice = orjson.loads(one.value)
            place = (one.topic, one.header(wire.HEADER_NAMESPACE), one.header(wire.HEADER_ENDPOINT), notice["reason"])
            counts[place] += notice["count"]
    return counts


def test_what_a_kill_costs_is_told_where_the_events_were(tmp_path: Path) -> None:
    """Those answered 503 by number, as their model's; those in memory alone as up to so many of their namespace."""
    with small_disk(tmp_path / "disk") as disk:
        sender = SwitchedSender(verdict=None)
        spool = Spool(disk.folder / "spool")
        pipeline = Pipeline(sender, spool, Metrics(), Limits(stall_s=5.0, queue_messages=3))
        disk.fill()
        taken = [of("shop", "cart-v1", 0), of("shop", "fraud-v1", 1), of("bank", "loans-v2", 2)]
        turned_away = [of("shop", "cart-v1", 3), of("shop", "cart-v1", 4), of("bank", "loans-v2", 5)]
        fates = [pipeline.submit(replace(one, value=b"x" * 10_000), 0.0)[0] for one in [*taken, *turned_away]]
        kill(pipeline)
        disk.free()
        sent = sent_by_the_next(disk.folder / "spool")

    assert [Fate.IN_FLIGHT] * 3 + [Fate.DROPPED] * 3 == fates
    assert {
        ("pegel.shop.inference", "shop", "cart-v1", "disk_full"): 2,
        ("pegel.bank.inference", "bank", "loans-v2", "disk_full"): 1,
        ("pegel.shop.inference", "shop", "", "killed_in_memory"): 2,
        ("pegel.bank.inference", "bank", "", "killed_in_memory"): 1,
    } == whose(sent)


def test_what_nobody_knows_is_told_in_every_namespace_that_was_served(tmp_path: Path) -> None:
    """A damaged note names none, so each namespace hears of it, also after a start that was killed at once."""
    pipeline = begin(tmp_path, SwitchedSender())
    for number, namespace in enumerate(["shop", "bank", "shop"]):
        pipeline.submit(of(namespace, "m-v1", number), 0.0)
    kill(pipeline)
    (tmp_path / "settled").write_bytes(b"damage")
    Spool(tmp_path).close()

    assert {
        ("pegel.shop.inference", "shop", "", "killed_unknown"): 1,
        ("pegel.bank.inference", "bank", "", "killed_unknown"): 1,
    } == whose(sent_by_the_next(tmp_path))


@pytest.mark.parametrize("content", [None, b"", b"shop bank\n7", b"\xff\n1\n2"])
def test_a_list_of_namespaces_that_is_gone_or_damaged_leaves_the_default_one(
    tmp_path: Path, content: bytes | None
) -> None:
    """It is better than nowhere, and ends no logger."""
    pipeline = begin(tmp_path, SwitchedSender())
    pipeline.submit(of("shop", "m-v1", 0), 0.0)
    kill(pipeline)
    (tmp_path / "settled").unlink()
    (tmp_path / "namespaces").unlink()
    if content is not None:
        (tmp_path / "namespaces").write_bytes(content)

    assert {("pegel.default.inference", "default", "", "killed_unknown"): 1} == whose(sent_by_the_next(tmp_path))


@given(
    losses=st.lists(
        st.tuples(st.integers(0, 40), st.integers(0, 40), st.sampled_from(["spool_full", "x" * 90]), st.integers(1, 5)),
        max_size=200,
    )
)
def test_the_note_of_what_is_untold_is_bounded_and_loses_no_number(losses: list[tuple[int, int, str, int]]) -> None:
    """Whatever names come from outside: all is counted, in one page, and where there is room as what it was."""
    untold = UntoldLosses()
    for namespace, endpoint, reason, count in losses:
        untold.add(Loss.of(f"n{namespace:02}" * 21, f"e{endpoint:02}" * 21, reason), count)
    with tempfile.TemporaryDirectory() as folder:
        Journal(Path(folder), untold=untold.counts).close()
        noted = Path(folder, "settled").read_bytes()
        inherited = take_over(Path(folder), before=10**9)

    assert sum(count for *_, count in losses) == untold.total
    assert len(untold.counts) <= MOST + 1
    assert 4096 == len(noted)
    assert untold.counts == inherited.untold


@given(places=st.lists(st.tuples(st.integers(0, 40), st.integers(0, 3)), max_size=100))
def test_what_was_counted_as_untold_can_be_taken_back(places: list[tuple[int, int]]) -> None:
    """In any order, also what was counted with the rest."""
    untold = UntoldLosses()
    counted = [untold.add(Loss.of(f"n{namespace}", f"e{endpoint}", "busy"), 2) for namespace, endpoint in places]
    for place in counted[::-1]:
        untold.remove(place, 2)

    assert {} == untold.counts


@pytest.mark.parametrize("name", ["notes.mem", "1-zz.mem", "notes.seg", "-1-00000000.seg"])
def test_files_of_others_are_left_alone(tmp_path: Path, name: str) -> None:
    """They end no logger, and stay where they are."""
    (tmp_path / name).write_text("mine")
    pipeline = begin(tmp_path, SwitchedSender())
    pipeline.tick(0.0)
    kill(pipeline)

    assert "mine" == (tmp_path / name).read_text()


def test_one_event_that_waits_does_not_keep_everything_after_it_on_disk(tmp_path: Path) -> None:
    """Beyond its bound the journal is emptied into the spool, and all that it takes is counted."""
    sender = OneStuck()
    limits = Limits(queue_messages=100, queue_bytes=1 << 20)
    pipeline = Pipeline(sender, Spool(tmp_path, cap_bytes=1 << 20), Metrics(), limits)
    most, uncounted = 0, 0
    for number in range(300):
        pipeline.submit(event(number, size=100_000), 0.0)
        on_disk = sum(path.stat().st_size for pattern in ("*.mem", "*.seg") for path in tmp_path.glob(pattern))
        most, uncounted = max(most, on_disk), max(uncounted, on_disk - pipeline.spool.disk_bytes)
        pipeline.tick(0.0)
    kill(pipeline)

    assert 0 == uncounted
    assert most < 20 << 20


def test_a_disk_that_has_room_again_is_used_again(tmp_path: Path) -> None:
    """What comes then survives a kill; what came before is still sent from memory."""
    with small_disk(tmp_path / "disk") as disk:
        sender = SwitchedSender()
        pipeline = begin(disk.folder / "spool", sender)
        disk.fill()
        sender.verdict = None
        pipeline.submit(event(0, size=10_000), 0.0)
        disk.free()
        pipeline.tick(2.0)
        pipeline.submit(event(1, size=10_000), 2.0)
        said = pipeline.progress(2.0).disk
        sender.verdict = DeliveryOutcome.DELIVERED
        pipeline.tick(2.1)
        kill(pipeline)
        left = sent_by_the_next(disk.folder / "spool")

    assert "" == said
    assert [0, 1] == numbers(sender.topic)
    assert [] == left


def listening(listen: Callable[[], object], wakes: list[int]) -> ReportListener:
    """Return a listener that counts how often it woke somebody."""
    return ReportListener(listen, lambda: wakes.append(1))


def test_many_reports_wake_the_loop_once() -> None:
    """And once more for what comes after it has collected."""
    wakes: list[int] = []
    listener = listening(lambda: time.sleep(0.01), wakes)
    for _ in range(100):
        listener.tell()
    first = len(wakes)
    listener.collect()
    listener.tell()
    listener.close()

    assert (1, 2) == (first, len(wakes))


def test_what_the_client_raises_in_its_thread_is_raised_in_the_loop() -> None:
    """So the logger ends visibly instead of waiting for reports that never come."""
    wakes: list[int] = []

    def fail() -> None:
        raise SystemError("the library is beyond repair")

    listener = listening(fail, wakes)
    listener.close()

    assert [1] == wakes
    with pytest.raises(SystemError, match="beyond repair"):
        listener.collect()
