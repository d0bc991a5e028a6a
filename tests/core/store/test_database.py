"""The schema, its migration, and what connections promise."""

from __future__ import annotations

import subprocess
import sys
from datetime import UTC, datetime, timedelta, timezone
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from full_disks import small_disk
from sqlalchemy.engine import Engine

from pegel.errors import SetupError, Unavailable
from pegel.store import tables
from pegel.store.database import connect, migrate, reading, writing

pytestmark = pytest.mark.environments("sqlalchemy")

MIGRATE = "import sys; from pegel.store.database import connect, migrate; migrate(connect(sys.argv[1]))"
HOLD = """
import sys
from pegel.store import tables
from pegel.store.database import connect, in_turn, writing
from pegel.store.statements import counter, upsert
engine = connect(sys.argv[1])
for _ in range(15):
    with writing(engine) as connection:
        in_turn(connection, "count")
        upsert(connection, tables.counters, [{"name": "count", "value": counter(connection, "count") + 1}])
"""


def _end_session_of(connection: sa.Connection, engine: Engine) -> None:
    number = connection.scalar(sa.text("SELECT pg_backend_pid()"))
    with writing(engine) as other:
        other.execute(sa.text("SELECT pg_terminate_backend(:number, 5000)"), {"number": number})


def _values(connection: sa.Connection) -> dict[str, int]:
    return {row.name: row.value for row in connection.execute(sa.select(tables.counters))}


def _write(engine: Engine) -> None:
    with writing(engine) as connection:
        connection.execute(sa.insert(tables.counters).values(name="kept", value=7))


def _refusal(engine: Engine) -> str:
    with pytest.raises(Unavailable) as refused:
        _write(engine)
    return str(refused.value)


def test_migrated_schema_is_the_metadata(empty: Engine) -> None:
    """What the migrations build is what the code believes, to the last index."""
    migrate(empty)
    with reading(empty) as connection:
        differences = compare_metadata(MigrationContext.configure(connection), tables.metadata)

    assert [] == differences


def test_migrating_twice_changes_nothing(engine: Engine) -> None:
    """A migrated database is left alone by a second migration, its content too."""
    with writing(engine) as connection:
        connection.execute(sa.insert(tables.counters).values(name="kept", value=7))
    migrate(engine)
    with reading(engine) as connection:
        kept = _values(connection)

    assert {"kept": 7} == kept


@pytest.mark.slow
@pytest.mark.timeout(150)
def test_processes_that_migrate_at_once_do_no_harm(empty: Engine, empty_url: str) -> None:
    """Two processes that migrate an empty database at the same time all succeed, and the schema is whole."""
    started = [subprocess.Popen([sys.executable, "-c", MIGRATE, empty_url], stderr=subprocess.PIPE) for _ in range(2)]
    outcomes = [(process.communicate(timeout=100)[1].decode(), process.returncode) for process in started]
    with reading(empty) as connection:
        differences = compare_metadata(MigrationContext.configure(connection), tables.metadata)

    assert [("", 0)] * 2 == outcomes
    assert [] == differences


@pytest.mark.slow
@pytest.mark.timeout(150)
def test_writers_that_go_in_turn_wait_for_each_other(engine: Engine, url: str) -> None:
    """Read-then-write transactions of two processes that go in turn lose no update and never fail on a lock."""
    started = [subprocess.Popen([sys.executable, "-c", HOLD, url], stderr=subprocess.PIPE) for _ in range(2)]
    outcomes = [(process.communicate(timeout=100)[1].decode(), process.returncode) for process in started]
    with reading(engine) as connection:
        counted = _values(connection)

    assert [("", 0)] * 2 == outcomes
    assert {"count": 30} == counted


def test_a_newer_database_is_refused_by_name(engine: Engine) -> None:
    """A database of a later version is refused with a sentence, and not touched."""
    with writing(engine) as connection:
        connection.execute(sa.text("UPDATE alembic_version SET version_num = '9999'"))

    with pytest.raises(SetupError, match=r"revision 9999, which .* written by a newer Pegel; update"):
        migrate(engine)


