"""A group's stream without Spark: batches come from a stand-in for a frame, everything behind it is real."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pytest

from pegel.data.events import DROPPED_TYPE, REQUEST_TYPE, RESPONSE_TYPE
from pegel.errors import Unavailable
from pegel.judge.findings import Verdict
from pegel.spec.names import PROBE_PREFIX
from pegel.store.registry_view import WishList
from pegel.testing import ManualClock
from pegel_spark import journal as journals
from pegel_spark.group_stream import Monitor
from pegel_spark.journal import Journal

HEADERS = pa.list_(pa.struct([("key", pa.string()), ("value", pa.binary())]))
Logged = tuple[str, str, str, bytes, datetime]


@dataclass
class Frame:
    """Stands in for a Spark frame with one record batch per partition."""

    partitions: list[list[Logged]]
    make_headers: Callable[[str, str, str], list[tuple[str, bytes]]]

    @property
    def sparkSession(self) -> Frame:  # noqa: N802 - Spark's own name
        """Return what leads to `broadcast`."""
        return self

    sparkContext = sparkSession  # noqa: N815 - Spark's own name

    def broadcast(self, value: Any) -> Any:
        """Return something with that value."""
        return type("Broadcast", (), {"value": value})()

    def coalesce(self, _count: int) -> Frame:
        """Return the same records in one partition."""
        return Frame([[event for part in self.partitions for event in part]], self.make_headers)

    def mapInArrow(self, function: Callable[[Iterator[pa.RecordBatch]], Iterator[pa.RecordBatch]], _: str) -> Frame:  # noqa: N802 - Spark's own name
        """Run the function over each partition."""
        self.result = [batch for part in self.partitions for batch in function(iter([self._batch(part)]))]
        return self

    def toArrow(self) -> pa.Table:  # noqa: N802 - Spark's own name
        """Return what the function gave."""
        from pegel.stream.partial_arrow import RESULT  # where the schema of an empty result is known

        return pa.Table.from_batches(self.result, schema=RESULT)

    def _batch(self, part: list[Logged]) -> pa.RecordBatch:
        headers = [[{"key": key, "value": value} for key, value in self.make_headers(*event[:3])] for event in part]
        return pa.RecordBatch.from_pydict(
            {
                "value": pa.array([event[3] for event in part], pa.binary()),
                "headers": pa.array(headers, HEADERS),
                "timestamp": pa.array([event[4] for event in part], pa.timestamp("us", "UTC")),
            }
        )


@dataclass
class Told:
    """A side channel that remembers."""

    outlying: list[Any] = field(default_factory=list)
    aside: list[Any] = field(default_factory=list)

    def outliers(self, found: Any) -> None:
        """Remember outliers."""
        self.outlying += found

    def letters(self, found: Any) -> None:
        """Remember letters."""
        self.aside += found

    def close(self) -> None:
        """Do nothing."""


@dataclass
class Group:
    """A monitor group over a world, restarted at will; `begin` is aligned to the windows of 5 s."""

    world: Any
    toolbox: Any
    folder: Path
    begin: datetime
    clock: ManualClock
    side: Told = field(default_factory=Told)
    number: int = -1

    def start(self) -> Monitor:
        """Return a fresh process's monitor over the same folder."""
        wishes = WishList(self.world.registry, self.world.baselines, "default")
        monitor = Monitor(wishes, Journal(self.folder), self.world.results, self.side, self.clock)
        monitor.restore()
        return monitor

    def pairs(self, first: int, last: int, at: float = 0.0, endpoint: str = "delays-v1") -> list[Logged]:
        """Return requests and responses with ids from `first` up to `last`, `at` seconds after the beginning."""
        rng, instant = np.random.default_rng(first), self.begin + timedelta(seconds=at)
        bodies = {REQUEST_TYPE: self.toolbox.request_body, RESPONSE_TYPE: self.toolbox.response_body}
        return [
            (f"e{i}", kind, endpoint, body(rng), instant) for i in range(first, last) for kind, body in bodies.items()
        ]

    def frame(self, *partitions: list[Logged]) -> Any:
        """Return a frame of partitions."""
        return Frame(list(partitions), self.toolbox.headers_of)

    def send(self, monitor: Monitor, *partitions: list[Logged]) -> None:
        """Let a monitor process the next batch."""
        self.number += 1
        monitor.process(self.frame(*partitions), self.number)

    def totals(self) -> tuple[int, int, int, int]:
        """Return requests, responses, joined and duplicates over the newest revision of all windows."""
        rows = self.world.results.windows("delays", 1)
        names = ("requests", "responses", "joined", "duplicates")
        first, second, third, fourth = (sum(getattr(row, name) for row in rows) for name in names)
        return first, second, third, fourth


