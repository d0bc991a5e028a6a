"""A database that is taken away under the exporter, or held up: it says so, and never tells what was true before."""

from __future__ import annotations

import shutil
import sqlite3
from collections.abc import Callable
from contextlib import closing
from datetime import timedelta
from pathlib import Path

import pytest
import sqlalchemy as sa
from blueprints import give_tables
from full_disks import small_disk
from sqlalchemy.engine import Engine
from waiting import wait_until

from pegel.exporter.exported_facts import Caps
from pegel.exporter.facts_reader import FactsReader
from pegel.store.database import connect, writing
from pegel.testing.manual_clock import ManualClock

TOLD = {"pegel_database_up": 1.0, "pegel_models": 1.0}
DOWN = {"pegel_database_up": 0.0}


def told(reader: FactsReader) -> dict[str, float]:
    """Return what is told of the database, and of how many models."""
    found = {sample.name: sample.value for family in reader.collect() for sample in family.samples}
    return {name: found[name] for name in TOLD if name in found}


def file_of(engine: Engine) -> Path:
    """Return where a database is."""
    return Path(engine.url.database or "")


def delete(file: Path) -> None:
    """Delete a database with what SQLite keeps beside it."""
    for suffix in ("", "-wal", "-shm"):
        file.with_name(file.name + suffix).unlink(missing_ok=True)


def empty_one(file: Path) -> None:
    """Make a database of Pegel without models."""
    engine = connect(f"sqlite:///{file}")
    give_tables(engine)
    engine.dispose()


def test_a_file_that_is_moved_is_down_until_it_is_back(filled: Engine, reader: FactsReader) -> None:
    """The open file could still be read; what is told is of what is at its place, and nothing is made there."""
    file = file_of(filled)
    found = [told(reader)]
    file.rename(file.with_name("away.db"))
    found.append(told(reader))
    (said,) = reader.wrong()
    made = file.exists()
    file.with_name("away.db").rename(file)

    assert ([TOLD, DOWN, TOLD], False) == ([*found, told(reader)], made)
    assert f"the file of the database {file} is not there any more" in said


@pytest.mark.parametrize(
    ("put", "expected"),
    [
        (empty_one, {"pegel_database_up": 1.0, "pegel_models": 0.0}),
        (Path.touch, DOWN),
        (lambda file: file.write_text("no database" * 100), DOWN),
    ],
    ids=["another", "no bytes", "no database"],
)
def test_a_file_that_is_replaced_is_read_anew(
    filled: Engine, reader: FactsReader, put: Callable[[Path], None], expected: dict[str, float]
) -> None:
    """With one of Pegel its own models are told; with anything else the database is down."""
    file = file_of(filled)
    found = [told(reader)]
    delete(file)
    put(file)

    assert [TOLD, expected, expected] == [*found, told(reader), told(reader)]


def test_whoever_writes_does_not_write_into_a_deleted_file(filled: Engine) -> None:
    """Its copy at the same place has the next transaction."""
    file = file_of(filled)
    filled.dispose()
    shutil.copyfile(file, file.with_name("copy.db"))
    with writing(filled) as connection:
        connection.execute(sa.text("DELETE FROM passes"))
    delete(file)
    file.with_name("copy.db").rename(file)
    with writing(filled) as connection:
        connection.execute(sa.text("UPDATE passes SET name = 'moved'"))
    with closing(sqlite3.connect(file)) as found:
        assert [("moved",)] == found.execute("SELECT name FROM passes").fetchall()


def test_who_asks_waits_for_a_locked_database_for_a_bounded_time(filled: Engine, clock: ManualClock) -> None:
    """It is down meanwhile, which counts once however often it is asked; then what is told is of after the lock."""
    filled.dispose()
    with closing(sqlite3.connect(file_of(filled), isolation_level=None)) as holder:
        holder.execute("PRAGMA locking_mode = EXCLUSIVE")
        holder.execute("BEGIN IMMEDIATE")
        holder.execute("DELETE FROM passes")
        reader = FactsReader(filled, clock, Caps(), patience_s=0.05)
        found = [told(reader), told(reader)]
        (said,) = reader.wrong()
        failures = [sample.value for family in reader.collect() for sample in family.samples if "fail" in sample.name]
        holder.execute("COMMIT")

    assert ([DOWN, DOWN], [1.0]) == (found, failures)
    assert "the database did not answer for " in said
    assert wait_until(lambda: told(reader) == TOLD)


def test_a_full_disk_is_down_or_told_as_it_is(filled: Engine, clock: ManualClock, tmp_path: Path) -> None:
    """Whoever begins on it cannot read a file in WAL mode, and says so; whoever had it open tells what is there."""
    filled.dispose()
    with small_disk(tmp_path / "disk", size=1 << 20) as disk:
        shutil.copyfile(file_of(filled), disk.folder / "pegel.db")
        engine = connect(f"sqlite:///{disk.folder / 'pegel.db'}")
        reader = FactsReader(engine, clock, Caps(), fresh_for=timedelta(0))
        disk.fill()
        found = [told(reader)]
        disk.free()
        found.append(told(reader))
        disk.fill()
        found.append(told(reader))
        engine.dispose()

    assert [DOWN, TOLD, TOLD] == found


def test_views_of_another_version_are_down(filled: Engine, reader: FactsReader) -> None:
    """They lack a column that is asked for: the sentence says who brings it up to date."""
    with writing(filled) as connection:
        connection.execute(sa.text("DROP VIEW v_pass"))
        connection.execute(sa.text("CREATE VIEW v_pass AS SELECT 1 AS name"))
    (said,) = reader.wrong()

    assert DOWN == told(reader)
    assert "has tables of another version than this Pegel's" in said
