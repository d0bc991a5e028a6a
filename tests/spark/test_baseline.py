"""The baseline job: the same rows give the same address, and what cannot become a baseline is refused in a sentence."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import worlds

import pegel
from pegel.data.columns import Field, Kind, Role, Schema
from pegel.errors import InvalidSpec, NotFound, SetupError
from pegel.stats.layout import CategoricalLayout
from pegel.store.database import connect
from pegel.store.job_results import JobEnd, JobResult, JobResults
from pegel.testing.samples import brief_spec, trained_on
from pegel_spark import training_columns
from pegel_spark.baseline_job import build, profile, request_row
from pegel_spark.jobs import baseline as launcher
from pegel_spark.launched_job import REFUSED
from pegel_spark.stored_training_data import StoredTrainingData

pytestmark = [pytest.mark.slow, pytest.mark.timeout(300)]
NOW = datetime(2026, 3, 1, tzinfo=UTC)


def test_order_and_partitioning_change_nothing(world: Any, spark: Any, tmp_path: Path) -> None:
    """One file, the same rows shuffled into many, and plain numpy without Spark: one address."""
    spec, table = brief_spec(), worlds.training_table()
    folder = tmp_path / "shuffled"
    folder.mkdir()
    order = np.random.default_rng(1).permutation(table.num_rows)
    for number, rows in enumerate(np.array_split(order, 5)):
        pq.write_table(table.take(rows), folder / f"part-{number}.parquet")
    world.store.register_training_data("shuffled", 1, folder, worlds.SCHEMA)
    other = brief_spec(baseline={"source": "local://shuffled"})
    first, second = build(spark, spec, world.store, now=NOW), build(spark, other, world.store, now=NOW)

    assert first.id == second.id == trained_on(table, worlds.SCHEMA, spec).id
    assert first.outlier_cutoff is not None
    assert table.num_rows == first.rows


def test_segments_are_counted_as_in_a_notebook(world: Any, spark: Any) -> None:
    """The job's counts by segment, and with them its address, are those of the same rows without Spark."""
    segments = ["carrier", {"column": worlds.SCHEMA.of_role(Role.FEATURE)[0].name, "cuts": [0]}]
    spec, table = brief_spec(watch={"segments": segments}), worlds.training_table()
    built, plain = build(spark, spec, world.store, now=NOW), trained_on(table, worlds.SCHEMA, spec)

    assert built.segments.to_json() == plain.segments.to_json()
    assert built.id == plain.id
    assert built.judged_segments


def test_how_rows_are_sent_is_learnt_as_without_spark(world: Any, spark: Any) -> None:
    """Steps, combinations and crowds of the job's rows are those of the same rows without Spark: one address."""
    spec = brief_spec(adversarial={"probing": True, "combinations": True, "off_grid": True})
    built = build(spark, spec, world.store, now=NOW)

    assert built.rows_sent is not None
    assert built.rows_sent.crowds is not None
    assert built.id == trained_on(worlds.training_table(), worlds.SCHEMA, spec).id
    assert build(spark, brief_spec(), world.store, now=NOW).rows_sent is None


def test_a_large_table_is_fetched_by_column(world: Any, spark: Any) -> None:
    """Columns fetched one after the other are the columns fetched at once."""
    frame = spark.read.parquet(str(world.store.read_training_data("local://delays")))
    at_once = dict(training_columns.TrainingColumns(frame, worlds.SCHEMA))
    by_column = training_columns.TrainingColumns(frame, worlds.SCHEMA, at_once=10)

    assert list(at_once) == list(by_column)
    assert all(np.array_equal(at_once[name], by_column[name], equal_nan=name != "carrier") for name in by_column)


