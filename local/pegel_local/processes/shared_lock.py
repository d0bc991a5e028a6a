"""An exclusive lock that a process shares with the child it supervises, and that others look at without taking it.

The lock belongs to the open file (an *open file description lock*, fcntl_locking(2)), so it is held as long as *either*
of the two lives: a supervisor that is killed does not make its child look gone. `filelock` cannot do this: it keeps its
descriptor to itself, has no way to hand it to a child, and can only find out whether a lock is held by taking it, which
makes whoever starts at that moment believe that it is.
"""

from __future__ import annotations

import fcntl
import os
import struct
from pathlib import Path

import psutil

from pegel_local.processes.private_files import private_folder
from pegel_local.processes.process_id import ProcessId, boot_id, process_stat

FLOCK = "hhqqi4x"
"""`struct flock` of 64-bit Linux: type, whence, start, length, process."""
WHOLE = struct.pack(FLOCK, fcntl.F_WRLCK, os.SEEK_SET, 0, 0, 0)


def acquire(path: Path) -> int | None:
    """Take the lock and return its descriptor, to be kept open and handed to the child; None when another holds it."""
    private_folder(path.parent)
    descriptor = os.open(path, os.O_RDWR | os.O_CREAT, 0o600)
    try:
        fcntl.fcntl(descriptor, fcntl.F_OFD_SETLK, WHOLE)
    except (BlockingIOError, PermissionError):
        os.close(descriptor)
        return None
    return descriptor


def is_held(path: Path) -> bool:
    """Say whether anybody holds the lock now. Asking does not touch it, however often and by however many."""
    try:
        descriptor = os.open(path, os.O_RDWR)
    except FileNotFoundError:
        return False
    try:
        answer = fcntl.fcntl(descriptor, fcntl.F_OFD_GETLK, WHOLE)
    finally:
        os.close(descriptor)
    return bool(struct.unpack(FLOCK, answer)[0] != fcntl.F_UNLCK)


def holders(path: Path) -> list[ProcessId]:
    """Return the processes of this user that hold the lock. Whoever only looks at it is none of them.

    The kernel names no process for a lock of this kind, but says of each open file which locks it carries
    (`/proc/<pid>/fdinfo`, proc_pid_fdinfo(5)).
    """
    lock = path.resolve()
    stats = ((pid, process_stat(pid)) for pid in psutil.pids() if _holds(pid, lock))
    return [ProcessId(pid, boot_id(), stat.start_ticks) for pid, stat in stats if stat is not None]


def _holds(pid: int, lock: Path) -> bool:
    try:
        opened = [entry.name for entry in Path(f"/proc/{pid}/fd").iterdir()]
    except OSError:
        # Ended meanwhile, or somebody else's.
        return False
    return any(_is_locked(pid, descriptor, lock) for descriptor in opened)


def _is_locked(pid: int, descriptor: str, lock: Path) -> bool:
    try:
        if Path(f"/proc/{pid}/fd/{descriptor}").readlink() != lock:
            return False
        return "OFDLCK" in Path(f"/proc/{pid}/fdinfo/{descriptor}").read_text(encoding="ascii")
    except OSError:
        # Closed meanwhile.
        return False
