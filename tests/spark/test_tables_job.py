"""Models that only stand in a table: read, archived, counted and judged by a job, each window once."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
import worlds
from pydantic import SecretStr
from pyspark.sql import SparkSession
from sqlalchemy import Engine
from table_places import PLACES, Place
from worlds import World

from pegel.archive.opened_archive import open_archive
from pegel.archive.prepared_rows import ROW_ID
from pegel.batch.long_span_maker import LongSpanMaker
from pegel.data.columns import Field, Kind, Role, Schema
from pegel.data.keyed_hash import KeyedHash
from pegel.data.spans import Span
from pegel.judge.findings import Verdict
from pegel.judge.judge import judge
from pegel.spec.monitor_spec import MonitorSpec
from pegel.spec.rhythms import Rhythm
from pegel.stats.summary import Summary
from pegel.store.database import connect
from pegel.store.job_results import JobResults
from pegel.store.long_span_store import LongSpanStore
from pegel.store.performance_store import PerformanceStore
from pegel.store.table_reads import TableReads
from pegel.stream.decoding_alone import decode
from pegel.stream.result_rows import Origin, WindowRow
from pegel.testing.samples import sample_spec, tabled
from pegel_spark.jobs import read_tables
from pegel_spark.labels_job import LabelsJob
from pegel_spark.scored_table import ScoredTable
from pegel_spark.tables_job import TablesJob, TablesRead

pytestmark = [pytest.mark.slow, pytest.mark.timeout(300)]
NOON = datetime(2026, 3, 2, 12, tzinfo=UTC)
LENGTH, HOUR = timedelta(minutes=20), timedelta(hours=1)
ROWS = 60
"""Of a window."""


@dataclass(frozen=True)
class Tables:
    """A world, and a place where jobs write tables."""

    spark: SparkSession
    world: World
    place: Place

    @property
    def engine(self) -> Engine:
        """Return the results database."""
        return connect(self.world.settings.database)

    def watch(self, name: str = "delays", table: str | None = None, model: Any = None, **wishes: Any) -> MonitorSpec:
        """Watch a model whose rows a job writes to a table."""
        spec = wish(name, self.place.source(table or name), model or {}, **wishes)
        self.world.watch(spec)
        return spec

    def read(self, now: datetime, since: datetime | None = None, until: datetime | None = None) -> TablesRead:
        """Do the job's work."""
        return TablesJob(self.spark, self.world.settings, self.engine, now, since, until).run()

    def windows(self, name: str = "delays") -> list[WindowRow]:
        """Return the windows as readers see them."""
        return self.world.results.windows(name, 1)

    def archived(self, name: str = "delays") -> pa.Table:
        """Return what is archived."""
        root = self.world.settings.archive_root
        return open_archive(root, name, 1, start=NOON - 48 * HOUR, end=NOON + 48 * HOUR).rows()


@pytest.fixture(params=["parquet", pytest.param("delta", marks=pytest.mark.long)])
def tables(request: pytest.FixtureRequest, spark: SparkSession, world: World, tmp_path: Path) -> Iterator[Tables]:
    """A world with a place of each kind."""
    with PLACES[request.param](tmp_path, spark) as place:
        yield Tables(spark, world, place)


@pytest.fixture
def parquet(spark: SparkSession, world: World, tmp_path: Path) -> Iterator[Tables]:
    """A world with folders of Parquet."""
    with PLACES["parquet"](tmp_path, spark) as place:
        yield Tables(spark, world, place)


def wish(name: str, table: str, model: dict[str, Any], **wishes: Any) -> MonitorSpec:
    """Return a spec of a model in a table, in windows of twenty minutes."""
    stated = tabled(name, table=table, time="at", event_id="id") | model
    usual = {
        "windowing": {"length": "20m", "lateness": "5m"},
        "watch": {"rows_per_day": ROWS * 72, "outliers_per_day": 300},
    }
    return sample_spec(name, model=stated, **{**usual, **wishes})


def scored(windows: int = 6, begin: datetime = NOON, *, shift: float = 1.0, seed: int = 3) -> pa.Table:
    """Return what a job wrote of some windows, in no order: rows, predictions, ids and times."""
    count = windows * ROWS
    table = worlds.training_table(count, seed)
    at = [begin + window * LENGTH + timedelta(seconds=7 * row) for window in range(windows) for row in range(ROWS)]
    table = table.set_column(0, "distance", pa.array(shift * np.asarray(table["distance"])))
    table = table.append_column("at", pa.array(at, pa.timestamp("us", "UTC")))
    table = table.append_column("id", pa.array([f"{begin:%d%H}-{seed}-{row}" for row in range(count)]))
    return table.take(np.random.default_rng(seed).permutation(count))


