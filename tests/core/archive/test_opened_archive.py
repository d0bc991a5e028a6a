"""Archived rows, read by Arrow."""

from __future__ import annotations

import math
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
import pytest
from golden_keys import GOLDEN_KEYS

from pegel.archive.folders import COMPLETE, Kept, hour_folder, model_folder, visible_hours, written_folder
from pegel.archive.opened_archive import OpenedArchive, open_archive
from pegel.archive.row_columns import archive_schema, together
from pegel.data.columns import Field, Kind, Role, Schema
from pegel.errors import SetupError

pytestmark = pytest.mark.environments("pyarrow")

NOON = datetime(2026, 11, 29, 12, tzinfo=UTC)
MINUTE = timedelta(minutes=1)
SCHEMA = Schema(
    (
        Field("distance", Kind.NUMERIC),
        Field("airline", Kind.CATEGORICAL),
        Field("distance", Kind.NUMERIC, Role.PREDICTION),
    )
)


def write(
    root: Path,
    start: datetime,
    number: int,
    *,
    complete: bool = True,
    namespace: str = "default",
    **columns: list[object],
) -> Path:
    """Write one file of an hour: an event a minute, and `columns` beside it."""
    folder = Path(model_folder(str(root), Kept.ROWS, namespace, "delays", 1)) / hour_folder(start)
    file = folder / written_folder(number) / "part-0.parquet"
    file.parent.mkdir(parents=True)
    rows = len(next(iter(columns.values())))
    own = {"event_id": [f"e{at}" for at in range(rows)], "event_time": [start + at * MINUTE for at in range(rows)]}
    known = archive_schema(SCHEMA, ["flight"], {})
    schema = pa.schema(
        [known.field(name) if name in known.names else pa.field(name, pa.string()) for name in own | columns]
    )
    pq.write_table(pa.table(own | columns, schema=schema), file)
    if complete:
        (file.parent / COMPLETE).touch()
    return file


def opened(root: Path, start: datetime = NOON, end: datetime = NOON + 3 * timedelta(hours=1)) -> OpenedArchive:
    """Open the archive of the model for a time."""
    return open_archive(str(root), "delays", 1, start=start, end=end)


def test_a_long_time_has_the_days_that_are_there(tmp_path: Path) -> None:
    """Of a calendar of days only those that are there are looked into, by requests and by answers."""
    for days in (0, 40, 100):
        write(tmp_path, NOON + timedelta(days=days), 1, f_distance=[float(days)])
    (tmp_path / "rows/namespace=default/model=delays/version=1/elsewhere").mkdir()
    whole = opened(tmp_path, datetime.min.replace(tzinfo=UTC), datetime.max.replace(tzinfo=UTC))
    some = opened(tmp_path, NOON + timedelta(days=1), NOON + timedelta(days=100))

    assert [0.0, 40.0, 100.0] == whole.rows(["f_distance"])["f_distance"].to_pylist()
    assert 3 == len(whole.by_answers().hours)
    assert [40.0] == some.rows(["f_distance"])["f_distance"].to_pylist()


def test_a_time_is_exact_and_half_open(tmp_path: Path) -> None:
    """Rows at the begin are in it, those at the end are not, wherever in an hour these lie."""
    write(tmp_path, NOON, 1, f_distance=[float(at) for at in range(60)])
    write(tmp_path, NOON + timedelta(hours=1), 1, f_distance=[float(at) for at in range(60)])
    within = opened(tmp_path, NOON + 58 * MINUTE, NOON + 62 * MINUTE)

    assert [58.0, 59.0, 0.0, 1.0] == within.rows(["f_distance"])["f_distance"].to_pylist()
    assert [120, 0] == [opened(tmp_path).count(), opened(tmp_path, NOON, NOON).count()]


def test_files_of_other_hours_are_not_opened(tmp_path: Path) -> None:
    """An hour that lies outside of the time has no part in it: damage there is not seen."""
    write(tmp_path, NOON, 1, f_distance=[1.0])
    write(tmp_path, NOON + timedelta(hours=1), 1, f_distance=[1.0]).write_bytes(b"no Parquet")
    write(tmp_path, NOON + timedelta(days=1), 1, f_distance=[1.0]).write_bytes(b"no Parquet")
    within = opened(tmp_path, NOON, NOON + timedelta(hours=1))

    assert [1, 1] == [len(within.files), within.count()]


def test_the_newest_complete_write_of_an_hour_is_read(tmp_path: Path) -> None:
    """What a killed writer left is not seen, and neither is what a later write replaced."""
    write(tmp_path, NOON, 3, f_distance=[1.0, 2.0])
    write(tmp_path, NOON, 12, f_distance=[1.0, 2.0, 3.0])
    write(tmp_path, NOON, 13, complete=False, f_distance=[1.0])

    assert [12] == [hour.written for hour in opened(tmp_path).hours]
    assert 3 == opened(tmp_path).count()


