"""Tables that no feature store knows are training data: the same checks for Parquet, Delta, Iceberg and a database."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
import table_places
import worlds
from table_places import PLACES, Place

from pegel.data.columns import Field, Kind, Role, Schema
from pegel.errors import InvalidSpec, NotFound, PermanentError
from pegel.featurestore.stored_table import StoredTable
from pegel.spec.monitor_spec import MonitorSpec
from pegel.spec.table_reference import KINDS, TableRef
from pegel.testing.samples import brief_spec, trained_on
from pegel_spark import training_table
from pegel_spark.baseline_job import build, profile
from pegel_spark.table_training_data import TableTrainingData

pytestmark = [pytest.mark.slow, pytest.mark.timeout(300)]
NOW = datetime(2026, 3, 1, tzinfo=UTC)
AS_A_MODEL = "?predictions=delay&without=id"


@pytest.fixture(scope="module", params=sorted(PLACES))
def place(request: pytest.FixtureRequest, spark: Any, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Place]:
    """Somewhere that tables lie, of each kind; each test has its own table there."""
    with PLACES[request.param](tmp_path_factory.mktemp("tables"), spark) as found:
        yield found


def flights(rows: int = worlds.ROWS) -> pa.Table:
    """Return training data with what tables have besides: a key, and a time of each row."""
    table = worlds.training_table(rows)
    times = pa.array([NOW + timedelta(seconds=30 * n) for n in range(rows)], pa.timestamp("us", "UTC"))
    return table.add_column(0, "id", pa.array(np.arange(rows))).append_column("at", times)


def wish(source: str, **baseline: Any) -> MonitorSpec:
    """Return a spec that names a table."""
    return brief_spec(baseline={"source": source, **baseline})


def training_data(spark: Any, place: Place, spec: MonitorSpec) -> TableTrainingData:
    """Return the table that a spec names, as the baseline job opens it."""
    ref = TableRef.parse(spec.baseline.source)
    return TableTrainingData(spark, ref, StoredTable.of(ref, place.settings), spec.baseline.time_column)


def test_each_kind_of_table_is_checked() -> None:
    """No kind of table that a spec may name is without these checks."""
    assert set(KINDS) == set(PLACES)


def test_a_job_reads_one_version(spark: Any, place: Place) -> None:
    """What is written while a job runs is no row of it, where a table has versions; the next job has it."""
    place.write("grows", flights(20))
    spec = wish(place.source("grows") + AS_A_MODEL)
    reading = training_data(spark, place, spec)
    reading.describe("")
    place.write("grows", flights(20))
    seen = [
        training_table.read(spark, each.read_training_data("")).count()
        for each in (reading, training_data(spark, place, spec))
    ]
    has_versions = place.kind in {"delta", "iceberg"}

    # A source of Iceberg that names metadata is that version of the table anyway.
    assert seen == [20 if has_versions else 40, 20 if place.kind == "iceberg" else 40]


def test_a_table_gives_the_baseline_of_its_rows(world: Any, spark: Any, place: Place) -> None:
    """Written in two parts, with a key and times beside the fields, it is the baseline of the same rows anywhere."""
    rows = flights()
    place.write("flights", rows.slice(0, 1_500))
    place.write("flights", rows.slice(1_500))
    spec = wish(place.source("flights") + AS_A_MODEL)
    there = training_data(spark, place, spec)

    made = profile(spark, spec, there, world.baselines, now=NOW, remarks=there.remarks)

    assert trained_on(worlds.training_table(), there.describe(""), spec).id == made.baseline_id
    assert ["not watched, as neither numbers nor texts: at"] == made.remarks
    assert ["distance", "carrier", "age", "delay"] == [each.name for each in there.describe("").fields]
    assert {"distance", "carrier", "age", "at", "id"} >= {each["name"] for each in made.request_row}


def test_nested_columns_are_left_out_and_named(spark: Any, place: Place) -> None:
    """Structures, lists and maps beside the fields keep no table from being training data."""
    if place.kind not in {"parquet", "delta"}:
        return  # a table of Derby has none, and one of Iceberg is read by the numbers of its columns
    legs = pa.array([{"from": "AS", "stops": [1, 2]}] * 20)
    place.write("nested", flights(20).append_column("legs", legs))
    spec = wish(place.source("nested") + AS_A_MODEL)
    there = training_data(spark, place, spec)
    found = build(spark, spec, there, now=NOW)

    assert (20, ["distance", "carrier", "age", "delay"]) == (found.rows, [e.name for e in there.describe("").fields])
    assert ["not watched, as neither numbers nor texts: at, legs"] == there.remarks(found)


def test_a_column_without_a_name_is_left_out_and_counted(spark: Any, place: Place) -> None:
    """Whoever writes a frame with its index may have one; the others are training data all the same."""
    if place.kind != "parquet":
        return  # tables of the other kinds have none
    place.write("indexed", flights(20).append_column("", pa.array(range(20))))
    spec = wish(place.source("indexed") + AS_A_MODEL)
    there = training_data(spark, place, spec)
    found = build(spark, spec, there, now=NOW)

    assert (20, ["distance", "carrier", "age", "delay"]) == (found.rows, [e.name for e in there.describe("").fields])
    assert "not watched, without a name: 1 column" in there.remarks(found)


def test_a_table_without_rows_makes_no_baseline(spark: Any, place: Place) -> None:
    """What was learnt of nothing would judge nothing, and look calm: the table is refused, and named."""
    if place.kind not in {"parquet", "delta"}:
        return  # rows are counted alike, whatever keeps them
    untimed = flights(20).set_column(5, "at", pa.nulls(20, pa.timestamp("us", "UTC")))
    for name, rows, column, given in (
        ("hollow", flights(20).slice(0, 0), None, "none"),
        ("untimed", untimed, "at", "20 without a time in at"),
    ):
        place.write(name, rows)
        spec = wish(place.source(name) + AS_A_MODEL, time_column=column)

        with pytest.raises(PermanentError, match=rf"expected rows of training data in .*, given {given}\. No baseline"):
            build(spark, spec, training_data(spark, place, spec), now=NOW)


def test_a_column_of_times_is_one_of_a_table(spark: Any, place: Place) -> None:
    """Rows are put in order by it, and it is neither a field nor told as left out."""
    place.write("timed", flights(2_000).take(np.random.default_rng(3).permutation(2_000)))
    spec = wish(place.source("timed") + AS_A_MODEL, time_column="at")
    there = training_data(spark, place, spec)

    found = build(spark, spec, there, now=NOW)

    assert "names no `baseline.time_column`" not in found.noise.why
    assert [] == there.remarks(found)


def test_an_absent_table_is_told(spark: Any, place: Place) -> None:
    """One sentence names it, and says that no baseline was built."""
    with pytest.raises(NotFound) as raised:
        training_data(spark, place, wish(place.absent)).describe("")

    assert place.absent.partition(":")[2].strip("/").partition("?")[0] in str(raised.value)
    assert str(raised.value).startswith("baseline.source: ")
    assert str(raised.value).endswith("No baseline was built.")
    assert table_places.PASSWORD not in str(raised.value)


def test_an_absent_column_is_told(spark: Any, place: Place) -> None:
    """A prediction that is no column is told with the nearest one; so is an absent column of times."""
    place.write("few", flights(50))
    with pytest.raises(InvalidSpec, match=r"has no column 'delai'; did you mean `delay`\?"):
        training_data(spark, place, wish(place.source("few") + "?predictions=delai")).describe("")
    spec = wish(place.source("few"), time_column="when")
    with pytest.raises(InvalidSpec, match="given when, which is not there"):
        build(spark, spec, training_data(spark, place, spec), now=NOW)


def test_codes_are_categories_where_the_source_says_so(spark: Any, place: Place) -> None:
    """Numbers that are codes are watched as categories, truth values always are."""
    place.write("codes", pa.table({"code": [1, 2, 3], "big": [0.5, 1.5, None], "is_new": [True, False, True]}))
    described = training_data(spark, place, wish(place.source("codes") + "?categories=code")).describe("")

    assert (
        Schema(
            (
                Field("code", Kind.CATEGORICAL),
                Field("big", Kind.NUMERIC, Role.FEATURE),
                Field("is_new", Kind.CATEGORICAL),
            )
        )
        == described
    )
