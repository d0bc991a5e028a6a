"""What a task holds while it counts a backlog in which every record lies in a minute of its own."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import datetime, timedelta

import numpy as np
import pytest

from pegel.data.columns import Columns, Field, Kind, Schema
from pegel.data.wire import REQUEST_TYPE
from pegel.spec.monitor_spec import BYTES_PER_REQUEST, Watch, Windowing
from pegel.stats.summary import Summary
from pegel.stream.counting_plan import CountingPlan, MonitorPlan
from pegel.stream.counting_task import MAX_PANE_BYTES, CountingTask
from pegel.stream.panes import Pane
from pegel.stream.partial import OF_EVENTS, Partial
from pegel.stream.task_output import together
from pegel.stream.wire_records import Records
from pegel.testing.samples import baseline_of
from pegel.testing.stream_fakes import FixedBaselines, LoggedRecord, as_read

NOW = datetime.fromisoformat("2026-03-08T12:00:00+00:00")


def wide_plan(frontier: datetime | None) -> tuple[CountingPlan, FixedBaselines]:
    """Return the plan of one model with 50 fields and windows of a minute, and its baseline."""
    fields = tuple(Field(f"f{number:02}", Kind.NUMERIC) for number in range(50))
    rng = np.random.default_rng(3)
    data = {each.name: rng.normal(size=1_000) for each in fields}
    rows = Columns(1_000, np.stack(list(data.values()), axis=1), None, (), ())
    baselines = FixedBaselines()
    name = baselines.put(baseline_of(Schema(fields), data, rows, model="wide", watch=Watch()))
    monitor = MonitorPlan("wide/1", Windowing(length=timedelta(minutes=1)), (name,), frontier=frontier)
    return CountingPlan.at(NOW, {"wide-v1": monitor}), baselines


def old_minutes(count: int) -> list[LoggedRecord]:
    """Return one request of 50 fields in each of so many minutes before now, the oldest last."""
    body = json.dumps({"instances": [[0.5] * 50]}).encode()
    return [
        LoggedRecord(f"e{number}", REQUEST_TYPE, "wide-v1", body, NOW - timedelta(minutes=number))
        for number in range(1, count + 1)
    ]


@pytest.mark.slow
@pytest.mark.long
def test_many_old_minutes_are_counted_in_bounded_memory() -> None:
    """Of 1,500 minutes of a model with 50 fields as many summaries live at once as fit the bound, and all count."""
    plan, baselines = wide_plan(frontier=None)
    task = CountingTask(plan, baselines.load)
    live = []

    def batches() -> Iterator[Records]:
        records = [record.moved("t", 0, offset) for offset, record in enumerate(old_minutes(1_500))]
        for first in range(0, 1_500, 50):
            live.append(sum(len(counting.summaries) for counting in task.counting.values()))
            yield from as_read(records[first : first + 50])

    output = together(task.run(batches()))
    size = Summary.empty(baselines.baseline(plan.monitors["wide-v1"].current[0]).layout).size_bytes

    assert 500 < max(live) <= MAX_PANE_BYTES // size + 1 < 1_250
    assert 1_500 == len({partial.pane_us for partial in output.partials})
    assert 1_500 == sum(partial.requests.size for partial in output.partials)
    assert 1_500 == output.reads["t", 0].records


def test_what_comes_for_closed_minutes_makes_no_summary() -> None:
    """Of what is late only the number counts: its minutes leave no counts to carry, and nothing to merge."""
    plan, baselines = wide_plan(frontier=NOW)
    output = together(CountingTask(plan, baselines.load).run(as_read(old_minutes(300))))

    assert [{}] * 300 == [partial.summaries for partial in output.partials]
    assert 300 == sum(count.judged for partial in output.partials for count in partial.minutes.values())


def test_a_request_and_its_answer_take_as_many_bytes_as_the_spec_counts() -> None:
    """The bound on the traffic of long windows is made of what an open pane really keeps."""
    count = 1_000
    ids, at, rows = np.arange(2 * count, dtype=np.uint64), np.zeros(count, np.int64), np.ones(count, np.uint32)
    pane = Pane()
    pane.add_events(
        Partial(
            key="wide/1",
            pane_us=0,
            requests=ids[::2],
            asked_at=at,
            asked_rows=rows,
            responses=ids[1::2],
            answered_at=at,
            answered_rows=rows,
        )
    )
    kept = sum(getattr(pane, name).nbytes for name in OF_EVENTS) + sum(run.nbytes for run in pane.known.runs)

    assert BYTES_PER_REQUEST * count == kept
