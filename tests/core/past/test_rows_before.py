"""Rows that those of a finding are compared with: of more than are read, some of every time."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from pegel.archive.folders import COMPLETE, Kept, hour_folder, model_folder, written_folder
from pegel.archive.opened_archive import open_archive
from pegel.archive.row_columns import archive_schema
from pegel.data.columns import Field, Kind, Schema
from pegel.featurestore import LocalFeatureStore
from pegel.past.rows_before import archived_side, training_side

pytestmark = pytest.mark.environments("pyarrow")

NOON = datetime(2026, 11, 29, 12, tzinfo=UTC)
HOUR = timedelta(hours=1)
HOURS, ROWS = 16, 100
FIELD = Field("at", Kind.NUMERIC)


def write_hour(root: Path, number: int) -> None:
    """Archive an hour of a hundred rows that say which hour it is."""
    start = NOON + number * HOUR
    folder = Path(model_folder(str(root), Kept.ROWS, "default", "delays", 1)) / hour_folder(start) / written_folder(1)
    folder.mkdir(parents=True)
    known = archive_schema(Schema((FIELD,)), [], {})
    rows = {
        "event_id": [f"e{number}-{at}" for at in range(ROWS)],
        "event_time": [start] * ROWS,
        "f_at": [float(number)] * ROWS,
    }
    pq.write_table(pa.table(rows, schema=pa.schema([known.field(name) for name in rows])), folder / "part-0.parquet")
    (folder / COMPLETE).touch()


def test_of_more_archived_rows_than_are_read_those_of_the_whole_time_are(tmp_path: Path) -> None:
    """A quarter is every fourth hour and not the oldest four; which ones is always the same."""
    for number in range(HOURS):
        write_hour(tmp_path, number)
    archive = open_archive(str(tmp_path), "delays", 1, start=NOON, end=NOON + HOURS * HOUR)
    some = archived_side(archive, ["f_at"], None, "", most_read=HOURS * ROWS // 4).table.column("f_at").to_pylist()
    every = archived_side(archive, ["f_at"], None, "").table

    assert [0.0, 4.0, 8.0, 12.0] == sorted(set(some))
    assert (HOURS // 4 * ROWS, HOURS * ROWS) == (len(some), every.num_rows)


def test_of_more_training_rows_than_are_read_those_of_all_files_are(tmp_path: Path) -> None:
    """Training data lies in groups of rows, the oldest first: of a quarter every fourth group is read."""
    table = pa.table({"at": [float(at // ROWS) for at in range(HOURS * ROWS)]})
    pq.write_table(table, tmp_path / "training.parquet", row_group_size=ROWS)
    store = LocalFeatureStore(tmp_path / "features")
    source = store.register_training_data("delays", 1, tmp_path / "training.parquet", Schema((FIELD,)))
    side = training_side(store, source, [FIELD], most_read=HOURS * ROWS // 4)

    assert side is not None
    assert [0.0, 4.0, 8.0, 12.0] == sorted(set(side.table.column("f_at").to_pylist()))
