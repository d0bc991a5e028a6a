"""Windows of a table: which are looked at, which are judged, and how often, whatever the order of runs."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta

import numpy as np
import pyarrow as pa
import pytest

from pegel.archive.half_rows import RowMaking
from pegel.archive.prepared_rows import ROW_ID, TIME_US, archived_table, prepared_key
from pegel.baseline.baseline import Baseline
from pegel.batch.table_windows import (
    RowsNow,
    TableJudge,
    WindowToJudge,
    few_at_once,
    time_to_look_at,
    windows_to_judge,
)
from pegel.batch.window_counting import CountedWindow, TableCounting, TablePlan, merged
from pegel.data.columns import Field, Kind, Role, Schema
from pegel.data.instants import MICROSECOND, from_us, to_us
from pegel.data.private_fields import DROP, PrivateFields
from pegel.data.spans import Span
from pegel.judge.findings import Verdict
from pegel.spec.monitor_spec import MonitorSpec, Windowing
from pegel.stats.summary import Summary
from pegel.store.table_reads import JudgedBefore, TableRead
from pegel.stream.result_rows import Origin
from pegel.testing.samples import sample_spec, tabled, trained_on
from pegel.testing.stream_fakes import FixedBaselines

pytestmark = pytest.mark.environments("pyarrow", "sqlalchemy")
NOON = datetime(2026, 3, 2, 12, tzinfo=UTC)
HOUR, DAY = timedelta(hours=1), timedelta(days=1)
HOURLY = Windowing(length=HOUR, lateness=timedelta(minutes=30))
ROWS = 200
SCHEMA = Schema((Field("x", Kind.NUMERIC), Field("kind", Kind.CATEGORICAL), Field("y", Kind.NUMERIC, Role.PREDICTION)))


def drawn(rows: int, seed: int, *, shift: float = 0.0) -> pa.Table:
    """Draw rows of the fields; a few numbers are missing."""
    rng = np.random.default_rng(seed)
    x = rng.normal(shift, size=rows)
    kinds, y = rng.choice(["a", "b"], rows), rng.normal(size=rows)
    return pa.table({"x": pa.array(x, mask=rng.random(rows) < 0.02), "kind": kinds, "y": y})


@pytest.fixture(scope="module")
def spec() -> MonitorSpec:
    """A model in a table, in windows of an hour and segments by kind."""
    model = tabled("churn", keys="who")
    watch = {"rows_per_day": 24 * ROWS, "segments": ["kind"]}
    return sample_spec("churn", model=model, windowing={"length": "1h", "lateness": "30m"}, watch=watch)


@pytest.fixture(scope="module")
def baseline(spec: MonitorSpec) -> Baseline:
    """What its training rows looked like."""
    return trained_on(drawn(4_000, 0), SCHEMA, spec)


def prepared(rows: pa.Table, begin: datetime = NOON) -> pa.RecordBatch:
    """Return rows as the job hands them on: one each ten seconds."""
    count = rows.num_rows
    times = pa.array([to_us(begin) + at * 10_000_000 for at in range(count)], pa.int64())
    table = rows.append_column(TIME_US, times).append_column(ROW_ID, pa.array([f"r{at}" for at in range(count)]))
    (batch,) = table.append_column(prepared_key(0), pa.array(range(count))).combine_chunks().to_batches()
    return batch


def counted(baseline: Baseline, parts: Sequence[pa.RecordBatch], **ways: str) -> Mapping[int, CountedWindow]:
    """Count parts of a table, each in a task of its own."""
    document = json.dumps(baseline.to_json()).encode()
    plan = TablePlan(baseline.id, document, HOUR // MICROSECOND, PrivateFields(ways))
    packed = list[pa.RecordBatch]()
    for part in parts:
        task = TableCounting(plan)
        task.add(part)
        packed += task.packed()
    return merged(pa.Table.from_batches(packed), baseline)


def window(at: int, *, rows: int = ROWS, looks: int = 0, digest: str = "d", baseline_id: str = "b") -> WindowToJudge:
    """Return the window of an hour after noon."""
    span = Span(NOON + at * HOUR, NOON + (at + 1) * HOUR)
    return WindowToJudge(span, RowsNow(rows, "c", digest), baseline_id, looks)


@pytest.mark.parametrize(
    ("newest", "since", "until", "expected"),
    [
        # A run of its own begins a day and two hours ago, and ends before the window that may still get rows.
        (None, None, None, (NOON - 26 * HOUR, NOON - HOUR)),
        # Where nothing was written for days, what comes then is of these days.
        (NOON - 72 * HOUR, None, None, (NOON - 98 * HOUR, NOON - HOUR)),
        # A person who names an old time means that alone.
        (NOON - 2 * HOUR, NOON - 50 * HOUR, NOON - 48 * HOUR, (NOON - 50 * HOUR, NOON - 48 * HOUR)),
        # Instants within windows mean those that begin before, and are over.
        (NOON, NOON - 150 * HOUR / 60, NOON - HOUR / 2, (NOON - 3 * HOUR, NOON - HOUR)),
    ],
)
def test_the_time_that_is_looked_at(
    newest: datetime | None,
    since: datetime | None,
    until: datetime | None,
    expected: tuple[datetime, datetime],
) -> None:
    """Whole windows that are over, up to those that may still get rows, from a day before the newest rows on."""
    read = None if newest is None else TableRead(model="churn", version=1, at=NOON, newest=newest)
    span = time_to_look_at(HOURLY, read, since, until, now=NOON + timedelta(minutes=10))

    assert Span(*expected) == span
    assert None is time_to_look_at(HOURLY, None, NOON, None, now=NOON)


def test_only_what_has_other_rows_is_judged() -> None:
    """New windows and those with more or changed rows; not those that lost rows, nor any time that was judged else."""
    spans = [Span(NOON + at * HOUR, NOON + (at + 1) * HOUR) for at in range(7)]
    now = {to_us(span.start): RowsNow(100, "c", f"d{at}") for at, span in enumerate(spans)}
    before = [
        JudgedBefore(spans[0], 1, 100, "old", "c:d0"),
        JudgedBefore(spans[1], 3, 90, "old", "c:other"),
        JudgedBefore(spans[2], 1, 100, "old", "c:other"),
        JudgedBefore(spans[3], 1, 110, "old", "c:other"),
        # Of other columns: that as many rows are there is all that is known.
        JudgedBefore(spans[4], 1, 100, "old", "z:other"),
        # Judged by the stream, or in windows of another length.
        JudgedBefore(Span(spans[5].start, spans[5].start + HOUR / 2), 1, 50, "old", "c:half"),
    ]
    wanted = windows_to_judge(now, before, HOUR, "current")

    assert [(spans[1], 4, "old"), (spans[2], 2, "old"), (spans[6], 1, "current")] == [
        (one.span, one.revision, one.baseline_id) for one in wanted
    ]


def test_few_windows_are_counted_at_once() -> None:
    """At most so many, of one baseline, and within a day."""
    days = [window(at) for at in (0, 1, 2, 30, 31)]
    pieces = few_at_once([*days, window(32, baseline_id="other")], most=2)

    assert [[0, 1], [2], [30, 31], [32]] == [[(one.span.start - NOON) // HOUR for one in piece] for piece in pieces]


def test_parts_of_a_table_count_as_the_whole(baseline: Baseline) -> None:
    """However rows are divided and ordered; the cells are those of the rows of each window counted at once."""
    rows = prepared(drawn(2 * 360, 5))
    shuffled = rows.take(pa.array(np.random.default_rng(1).permutation(720)))
    one = counted(baseline, [rows])
    parts = counted(baseline, [shuffled.slice(0, 100), shuffled.slice(100, 300), shuffled.slice(400)])
    alone = counted(baseline, [rows.slice(0, 360)])

    assert [NOON, NOON + HOUR] == sorted(map(from_us, parts))
    for start, whole in one.items():
        part = parts[start]
        assert (whole.rows, whole.summary.cells.tolist()) == (part.rows, part.summary.cells.tolist())
        assert whole.summary.counters.tolist() == part.summary.counters.tolist()
        assert [event.event_id for event in whole.outliers] == [event.event_id for event in part.outliers]
        own = {name: summary.cells.tolist() for name, summary in whole.segments.summaries.items()}
        assert own == {name: summary.cells.tolist() for name, summary in part.segments.summaries.items()}
    assert alone[to_us(NOON)].summary.to_bytes() == one[to_us(NOON)].summary.to_bytes()


def test_extremes_of_private_fields_are_not_kept(baseline: Baseline) -> None:
    """Counts are; the smallest and largest value of a single row are not."""
    rows = prepared(drawn(100, 6, shift=9.0))
    plain, private = (counted(baseline, [rows], **ways)[to_us(NOON)].summary for ways in ({}, {"x": DROP}))

    assert plain.cells.tolist() == private.cells.tolist()
    assert plain.ranges[0, 1] > private.ranges[0, 1] == baseline.layout.numeric(Role.FEATURE)[0][1].edges[-1]


def test_rows_are_archived_as_requests_and_answers_at_once(baseline: Baseline) -> None:
    """Fields, keys and times have the columns of events; a dropped field has none."""
    rows = prepared(drawn(3, 7))
    making = RowMaking(baseline.layout.schema, ("who",), PrivateFields({"x": DROP}))
    made = archived_table(making, rows).to_pylist()

    assert {"f_kind", "p_y", "e_who"} <= made[0].keys()
    assert "f_x" not in made[0]
    assert [("r0", 0, NOON, NOON, "0"), ("r1", 0, NOON + timedelta(seconds=10), NOON + timedelta(seconds=10), "1")] == [
        (row["event_id"], row["row"], row["event_time"], row["answered_at"], row["e_who"]) for row in made[:2]
    ]
    assert {(None, None, None)} == {(row["offset"], row["latency_ms"], row["replaced"]) for row in made}


def test_windows_are_judged_as_those_of_the_stream(spec: MonitorSpec, baseline: Baseline) -> None:
    """In order of time, with charts that go on; origin batch, and what they were made of is remembered."""
    judge = TableJudge(spec, kept(baseline), TableRead(model="churn", version=1, at=NOON, newest=NOON))
    spans = [window(at, baseline_id=baseline.id) for at in range(3)]
    rows = {one.span: counts(baseline, at, shift=2.0 * (at == 2)) for at, one in enumerate(spans)}
    made = judge.judge(spans, rows, now=NOON + 5 * HOUR)
    whole = [row for row in made.windows if not row.segment]

    assert [Verdict.OK, Verdict.OK, Verdict.DRIFT] == [row.verdict for row in whole]
    assert {(Origin.BATCH, 1, ROWS, ROWS)} == {(row.origin, row.revision, row.rows, row.joined) for row in whole}
    assert {"c:d"} == {row.remarks["rows_digest"] for row in whole}
    assert {"kind=a", "kind=b"} == {row.segment for row in made.windows} - {""}
    assert {("batch", Span(NOON + 2 * HOUR, NOON + 3 * HOUR))} == {(one.origin, one.span) for one in made.findings}
    assert (NOON + 3 * HOUR, baseline.id) == (judge.read.newest, (judge.read.charts or {})["baseline_id"])


def test_what_is_looked_at_again_moves_no_chart(spec: MonitorSpec, baseline: Baseline) -> None:
    """Nor does what lies before the newest window. All looks at one window never spend more than its part."""
    begun = TableRead(model="churn", version=1, at=NOON, newest=NOON)
    judge = TableJudge(spec, kept(baseline), begun)
    spans = [window(at, baseline_id=baseline.id) for at in range(2)]
    judge.judge(spans, {one.span: counts(baseline, 3) for one in spans}, now=NOON + 5 * HOUR)
    read = judge.read
    others = [window(0, looks=1, baseline_id=baseline.id), window(-5, baseline_id=baseline.id)]
    made = judge.judge(others, {one.span: counts(baseline, 4, shift=3.0) for one in others}, now=NOON + 6 * HOUR)
    again, early = (
        [finding for finding in made.findings if finding.span == one.span and not finding.segment] for one in others
    )
    first = {(finding.feature, finding.test): finding.threshold for finding in early}
    ratios = [finding.threshold / first[finding.feature, finding.test] for finding in again]

    assert read == judge.read
    assert [2, 1] == [row.revision for row in made.windows if not row.segment]
    assert {2} == {finding.revision for finding in again}
    assert ("x", "location") in first
    assert ratios == pytest.approx([0.1] * len(first), rel=0.01)


def kept(baseline: Baseline) -> FixedBaselines:
    """Return baselines with that one."""
    baselines = FixedBaselines()
    baselines.put(baseline)
    return baselines


def counts(baseline: Baseline, seed: int, *, shift: float = 0.0) -> CountedWindow:
    """Count a window of rows."""
    (found,) = counted(baseline, [prepared(drawn(ROWS, seed, shift=shift))]).values()
    assert isinstance(found.summary, Summary)
    return found
