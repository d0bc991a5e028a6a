"""Times that no clock shows, and clocks that are wrong: counted by kind, and nobody else's windows move."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pegel.data.columns import Field, Kind, Schema
from pegel.data.instants import MINUTE, from_us, to_us
from pegel.data.spans import floor
from pegel.data.wire import REQUEST_TYPE
from pegel.spec.limits import OLDEST_RECORD
from pegel.spec.monitor_spec import Windowing
from pegel.stats.layout import build_layout
from pegel.stats.summary import Summary
from pegel.stream.counting_plan import CountingPlan, MonitorPlan
from pegel.stream.counting_task import CountingTask
from pegel.stream.entries import MonitoredModel, PartialBatch
from pegel.stream.partial import Partial
from pegel.stream.task_output import TaskOutput, together
from pegel.stream.window_manager import WindowManager
from pegel.stream.wire_records import Records
from pegel.testing.stream_fakes import FixedBaselines, LoggedRecord, as_read

I64 = 2**63 - 1
NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)
LAYOUT = build_layout(Schema((Field("x", Kind.NUMERIC),)), {"x": np.arange(100.0)})


def dated(records: list[LoggedRecord], times_us: list[int]) -> list[Records]:
    """Return records with any 64 bits as their times."""
    (read,) = as_read(records)
    return [replace(read, times_us=np.array(times_us, dtype=np.int64))]


def take(group: Any, state: Any, records: list[LoggedRecord], times_us: list[int]) -> Any:
    """Let a state take in records with any times, and commit what comes of it."""
    (placed,) = group.placed(records)

    def run(plan: CountingPlan, _alone: bool) -> TaskOutput:
        return together(CountingTask(plan, group.baselines.load).run(dated(placed, times_us)))

    commit = state.take(state.count(state.plan(group.models, group.clock.now()), run), group.models, group.clock.now())
    group.commit(commit)
    return commit


@pytest.mark.parametrize("time_us", [-I64 - 1, -1, 0, 10**12, 10**17, I64])
def test_any_time_is_counted_beside_honest_neighbours(group: Any, time_us: int) -> None:
    """Whatever 64 bits stand as a time, the record is in the ledger, and those of the present are in their window."""
    state, now = group.start(), to_us(group.clock.now())
    honest = group.pairs(0, 3)
    take(group, state, [group.pairs(9, 10)[0], *honest], [time_us, *[now] * len(honest)])
    (window,) = (row for row in group.results.windows("delays", 1) if row.span.start <= from_us(now) < row.span.end)
    ledger = group.results.ledger("delays", 1)

    assert {0} == {minute.difference for minute in group.results.ledger_balance("default")}
    assert 7 == sum(row.judged + row.late for row in ledger)
    assert (3, False) == (window.joined, window.final)


@given(st.lists(st.one_of(st.integers(-I64 - 1, I64), st.sampled_from([-I64 - 1, I64, 0, -1])), min_size=1))
def test_no_time_ends_a_task(times: list[int]) -> None:
    """Tasks count records of any times, of watched and of unknown models, each exactly once."""
    monitor = MonitorPlan("delays/1", Windowing(), (), frontier=NOW - OLDEST_RECORD)
    plan = CountingPlan.at(NOW, {"delays-v1": monitor})
    records = [
        LoggedRecord(f"e{at}", REQUEST_TYPE, ("delays-v1", "nobody-v1")[at % 2], b'{"instances": [1]}', NOW)
        for at in range(len(times))
    ]
    output = together(CountingTask(plan, FixedBaselines().load).run(dated(records, times)))
    counted = [count for partial in output.partials for count in partial.minutes.values()]

    assert len(times) == sum(count.judged + count.invalid for count in counted)
    assert len(times) == sum(sum(read.minutes.values()) for read in output.reads.values())


def test_an_old_event_opens_no_window_of_a_monitor_that_is_new(group: Any) -> None:
    """What is older than every window can be is late from the first event on."""
    state = group.start()
    (record, _) = group.pairs(0, 1)
    for at, days in enumerate((399, 401, 20_000)):
        then = to_us(group.clock.now() - timedelta(days=days))
        take(group, state, [replace(record, event_id=f"old{at}")], [then])

    assert [group.clock.now() - timedelta(days=399)] == [row.span.start for row in group.results.windows("delays", 1)]
    assert 2 == sum(row.late for row in group.results.ledger("delays", 1))


@given(st.lists(st.booleans(), min_size=2, max_size=40), st.integers(1, 86_400))
def test_one_clock_that_runs_ahead_makes_no_backlog_late(ahead: list[bool], seconds: int) -> None:
    """While an hour's events are read after the fact, events of the future change no window of the others."""
    windows = [backlog(wrong, seconds) for wrong in ([False] * len(ahead), ahead)]

    assert windows[0] == windows[1]


def backlog(ahead: list[bool], seconds: int) -> list[tuple[datetime, int]]:
    """Return the final windows of a backlog, oldest first, with their rows; some batches look ahead."""
    manager = WindowManager(lambda *_: Summary.empty(LAYOUT))
    monitors = {"m/1": MonitoredModel(Windowing(), None)}
    final = []
    for batch, wrong in enumerate(ahead):
        then = NOW - timedelta(hours=1) + batch * timedelta(seconds=45)
        partials = [Partial(key="m/1", pane_us=to_us(floor(then, MINUTE)), head_us=to_us(then), rows=1)]
        if wrong:
            later = NOW + timedelta(seconds=seconds)
            partials.append(Partial(key="m/1", pane_us=to_us(floor(later, MINUTE)), has_ahead=True, rows=1))
        told = manager.apply(PartialBatch(arrived_at=NOW, monitors=monitors, partials=tuple(partials)))
        final += [(count.span.start, count.rows) for count in told.spans if count.final]
    return final


def test_where_all_clocks_run_ahead_windows_close_by_ours(group: Any) -> None:
    """A model of which nothing but events of the future come is judged all the same, a little later than it says."""
    state = group.start()
    group.clock.advance(timedelta(days=1))
    for step in range(4):
        ahead = (group.clock.now() - group.begin).total_seconds() + 20
        group.send(state, group.pairs(10 * step, 10 * step + 10, at=ahead))
        group.clock.advance(timedelta(seconds=10))
    rows = group.results.windows("delays", 1)

    assert [True, False, False, False] == [row.final for row in rows]
    assert 0 == sum(row.late for row in group.results.ledger("delays", 1))


def test_a_clock_of_one_model_moves_no_window_of_another(group: Any) -> None:
    """Each model has its own newest event: what runs ahead, or comes late, is its own affair."""
    group.watch("fraud", seed=8)
    state, now = group.start(), (group.clock.now() - group.begin).total_seconds()
    group.send(state, group.pairs(0, 5))
    group.send(state, group.pairs(0, 5, at=now + 1_000, endpoint="fraud-v1"))
    group.send(state, group.pairs(5, 10))

    assert [(10, False)] == [(row.requests, row.final) for row in group.results.windows("delays", 1)]