def test_each_window_is_judged_once(tables: Tables) -> None:
    """Read again, at the same time as before or over a longer one, a table leaves the same; silence leaves nothing."""
    tables.watch()
    tables.place.write("delays", scored(3))
    tables.place.write("delays", scored(3, NOON + 5 * LENGTH, shift=2.0, seed=4))
    now = NOON + 8 * LENGTH + timedelta(minutes=6)
    first = tables.read(now)
    windows, rows, outliers = tables.windows(), tables.archived(), tables.world.results.outliers("delays", 1)
    findings = tables.world.results.findings("delays", 1)
    again = [tables.read(now), tables.read(now + HOUR, NOON - 24 * HOUR, NOON + 24 * HOUR)]
    state = TableReads(tables.engine).of("delays", 1)

    assert (TablesRead({"delays/1": 6}, {"delays/1": 6 * ROWS}), {}) == (first, first.failed)
    assert [TablesRead({"delays/1": 0}, {"delays/1": 0})] * 2 == again
    assert [NOON + at * LENGTH for at in (0, 1, 2, 5, 6, 7)] == [window.span.start for window in windows]
    assert {(ROWS, 1, Origin.BATCH, True)} == {(one.rows, one.revision, one.origin, one.final) for one in windows}
    assert [Verdict.DRIFT] * 3 == [window.verdict for window in windows[3:]]
    assert {"batch"} == {finding.origin for _, finding in findings}
    assert "distance" in {finding.feature for _, finding in findings}
    assert {Origin.BATCH} == {row.origin for row in outliers}
    assert (windows, findings) == (tables.windows(), tables.world.results.findings("delays", 1))
    assert 6 * ROWS == rows.num_rows == len(set(rows["event_id"].to_pylist()))
    assert rows.equals(tables.archived())
    assert state is not None
    assert (NOON + 8 * LENGTH, "", 0) == (state.newest, state.problem, state.untimed)


def test_a_value_that_moves_to_another_column_is_news(spark: SparkSession) -> None:
    """What is `(1, null)` and what is `(null, 1)` at the same time are two rows, by ids and by the digest of both."""
    spec = wish("delays", "parquet:/none", {"event_id": None})
    schema = Schema((Field("x", Kind.NUMERIC), Field("y", Kind.NUMERIC)))
    values = [(NOON, 1.0, None), (NOON, None, 1.0)]
    both, *each = (
        ScoredTable(spark.createDataFrame(rows, "at timestamp, x double, y double"), spec, schema)
        for rows in (values, values[:1], values[1:])
    )
    span = Span(NOON, NOON + LENGTH)
    told = {window.told for one in each for window in one.windows(span).values()}

    assert 2 == len(told)
    assert 2 == len({row[ROW_ID] for row in both.rows([span]).collect()})


def test_a_table_counts_as_the_stream_does(parquet: Tables) -> None:
    """The same rows as requests and answers in JSON have the same cells, counts, outliers, p-values and verdicts.

    That the table of another model is not there holds up nothing.
    """
    parquet.watch("absent")
    spec = parquet.watch()
    table = scored(1, shift=1.6)
    parquet.place.write("delays", table)
    failed = parquet.read(NOON + 2 * HOUR).failed
    (window,) = parquet.windows()
    baseline = parquet.world.baselines.get(window.baseline_id or "")
    streamed = Summary.empty(baseline.layout)
    columns = {}
    for role, key in ((Role.FEATURE, "instances"), (Role.PREDICTION, "predictions")):
        fields = [field.name for field in baseline.layout.schema.of_role(role)]
        lists = [[row[name] for name in fields] for row in table.to_pylist()]
        rows = lists if len(fields) > 1 else [one[0] for one in lists]
        columns[role] = decode([json.dumps({key: rows}).encode()], baseline.layout.schema, role).columns
        streamed.update(columns[role], role)
    assert baseline.outlier_cutoff is not None
    streamed.n_scored = ROWS
    streamed.n_outliers = int(
        (baseline.outlier_tables.score(columns[Role.FEATURE])[0] > baseline.outlier_cutoff.score).sum()
    )
    read = Summary.from_bytes(window.summary, baseline.layout)
    judged = judge(baseline, streamed, spec=spec, span=window.span, revision=1)
    told = {one["feature"]: (one["verdict"], one["p_value"]) for one in window.judgement["features"]}

    assert {"absent/1"} == failed.keys()
    assert streamed.cells.tolist() == read.cells.tolist()
    assert streamed.counters.tolist() == read.counters.tolist()
    assert (streamed.n_scored, streamed.n_outliers) == (read.n_scored, read.n_outliers)
    np.testing.assert_allclose(streamed.moments, read.moments, rtol=1e-9, equal_nan=True)
    assert window.verdict is judged.verdict is Verdict.DRIFT
    assert {one.feature: (one.verdict.value, one.p_value) for one in judged.features if one.test} == {
        name: told[name] for name in (one.feature for one in judged.features if one.test)
    }


