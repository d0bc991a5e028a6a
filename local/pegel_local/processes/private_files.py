"""Files and folders that only their owner may read: they hold addresses, passwords and samples of data."""

from __future__ import annotations

import json
import os
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import psutil

PRIVATE = 0o077
"""What an own file or folder keeps from everybody else: everything."""
LEFT_AFTER_S = 60.0
"""Age from which a half-written file is one that nobody is at any more: writing one takes a moment."""
_umask_lock = threading.Lock()
_umask_depth, _umask_before = 0, 0


def _forget_other_threads() -> None:
    """Begin anew on the child's side of a fork: the threads that were at it exist on its parent's side only."""
    global _umask_lock, _umask_depth
    if _umask_depth:
        os.umask(_umask_before)
    _umask_lock, _umask_depth = threading.Lock(), 0


os.register_at_fork(after_in_child=_forget_other_threads)


@contextmanager
def private_umask() -> Iterator[None]:
    """Let whatever this process and its new children make meanwhile be readable by their owner only.

    The umask belongs to the process: other threads have it as well until the last of them is through.
    """
    global _umask_depth, _umask_before  # noqa: PLW0603 - as the umask itself
    with _umask_lock:
        if _umask_depth == 0:
            _umask_before = os.umask(PRIVATE)
        _umask_depth += 1
    try:
        yield
    finally:
        with _umask_lock:
            _umask_depth -= 1
            if _umask_depth == 0:
                os.umask(_umask_before)


def private_folder(path: Path) -> Path:
    """Make `path` exist and return it. What had to be made of it and its parents has mode 0700."""
    for folder in (*reversed(path.parents), path):
        if not folder.exists():
            folder.mkdir(mode=0o700, exist_ok=True)
    return path


def write_json(path: Path, data: Any) -> None:
    """Replace a file at once, so that no reader ever sees a half of it; mode 0600.

    What a killed process left beside it goes. Raises OSError, a full disk for example; then the file is as it was.
    """
    private_folder(path.parent)
    _sweep(path)
    scratch = path.with_name(f".{path.name}.{os.getpid()}")
    try:
        with os.fdopen(os.open(scratch, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w", encoding="utf-8") as handle:
            json.dump(data, handle, indent=1)
        scratch.replace(path)
    except OSError:
        with suppress(OSError):
            scratch.unlink(missing_ok=True)
        raise


def _sweep(path: Path) -> None:
    """Remove what processes that have ended were about to put in the place of a file.

    A process of another container that shares the folder lives, although no process here has its number.
    """
    start = f".{path.name}."
    for left in path.parent.iterdir():
        pid = left.name.removeprefix(start)
        if not left.name.startswith(start) or not pid.isdecimal() or psutil.pid_exists(int(pid)):
            continue
        with suppress(FileNotFoundError):
            if time.time() - left.stat().st_mtime > LEFT_AFTER_S:
                left.unlink()


def overwrite_json(path: Path, data: Any) -> None:
    """Write into the file that is there, where a full disk has no room for a second one.

    A reader may see a half of it, and has to be ready for that. Raises OSError when there is no such file or no room.
    """
    text = json.dumps(data, indent=1).encode()
    descriptor = os.open(path, os.O_WRONLY)
    try:
        os.pwrite(descriptor, text.ljust(os.fstat(descriptor).st_size), 0)
    finally:
        os.close(descriptor)


def read_json(path: Path) -> Any:
    """Return the content of a JSON file; None when it is absent. Raises ValueError when it is damaged."""
    try:
        return json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        return None