def test_a_model_that_has_moved_has_the_rows_of_both_namespaces(tmp_path: Path) -> None:
    """Writes of one hour in two namespaces hide nothing of each other, whichever has the higher number."""
    write(tmp_path, NOON, 4, f_distance=[7.0])
    write(tmp_path, NOON, 5, f_distance=[1.0, 2.0, 3.0])
    write(tmp_path, NOON, 6, namespace="team", f_distance=[4.0])
    write(tmp_path, NOON, 7, complete=False, namespace="team", f_distance=[8.0])

    assert [(NOON, 5), (NOON, 6)] == [(hour.start, hour.written) for hour in opened(tmp_path).hours]
    assert [1.0, 2.0, 3.0, 4.0] == opened(tmp_path).rows(["f_distance"])["f_distance"].to_pylist()


def test_files_of_other_schemas_are_read_together(tmp_path: Path) -> None:
    """A column that a file has not is null in its rows; one whose type changed is text; one of no file is null."""
    write(tmp_path, NOON, 1, f_distance=[1.5])
    write(tmp_path, NOON + timedelta(hours=1), 1, f_airline=["AA"], p_distance=[2.0])
    write(tmp_path, NOON + timedelta(hours=2), 1, f_gate=["7"], e_flight=["AA 1"])
    rows = opened(tmp_path).rows(["f_distance", "f_airline", "p_distance", "e_flight", "f_unknown"])
    numbers, texts = (pa.schema([("f_gate", kind)]) for kind in (pa.float64(), pa.string()))

    assert [1.5, None, None] == rows["f_distance"].to_pylist()
    assert [[None, "AA", None], [None, None, "AA 1"]] == [rows[name].to_pylist() for name in ("f_airline", "e_flight")]
    assert [None] * 3 == rows["f_unknown"].to_pylist()
    assert texts == together([numbers, texts])


def test_a_number_that_is_read_as_text_is_its_category(tmp_path: Path) -> None:
    """Where a field was a number once its text is that of keys and categories, and chooses rows as such."""
    numbers = [number for number, _ in GOLDEN_KEYS if math.isfinite(number)]
    write(tmp_path, NOON, 1, f_distance=list[object](numbers))
    text = write(tmp_path, NOON + timedelta(hours=1), 1, f_gate=["7"])
    pq.write_table(pq.read_table(text).rename_columns({"f_gate": "f_distance"}), text)
    rows = opened(tmp_path).rows(["f_distance"])
    (one,) = opened(tmp_path).rows(["event_id"], where=pc.field("f_distance") == "12345678.9").to_pylist()

    assert [*(told for _, told in GOLDEN_KEYS if told), "7"] == rows["f_distance"].to_pylist()
    assert {"event_id": f"e{numbers.index(12_345_678.9)}"} == one


def test_rows_are_chosen_by_what_they_hold(tmp_path: Path) -> None:
    """Further rows are left out by any expression, also of a column that is not returned."""
    write(tmp_path, NOON, 1, f_distance=[100.0, 700.0, 900.0], f_airline=["AA", "WN", None])
    found = opened(tmp_path).rows(["event_id"], where=pc.field("f_distance") > 500)

    assert (["event_id"], ["e1", "e2"]) == (found.column_names, found["event_id"].to_pylist())


def test_rows_are_found_by_the_time_of_their_answers(tmp_path: Path) -> None:
    """An answer that ended in the next hour stands in the hour of its request, and is found there."""
    later = NOON + timedelta(hours=1)
    write(tmp_path, NOON, 1, answered_at=[NOON, later, None])
    found = opened(tmp_path, later, later + timedelta(hours=1)).by_answers()

    assert ["e1"] == found.rows(["event_id"])["event_id"].to_pylist()


def test_an_archive_that_is_not_there_has_no_rows(tmp_path: Path) -> None:
    """A model without archived rows has the columns of every row, and none of those."""
    rows = opened(tmp_path / "nowhere").rows()

    assert (0, "event_id") == (rows.num_rows, rows.column_names[0])


def test_an_address_that_arrow_does_not_know_is_refused() -> None:
    """The sentence names the setting and the address."""
    with pytest.raises(SetupError, match=r"PEGEL_ARCHIVE: .* given gopher://archive"):
        open_archive("gopher://archive", "delays", 1, start=NOON, end=NOON)


def test_private_fields_have_columns_of_their_own() -> None:
    """What is hashed stands under another name, and what is dropped has no column; so no name has two types."""
    private = {"distance": "hash", "airline": "drop", "flight": "hash"}
    names = archive_schema(SCHEMA, ["flight"], private).names

    assert ["hashed_e_flight", "hashed_f_distance", "hashed_p_distance"] == names[-3:]
    assert ["e_flight", "f_distance", "f_airline", "p_distance"] == archive_schema(SCHEMA, ["flight"], {}).names[-4:]


def test_what_lies_elsewhere_is_passed_over() -> None:
    """Files of other folders, and markers without files, make no hour."""
    day = "rows/namespace=a/model=m/version=1/date=2026-11-29"
    paths = [f"{day}/hour=07/written=1/_complete", f"{day}/stray.parquet", "date=soon/hour=1/written=1/a.parquet"]

    assert [()] == [hour.files for hour in visible_hours(paths)]
