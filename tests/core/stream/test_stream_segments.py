"""Segments in the stream: counted in the same pass as the whole, with answers where their requests lie."""

import json
from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any

import numpy as np
import pytest

import pegel
from pegel.baseline.baseline import Baseline
from pegel.data.columns import Role
from pegel.data.wire import REQUEST_TYPE, RESPONSE_TYPE
from pegel.spec.monitor_spec import MonitorSpec
from pegel.stats.summary import Summary
from pegel.stream.commit import Commit, Restored
from pegel.stream.counting_plan import CountingPlan
from pegel.stream.counting_task import CountingTask
from pegel.stream.group_state import GroupState
from pegel.stream.partial import Partial
from pegel.stream.result_rows import WindowRow
from pegel.stream.task_output import TaskOutput, together
from pegel.testing.samples import sample_spec
from pegel.testing.stream_fakes import FixedBaselines, FixedModels, LoggedRecord, as_read

pytestmark = pytest.mark.environments("pandas", "pyarrow")
BEGIN = datetime.fromisoformat("2026-03-01T12:00:00+00:00")
SEGMENTS: list[Any] = ["carrier", {"column": "distance", "cuts": [500, 1000]}]
PER_REQUEST = 3


def table(count: int, seed: int, shift: float = 0.0) -> dict[str, Any]:
    """Return rows whose answers are shifted for one carrier, one row in twenty; some lack a carrier or a distance."""
    rng = np.random.default_rng(seed)
    carrier = rng.choice(np.array(["AA", "UA", None, "B=6"], dtype=np.object_), count, p=[0.7, 0.2, 0.05, 0.05])
    distance = np.where(rng.random(count) < 0.02, np.nan, rng.exponential(600, count))
    return {"distance": distance, "carrier": carrier, "answer": rng.normal(size=count) + shift * (carrier == "B=6")}


@pytest.fixture(scope="module")
def baseline() -> Baseline:
    """Return the baseline of 30,000 rows."""
    return pegel.profile(table(30_000, 0), predictions=["answer"], segments=SEGMENTS)


def watched() -> MonitorSpec:
    """Return a monitor with windows of a minute."""
    return sample_spec("table", watch={"segments": SEGMENTS, "long_spans": []})


def logged(rows: dict[str, Any], at: float = 10.0, first: int = 0) -> list[list[LoggedRecord]]:
    """Return requests of three rows and their answers, a pair each, `at` seconds after the beginning."""
    values = [column.astype(np.object_) for column in rows.values()]
    values[0][np.isnan(rows["distance"])] = None
    listed = [[*row] for row in zip(*(column.tolist() for column in values), strict=True)]
    pairs = []
    for start in range(0, len(listed), PER_REQUEST):
        part = listed[start : start + PER_REQUEST]
        bodies = (
            (REQUEST_TYPE, {"instances": [row[:2] for row in part]}),
            (RESPONSE_TYPE, {"predictions": [row[2] for row in part]}),
        )
        instant = BEGIN + timedelta(seconds=at)
        pairs.append(
            [
                LoggedRecord(f"e{first + start}", kind, "table-v1", json.dumps(body).encode(), instant)
                for kind, body in bodies
            ]
        )
    return pairs