@pytest.mark.parametrize(
    "edit",
    [
        "ALTER TABLE gaps DROP COLUMN reason",
        "ALTER TABLE gaps RENAME COLUMN reason TO cause",
        "ALTER TABLE gaps ADD COLUMN former TEXT",
        "DROP TABLE gaps",
    ],
)
def test_tables_of_a_development_version_are_refused_by_name(engine: Engine, edit: str) -> None:
    """What a revision of today's name once held is refused with what to do, before anybody waits for the database."""
    with writing(engine) as connection:
        connection.execute(sa.text(edit))

    with pytest.raises(SetupError, match=r"in gaps, written by a development version.* move it away"):
        migrate(engine)


def test_tables_of_others_in_the_same_database_are_let_be(engine: Engine) -> None:
    """A table, an index and a view that are not Pegel's neither stop it nor are touched."""
    with writing(engine) as connection:
        connection.execute(sa.text("CREATE TABLE theirs (a INTEGER)"))
        connection.execute(sa.text("CREATE INDEX their_index ON heartbeats (at)"))
        connection.execute(sa.text("CREATE VIEW their_view AS SELECT doing FROM heartbeats"))
    migrate(engine)
    with reading(engine) as connection:
        left = sa.inspect(connection).has_table("theirs")

    assert left


def test_writing_a_column_that_is_not_there_is_no_outage(engine: Engine) -> None:
    """Nobody waits for a database that answers: what is wrong with it is for a person to set right."""
    with writing(engine) as connection:
        connection.execute(sa.text("ALTER TABLE counters DROP COLUMN value"))

    with pytest.raises(SetupError, match="tables of another version"), writing(engine) as connection:
        connection.execute(sa.insert(tables.counters).values(name="count", value=1))


