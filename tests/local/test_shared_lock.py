"""A lock is looked at without being taken, and shared with a child."""

from __future__ import annotations

import os
import subprocess
import sys
import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from pegel_local.processes import shared_lock
from pegel_local.processes.process_id import ProcessId

LOOKS = 5_000
LOOKERS = 4
STARTS = 500


def test_looking_never_takes_the_lock(tmp_path: Path) -> None:
    """Twenty thousand looks by four threads find a free lock free, each time."""
    lock = tmp_path / "lock"
    lock.touch()
    with ThreadPoolExecutor(max_workers=LOOKERS) as pool:
        held = pool.map(lambda _: sum(shared_lock.is_held(lock) for _ in range(LOOKS)), range(LOOKERS))

    assert 0 == sum(held)


def test_no_look_is_in_the_way_of_a_start(tmp_path: Path) -> None:
    """While others look without a pause, each of five hundred starts gets the lock at its first try."""
    lock, done = tmp_path / "lock", threading.Event()

    def look() -> int:
        looks = 0
        while not done.is_set():
            shared_lock.is_held(lock)
            looks += 1
        return looks

    with ThreadPoolExecutor(max_workers=LOOKERS) as pool:
        lookers = [pool.submit(look) for _ in range(LOOKERS)]
        refused = 0
        for _ in range(STARTS):
            descriptor = shared_lock.acquire(lock)
            refused += descriptor is None
            if descriptor is not None:
                os.close(descriptor)
        done.set()
        looks = sum(looker.result() for looker in lookers)

    assert 0 == refused
    assert looks > LOOKERS


def test_a_held_lock_is_held_for_everybody_else(tmp_path: Path) -> None:
    """A second taker is refused, a look says that it is held, and closing frees it."""
    lock = tmp_path / "lock"
    descriptor = shared_lock.acquire(lock)
    assert descriptor is not None
    during = (shared_lock.acquire(lock), shared_lock.is_held(lock), shared_lock.holders(lock))
    os.close(descriptor)

    assert (None, True, [ProcessId.of(os.getpid())]) == during
    assert (False, []) == (shared_lock.is_held(lock), shared_lock.holders(lock))


def test_a_child_holds_on_to_the_lock(tmp_path: Path) -> None:
    """Handed to a child, the lock is held until the child ends, too."""
    lock = tmp_path / "lock"
    descriptor = shared_lock.acquire(lock)
    assert descriptor is not None
    with subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE, pass_fds=(descriptor,)) as child:
        os.close(descriptor)
        during = (shared_lock.is_held(lock), shared_lock.holders(lock))
        identity = ProcessId.of(child.pid)
        child.communicate(b"\n")

    assert (True, [identity]) == during
    assert not shared_lock.is_held(lock)


def test_a_lock_that_was_never_taken_is_not_held(tmp_path: Path) -> None:
    """Looking at a file that is not there creates nothing."""
    assert not shared_lock.is_held(tmp_path / "lock")
    assert [] == list(tmp_path.iterdir())