class Stream:
    """A group's stream over one model, batch after batch; `restart` gives it up and restores what was stored."""

    def __init__(self, baseline: Baseline) -> None:
        """Start with nothing read."""
        self.models, self.baselines = FixedModels(), FixedBaselines()
        self.models.watch(watched(), self.baselines.put(baseline))
        self.state = GroupState.restored(
            Restored(offsets={}, states=[], pane_parts=[], failures=[]), self.baselines, BEGIN
        )
        self.sent, self.now = 0, BEGIN + timedelta(seconds=30)
        self.commits: list[Commit] = []

    def send(self, *records: LoggedRecord) -> None:
        """Take in one batch."""
        placed = [one.moved("pegel.default.inference", 0, self.sent + at) for at, one in enumerate(records)]
        self.sent += len(records)

        def run(plan: CountingPlan, alone: bool) -> TaskOutput:
            return together(CountingTask(plan, self.baselines.load).run(as_read(placed)))

        output = self.state.count(self.state.plan(self.models, self.now), run)
        self.commits.append(self.state.take(output, self.models, self.now))

    def restart(self) -> None:
        """Restore the state from all that was committed."""
        states = {(state.model, state.version): state for commit in self.commits for state in commit.states}
        parts = [part for commit in self.commits for part in commit.pane_parts]
        self.state = GroupState.restored(
            Restored(offsets={}, states=[*states.values()], pane_parts=parts, failures=[]), self.baselines, self.now
        )

    def close(self) -> None:
        """Make everything final."""
        later = self.now + timedelta(hours=2)
        commit = self.state.close_idle(self.models, later, later)
        assert commit is not None
        self.commits.append(commit)

    @property
    def windows(self) -> list[WindowRow]:
        """Return the final rows in the order in which they were written."""
        return [row for commit in self.commits for row in commit.windows if row.final]


def streamed(baseline: Baseline, *batches: Sequence[LoggedRecord], restart: bool = False) -> dict[str, WindowRow]:
    """Return the final rows of batches by segment, which are to be of one window."""
    stream = Stream(baseline)
    for batch in batches:
        stream.send(*batch)
        if restart:
            stream.restart()
    stream.close()
    return {row.segment: row for row in stream.windows}


def told(row: WindowRow, baseline: Baseline) -> tuple[Any, ...]:
    """Return everything that the row of a segment counts and says."""
    summary = Summary.from_bytes(row.summary, baseline.layout)
    return row.rows, row.verdict, row.judgement, summary.counters.tolist(), summary.cells.tolist()


def test_a_stream_and_a_check_judge_segments_alike(baseline: Baseline) -> None:
    """The same rows as a table and as requests: the same segments, rows, verdicts and findings."""
    rows = table(3_000, 1, shift=1.5)
    stream = Stream(baseline)
    stream.send(*(record for pair in logged(rows) for record in pair))
    stream.close()
    windows = {row.segment: row for row in stream.windows}
    report = pegel.check(rows, baseline, windows_per_week=7 * 24 * 60)
    of_stream = [one for commit in stream.commits for one in commit.findings]

    assert report.segment_rows == {name: row.rows for name, row in windows.items() if name}
    assert {name: judged.verdict for name, judged in report.segments.items()} == {
        name: row.verdict for name, row in windows.items() if name
    }
    assert ["carrier=B=6"] == [one.segment for one in of_stream]
    assert [(one.segment, one.feature, one.p_value, one.threshold) for one in report.findings] == [
        (one.segment, one.feature, one.p_value, one.threshold) for one in of_stream
    ]


@pytest.mark.parametrize("restart", [False, True])
def test_predictions_lie_where_their_requests_do_however_they_come(baseline: Baseline, *, restart: bool) -> None:
    """In one batch, before or after their requests in others, with restarts between: the counts are the same."""
    pairs = logged(table(900, 2))
    requests, answers = ([pair[half] for pair in pairs] for half in (0, 1))
    whole = streamed(baseline, [record for pair in pairs for record in pair])
    others = [
        streamed(baseline, requests, answers, restart=restart),
        streamed(baseline, answers, requests, restart=restart),
        streamed(baseline, requests[:70], [*answers[:200], *requests[70:]], answers[200:], restart=restart),
    ]
    predictions = Summary.from_bytes(whole["carrier=AA"].summary, baseline.layout).rows(Role.PREDICTION)

    assert whole["carrier=AA"].rows == predictions
    for other in others:
        assert {name: told(row, baseline) for name, row in whole.items() if name} == {
            name: told(row, baseline) for name, row in other.items() if name
        }