def odd_table(rows: int = 3_000) -> pa.Table:
    """Return columns of every shape, nulls, infinities, both zeros, categories of each kind; a third stands twice."""
    rng = np.random.default_rng(11)
    names = np.array([f"c{at}" for at in range(rows)])
    table = pa.table(
        {
            "normal": pa.array(rng.normal(size=rows), mask=rng.random(rows) < 0.02),
            "cauchy": rng.standard_cauchy(rows) ** 3,
            "zeros": np.where(rng.random(rows) < 0.7, -0.0, rng.exponential(size=rows)),
            "counts": rng.poisson(300, rows).astype(np.float64),
            "few": rng.integers(0, 5, rows).astype(np.float64),
            "far": 1e15 + rng.random(rows),
            "infinite": np.where(rng.random(rows) < 0.01, np.inf, rng.normal(size=rows) * 1e-310),
            "none": pa.nulls(rows, pa.float64()),
            "carrier": pa.array(rng.choice(["AA", "DL", "é", ""], rows), mask=rng.random(rows) < 0.1),
            "id": names,
            "delay": rng.normal(5.0, 10.0, rows),
        }
    )
    return pa.concat_tables([table, table.slice(0, rows // 3)])


ODD = Schema(
    (
        *(
            Field(name, Kind.NUMERIC)
            for name in ("normal", "cauchy", "zeros", "counts", "few", "far", "infinite", "none")
        ),
        *(Field(name, Kind.CATEGORICAL) for name in ("carrier", "id")),
        Field("delay", Kind.NUMERIC, Role.PREDICTION),
    )
)


@pytest.mark.long
def test_a_table_too_large_for_memory_has_the_same_baseline(world: Any, spark: Any, tmp_path: Path) -> None:
    """What is found in passes over any files, in any order, is what sorting whole columns gives: one address."""
    table, spec = odd_table(), brief_spec()
    order = np.random.default_rng(1).permutation(table.num_rows)
    for name, parts in (("odd", [table]), ("shuffled", [table.take(some) for some in np.array_split(order, 3)])):
        (tmp_path / name).mkdir()
        for number, rows in enumerate(parts):
            pq.write_table(rows, tmp_path / name / f"part-{number}.parquet", row_group_size=700)
        world.store.register_training_data(name, 1, tmp_path / name, ODD)
    wishes = [brief_spec(baseline={"source": f"local://{name}"}) for name in ("odd", "shuffled")]
    whole = build(spark, wishes[0], world.store, now=NOW)
    passes = [build(spark, wish, world.store, now=NOW, at_once=1) for wish in wishes]

    assert [whole.id] * 2 == [each.id for each in passes]
    assert trained_on(table, ODD, spec).layout.layout_hash == passes[0].layout.layout_hash
    assert whole.noise.repeats == passes[1].noise.repeats > 1


def test_the_job_keeps_a_baseline_and_makes_none_current(world: Any, spark: Any) -> None:
    """The same data again is the same baseline, kept once; which one is current is for others to say."""
    first = profile(spark, brief_spec(), world.store, world.baselines, now=NOW)
    second = profile(spark, brief_spec(), world.store, world.baselines, now=NOW)

    assert first.baseline_id == second.baseline_id == world.baselines.get(first.baseline_id).id
    assert (worlds.ROWS, 4) == (first.rows, first.features)
    assert None is world.baselines.current("delays", 1)


def test_a_request_row_is_one_of_the_training_data(world: Any, spark: Any) -> None:
    """The row for a probe holds every feature in order, with values that stand together in the training data."""
    row = request_row(spark, brief_spec(), world.store)
    table = worlds.training_table().to_pylist()
    values = {field["name"]: field["value"] for field in row}

    assert [(field.name, field.kind.value) for field in worlds.SCHEMA.of_role(Role.FEATURE)] == [
        (field["name"], field["kind"]) for field in row
    ]
    assert [values] == [found for found in [{name: line[name] for name in values} for line in table] if found == values]


def test_a_request_row_has_the_times_beside_the_features(world: Any, spark: Any, tmp_path: Path) -> None:
    """A column of times is no feature and yet of the request, in UTC wherever the machine stands; a label is not."""
    instant = datetime(2026, 11, 28, 9, 30, tzinfo=UTC)
    columns = {"booked": pa.array([instant] * worlds.ROWS, pa.timestamp("us", "UTC")), "late": [True] * worlds.ROWS}
    table = worlds.training_table()
    for name, values in columns.items():
        table = table.append_column(name, pa.array(values) if isinstance(values, list) else values)
    pq.write_table(table, tmp_path / "timed.parquet")
    world.store.register_training_data("timed", 1, tmp_path / "timed.parquet", worlds.SCHEMA)
    row = request_row(spark, brief_spec(baseline={"source": "local://timed"}), world.store)
    features = [field.name for field in worlds.SCHEMA.of_role(Role.FEATURE)]

    assert [*features, "booked"] == [field["name"] for field in row]
    assert ("time", "2026-11-28T09:30:00+00:00") == (row[-1]["kind"], row[-1]["value"])


@pytest.mark.parametrize(
    "case",
    [
        (Field("altitude", Kind.NUMERIC), ["lacks altitude", "distance", "no baseline was built"]),
        (Field("carrier", Kind.NUMERIC), ["carrier, which should be numeric, as string", "no baseline was built"]),
    ],
    ids=["absent", "text"],
)
def test_a_schema_that_does_not_fit_is_refused(
    world: Any, spark: Any, tmp_path: Path, case: tuple[Field, list[str]]
) -> None:
    """Absent and non-numeric columns are named, with what is there."""
    field, words = case
    world.store.register_training_data("odd", 1, tmp_path / "train.parquet", Schema((field,)))
    with pytest.raises(InvalidSpec) as caught:
        build(spark, brief_spec(baseline={"source": "local://odd"}), world.store, now=NOW)

    assert [] == [word for word in words if word not in str(caught.value)]


def test_integers_booleans_and_decimals_are_numbers(world: Any, spark: Any, tmp_path: Path) -> None:
    """Every numeric type of Parquet can be profiled, and numbers as categories become their text."""
    source = tmp_path / "types.parquet"
    values = pa.array(range(100), pa.int64())
    columns = {
        "i": values,
        "b": pa.array([n % 2 == 0 for n in range(100)]),
        "d": values.cast(pa.decimal128(30, 2)),
        "c": pa.array([n % 3 for n in range(100)]),
        "f": pa.array([n % 3 for n in range(100)], pa.float32()),
    }
    pq.write_table(pa.table(columns), source)
    fields = [Field(name, Kind.NUMERIC) for name in "ibd"] + [Field(name, Kind.CATEGORICAL) for name in "cf"]
    world.store.register_training_data("types", 1, source, Schema(tuple(fields)))
    baseline = build(spark, brief_spec(baseline={"source": "local://types"}), world.store, now=NOW)
    found = baseline.summary.features
    layouts = [found[name].layout for name in "cf"]

    assert (99.0, 1.0, 99.0) == tuple(found[name].max for name in "ibd")
    assert [{"0", "1", "2"}] * 2 == [set(one.categories) for one in layouts if isinstance(one, CategoricalLayout)]


@pytest.mark.long
@pytest.mark.filterwarnings("ignore::UserWarning")
def test_a_registered_table_is_read_as_it_was_given(world: Any, spark: Any) -> None:
    """Columns of types and names that Spark does not know are, once registered, what they were in the table."""
    rng, rows = np.random.default_rng(1), 300
    table = pa.table(
        {
            "a b": pa.array(rng.integers(0, 9, rows), pa.uint8()),
            "big number": pa.array(rng.integers(2**63, 2**64 - 1, rows, np.uint64)),
            "price": pa.array([None if n % 7 == 0 else n % 50 for n in range(rows)], pa.decimal256(60, 2)),
            "new": pa.array(rng.random(rows) < 0.1),
            "country": pa.array(rng.choice(["DE", "FR"], rows)).dictionary_encode(),
            "opened": pa.array(np.datetime64("2026-01-01", "ns") + np.arange(rows)),
            "urgent": pa.array(rng.random(rows) < 0.3),
        }
    )
    done = pegel.register(table, name="odd", prediction="urgent", time="opened", home=world.settings.home)
    spec = brief_spec(baseline={"source": done.source, "time_column": "opened"})
    built, known = build(spark, spec, world.store, now=NOW), pegel.profile(table, predictions="urgent")
    request = {field["name"]: field["value"] for field in request_row(spark, spec, world.store)}

    assert known.layout.to_json() == built.layout.to_json()
    assert rows == built.rows
    plain = {name: request[name] for name in ("a b", "new", "country")}
    assert plain in table.select([*plain]).to_pylist()


@pytest.mark.long
def test_spark_submit_runs_the_job(world: Any) -> None:
    """Started as Airflow starts it, the job ends with 0, one line of JSON, and the same in the results database."""
    wish = json.dumps(brief_spec().to_json())
    done = subprocess.run(
        [
            Path(sys.executable).with_name("spark-submit"),
            *("--master", "local[2]", launcher.__file__),
            *("--spec", wish, "--id", "a-run"),
        ],
        env={**os.environ, "PEGEL_HOME": str(world.settings.home), "PYSPARK_PYTHON": sys.executable},
        capture_output=True,
        text=True,
        timeout=240,
        check=False,
    )

    assert 0 == done.returncode, done.stderr[-2000:]
    told = json.loads(done.stdout.splitlines()[-1])
    result = JobResults(connect(world.settings.database)).take("a-run")
    assert result == JobResult(state=JobEnd.DONE, result=told)
    assert (world.baselines.get(told["baseline_id"]).rows, 4) == (told["rows"], told["features"])


def test_unknown_training_data_is_refused_before_spark_starts(
    world: Any, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """A wrong reference costs a second, not a session: exit code 2 and one sentence, which the database keeps."""
    monkeypatch.setenv("PEGEL_HOME", str(world.settings.home))
    wish = json.dumps(brief_spec(baseline={"source": "local://nothing"}).to_json())
    code = launcher.main(["--spec", wish, "--id", "a-run"])
    result = JobResults(connect(world.settings.database)).take("a-run")

    assert REFUSED == code
    assert result is not None
    assert JobEnd.REFUSED is result.state
    assert "knows no training data" in result.sentence
    assert f"{result.sentence}\n" == capsys.readouterr().err


@pytest.mark.long
def test_a_store_at_an_address_is_the_one_of_a_folder(world: Any, spark: Any) -> None:
    """Read as Spark reads data from elsewhere, the same registration gives the same baseline."""
    stored = StoredTrainingData(spark, f"file://{world.settings.features}")
    source = brief_spec().baseline.source

    assert world.store.describe(source) == stored.describe(source)
    assert build(spark, brief_spec(), world.store, now=NOW).id == build(spark, brief_spec(), stored, now=NOW).id


@pytest.mark.parametrize(
    ("root", "error", "words"),
    [
        ("file://{home}/features", NotFound, "{home}/features knows no training data"),
        ("s3a://bucket", SetupError, "s3a://bucket/.*ClassNotFoundException.*store_jars s3a` adds it"),
    ],
)
def test_what_is_not_at_an_address_is_told(world: Any, spark: Any, root: str, error: type, words: str) -> None:
    """Unknown training data is refused with the address; so is a scheme without a library, with what adds it."""
    home = world.settings.home
    with pytest.raises(error, match=words.format(home=home)):
        StoredTrainingData(spark, root.format(home=home)).describe("local://nothing")


def ended(world: Any, spec: Any) -> tuple[int, JobResult | None]:
    """Run the job in this process; return its exit code, and what the database keeps of it."""
    code = launcher.main(["--spec", json.dumps(spec.to_json()), "--id", "a-run"])
    return code, JobResults(connect(world.settings.database)).take("a-run")


def test_a_folder_of_this_machine_is_refused_where_executors_are_elsewhere(
    world: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """With the master of a cluster the job ends before Spark starts; why stands in the database."""
    monkeypatch.setenv("PEGEL_HOME", str(world.settings.home))
    monkeypatch.setenv("PEGEL_SPARK_MASTER", "k8s://https://cluster:6443")
    code, result = ended(world, brief_spec())

    assert (REFUSED, JobEnd.REFUSED) == (code, result and result.state)
    assert result is not None
    assert "an address that every executor reads (s3a://" in result.sentence


@pytest.mark.parametrize(
    ("source", "words"),
    [
        ("jdbc://shop/rows", "PEGEL_DATABASES_FILE: expected a file that names the database shop"),
        ("parquet:/data/rows", "expected baseline.source to be an address that every executor reads (s3a://"),
    ],
)
def test_a_table_that_no_job_can_read_is_refused_before_spark_starts(
    world: Any, monkeypatch: pytest.MonkeyPatch, source: str, words: str
) -> None:
    """A database that no file names, and a folder where executors are on other machines: one sentence."""
    monkeypatch.setenv("PEGEL_HOME", str(world.settings.home))
    monkeypatch.setenv("PEGEL_SPARK_MASTER", "k8s://https://cluster:6443")
    code, result = ended(world, brief_spec(baseline={"source": source}))

    assert (REFUSED, JobEnd.REFUSED) == (code, result and result.state)
    assert result is not None
    assert words in result.sentence


@pytest.mark.long
def test_a_job_makes_the_baseline_of_a_table(world: Any, tmp_path: Path) -> None:
    """Submitted with a table as its source, the job keeps its baseline and tells what is not watched."""
    table = worlds.training_table()
    pq.write_table(table.append_column("tags", pa.array([["a"]] * table.num_rows)), tmp_path / "rows.parquet")
    spec = brief_spec(baseline={"source": f"parquet:{tmp_path / 'rows.parquet'}?predictions=delay"})
    done = subprocess.run(
        [sys.executable, launcher.__file__, "--spec", json.dumps(spec.to_json())],
        env={**os.environ, "PEGEL_HOME": str(world.settings.home)},
        capture_output=True,
        text=True,
        timeout=240,
        check=False,
    )
    assert 0 == done.returncode, done.stderr[-2_000:]
    told = json.loads(done.stdout.splitlines()[-1])

    assert ["not watched, as neither numbers nor texts: tags"] == told["remarks"]
    assert table.num_rows == told["rows"] == world.baselines.get(told["baseline_id"]).rows


@pytest.mark.long
def test_executors_elsewhere_make_the_same_baseline(world: Any) -> None:
    """In JVMs of their own they count what threads of one process count: the document has the same id."""
    told = []
    for master in ("local[2]", "local-cluster[2,1,1024]"):
        done = subprocess.run(
            [sys.executable, launcher.__file__, "--spec", json.dumps(brief_spec().to_json())],
            env={**os.environ, "PEGEL_HOME": str(world.settings.home), "PEGEL_SPARK_MASTER": master},
            capture_output=True,
            text=True,
            timeout=400,
            check=False,
        )
        assert 0 == done.returncode, done.stderr[-2_000:]
        told.append(json.loads(done.stdout.splitlines()[-1])["baseline_id"])

    assert told[0] == told[1]


@pytest.mark.long
def test_why_data_were_refused_stands_in_the_database(world: Any) -> None:
    """Data that Spark cannot read ends the job as refused, and whoever submitted it can say why."""
    data = Path(world.store.read_training_data(brief_spec().baseline.source))
    data.write_bytes(b"no Parquet at all, but long enough to look at")
    wish = json.dumps(brief_spec().to_json())
    done = subprocess.run(
        [sys.executable, launcher.__file__, "--spec", wish, "--id", "a-run"],
        env={**os.environ, "PEGEL_HOME": str(world.settings.home)},
        capture_output=True,
        text=True,
        timeout=240,
        check=False,
    )
    result = JobResults(connect(world.settings.database)).take("a-run")

    assert (REFUSED, JobEnd.REFUSED) == (done.returncode, result and result.state)
    assert result is not None
    assert f"Spark could not read {data}" in result.sentence


def timed(tmp_path: Path, rows: int) -> Path:
    """Write training data with times: a row each half minute; the age follows the hour of the day."""
    table = worlds.training_table(rows)
    minutes = np.arange(rows) / 2
    ages = table.column("age").to_numpy(zero_copy_only=False) + 6 * np.sin(minutes / 1440 * 2 * np.pi)
    instants = np.datetime64("2026-01-05T00:00:00", "us") + (minutes * 60e6).astype("timedelta64[us]")
    times = pa.array(instants, mask=np.arange(rows) == 17)
    at = table.column_names.index("age")
    path = tmp_path / "timed.parquet"
    timed_table = table.set_column(at, "age", pa.array(ages, from_pandas=True)).append_column("at", times)
    pq.write_table(timed_table.take(np.random.default_rng(3).permutation(rows)), path)
    return path


def test_rows_with_times_are_replayed(world: Any, spark: Any, tmp_path: Path) -> None:
    """A column of times, in any order of rows, tells hours apart where they differ; rows without a time are counted."""
    world.store.register_training_data("timed", 1, timed(tmp_path, 60_000), worlds.SCHEMA)
    source = {"source": "local://timed", "time_column": "at"}
    spec = brief_spec(baseline=source, windowing={"length": 900}, watch={"rows_per_day": 2_880})
    found = build(spark, spec, world.store, now=NOW)
    seasons = found.noise.seasons

    assert seasons is not None
    assert seasons.count == len(found.summary.season_cells)
    assert 59_999 == found.rows == sum(int(cells[: found.layout.features[0].size].sum()) for cells in parts_of(found))
    assert "1 rows without a time were left out" in found.noise.why
    assert {30} == {one.n_ref for one in found.noise.dispersion.values()}


def parts_of(baseline: Any) -> list[Any]:
    """Return the counts of each season."""
    return list(baseline.summary.season_cells.values())


def test_without_times_nothing_is_replayed(world: Any, spark: Any) -> None:
    """A column of times that is absent, or holds something else, is refused in a sentence; none is said to be none."""
    absent = brief_spec(baseline={"source": "local://delays", "time_column": "at"})
    other = brief_spec(baseline={"source": "local://delays", "time_column": "distance"})

    assert "names no `baseline.time_column`" in build(spark, brief_spec(), world.store, now=NOW).noise.why
    with pytest.raises(InvalidSpec, match="given at, which is not there; no baseline was built"):
        build(spark, absent, world.store, now=NOW)
    with pytest.raises(InvalidSpec, match="given distance, which holds double"):
        build(spark, other, world.store, now=NOW)


def test_further_statistics_are_kept(world: Any, spark: Any) -> None:
    """Statistics that a spec names are kept of each numeric field; unknown ones are refused with those that exist."""
    spec = brief_spec(watch={"statistics": ["distinct"], "detectors": ["median"]})
    found = build(spark, spec, world.store, now=NOW)
    kept = found.features["distance"].kept["distinct"].get()

    assert ("distinct",) == found.layout.kept
    assert kept["estimate"] == pytest.approx(worlds.ROWS, rel=0.05)
    with pytest.raises(NotFound, match=r"expected a detector of median, tails; given 'nose'"):
        build(spark, brief_spec(watch={"detectors": ["nose"]}), world.store, now=NOW)


def watched_anew(world: Any, spark: Any, tmp_path: Path, table: pa.Table, schema: Schema, **baseline: Any) -> Any:
    """Make the first baseline current, then profile another table; returns both."""
    first = profile(spark, brief_spec(), world.store, world.baselines, now=NOW).baseline_id
    world.baselines.promote("delays", 1, first, None, by="test", now=NOW)
    pq.write_table(table, tmp_path / "other.parquet")
    world.store.register_training_data("other", 1, tmp_path / "other.parquet", schema)
    spec = brief_spec(baseline={"source": "local://other", **baseline})
    return world.baselines.get(first), profile(spark, spec, world.store, world.baselines, now=NOW)


def test_new_rows_are_counted_in_the_current_cells_too(world: Any, spark: Any, tmp_path: Path) -> None:
    """Beside the new baseline its recount is kept: all of its rows in the cells of the current one, and their time."""
    begin = datetime(2026, 1, 1, tzinfo=UTC)
    times = pa.array([begin + timedelta(minutes=n) for n in range(5_000)], pa.timestamp("us", "UTC"))
    table = worlds.training_table(5_000, seed=8).append_column("booked", times)
    current, made = watched_anew(world, spark, tmp_path, table, worlds.SCHEMA, time_column="booked")
    recount = world.baselines.get(made.recount.baseline_id)

    assert (recount.layout.layout_hash, recount.rows) == (current.layout.layout_hash, 5_000)
    assert (
        recount.features["carrier"].cells.sum() == world.baselines.get(made.baseline_id).features["carrier"].cells.sum()
    )
    assert (made.recount.since, made.recount.until) == ("2026-01-01T00:00:00+00:00", "2026-01-04T11:19:00+00:00")
    assert made.recount.why_not == ""


def test_the_last_day_belongs_to_the_new_rows(world: Any, spark: Any, tmp_path: Path) -> None:
    """Where times are dates, the new rows' time ends with the last day, not with its first instant."""
    days = pa.array([datetime(2026, 1, 1 + n // 1_000, tzinfo=UTC).date() for n in range(5_000)], pa.date32())
    table = worlds.training_table(5_000, seed=8).append_column("booked", days)
    _, made = watched_anew(world, spark, tmp_path, table, worlds.SCHEMA, time_column="booked")

    assert ("2026-01-01T00:00:00+00:00", "2026-01-05T23:59:59.999999+00:00") == (made.recount.since, made.recount.until)


def test_a_lost_field_is_told_instead_of_a_recount(world: Any, spark: Any, tmp_path: Path) -> None:
    """New rows that lack a field of the current baseline give a new baseline, and a sentence for want of a recount."""
    fewer = Schema(tuple(field for field in worlds.SCHEMA.fields if field.name != "age"))
    _, made = watched_anew(world, spark, tmp_path, worlds.training_table(seed=8).drop_columns(["age"]), fewer)

    assert world.baselines.get(made.baseline_id).rows == worlds.ROWS
    assert (made.recount.baseline_id, "lacks age" in made.recount.why_not) == (None, True)


def test_the_same_rows_need_no_recount(world: Any, spark: Any, tmp_path: Path) -> None:
    """Where the new baseline is the current one, there is nothing to compare."""
    _, made = watched_anew(world, spark, tmp_path, worlds.training_table(), worlds.SCHEMA)

    assert made.recount is None


def test_labels_of_training_rows_are_counted_as_in_a_notebook(world: Any, spark: Any, tmp_path: Path) -> None:
    """A labelled table gives the same counts and calibration by the job as in memory, in any order of its rows."""
    rng = np.random.default_rng(5)
    score = rng.random(2_000)
    table = pa.table({"x": rng.normal(size=2_000), "p": score, "yhat": score > 0.5, "y": rng.random(2_000) < score})
    fields = [Field("x", Kind.NUMERIC), Field("yhat", Kind.CATEGORICAL, Role.PREDICTION)]
    wish = brief_spec(baseline={"source": "local://labelled", "label": "y", "score": "p"})
    made = []
    for version, order in enumerate((np.arange(2_000), rng.permutation(2_000)), 1):
        pq.write_table(table.take(pa.array(order)), tmp_path / f"{version}.parquet")
        world.store.register_training_data("labelled", version, tmp_path / f"{version}.parquet", Schema(tuple(fields)))
        made.append(build(spark, wish, world.store, now=NOW).performance)
    known = pegel.profile(table, predictions=["yhat"], label="y", answer="yhat", score="p").performance
    assert known is not None
    assert made[0] is not None

    assert made[0] == made[1]
    assert (known.counts, known.calibration) == (made[0].counts, made[0].calibration)
