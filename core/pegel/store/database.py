"""Connections to the results database, and its schema brought up to date.

Many processes share one SQLite file (the streaming driver, Airflow tasks, its API server, the command line), so it runs
in WAL mode, waits up to 30 s for a lock, and every writer takes the write lock when it begins: a transaction that read
first and wrote later would fail instead of waiting.
"""

from __future__ import annotations

import hashlib
import os
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import sqlalchemy as sa
from alembic import command
from alembic.config import Config
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import event
from sqlalchemy.engine import URL, Connection, Engine, make_url

from pegel.errors import SetupError, Unavailable
from pegel.store.same_file import keep_to_file
from pegel.store.tables import metadata
from pegel.store.view_making import drop_others, make_missing

BUSY_SECONDS = 30.0
DISK_FULL, READ_ONLY = "53100", "25006"
"""PostgreSQL's words for them."""
NO_TABLE, NO_COLUMN = "42P01", "42703"
"""The same; SQLite has sentences only."""
PATIENCE = {
    "connect_timeout": 10,
    "keepalives_idle": 30,
    "keepalives_interval": 10,
    "keepalives_count": 3,
    "tcp_user_timeout": 60_000,
}
"""How long PostgreSQL is waited for: seconds until a connection stands, and until a silent one is looked after, three
times; milliseconds until what was sent must have arrived. A server that moves to another machine leaves connections
that nobody ends, and a client would wait for hours."""


def connect(url: str) -> Engine:
    """Return an engine for `url`; a SQLite file's folder is created. Nothing is connected yet.

    What PostgreSQL's own library takes may stand in the URL, and wins: `sslmode=verify-full` and `sslrootcert` for TLS,
    `passfile` for a password in a file. Raises SetupError for what is no URL, or one of a database nobody here knows.
    """
    parsed = _parsed(url)
    if parsed.get_backend_name() == "sqlite":
        engine = sa.create_engine(parsed, connect_args={"timeout": BUSY_SECONDS})
        event.listen(engine, "connect", _prepare_sqlite)
        if parsed.database and parsed.database != ":memory:":
            file = Path(parsed.database).absolute()
            file.parent.mkdir(parents=True, exist_ok=True)
            keep_to_file(engine, file)
        event.listen(engine, "begin", _begin_sqlite)
    else:
        patience = {name: value for name, value in PATIENCE.items() if name not in parsed.query}
        engine = sa.create_engine(parsed, pool_pre_ping=True, isolation_level="READ COMMITTED", connect_args=patience)
    event.listen(engine, "handle_error", _drop_read_only)
    return engine


def _parsed(url: str) -> URL:
    """Return a URL of a database that is known here. What was given is not shown: it may hold a password.

    PostgreSQL's own form, without a driver, is what its operators write into Secrets.
    """
    expected = "PEGEL_DATABASE_URL: expected postgresql+psycopg://USER@HOST/DATABASE or sqlite:////PATH"
    try:
        parsed = make_url(url)
    except (sa.exc.ArgumentError, ValueError):
        raise SetupError(f"{expected}; what is given is no such address. Nothing was connected.") from None
    password = parsed.query.get("password")
    if isinstance(password, str):
        # Among the options it would be shown with them.
        parsed = parsed.set(password=password).difference_update_query(["password"])
    if parsed.drivername in {"postgres", "postgresql"}:
        return parsed.set(drivername="postgresql+psycopg")
    if parsed.drivername not in {"sqlite", "sqlite+pysqlite", "postgresql+psycopg"}:
        raise SetupError(f"{expected}; given one of {parsed.drivername}. Nothing was connected.")
    return parsed


@contextmanager
def reading(engine: Engine) -> Iterator[Connection]:
    """Open a transaction that only reads.

    Raises Unavailable if the database does not answer, its file is gone or its disk is full, SetupError if it has no
    tables yet or its file is damaged.
    """
    try:
        with engine.connect() as connection:
            yield connection
    except (sa.exc.DBAPIError, sa.exc.TimeoutError) as error:
        raise _explained(engine, error) from error


@contextmanager
def writing(engine: Engine) -> Iterator[Connection]:
    """Open a transaction that writes; it commits at the end of the block or leaves nothing.

    A server that is lost while it commits has done one or the other, and what is raised says that it is not known.

    On SQLite writers go one after the other. On PostgreSQL they meet only in rows that both write; a writer that
    reads first and needs nobody to write in between asks for that by name, see `in_turn`.
    Raises Unavailable if the database does not answer, is read-only, its file is gone or its disk is full, SetupError
    if it has no tables yet or its file is damaged.
    """
    committing = False
    try:
        with engine.connect().execution_options(pegel_write=True) as connection, connection.begin():
            yield connection
            committing = True
    except (sa.exc.DBAPIError, sa.exc.TimeoutError) as error:
        raise _explained(engine, error, committing=committing) from error