@pytest.fixture
def group(world: Any, toolbox: Any, tmp_path: Path) -> Group:
    """A group that watches `delays`, with a baseline, at a standing clock."""
    world.watch(toolbox.make_spec())
    begin = datetime.fromisoformat("2026-03-01T12:00:00+00:00")
    return Group(world, toolbox, tmp_path / "partials", begin, ManualClock(begin + timedelta(minutes=1)))


def test_a_batch_that_spark_repeats_counts_once(group: Group) -> None:
    """The same batch id again, with the same records, changes nothing."""
    monitor = group.start()
    group.send(monitor, group.pairs(0, 10))
    monitor.process(group.frame(group.pairs(0, 10)), 0)

    assert (10, 10, 10, 0) == group.totals()


def test_copies_count_as_duplicates_wherever_they_come(group: Group) -> None:
    """A copy in the same partition, in another one or in a later batch is a duplicate, and nothing else."""
    monitor = group.start()
    group.send(monitor, group.pairs(0, 10) + group.pairs(0, 1), group.pairs(5, 6))
    group.send(monitor, group.pairs(9, 12))

    assert (12, 12, 12, 6) == group.totals()
    (minute,) = group.world.results.ledger("delays", 1)
    assert (30, 24, 6) == (minute.received, minute.judged, minute.duplicate)


def test_our_own_probe_counts_nowhere(group: Group) -> None:
    """A request of Pegel itself, readable or not, enters no window, no ledger and no dead letter."""
    monitor = group.start()
    probe = [(f"{PROBE_PREFIX}{body!r}", REQUEST_TYPE, "delays-v1", body, group.begin) for body in (b"{}", b"nonsense")]
    group.send(monitor, group.pairs(0, 10) + probe)

    assert (10, 10, 10, 0) == group.totals()
    (minute,) = group.world.results.ledger("delays", 1)
    assert (20, 20) == (minute.received, minute.judged)
    assert [] == group.side.aside


@dataclass
class BrokenResults:
    """A results database that is gone at the moment of writing."""

    real: Any

    def write(self, *_rows: Any) -> None:
        """Refuse."""
        raise Unavailable("the database did not answer")

    def last_final(self, *which: Any) -> Any:
        """Return what is stored."""
        return self.real.last_final(*which)


def test_a_crash_before_the_results_are_written_loses_nothing(group: Group) -> None:
    """What reached the journal is written by the next start; Spark's repetition of the batch adds nothing."""
    monitor = group.start()
    group.send(monitor, group.pairs(0, 10))
    broken = replace(monitor, results=BrokenResults(group.world.results))  # type: ignore[arg-type]
    broken.manager, broken.wishes = monitor.manager, monitor.wishes
    with pytest.raises(Unavailable):
        group.send(broken, group.pairs(10, 20))
    before = group.totals()
    again = group.start()
    again.process(group.frame(group.pairs(10, 20)), 1)

    assert ((10, 10, 10, 0), (20, 20, 20, 0)) == (before, group.totals())


def test_a_crash_before_the_journal_is_repaired_by_the_repetition(group: Group) -> None:
    """A batch that left no entry is counted when Spark hands it out again; a half-written file is no entry."""
    monitor = group.start()
    group.send(monitor, group.pairs(0, 10))
    (group.folder / ".new-000000000002-batch.arrow").write_bytes(b"half")
    again = group.start()
    again.process(group.frame(group.pairs(10, 20)), 1)

    assert (20, 20, 20, 0) == group.totals()
    assert not list(group.folder.glob(".new-*"))


def test_a_long_history_is_cut_and_continues(group: Group, monkeypatch: pytest.MonkeyPatch) -> None:
    """Restarts from snapshots, at any entry, end in the same windows as one uninterrupted run."""
    monkeypatch.setattr(journals, "SNAPSHOT_EVERY", 3)
    for step in range(10):
        group.send(group.start(), group.pairs(10 * step, 10 * step + 10, at=step))
    rows = group.world.results.windows("delays", 1, final_only=True)

    assert (100, 100, 100, 0) == group.totals()
    assert [50] == [row.requests for row in rows]
    assert [6] == [row.revision for row in rows]
    assert 4 > len(list(group.folder.glob("*.arrow")))


def test_a_silent_end_closes_the_last_window_once(group: Group) -> None:
    """After the lateness without events the window is final, also for a process that starts afterwards."""
    monitor = group.start()
    group.send(monitor, group.pairs(0, 10))
    monitor.tick(caught_up_at=group.clock.now() + timedelta(seconds=1))
    early = group.world.results.windows("delays", 1, final_only=True)
    monitor.tick(caught_up_at=group.clock.now() + timedelta(seconds=2))
    (final,) = group.world.results.windows("delays", 1, final_only=True)
    group.send(group.start(), group.pairs(10, 12))
    (after,) = group.world.results.windows("delays", 1, final_only=True)

    assert [] == early
    assert (10, 2, 0) == (final.requests, final.revision, final.late)
    assert replace(final, late=4) == after
    assert 4 == sum(row.late for row in group.world.results.ledger("delays", 1))