@pytest.mark.long
def test_rows_that_come_late_raise_the_revision(tables: Tables) -> None:
    """Of their windows alone, with a smaller part of the budget; hours and the archive follow. Copies count once."""
    spec = tables.watch()
    table = scored(6).sort_by("at")
    late, now = table.slice(ROWS + 50, 10), NOON + 3 * HOUR
    tables.place.write("delays", pa.concat_tables([table.slice(0, ROWS + 50), table.slice(ROWS + 60)]))
    tables.read(now)
    maker = LongSpanMaker(tables.engine)
    maker.make(spec, NOON, NOON + 2 * HOUR, now=now + 8 * HOUR)
    tables.place.write("delays", pa.concat_tables([late, late.slice(0, 3)]))
    done = tables.read(now)
    maker.make(spec, NOON, NOON + 2 * HOUR, now=now + 8 * HOUR)
    hours = LongSpanStore(tables.engine).spans("delays", 1, Rhythm.HOUR)

    assert {"delays/1": 1} == done.windows
    assert [1, 2, 1, 1, 1, 1] == [window.revision for window in tables.windows()]
    assert [(ROWS, 0), (ROWS, 3), (ROWS, 0)] == [(one.rows, one.duplicates) for one in tables.windows()[:3]]
    assert [(3 * ROWS, 2), (3 * ROWS, 1)] == [(hour.row.rows, hour.row.revision) for hour in hours]
    assert 6 * ROWS == tables.archived().num_rows
    assert {} == tables.read(now).failed
    assert [1, 2, 1, 1, 1, 1] == [window.revision for window in tables.windows()]


@pytest.mark.long
def test_a_back_fill_judges_what_lies_before(parquet: Tables) -> None:
    """In any order of times, each window once; what is not over yet waits, and what came after silence is found."""
    parquet.watch()
    parquet.place.write("delays", scored(3, NOON - 60 * HOUR, seed=5))
    parquet.place.write("delays", scored(4, seed=6))
    early = parquet.read(NOON + 2 * LENGTH)
    parquet.read(NOON + 2 * HOUR)
    before = [window.span.start for window in parquet.windows()]
    filled = parquet.read(NOON + 2 * HOUR, NOON - 60 * HOUR, NOON - 59 * HOUR)
    days_later = NOON + 100 * HOUR
    parquet.place.write("delays", scored(1, NOON + 30 * HOUR, seed=7))
    found = parquet.read(days_later, days_later - 26 * HOUR, days_later)

    assert [{"delays/1": 1}, {"delays/1": 3}, {"delays/1": 1}] == [one.windows for one in (early, filled, found)]
    assert [NOON + at * LENGTH for at in range(4)] == before
    assert 8 == len(parquet.windows())
    assert {1} == {window.revision for window in parquet.windows()}


@pytest.mark.long
def test_one_that_cannot_be_read_holds_up_no_other(parquet: Tables) -> None:
    """An absent table, an absent column, a column of another type: each is told of its own model, and goes on later."""
    parquet.watch("absent")
    parquet.watch("delays")
    parquet.watch("lacking")
    parquet.watch("odd")
    table = scored(2)
    parquet.place.write("delays", table)
    parquet.place.write("lacking", table.drop_columns(["age"]))
    parquet.place.write("odd", table.set_column(table.schema.get_field_index("at"), "at", table["id"]))
    now = NOON + 2 * HOUR
    done = parquet.read(now)
    states = TableReads(parquet.engine).all()
    parquet.place.write("absent", table)
    later = parquet.read(now)

    assert {"absent/1", "lacking/1", "odd/1"} == done.failed.keys()
    assert done.failed["absent/1"].startswith("model.table: expected a table at ")
    assert done.failed["absent/1"].endswith("Nothing of it was judged.")
    assert "model.table: expected the columns age in " in done.failed["lacking/1"]
    assert 2 == len(parquet.windows())
    assert {key: done.failed.get(f"{key[0]}/1", "") for key in states} == {
        key: state.problem for key, state in states.items()
    }
    assert {"lacking/1", "odd/1"} == later.failed.keys()
    assert 2 == len(parquet.windows("absent"))


