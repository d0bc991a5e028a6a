"""Partitions that are read unequally: the clock of one never closes windows of which another still holds events."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pegel.stream.group_state import GroupState
from pegel.stream.partition_clocks import AWAITED_FOR, DRAINS_WITHIN, PartitionClocks
from pegel.stream.positions import PartitionEnds
from pegel.stream.task_output import PartitionRead
from pegel.testing.stream_fakes import LoggedRecord

TOPIC = "pegel.default.inference"
BEGIN = datetime.fromisoformat("2026-03-01T12:00:00+00:00")
SECONDS = 60
"""How much of event time the backlog spans: a dozen windows of 5 s."""


def end_of(partition: int, end: int) -> PartitionEnds:
    """Return a partition of the topic with so many records."""
    return PartitionEnds(topic=TOPIC, partition=partition, topic_id="a", beginning=0, end=end)


@dataclass
class Backlog:
    """Events of a minute on three partitions, read in whatever parts and order."""

    group: Any
    partitions: list[list[LoggedRecord]] = field(default_factory=list)
    read_up_to: list[int] = field(default_factory=lambda: [0, 0, 0])

    def __post_init__(self) -> None:
        """Send a pair every half second, in turns to the partitions."""
        logged: list[list[LoggedRecord]] = [[], [], []]
        for number in range(2 * SECONDS):
            logged[number % 3] += self.group.pairs(number, number + 1, at=number / 2)
        self.partitions = [
            [record.moved(TOPIC, partition, at) for at, record in enumerate(own)]
            for partition, own in enumerate(logged)
        ]

    def start(self) -> GroupState:
        """Return the state of a fresh driver that has looked what there is to read."""
        state: GroupState = self.group.start()
        ends = [end_of(partition, len(own)) for partition, own in enumerate(self.partitions)]
        state.clocks.looked(ends, [], self.group.clock.now())
        return state

    def read(self, state: GroupState, *parts: tuple[int, int]) -> None:
        """Read so many records of some partitions in one batch, and commit it."""
        taken = []
        for partition, records in parts:
            begin = self.read_up_to[partition]
            self.read_up_to[partition] = min(begin + records, len(self.partitions[partition]))
            taken.append(self.partitions[partition][begin : begin + records])
        self.group.process(state, *taken)

    def windows(self) -> list[tuple[float, int, int, int]]:
        """Return the final windows: start in seconds, requests, responses, late events."""
        rows = self.group.results.windows("delays", 1, final_only=True)
        return sorted(((row.span.start - BEGIN).total_seconds(), row.requests, row.responses, row.late) for row in rows)


WHOLE = [(float(start), 10, 10, 0) for start in range(0, SECONDS, 5)]


def test_partitions_that_are_read_one_after_the_other_leave_every_window_whole(group: Any) -> None:
    """Reading one of three partitions to its end, as careful reading does, closes nothing of the other two."""
    backlog = Backlog(group)
    state = backlog.start()
    for partition in (0, 1):
        backlog.read(state, (partition, 1_000))
    early = backlog.windows()
    backlog.read(state, (2, 1_000))
    group.tick(state, idle_s=60)

    assert [] == early
    assert WHOLE == backlog.windows()
    assert 0 == sum(row.late for row in group.results.ledger("delays", 1))
    assert 0 == sum(row.unanswered for row in group.results.ledger("delays", 1))


@settings(max_examples=8, deadline=None, derandomize=True)
@given(
    st.lists(
        st.tuples(st.lists(st.tuples(st.integers(0, 2), st.integers(1, 60)), max_size=3), st.booleans()), max_size=8
    )
)
def test_however_unequally_partitions_are_read_windows_are_whole(
    new_group: Any,
    batches: list[tuple[list[tuple[int, int]], bool]],
) -> None:
    """Any parts of any partitions in any order, with restarts in between, give the windows of one go; none is late."""
    with TemporaryDirectory() as folder, new_group(Path(folder)) as group:
        backlog = Backlog(group)
        state = backlog.start()
        for parts, restarts in batches:
            if parts:
                backlog.read(state, *dict(parts).items())
            state = backlog.start() if restarts else state
        for partition in range(3):
            backlog.read(state, (partition, 1_000))
        group.tick(state, idle_s=60)
        windows = backlog.windows()

    assert WHOLE == windows


def test_a_window_closes_once_no_partition_holds_more_of_it(group: Any) -> None:
    """During a long catch-up windows become final as soon as every partition has come beyond them."""
    backlog = Backlog(group)
    state = backlog.start()
    for _ in range(3):
        for partition in range(3):
            backlog.read(state, (partition, 20))
    closed = backlog.windows()

    # Each partition was read up to second 43 to 45, and nothing is expected any more of what is a lateness older.
    assert WHOLE[: len(closed)] == closed
    assert len(closed) in range(7, 10)


@pytest.fixture
def clocks() -> PartitionClocks:
    """Clocks of two partitions; of the first one everything is read, up to second 100 and 90 of two monitors."""
    clocks = PartitionClocks()
    clocks.looked([end_of(0, 10), end_of(1, 10)], [], BEGIN)
    clocks.read([PartitionRead(TOPIC, 0, start=0, end=10, heads={"a/1": 100_000_000, "b/1": 90_000_000})])
    return clocks


def held(clocks: PartitionClocks, now: datetime, *read_up_to: int, keys: tuple[str, ...] = ("a/1",)) -> list[Any]:
    """Return where each monitor is held back, in seconds since 1970; None: it is not."""
    lagging = clocks.lagging({(TOPIC, partition): end for partition, end in enumerate(read_up_to)}, now)
    by_key = clocks.held_at(dict.fromkeys(keys, TOPIC), lagging)
    return [None if (at := by_key.get(key)) is None else at.timestamp() for key in keys]


def test_a_partition_of_which_nothing_was_read_holds_everything_back(clocks: PartitionClocks) -> None:
    """What it holds may be of any age; read to its end it holds back nothing."""
    before = held(clocks, BEGIN, 10, 0)
    clocks.read([PartitionRead(TOPIC, 1, start=0, end=4, heads={"a/1": 40_000_000})])

    assert [0] == before
    assert [40] == held(clocks, BEGIN, 10, 4)
    assert [None] == held(clocks, BEGIN, 10, 10)


def test_a_monitor_without_events_in_a_partition_goes_by_those_of_others(clocks: PartitionClocks) -> None:
    """A monitor whose events are elsewhere waits for the oldest clock in a lagging partition, not for its end."""
    clocks.read([PartitionRead(TOPIC, 1, start=0, end=4, heads={"a/1": 40_000_000, "b/1": 30_000_000})])

    assert [40, 30, 30] == held(clocks, BEGIN, 10, 4, keys=("a/1", "b/1", "c/1"))


def test_another_topic_holds_nobody_back(clocks: PartitionClocks) -> None:
    """Windows of a monitor wait for the partitions of its own namespace alone; of an unknown one, for all."""
    lagging = clocks.lagging({}, BEGIN)

    assert {"b/1"} == clocks.held_at({"a/1": "pegel.other.inference", "b/1": None}, lagging).keys()


def test_a_partition_without_a_leader_is_waited_for_so_long(clocks: PartitionClocks) -> None:
    """It holds windows open until it has drained after its leader is back, for ten minutes at most without one."""
    lost = BEGIN + timedelta(seconds=1)
    clocks.looked([end_of(1, 0)], [(TOPIC, 0)], lost)
    away = [held(clocks, at, 10, 0) for at in (lost, lost + AWAITED_FOR, lost + AWAITED_FOR + timedelta(seconds=1))]
    back = lost + timedelta(minutes=1)
    clocks.looked([end_of(0, 10), end_of(1, 0)], [], back)

    assert [[100], [100], [None]] == away
    assert [[100], [None]] == [
        held(clocks, at, 10, 0) for at in (back + DRAINS_WITHIN, back + DRAINS_WITHIN + timedelta(seconds=1))
    ]
