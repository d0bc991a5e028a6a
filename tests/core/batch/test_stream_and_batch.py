"""Stream and batch are two ways to one day: windows that the stream counted, and archived rows of the same events."""

from __future__ import annotations

import json
import shutil
from dataclasses import dataclass
from datetime import timedelta
from itertools import pairwise
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
import pytest
from blueprints import give_tables
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray
from sqlalchemy.engine import Engine

from pegel.archive.folders import COMPLETE, HOUR, Kept, hour_folder, model_folder, written_folder
from pegel.archive.half_rows import RowMaking
from pegel.archive.joined_rows import joined
from pegel.archive.logged_events import ArchivedModel, logged_events
from pegel.archive.row_columns import ANSWERED_AT, EVENT_TIME, INSTANT
from pegel.baseline.baseline import Baseline
from pegel.batch.archived_counts import ArchiveRecount
from pegel.batch.long_span_maker import LongSpanMaker
from pegel.data.columns import Field, Kind, Role, Schema
from pegel.data.instants import MICROSECOND
from pegel.data.keyed_hash import NO_SECRET
from pegel.data.private_fields import PrivateFields
from pegel.data.spans import Span
from pegel.data.wire import REQUEST_TYPE, RESPONSE_TYPE
from pegel.judge.judge import judge
from pegel.longspans.judging import portion_of
from pegel.longspans.late_windows import CountedAgain
from pegel.longspans.long_span_row import LongSpanRow
from pegel.spec.rhythms import Rhythm
from pegel.stats.summary import Summary
from pegel.store.baseline_store import BaselineStore
from pegel.store.database import connect
from pegel.store.long_span_store import LongSpanStore
from pegel.store.stream_store import StreamStore
from pegel.store.window_keys import WindowKeys
from pegel.stream.counting_plan import CountingPlan
from pegel.stream.counting_task import CountingTask
from pegel.stream.group_state import GroupState
from pegel.stream.positions import OffsetRange
from pegel.stream.task_output import TaskOutput, together
from pegel.testing.manual_clock import START
from pegel.testing.samples import sample_spec, trained_on
from pegel.testing.stream_fakes import FixedBaselines, FixedModels, LoggedRecord, as_read

pytestmark = pytest.mark.environments("sqlalchemy", "pyarrow")
MINUTE, DAY = timedelta(minutes=1), Span(START, START + timedelta(days=1))
OVER = DAY.end + timedelta(hours=9)
"""By then every window is final, and nobody waits for a driver any more."""
TOPIC = "pegel.default.inference"
SPEC = sample_spec(windowing={"length": "1h", "lateness": "1m"}, watch={"long_spans": ["day"]})
SCHEMA = Schema(
    (
        Field("amount", Kind.NUMERIC),
        Field("age", Kind.NUMERIC),
        Field("carrier", Kind.CATEGORICAL),
        Field("delay", Kind.NUMERIC, Role.PREDICTION),
    )
)
ODD: list[Any] = [None, "n/a", 1e6, -1e6, 0, True, "7.5"]
CARRIERS: list[Any] = ["AA", "DL", "WN", "never seen", None, 7]


@dataclass(frozen=True)
class Asked:
    """A request of some rows and its answer. `came`: in which of three batches, the later ones late for many windows.

    `answered_after`: minutes; None: never. `copies`: of both. `is_broken`: nobody can read the request.
    """

    minute: int
    rows: int
    seed: int
    came: int
    answered_after: int | None
    copies: int
    is_broken: bool

    def records(self, name: str) -> list[LoggedRecord]:
        """Return its events as they are logged. Copies come with the first batch, where nothing is late."""
        rng, at = np.random.default_rng(self.seed), DAY.start + self.minute * MINUTE
        rows: list[list[Any]] = [
            [float(rng.gamma(2.0)), float(rng.normal(40, 12)), str(rng.choice(["AA", "DL"]))] for _ in range(self.rows)
        ]
        for row in rows:
            place = int(rng.integers(0, 12))
            if place < len(row):
                row[place] = (CARRIERS if place == 2 else ODD)[int(rng.integers(0, 6))]
        asked = json.dumps({"instances": rows}).encode()
        made = [LoggedRecord(name, REQUEST_TYPE, "delays-v1", asked[:-1] if self.is_broken else asked, at)]
        if self.answered_after is not None:
            said = json.dumps({"predictions": rng.normal(5.0, 10.0, self.rows).tolist()}).encode()
            ended = min(at + self.answered_after * MINUTE, DAY.end - MINUTE)
            made.append(LoggedRecord(name, RESPONSE_TYPE, "delays-v1", said, ended))
        return made * (self.copies if self.came == 0 else 1)


