"""The steps of a batch, each held while something is done to whoever is at it. Nothing of the product is changed.

::

    read and count  |  wait for the write lock  |  one transaction  |  committed
    workers stopped    lock held by another        a slow trigger      seen by its offsets
"""

from __future__ import annotations

import os
import signal
import sqlite3
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, closing, contextmanager, suppress

from fault_scene import FaultScene
from stream_drivers import python_workers
from waiting import wait_until

STEADY_S = 1.5
"""How long nothing is stored until a batch is surely at the step that is held: three times its trigger."""
SLOW_VIEW = """CREATE VIEW slow AS
WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 4000000) SELECT count(*) FROM n"""
"""Counting its rows takes half a second, for each row of the ledger that is written."""


@contextmanager
def while_it_counts(scene: FaultScene) -> Iterator[None]:
    """Hold a batch whose records are being read and counted."""
    workers = python_workers(scene.drivers.started[-1].pid)
    for worker in workers:
        os.kill(worker, signal.SIGSTOP)
    _await_standstill(scene)
    yield
    for worker in workers:
        with suppress(ProcessLookupError):
            os.kill(worker, signal.SIGCONT)


@contextmanager
def before_it_writes(scene: FaultScene) -> Iterator[None]:
    """Hold a batch that is counted and waits for the database."""
    with closing(_database(scene)) as database:
        database.execute("BEGIN IMMEDIATE")
        _await_standstill(scene)
        yield
        database.execute("ROLLBACK")


@contextmanager
def in_the_middle_of_its_transaction(scene: FaultScene) -> Iterator[None]:
    """Hold a batch that has written some of its rows and not the others."""
    with closing(_database(scene)) as database:
        database.execute(SLOW_VIEW)
        database.execute("CREATE TRIGGER slowly AFTER INSERT ON ledger BEGIN SELECT * FROM slow; END")
        assert wait_until(lambda: _is_locked_for_long(scene), within_s=60)
        yield
        database.execute("DROP TRIGGER slowly")
        database.execute("DROP VIEW slow")


@contextmanager
def after_its_commit(scene: FaultScene) -> Iterator[None]:
    """Catch a batch that was stored this moment and of which its driver knows nothing more yet."""
    before = scene.read_up_to()
    deadline = time.monotonic() + 60
    while scene.read_up_to() == before:
        assert time.monotonic() < deadline
    yield


@contextmanager
def nowhere(_scene: FaultScene) -> Iterator[None]:
    """Hold nothing: whatever it is at."""
    yield


STEPS: tuple[Callable[[FaultScene], AbstractContextManager[None]], ...] = (
    while_it_counts,
    before_it_writes,
    in_the_middle_of_its_transaction,
    after_its_commit,
)


def _database(scene: FaultScene) -> sqlite3.Connection:
    return sqlite3.connect(scene.drivers.world.settings.home / "pegel.db", isolation_level=None, timeout=60)


def _await_standstill(scene: FaultScene) -> None:
    """Wait until nothing has been stored for a while, although records keep coming."""
    last, since = scene.read_up_to(), time.monotonic()
    while time.monotonic() - since < STEADY_S:
        time.sleep(0.05)
        if scene.read_up_to() != last:
            last, since = scene.read_up_to(), time.monotonic()


def _is_locked_for_long(scene: FaultScene) -> bool:
    """Say whether somebody held the write lock during several looks in a row, longer than any usual transaction."""
    return all(_is_locked(scene) for _ in range(10))


def _is_locked(scene: FaultScene) -> bool:
    time.sleep(0.02)
    path = scene.drivers.world.settings.home / "pegel.db"
    with closing(sqlite3.connect(path, isolation_level=None, timeout=0)) as database:
        try:
            database.execute("BEGIN IMMEDIATE")
        except sqlite3.OperationalError:
            return True
        database.execute("ROLLBACK")
        return False