def test_a_failed_block_leaves_nothing(engine: Engine) -> None:
    """An exception inside a writing block takes the whole transaction back."""
    with pytest.raises(ZeroDivisionError), writing(engine) as connection:
        connection.execute(sa.insert(tables.counters).values(name="gone", value=1 // 0))
    with reading(engine) as connection:
        left = _values(connection)

    assert {} == left


def test_a_silent_database_is_a_temporary_error(unreachable: Engine) -> None:
    """A database that does not answer raises Unavailable: trying again later may help."""
    with pytest.raises(Unavailable, match="did not answer"), reading(unreachable):
        pass


def test_a_server_lost_while_it_commits_leaves_it_open(postgres: Path) -> None:
    """Whose connection breaks before the answer to COMMIT cannot know whether it was kept, and is told so."""
    engine = connect(f"postgresql+psycopg://pegel@/postgres?host={postgres}")
    with pytest.raises(Unavailable, match="Whether it kept the transaction is not known"), writing(engine) as lost:
        _end_session_of(lost, engine)
    engine.dispose()


def test_a_pool_without_a_free_connection_is_a_temporary_error(url: str) -> None:
    """When every connection of this process is in use for too long, trying again later may help."""
    engine = sa.create_engine(url, pool_size=1, max_overflow=0, pool_timeout=0.1)
    in_use = engine.connect()
    with pytest.raises(Unavailable, match="all connections of this process are in use"), reading(engine):
        pass
    in_use.close()
    engine.dispose()


def test_a_session_that_is_in_no_state_to_be_used_is_a_temporary_error(engine: Engine) -> None:
    """What psycopg calls an interface error raises Unavailable on PostgreSQL; with sqlite3 it is a mistake of ours."""

    def close(*called: Any) -> None:
        called[1].close()

    sa.event.listen(engine, "before_cursor_execute", close)
    expected = Unavailable if engine.dialect.name == "postgresql" else sa.exc.ProgrammingError

    with pytest.raises(expected, match="closed"), reading(engine) as connection:
        _values(connection)


def test_a_full_disk_is_a_temporary_error(tmp_path: Path) -> None:
    """A write that finds no room raises Unavailable, names the disk, and leaves nothing behind."""
    engine = connect(f"sqlite:///{tmp_path / 'pegel.db'}")
    migrate(engine)
    sa.event.listen(engine, "checkout", lambda connection, *_: connection.execute("PRAGMA max_page_count = 1"))
    rows = [{"name": f"{number:01000}", "value": number} for number in range(100)]
    with pytest.raises(Unavailable, match=r"the disk of the database .* is full"), writing(engine) as connection:
        connection.execute(sa.insert(tables.counters), rows)
    with reading(engine) as connection:
        left = _values(connection)
    engine.dispose()

    assert {} == left


def test_a_disk_that_is_read_only_is_a_temporary_error(tmp_path: Path) -> None:
    """What a disk refuses that was mounted read-only is Unavailable, says so, and succeeds once it may be written."""
    with small_disk(tmp_path / "disk", 2 << 20) as disk:
        engine = connect(f"sqlite:///{disk.folder / 'pegel.db'}")
        migrate(engine)
        engine.dispose()
        disk.turn(read_only=True)
        said = [_refusal(engine) for _ in range(2)]
        disk.turn(read_only=False)
        _write(engine)
        with reading(engine) as connection:
            values = _values(connection)
        engine.dispose()

    assert [True, True] == ["is read-only: " in each for each in said]
    assert {"kept": 7} == values


def test_a_connection_that_may_only_read_is_not_kept(engine: Engine) -> None:
    """One opened while the database was read-only is refused once, by name; the next write has a new one."""
    only_read = {"sqlite": "PRAGMA query_only = ON"}
    with engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
        session = "SET SESSION CHARACTERISTICS AS TRANSACTION READ ONLY"
        connection.exec_driver_sql(only_read.get(engine.dialect.name, session))
    said = _refusal(engine)
    _write(engine)
    with reading(engine) as connection:
        values = _values(connection)

    assert "is read-only: " in said
    assert {"kept": 7} == values


def test_a_database_without_tables_is_named(empty: Engine) -> None:
    """Reading and writing before the first migration say that there are no tables, and what makes them."""
    with pytest.raises(SetupError, match="has no tables yet"), reading(empty) as connection:
        _values(connection)
    with pytest.raises(SetupError, match="has no tables yet"), writing(empty) as connection:
        connection.execute(sa.insert(tables.counters).values(name="kept", value=7))


@pytest.mark.parametrize("damage", [b"no database at all " * 1000, None])
def test_a_damaged_file_is_named(tmp_path: Path, damage: bytes | None) -> None:
    """Other bytes in place of the file, and a file cut in half (None), are one sentence, and no other kind of error."""
    file = tmp_path / "pegel.db"
    whole = connect(f"sqlite:///{file}")
    migrate(whole)
    whole.dispose()
    file.write_bytes(damage or file.read_bytes()[: file.stat().st_size // 2])
    engine = connect(f"sqlite:///{file}")
    with pytest.raises(SetupError, match="is damaged"), reading(engine) as connection:
        connection.execute(sa.select(tables.alerts)).all()
    with pytest.raises(SetupError, match="is damaged"):
        migrate(engine)
    engine.dispose()


def test_instants_come_back_in_utc(engine: Engine) -> None:
    """An instant written in another zone is the same instant in UTC, to the microsecond."""
    told = datetime(2026, 11, 3, 4, 5, 6, 789, tzinfo=timezone(timedelta(hours=-5)))
    row: dict[str, Any] = {"target": "driver/g", "kind": "keep", "reason": "", "generation": 1, "at": told}
    with writing(engine) as connection:
        connection.execute(sa.insert(tables.actions).values(row))
        found = connection.execute(sa.select(tables.actions.c.at)).scalar_one()

    assert (told, UTC) == (found, found.tzinfo)


def test_a_naive_instant_is_refused(engine: Engine) -> None:
    """A datetime without a zone names no instant and is refused."""
    row = {"target": "driver/g", "kind": "keep", "reason": "", "generation": 1, "at": datetime(2026, 1, 1)}  # noqa: DTZ001  on purpose

    with pytest.raises(sa.exc.StatementError, match="timezone-aware"), writing(engine) as connection:
        connection.execute(sa.insert(tables.actions).values(row))