@pytest.mark.long
def test_rows_without_a_time_are_told(tables: Tables) -> None:
    """They are in no window; a table of none but them, or of no row, is no failure and leaves no window."""
    tables.watch()
    tables.watch("empty")
    table = scored(1)
    nothing = pa.nulls(ROWS, pa.timestamp("us", "UTC"))
    tables.place.write("delays", table)
    tables.place.write("delays", table.set_column(table.schema.get_field_index("at"), "at", nothing))
    tables.place.write("empty", table.slice(0, 0))
    done = tables.read(NOON + 2 * HOUR)
    states = TableReads(tables.engine).all()

    assert {} == done.failed
    assert [ROWS] == [window.rows for window in tables.windows()]
    assert [ROWS, 0] == [states[name, 1].untimed for name in ("delays", "empty")]
    assert [] == tables.windows("empty")


@pytest.mark.long
def test_rows_that_leave_the_table_stay_judged(parquet: Tables) -> None:
    """A table that keeps a day alone takes back nothing: windows and archived rows are as they were."""
    parquet.watch()
    parquet.place.write("delays", scored(3))
    parquet.read(NOON + 2 * HOUR)
    before, rows = parquet.windows(), parquet.archived()
    (file,) = (Path(parquet.place.source("delays").removeprefix("parquet:"))).iterdir()
    file.unlink()
    parquet.place.write("delays", scored(3).sort_by("at").slice(2 * ROWS - 10))
    done = parquet.read(NOON + 2 * HOUR)

    assert ({}, {"delays/1": 0}) == (done.failed, done.windows)
    assert before == parquet.windows()
    assert rows.equals(parquet.archived())


@pytest.mark.long
def test_private_columns_are_hashed_or_dropped(parquet: Tables) -> None:
    """In the archive and among outliers, as those of events are; without a secret nothing is read."""
    private = {"private": {"carrier": "hash", "age": "drop", "person": "hash"}}
    parquet.watch(model={"keys": "person"}, archive=private)
    table = scored(1)
    parquet.place.write("delays", table.append_column("person", pa.array([f"p{row}" for row in range(ROWS)])))
    without = parquet.read(NOON + 2 * HOUR)
    key = "0123456789abcdef"
    settings = parquet.world.settings.model_copy(update={"entity_secret": SecretStr(key)})
    told = replace(parquet, world=replace(parquet.world, settings=settings))
    told.read(NOON + 2 * HOUR)
    rows = told.archived()

    assert "expected PEGEL_ENTITY_SECRET" in without.failed["delays/1"]
    assert {"f_age", "f_carrier", "e_person"}.isdisjoint(rows.schema.names)
    assert {KeyedHash(key).of("person", f"p{row}") for row in range(ROWS)} == set(rows["hashed_e_person"].to_pylist())


@pytest.mark.long
def test_labels_of_a_table_find_its_rows(parquet: Tables) -> None:
    """By id, or by what a row is about and when: performance is known without a topic or an endpoint."""
    labels = {"source": parquet.place.source("outcomes"), "field": "late", "event_id": "id"}
    parquet.watch(labels=labels | {"prediction": "delay"})
    table = scored(3)
    parquet.place.write("delays", table)
    parquet.place.write("outcomes", pa.table({"id": table["id"], "late": table["delay"]}))
    parquet.read(NOON + 2 * HOUR)
    done = LabelsJob(parquet.spark, parquet.world.settings, parquet.engine, NOON + 2 * HOUR).run()
    rows = PerformanceStore(parquet.engine).rows("delays", 1)

    assert ({}, {"delays/1": 1}) == (done.failed, done.hours)
    assert {3 * ROWS} == {row.counts.compared.rows for row in rows}


def test_the_job_says_how_it_ended(parquet: Tables, monkeypatch: pytest.MonkeyPatch) -> None:
    """Without a model in a table Spark is not started; instants without an offset are refused."""
    for name, value in parquet.world.settings.variables().items():
        monkeypatch.setenv(name, value)
    codes = [read_tables.main(["--id", "one"]), read_tables.main(["--since", "2026-03-02T12:00:00", "--id", "two"])]
    parquet.watch()
    codes.append(read_tables.main(["--since", "2026-03-02T12:00:00", "--id", "three"]))
    results = JobResults(parquet.engine)

    assert [0, 0, 2] == codes
    assert "--since: expected an instant with its offset" in results.take("three").sentence  # type: ignore[union-attr]
