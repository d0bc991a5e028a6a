"""Labels from tables: what is new in them is kept, what they say again is not, and a correction is one."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from pyspark.sql import DataFrame, SparkSession

from pegel.archive.archive_address import ArchiveAddress
from pegel.archive.erasing_files import ErasingFiles
from pegel.archive.subject import Subject
from pegel.data.keyed_hash import KeyedHash
from pegel.errors import InvalidSpec, NotFound
from pegel.spec.monitor_spec import MonitorSpec
from pegel.spec.settings import Settings
from pegel_spark.label_tables import LabelTable

pytestmark = [pytest.mark.slow, pytest.mark.timeout(240)]
NOON = datetime(2026, 11, 29, 12, tzinfo=UTC)
TABLE = pa.table(
    {
        "event": ["a", "a", "b", None],
        "n": [0, 1, 0, 0],
        "late": [True, None, False, True],
        "seen": [NOON - timedelta(hours=at) for at in (3, 3, 2, 1)],
        "flight": ["AS 1", "AS 1", "WN 2", "WN 2"],
        "gate": [14, 14, 3, 3],
    }
)


def table_of(spark: SparkSession, folder: Path, **labels: Any) -> LabelTable:
    """Return the table of labels in a folder, of a spec with these labels."""
    spec = MonitorSpec.parse(
        {
            "model": {"name": "delays", "uri": "m"},
            "baseline": {"source": "local://delays"},
            "labels": {"source": f"parquet:{folder}/outcomes.parquet", "field": "late", **labels},
        }
    )
    return LabelTable(spark, Settings(archive=str(folder / "archive")), spec)


def kept(spark: SparkSession, folder: Path) -> DataFrame:
    """Return what is kept of the model's labels."""
    return spark.read.parquet(f"{folder}/archive/labels/namespace=default/model=delays/version=1")


def write(folder: Path, table: pa.Table) -> None:
    """Let the table say something."""
    pq.write_table(table, folder / "outcomes.parquet")


def test_what_is_said_again_is_not_new(spark: SparkSession, tmp_path: Path) -> None:
    """A second reading keeps the correction alone, also one that goes back to what the table said first."""
    labels = table_of(spark, tmp_path, event_id="event", row="n")
    counts = []
    for hour, late in enumerate(([True, None, False, True], [True, None, True, True], [True, None, False, True])):
        write(tmp_path, TABLE.set_column(2, "late", pa.array(late)))
        before = kept(spark, tmp_path) if hour else None
        readings = [labels.take(before, NOON + timedelta(hours=hour)), labels.take(kept(spark, tmp_path), NOON)]
        counts += [reading.labels for reading in readings]
    rows = kept(spark, tmp_path).orderBy("offset", "key").select("key", "place", "category", "number").collect()

    assert [2, 0, 1, 0, 1, 0] == counts
    assert [("a", 0, "true", 1.0), ("b", 0, "false", 0.0), ("b", 0, "true", 1.0), ("b", 0, "false", 0.0)] == [
        tuple(row) for row in rows
    ]


@pytest.mark.parametrize("numbers", [[0.0, float("nan"), 1.5, -1.0], ["0", "one", "1.5", None]])
def test_what_is_no_number_of_a_row_is_no_label(spark: SparkSession, tmp_path: Path, numbers: list[Any]) -> None:
    """It keeps no others from being kept, is no label of another row, and is counted, as is one without an id."""
    write(tmp_path, TABLE.set_column(1, "n", pa.array(numbers)).set_column(2, "late", pa.array([True] * 4)))
    reading = table_of(spark, tmp_path, event_id="event", row="n").take(None, NOON)

    assert {"no_place": 2, "no_key": 1} == reading.refused
    assert [("a", 0)] == [(row.key, row.place) for row in kept(spark, tmp_path).collect()]


def test_a_time_since_when_a_label_is_known(spark: SparkSession, tmp_path: Path) -> None:
    """With `known_at` the table says it, and what it says of an earlier time is kept, too, once."""
    write(tmp_path, TABLE)
    labels = table_of(spark, tmp_path, event_id="event", known_at="seen")
    first = labels.take(None, NOON).labels
    again = labels.take(kept(spark, tmp_path), NOON + timedelta(hours=1)).labels
    row = kept(spark, tmp_path).where("key = 'b'").collect()[0]

    assert (2, 0) == (first, again)
    assert NOON - timedelta(hours=2) == datetime.fromtimestamp(row.at_us / 1e6, UTC)


def test_an_entity_has_the_key_of_its_parts(spark: SparkSession, tmp_path: Path) -> None:
    """The parts of a key are texts in the order of the spec, as look-ups write them."""
    write(tmp_path, TABLE)
    labels = table_of(spark, tmp_path, match="entity", keys=["gate", "flight"], time="seen")
    reading = labels.take(None, NOON)

    assert {} == reading.refused
    assert {'["14","AS 1"]', '["3","WN 2"]'} == {row.key for row in kept(spark, tmp_path).collect()}


def test_labels_are_read_on_after_one_was_erased(spark: SparkSession, tmp_path: Path) -> None:
    """Spark wrote checksums of the file beside it, and the file has another content now."""
    write(tmp_path, TABLE.slice(0, 3).set_column(2, "late", pa.array([True, True, False])))
    table_of(spark, tmp_path, event_id="event", row="n").take(None, NOON)
    address = ArchiveAddress.of(str(tmp_path / "archive"))
    erasing = ErasingFiles(address, "delays", 1, Subject.of(["a"], KeyedHash("")))
    erasing.erase(erasing.find(), number=1)

    assert ["b"] == [row.key for row in kept(spark, tmp_path).collect()]


def test_a_wrong_table_is_told_of_labels(spark: SparkSession, tmp_path: Path) -> None:
    """What is missing is said of `labels`, not of a baseline, and nothing is kept."""
    with pytest.raises(NotFound, match=r"^labels\.source: .*No label was taken\.$"):
        table_of(spark, tmp_path).take(None, NOON)
    write(tmp_path, TABLE)
    with pytest.raises(InvalidSpec, match="expected the columns event_id in parquet:"):
        table_of(spark, tmp_path).take(None, NOON)
    with pytest.raises(InvalidSpec, match="expected times in the column gate; given bigint"):
        table_of(spark, tmp_path, event_id="event", known_at="gate").take(None, NOON)