def test_an_answer_of_other_rows_is_in_no_segment(baseline: Baseline) -> None:
    """Whose predictions they are nobody can say; an answer whose request never comes lies nowhere, either."""
    pairs = logged(table(900, 3))
    records = [record for pair in pairs for record in pair]
    short = LoggedRecord("e0", RESPONSE_TYPE, "table-v1", b'{"predictions": [1.0]}', records[0].at)
    alone = LoggedRecord("nobody", RESPONSE_TYPE, "table-v1", b'{"predictions": [1.0, 2.0]}', records[0].at)
    windows = streamed(baseline, [records[0], short, *records[2:], alone])
    distance = [row for name, row in windows.items() if name.startswith("distance")]
    predictions = [Summary.from_bytes(row.summary, baseline.layout).rows(Role.PREDICTION) for row in distance]
    lacking = sum(np.isnan(table(900, 3)["distance"]))
    first = table(900, 3)["distance"][:PER_REQUEST]

    assert 900 - lacking == sum(row.rows for row in distance)
    assert 900 - lacking - np.count_nonzero(~np.isnan(first)) == sum(predictions)


def test_few_rows_wait_for_those_of_the_next_windows(baseline: Baseline) -> None:
    """A segment has a row once it has 50 rows, with the span of all their windows; none of its rows is lost."""
    stream = Stream(baseline)
    for minute in range(8):
        at = 60 * minute + 5
        stream.now = BEGIN + timedelta(seconds=at + 1)
        stream.send(*(record for pair in logged(table(300, 10 + minute), at, 1_000 * minute) for record in pair))
        stream.restart()
    stream.close()
    small = [row for row in stream.windows if row.segment == "carrier=B=6"]
    carried = stream.state.charts["table/1"].segments.get("carrier=B=6")
    left = 0 if carried is None else Summary.from_bytes(carried.data, baseline.layout).rows(Role.FEATURE)
    sent = sum(int((table(300, 10 + minute)["carrier"] == "B=6").sum()) for minute in range(8))

    assert all(row.rows >= 50 for row in small)
    assert 1 < len(small) < 4
    assert small[0].span.start == BEGIN
    assert small[0].span.end == small[1].span.start
    assert sent == sum(row.rows for row in small) + left
    assert 8 == len([row for row in stream.windows if row.segment == "carrier=AA"])


def test_no_row_of_a_segment_spans_the_beginning_of_an_hour(baseline: Baseline) -> None:
    """What is carried is told with the last window of its hour, or before the first one of another: hours are sums."""
    stream = Stream(baseline)
    for at in (57 * 60, 59 * 60, 61 * 60, 125 * 60):
        stream.now = BEGIN + timedelta(seconds=at + 20)
        stream.send(*(record for pair in logged(table(60, at), at=at + 5, first=at * 100) for record in pair))
    stream.close()
    spans = [row.span for row in stream.windows if row.segment == "carrier=B=6"]

    assert spans
    assert all(span.end <= span.start.replace(minute=0) + timedelta(hours=1) for span in spans)


def test_segments_survive_as_bytes(baseline: Baseline) -> None:
    """A partial with segments and waiting rows is the same after it was packed; a pane holds all of them."""
    stream = Stream(baseline)
    pairs = logged(table(60, 5))
    stream.send(*(pair[1] for pair in pairs))
    (part,) = stream.commits[-1].pane_parts
    partial = Partial.from_bytes(part.data)

    assert partial.waiting
    assert partial.to_bytes() == part.data
    stream.send(*(pair[0] for pair in pairs))
    pane = next(iter(stream.state.manager.monitors["table/1"].panes.values()))
    again = Partial.from_bytes(pane.to_partial("table/1", BEGIN).to_bytes())

    assert set(pane.segments[baseline.id]) == set(again.segments[baseline.id])
    assert not pane.waiting[baseline.id].answered