def in_turn(connection: Connection, name: str) -> None:
    """Wait until no other transaction holds `name`, and hold it until this one ends.

    For what no row stands for yet: the first migration, a line that is added unless the last one says the same.
    """
    if connection.dialect.name == "postgresql":
        connection.execute(sa.select(sa.func.pg_advisory_xact_lock(lock_number(name))))


def lock_number(name: str) -> int:
    """Return by which number PostgreSQL knows a lock that has a name here."""
    return int.from_bytes(hashlib.sha256(f"pegel {name}".encode()).digest()[:8], "big", signed=True)


def migrate(engine: Engine) -> None:
    """Bring tables and views up to date. Idempotent, and safe for several processes at once: the later ones wait.

    Raises SetupError if the database was written by a newer Pegel than this one, or by a development version that
    called other tables by a revision of today; nothing is changed then.
    """
    config = Config()
    folder = Path(__file__).parent / "migrations"
    config.set_main_option("script_location", str(folder).replace("%", "%%"))
    config.set_main_option("path_separator", "os")
    with writing(engine) as connection:
        in_turn(connection, "migrate")
        scripts = ScriptDirectory.from_config(config)
        _refuse_foreign(engine, connection, scripts)
        config.attributes["connection"] = connection
        drop_others(connection, every=_revision(connection) != scripts.get_current_head())
        command.upgrade(config, "head")
        _refuse_others(engine, connection)
        make_missing(connection)


def _refuse_foreign(engine: Engine, connection: Connection, scripts: ScriptDirectory) -> None:
    """Raise SetupError unless the database is empty or of a revision that this Pegel knows the way from."""
    found = _revision(connection)
    if found not in {None, *(script.revision for script in scripts.walk_revisions())}:
        raise newer_tables(engine, str(found))


def newer_tables(engine: Engine, found: str) -> SetupError:
    """Return what to raise where tables have a revision that is not known here."""
    return SetupError(
        f"the database {url_of(engine)} has tables of revision {found}, which this Pegel does not know: it was "
        f"probably written by a newer Pegel; update this installation. Nothing was changed."
    )


def _revision(connection: Connection) -> str | None:
    return MigrationContext.configure(connection).get_current_revision()


def _refuse_others(engine: Engine, connection: Connection) -> None:
    """Raise SetupError unless every table has the columns and the key that this Pegel reads and writes.

    More tables than that are nobody's concern.
    """
    inspector = sa.inspect(connection)
    columns, keys = inspector.get_multi_columns(), inspector.get_multi_pk_constraint()
    shapes = {
        table: ({each["name"]: each["nullable"] for each in there}, set(keys[schema, table]["constrained_columns"]))
        for (schema, table), there in columns.items()
    }
    others = [table.name for table in metadata.sorted_tables if shapes.get(table.name) != _shape(table)]
    if others:
        raise SetupError(
            f"the database {url_of(engine)} has other columns than this Pegel expects, in "
            f"{', '.join(sorted(others))}, written by a development version. Nothing leads from there: move it away "
            f"(or name another in PEGEL_DATABASE) and onboard the models again. Nothing was changed."
        )


def _shape(table: sa.Table) -> tuple[dict[str, bool | None], set[str]]:
    """Return whether columns may be null, and which are the key."""
    return {each.name: each.nullable for each in table.columns}, {each.name for each in table.primary_key}


def _prepare_sqlite(connection: Any, _record: Any) -> None:
    """Set up a new SQLite connection; `isolation_level = None` leaves BEGIN to `_begin_sqlite`."""
    connection.isolation_level = None
    cursor = connection.cursor()
    cursor.execute("PRAGMA foreign_keys = ON")
    cursor.execute("PRAGMA synchronous = NORMAL")
    # A change of a few bytes writes a page: of a new file they are half as large as usual.
    cursor.execute("PRAGMA page_size = 2048")
    # Some builds write every page once more that is let go of, with zeros.
    cursor.execute("PRAGMA secure_delete = FAST")
    # 16 MiB of the log: what was written again before goes to the file once.
    cursor.execute("PRAGMA wal_autocheckpoint = 8000")
    _enter_wal(cursor)
    cursor.close()


