"""Archived rows as a table of Spark."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from pyspark.sql import SparkSession

from pegel.archive.folders import COMPLETE, Kept, hour_folder, model_folder, written_folder
from pegel.archive.opened_archive import open_archive
from pegel.archive.row_columns import INSTANT
from pegel.errors import Unavailable
from pegel_spark.archived_rows import archived_rows

NOON = datetime(2026, 11, 29, 12, tzinfo=UTC)
HOUR = timedelta(hours=1)


def write(root: Path, start: datetime, columns: dict[str, pa.Array]) -> Path:
    """Write one complete hour with an event each 20 minutes."""
    folder = Path(model_folder(str(root), Kept.ROWS, "default", "delays", 1)) / hour_folder(start) / written_folder(1)
    folder.mkdir(parents=True)
    times = pa.array([start + at * HOUR / 3 for at in range(3)], INSTANT)
    pq.write_table(pa.table({"event_time": times, "answered_at": times, **columns}), folder / "part-0.parquet")
    (folder / COMPLETE).touch()
    return folder / "part-0.parquet"


def test_spark_and_arrow_read_the_same(spark: SparkSession, tmp_path: Path) -> None:
    """Rows of a time, files of other columns and types together, these as text; other hours are not opened."""
    write(tmp_path, NOON, {"f_distance": pa.array([1.0, 2.0, 3.0]), "f_gate": pa.array([1.5, None, 2.5])})
    write(tmp_path, NOON + HOUR, {"f_airline": pa.array(["AA", None, "WN"]), "f_gate": pa.array(["A1", "A2", None])})
    write(tmp_path, NOON - 3 * HOUR, {}).write_bytes(b"no Parquet")
    start, end = NOON + HOUR / 3, NOON + 2 * HOUR
    names = ["event_time", "f_distance", "f_airline", "f_gate"]
    by_spark = archived_rows(spark, str(tmp_path), "delays", 1, start=start, end=end).select(*names)
    by_arrow = open_archive(str(tmp_path), "delays", 1, start=start, end=end).rows(names)
    of_answers = archived_rows(spark, str(tmp_path), "delays", 1, start=start, end=end, time="answered_at")

    assert by_arrow.to_pylist() == by_spark.orderBy("event_time").toArrow().to_pylist()
    assert [5, 5] == [by_arrow.num_rows, of_answers.count()]


def test_a_model_without_rows_is_an_empty_table(spark: SparkSession, tmp_path: Path) -> None:
    """It has the columns of every row."""
    rows = archived_rows(spark, str(tmp_path), "delays", 1, start=NOON, end=NOON + HOUR)

    assert (0, "event_id") == (rows.count(), rows.columns[0])


def test_a_file_system_that_nobody_knows_is_told(spark: SparkSession) -> None:
    """The sentence names the address."""
    with pytest.raises(Unavailable, match="gopher://archive: expected a file system"):
        archived_rows(spark, "gopher://archive", "delays", 1, start=NOON, end=NOON + HOUR)
