"""An exclusive lock that a process shares with the child it supervises.

The lock belongs to the open file, so it is held as long as *either* of the two lives: a supervisor that is killed does
not make its child look gone. `filelock` keeps its descriptor to itself, hence `flock` directly.
"""

from __future__ import annotations

import fcntl
import os
from pathlib import Path


def acquire(path: Path) -> int | None:
    """Take the lock and return its descriptor, to be kept open and handed to the child; None when another holds it."""
    path.parent.mkdir(parents=True, exist_ok=True)
    descriptor = os.open(path, os.O_RDWR | os.O_CREAT, 0o644)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        os.close(descriptor)
        return None
    return descriptor


def is_held(path: Path) -> bool:
    """Say whether anybody holds the lock now."""
    if not path.exists():
        return False
    descriptor = acquire(path)
    if descriptor is None:
        return True
    os.close(descriptor)
    return False