def _enter_wal(cursor: Any) -> None:
    """Switch to WAL. SQLite does not wait for this one lock, so wait here; it is needed once in a file's life."""
    deadline = time.monotonic() + BUSY_SECONDS
    while cursor.execute("PRAGMA journal_mode").fetchone()[0] not in {"wal", "memory"}:
        try:
            cursor.execute("PRAGMA journal_mode = WAL")
        except cursor.connection.OperationalError:
            if time.monotonic() > deadline:
                raise
            time.sleep(0.02)


def _begin_sqlite(connection: Connection) -> None:
    writes = connection.get_execution_options().get("pegel_write", False)
    connection.exec_driver_sql("BEGIN IMMEDIATE" if writes else "BEGIN")


def _drop_read_only(context: Any) -> None:
    """Keep no connection that may only read: it would stay so when the file, or the server, may be written again."""
    if _is_read_only(context.original_exception):
        context.is_disconnect = True


def _is_read_only(error: BaseException | None) -> bool:
    return "readonly database" in str(error) or getattr(error, "sqlstate", None) == READ_ONLY


def _may_not_be_written(engine: Engine) -> bool:
    """Say whether the file is there and, as on a disk that is read-only, neither it nor its log may be written."""
    file = Path(engine.url.database or "")
    return file.is_file() and not (os.access(file, os.W_OK) and os.access(file.parent, os.W_OK))


def url_of(engine: Engine) -> str:
    """Return where the database is, without what is secret about it."""
    return engine.url.difference_update_query(["sslpassword"]).render_as_string(hide_password=True)


def _explained(
    engine: Engine, error: sa.exc.DBAPIError | sa.exc.TimeoutError, *, committing: bool = False
) -> Exception:
    """Return the error to raise: ours where the cause is known, the database's own otherwise."""
    if isinstance(error, sa.exc.TimeoutError):
        return Unavailable(
            f"the database {url_of(engine)} was not asked: all connections of this process are in use: {error}. "
            f"Nothing was changed."
        )
    said = str(error.orig)
    return _setup_error(engine, error, said) or _unavailable(engine, error, said, committing=committing) or error


def _setup_error(engine: Engine, error: sa.exc.DBAPIError, said: str) -> SetupError | None:
    """Return what has to be set right by a person; None where that is not it."""
    state = getattr(error.orig, "sqlstate", None)
    if "no such table" in said or state == NO_TABLE:
        return SetupError(
            f"the database {url_of(engine)} has no tables yet; `pegel up` makes them. Nothing was changed."
        )
    if "no such column" in said or "has no column named" in said or state == NO_COLUMN:
        return SetupError(
            f"the database {url_of(engine)} has tables of another version than this Pegel's: {said}. `pegel up` brings "
            f"them up to date, or says why it cannot. Nothing was changed."
        )
    if "disk image is malformed" in said or "file is not a database" in said:
        return SetupError(
            f"the database {url_of(engine)} is damaged: {said}. Nothing was changed; put a copy of it back, or move it "
            f"away, run `pegel up` and onboard the models again."
        )
    return None


def _unavailable(engine: Engine, error: sa.exc.DBAPIError, said: str, *, committing: bool) -> Unavailable | None:
    """Return what trying again later may help; None where that is not it."""
    if "database or disk is full" in said or getattr(error.orig, "sqlstate", None) == DISK_FULL:
        return Unavailable(
            f"the disk of the database {url_of(engine)} is full: {said}. The transaction left nothing behind; trying "
            f"again helps once there is room."
        )
    if _is_read_only(error.orig) or ("unable to open" in said and _may_not_be_written(engine)):
        where = "file, or the disk that it is on," if engine.dialect.name == "sqlite" else "server"
        return Unavailable(
            f"the database {url_of(engine)} is read-only: {said}. The transaction left nothing behind; trying again "
            f"helps once its {where} may be written."
        )
    # sqlite3 says InterfaceError of a value that it cannot bind, psycopg of a session that is in no state to be used.
    unusable = isinstance(error, sa.exc.InterfaceError) and engine.dialect.name == "postgresql"
    if unusable or isinstance(error, sa.exc.OperationalError):
        unknown = committing and engine.dialect.name == "postgresql"
        left = "Whether it kept the transaction is not known" if unknown else "The transaction left nothing behind"
        return Unavailable(f"the database {url_of(engine)} did not answer: {said}. {left}.")
    return None