DAYS = st.lists(
    st.builds(
        Asked,
        minute=st.integers(0, 24 * 60 - 1),
        rows=st.integers(1, 40),
        seed=st.integers(0, 10_000),
        came=st.integers(0, 2),
        answered_after=st.none() | st.integers(0, 80),
        copies=st.integers(1, 2),
        is_broken=st.sampled_from([False] * 9 + [True]),
    ),
    min_size=1,
    max_size=12,
)


@pytest.fixture(scope="module")
def trained() -> Baseline:
    """A baseline of 2,000 rows."""
    rng = np.random.default_rng(0)
    table = pa.table(
        {
            "amount": rng.gamma(2.0, size=2_000),
            "age": rng.normal(40, 12, 2_000),
            "carrier": rng.choice(["AA", "DL", "WN"], 2_000),
            "delay": rng.normal(5.0, 10.0, 2_000),
        }
    )
    return trained_on(table, SCHEMA, SPEC)


@pytest.fixture(scope="module")
def database(tmp_path_factory: pytest.TempPathFactory, trained: Baseline) -> Path:
    """A database that holds the model and its baseline, to be copied."""
    path = tmp_path_factory.mktemp("database") / "pegel.db"
    engine = connect(f"sqlite:///{path}")
    give_tables(engine)
    baselines = BaselineStore(engine)
    baselines.register(SPEC, baselines.put(trained), by="test", now=DAY.start)
    engine.dispose()
    return path


def count_and_judge(engine: Engine, batches: list[list[LoggedRecord]], baseline: Baseline) -> None:
    """Let the stream take batches of a day that is over, and close its windows."""
    store, models, baselines = StreamStore(engine), FixedModels(), FixedBaselines()
    models.watch(SPEC, baselines.put(baseline))
    claim = store.claim("default", 1, OVER)
    state = GroupState.restored(store.restore(claim), baselines, DAY.end)
    for records in batches:

        def run(plan: CountingPlan, alone: bool, records: list[LoggedRecord] = records) -> TaskOutput:
            return together(CountingTask(plan, baselines.load).run(as_read(records)))

        store.commit(claim, state.take(state.count(state.plan(models, DAY.end), run), models, DAY.end), DAY.end)
    closed = state.close_idle(models, OVER, OVER)
    if closed is not None:
        store.commit(claim, closed, OVER)