def test_a_late_event_leaves_findings_alone(group: Group) -> None:
    """A window with findings keeps them when late events are counted on it."""
    rng = np.random.default_rng(5)
    shifted = [
        (f"s{i}", REQUEST_TYPE, "delays-v1", group.toolbox.request_body(rng, 1, shift=2000.0), group.begin)
        for i in range(200)
    ]
    monitor = group.start()
    group.send(monitor, shifted)
    provisional = group.world.results.findings("delays", 1)
    monitor.tick(caught_up_at=group.clock.now() + timedelta(seconds=2))
    before = group.world.results.findings("delays", 1)
    group.send(monitor, group.pairs(0, 1))

    assert [] == provisional
    assert "distance" in {finding.feature for _, finding in before}
    assert before == group.world.results.findings("delays", 1)
    assert [(Verdict.DRIFT, 2)] == [(row.verdict, row.late) for row in group.world.results.windows("delays", 1)]


def test_outliers_are_told_with_their_reasons(group: Group) -> None:
    """An extreme row is one outlier with its value and the feature that made it one."""
    body = b'{"instances": [[500.0, "AA", 40.0], [1e9, "AA", 40.0]]}'
    group.send(group.start(), [("far", REQUEST_TYPE, "delays-v1", body, group.begin)])
    (row,) = group.world.results.outliers("delays", 1)

    assert ("far", 1, group.begin) == (row.event_id, row.row, row.event_time)
    assert row.score > row.cutoff
    assert {"feature": "distance", "value": 1e9} == {k: row.reasons[0][k] for k in ("feature", "value")}
    assert ["far"] == [item["event_id"] for _, item in group.side.outlying]


def test_a_clock_that_runs_ahead_closes_nothing_early(group: Group) -> None:
    """A time far in the future is clamped to just ahead of ours, and counted."""
    monitor = group.start()
    group.send(monitor, group.pairs(0, 1, at=86_400 * 365))
    (row,) = group.world.results.windows("delays", 1)

    assert 2 == row.clamped
    assert group.clock.now() + timedelta(seconds=30) >= row.span.start


def test_a_missing_baseline_counts_rows_until_there_is_one(group: Group) -> None:
    """Without a baseline a window says so; the baseline that comes later judges the spans that open later."""
    spec = group.toolbox.make_spec("young")
    group.world.watch(spec, baseline=False)
    monitor = group.start()
    group.send(monitor, group.pairs(0, 5, endpoint="young-v1"))
    baseline = group.world.watch(spec)
    group.send(monitor, group.pairs(5, 9, at=1, endpoint="young-v1") + group.pairs(9, 10, at=5, endpoint="young-v1"))
    first, second = group.world.results.windows("young", 1)

    assert (Verdict.BASELINE_MISSING, None, 9) == (first.verdict, first.baseline_id, first.rows)
    assert (baseline.id, 1) == (second.baseline_id, second.rows)


def test_other_groups_and_unknown_models_are_told_apart(group: Group) -> None:
    """Events of another group are not ours; events of nobody are invalid and kept aside; notices count as dropped."""
    group.world.registry.put(group.toolbox.make_spec("other", group="elsewhere"))
    notice = ("n1", DROPPED_TYPE, "delays-v1", b'{"count": 7, "reason": "spool full"}', group.begin)
    nobody = ("x1", REQUEST_TYPE, "nobody-v1", b"{}", group.begin)
    group.send(group.start(), [notice, nobody, *group.pairs(0, 3, endpoint="other-v1")])
    (ledger,) = group.world.results.ledger("delays", 1)

    assert (7, 7, 0) == (ledger.received, ledger.dropped, ledger.judged)
    assert [("unknown_model", 1)] == [(row.kind, row.count) for row in group.world.results.invalid("", 0)]
    assert ["unknown_model"] == [letter.reason for letter in group.side.aside]
    assert [] == group.world.results.windows("other", 1)


def test_a_removed_monitor_ends_quietly(group: Group) -> None:
    """After its spec is gone a model's events belong to nobody, and nothing of it is written any more."""
    monitor = group.start()
    group.send(monitor, group.pairs(0, 5))
    group.world.registry.remove("delays", 1)
    group.world.results.forget("delays", 1)
    group.send(monitor, group.pairs(5, 9))
    monitor.tick(caught_up_at=group.clock.now() + timedelta(seconds=60))

    assert [] == group.world.results.windows("delays", 1)
    assert 8 == sum(row.count for row in group.world.results.invalid("", 0))
