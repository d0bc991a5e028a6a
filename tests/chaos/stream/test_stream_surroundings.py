"""What a driver needs is away, locked, full or stopped, or another driver comes: nothing is lost, and it is said."""

from __future__ import annotations

import os
import random
import signal
import sqlite3
import time
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from fault_outcomes import FaultOutcome
from fault_scene import FaultScene, scene_of
from full_disks import small_disk
from stream_drivers import python_workers
from waiting import wait_until
from wires import broker_in, wire_to
from worlds import new_world

from pegel.reconcile.job_backend import WAITING_NOTE
from pegel_spark.driver import Exit

pytestmark = [pytest.mark.chaos, pytest.mark.timeout(3600)]
DISK_BYTES = 192 * 1024 * 1024


def elapsed(seconds: float) -> bool:
    """Wait for so long."""
    until = time.monotonic() + seconds
    return wait_until(lambda: time.monotonic() > until, within_s=seconds + 1)


def assert_exact(outcome: FaultOutcome, scene: FaultScene) -> None:
    """Assert that a fault has cost nothing, and that the accounts close."""
    assert (0, 0, outcome.windows) == (outcome.lost, outcome.doubled, outcome.exact)
    assert scene.drivers.accounts()[0] == scene.drivers.accounts()[1] == len(scene.load.sent)


def test_a_broker_that_is_killed_and_away_is_waited_for(
    drivers: Any,
    outcomes: list[FaultOutcome],
    kills: int,
    away_s: float,
    tmp_path_factory: pytest.TempPathFactory,
) -> None:
    """Killed, and gone for a while, it finds the same driver as before, which has said since when it was away."""
    draw = random.Random(5)
    with broker_in(tmp_path_factory.mktemp("killed")) as broker:
        drivers.wire = wire_to(broker)
        # It would look for the broker again and again, and leave sockets behind.
        drivers.wire.producer.close()
        with scene_of(drivers) as scene:
            broker.kill()
            assert wait_until(lambda: scene.doubts().startswith("waiting for the broker since "), within_s=90)
            assert elapsed(away_s)
            broker.start()
            scene.goes_on()
            for _ in range(kills):
                time.sleep(draw.random())
                broker.kill()
                broker.start()
                scene.goes_on()
            outcome = scene.outcome(f"broker killed {1 + kills} times, once away for {away_s:.0f} s")
        outcomes.append(outcome)

    assert_exact(outcome, scene)
    assert (1, None) == (len(drivers.started), drivers.started[0].poll())


def test_a_database_that_is_locked_is_waited_for(
    scene: FaultScene, outcomes: list[FaultOutcome], away_s: float
) -> None:
    """Locked for longer than anybody usually waits, it finds the same driver, whose note has said what it waits for."""
    note = scene.drivers.folder / WAITING_NOTE
    path = scene.drivers.world.settings.home / "pegel.db"
    with closing(sqlite3.connect(path, isolation_level=None, timeout=60)) as database:
        database.execute("BEGIN IMMEDIATE")
        assert wait_until(note.exists, within_s=120)
        said = note.read_text()
        assert elapsed(away_s)
        database.execute("ROLLBACK")
    scene.goes_on()
    outcome = scene.outcome(f"database locked for {away_s:.0f} s and more")
    outcomes.append(outcome)

    assert_exact(outcome, scene)
    assert (1, True, False) == (
        len(scene.drivers.started),
        said.startswith("waiting for the database since "),
        note.exists(),
    )


def test_a_full_disk_is_waited_for_also_by_a_driver_that_starts(
    drivers: Any, outcomes: list[FaultOutcome], away_s: float, tmp_path: Path
) -> None:
    """Full under a running driver, and under one that starts, it has room again, and nothing is missing."""
    with small_disk(tmp_path / "disk", DISK_BYTES) as disk:
        drivers.world = new_world(disk.folder / "home")
        drivers.folder = disk.folder / "default"
        with scene_of(drivers) as scene:
            disk.fill()
            assert elapsed(away_s)
            running = drivers.started[0].poll()
            drivers.kill()
            drivers.start()
            assert elapsed(away_s)
            starting = drivers.started[1].poll()
            disk.free()
            scene.goes_on()
            outcome = scene.outcome(f"disk full for {2 * away_s:.0f} s, driver killed meanwhile")
        outcomes.append(outcome)

        assert (None, None) == (running, starting)
        assert_exact(outcome, scene)
        drivers.kill()


def test_workers_that_are_stopped_are_noticed(scene: FaultScene, outcomes: list[FaultOutcome]) -> None:
    """The page says that nothing moves before anything is done about it; let go, they count what they were at."""
    workers = python_workers(scene.drivers.started[0].pid)
    for worker in workers:
        os.kill(worker, signal.SIGSTOP)
    assert wait_until(lambda: scene.doubts().startswith("no progress since "), within_s=120)
    said = scene.doubts()
    for worker in workers:
        os.kill(worker, signal.SIGCONT)
    scene.goes_on()
    outcome = scene.outcome("workers stopped for half a minute")
    outcomes.append(outcome)

    assert_exact(outcome, scene)
    assert said.endswith("processing a batch")


def test_of_two_drivers_under_load_one_writes(scene: FaultScene, outcomes: list[FaultOutcome], tmp_path: Path) -> None:
    """A second driver of the group takes it over in the middle of traffic; the first ends at its next word."""
    scene.drivers.start(2, tmp_path / "second")
    code = scene.drivers.started[0].wait(180)
    scene.goes_on()
    outcome = scene.outcome("a second driver of the group")
    outcomes.append(outcome)

    assert Exit.SUPERSEDED == code
    assert_exact(outcome, scene)