def archive(root: Path, records: list[LoggedRecord]) -> None:
    """Keep the rows of records by hour, as the job does."""
    making = RowMaking(SCHEMA, (), PrivateFields({}, NO_SECRET))
    model = ArchivedModel(SPEC.key, (OffsetRange((TOPIC, 0), 0, len(records)),))
    (read,) = as_read(records)
    events = pa.Table.from_batches([logged_events(read, {SPEC.endpoint: model}, DAY.end)])
    asked, answered = (events.filter(pc.equal(events.column("is_answer"), kind)) for kind in (False, True))
    halves = [making.requests(asked)[0], making.answers(answered)[0]]
    rows = joined(halves, making.columns, SPEC.windowing.step // MICROSECOND)
    times = pc.coalesce(rows.column(EVENT_TIME), rows.column(ANSWERED_AT))
    for at in range(24):
        hour = DAY.start + at * HOUR
        begin, end = (pa.scalar(one, INSTANT) for one in (hour, hour + HOUR))
        own = rows.filter(pc.and_(pc.greater_equal(times, begin), pc.less(times, end)))
        if own.num_rows:
            folder = Path(model_folder(str(root), Kept.ROWS, "default", "delays", 1)) / hour_folder(hour)
            folder /= written_folder(1)
            folder.mkdir(parents=True)
            pq.write_table(own, folder / "part-0.parquet")
            (folder / COMPLETE).touch()


def two_ways(engine: Engine, root: Path, day: list[Asked], baseline: Baseline) -> tuple[LongSpanRow, CountedAgain]:
    """Return the day that the stream's windows make, and what the archive has of it."""
    batches: list[list[LoggedRecord]] = [[], [], []]
    for number, one in enumerate(day):
        batches[one.came] += one.records(f"e{number}")
    sent = [record for batch in batches for record in batch]
    placed = [record.moved(TOPIC, 0, place) for place, record in enumerate(sent)]
    sizes = np.cumsum([0, *map(len, batches)])
    parts = [placed[first:last] for first, last in pairwise(sizes) if last > first]
    count_and_judge(engine, parts, baseline)
    archive(root, placed)
    recount = ArchiveRecount(str(root), WindowKeys(engine))
    LongSpanMaker(engine, recount=recount).make(SPEC, DAY.start, DAY.end, now=OVER)
    (made,) = LongSpanStore(engine).spans("delays", 1, Rhythm.DAY)
    found = recount(SPEC, baseline, [DAY])[DAY]
    assert isinstance(found, CountedAgain)
    return made, found


def judged(summary: Summary, baseline: Baseline) -> list[dict[str, Any]]:
    """Return what is said of each field of the day at its first look."""
    portion = portion_of(0, 1)
    judgement = judge(baseline, summary, spec=SPEC, span=DAY, revision=1, rhythm=Rhythm.DAY, portion=portion)
    return [one.to_json() for one in judgement.features]


def said(features: list[dict[str, Any]]) -> list[tuple[Any, ...]]:
    """Return what verdicts say, without how large changes are, which moments tell."""
    return [tuple(one.get(name) for name in ("feature", "verdict", "test", "n", "p_value")) for one in features]


def scales(moments: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return how large a count, a mean, and sums of the second to fourth powers of deviations are, by field."""
    n, mean, squares = moments[:, 0], moments[:, 1], moments[:, 2]
    size = np.abs(mean) + np.sqrt(squares / np.maximum(n, 1))
    return np.column_stack([n, size, *(n * size**power for power in (2, 3, 4))])


def check_the_same(database: Path, day: list[Asked], baseline: Baseline) -> None:
    """Let a day happen, and compare what both ways made of it."""
    with TemporaryDirectory() as folder:
        own = shutil.copy(database, folder)
        engine = connect(f"sqlite:///{own}")
        made, archived = two_ways(engine, Path(folder) / "archive", day, baseline)
        engine.dispose()
    merged, whole = Summary.from_bytes(made.row.summary, baseline.layout), archived.summary

    assert (0, archived.rows) == (made.late_missing, made.row.rows)
    assert np.array_equal(whole.counters, merged.counters)
    assert np.array_equal(whole.cells, merged.cells)
    assert np.array_equal(whole.ranges, merged.ranges)
    pairs = zip(whole.comoments.arrays, merged.comoments.arrays, strict=True)
    assert all(np.array_equal(one, two) for one, two in pairs)
    assert (np.abs(whole.moments - merged.moments) <= 1e-9 * scales(whole.moments)).all()
    assert said(judged(whole, baseline)) == said(made.row.judgement["features"])


@pytest.mark.timeout(180)
@settings(max_examples=12, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(day=DAYS)
def test_the_days_of_stream_and_archive_are_one(database: Path, trained: Baseline, day: list[Asked]) -> None:
    """Windows counted as events came, merged to a day, are one count of all its archived rows, whatever came late.

    Copies, broken bodies, missing answers and odd values included: counts bit by bit, moments to 1e-9.
    """
    check_the_same(database, day, trained)


@pytest.mark.long
@pytest.mark.timeout(900)
@settings(max_examples=300, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(day=DAYS)
def test_many_days_of_stream_and_archive_are_one(database: Path, trained: Baseline, day: list[Asked]) -> None:
    """The same for many more days."""
    check_the_same(database, day, trained)
