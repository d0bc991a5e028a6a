"""Starting and ending processes of this machine. Nobody else's process is ever ended."""

from __future__ import annotations

import os
import signal
import threading
import time
from collections.abc import Mapping, Sequence
from contextlib import suppress
from pathlib import Path

from pegel.errors import SetupError, Unavailable
from pegel.spec.limits import SERVICE_GRACE
from pegel_local.processes.private_files import private_folder, private_umask
from pegel_local.processes.process_id import ProcessId, in_session

LOOK_EVERY_S = 0.05
KILLED_WITHIN_S = 10.0
SECRET_PREFIXES = ("AIRFLOW", "_AIRFLOW")
"""Airflow's variables carry its database and keys and misconfigure whatever inherits them."""


def scrubbed(environment: Mapping[str, str], **extra: str) -> dict[str, str]:
    """Return the environment without Airflow's variables and PYTHONPATH, with `extra` set."""
    kept = {key: value for key, value in environment.items() if not key.startswith(SECRET_PREFIXES)}
    kept.pop("PYTHONPATH", None)
    return kept | extra


def start(command: Sequence[str | Path], *, log: Path, environment: Mapping[str, str]) -> ProcessId:
    """Start a process in a session of its own, its output appended to `log`. It outlives the caller.

    Raises SetupError when the program is not there, Unavailable when the machine has no room for it now.
    """
    words = [str(word) for word in command]
    nothing = (os.POSIX_SPAWN_OPEN, 0, os.devnull, os.O_RDONLY, 0)
    output = (os.POSIX_SPAWN_OPEN, 1, str(log), os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
    both = (os.POSIX_SPAWN_DUP2, 1, 2)
    try:
        private_folder(log.parent)
        # Not `Popen`: its handle complains when it is freed while the process, as intended, goes on.
        with private_umask():
            pid = os.posix_spawnp(words[0], words, environment, file_actions=(nothing, output, both), setsid=True)
    except FileNotFoundError as error:
        raise SetupError(f"{words[0]} is not there, so it was not started. Run `make setup`.") from error
    except OSError as error:
        raise Unavailable(f"{words[0]} was not started, its log would be {log}: {error}.") from error
    identity = ProcessId.of(pid)
    with _children_lock:
        _children[pid] = None
    return identity


_children: dict[int, int | None] = {}
"""Processes that this one started, with their exit codes once they were collected, lest they stay as zombies."""
_children_lock = threading.Lock()


def _forget_children() -> None:
    """Begin anew on the child's side of a fork: what its parent started is not its own to wait for."""
    global _children_lock  # noqa: PLW0603 - another thread of the parent may hold the old one for ever
    _children_lock = threading.Lock()
    _children.clear()


os.register_at_fork(after_in_child=_forget_children)


def _collect() -> None:
    # One thread at a time: a second one that waits for a process already collected would learn a wrong exit code.
    with _children_lock:
        for pid in [pid for pid, code in _children.items() if code is None]:
            try:
                ended, status = os.waitpid(pid, os.WNOHANG)
            except ChildProcessError:
                # Somebody else collected it, so its exit code is not known; better none than a made-up 0.
                del _children[pid]
                continue
            if ended:
                _children[pid] = os.waitstatus_to_exitcode(status)


def exit_code(child: ProcessId, *, within_s: float) -> int | None:
    """Wait until a process that this one started has ended. Return its exit code, or None if it still runs.

    Raises ValueError for a process that this one did not start.
    """
    deadline = time.monotonic() + within_s
    while True:
        _collect()
        with _children_lock:
            if child.pid not in _children:
                raise ValueError(f"expected a process that this one started, given {child}; nothing was waited for")
            code = _children[child.pid]
        if code is not None or time.monotonic() >= deadline:
            return code
        time.sleep(LOOK_EVERY_S)


def end(identity: ProcessId, *, grace_s: float = SERVICE_GRACE.total_seconds()) -> bool:
    """Ask the process to end, wait at most `grace_s`, then kill it with all it started. Return whether it lived."""
    return end_all([identity], grace_s=grace_s)


def end_all(identities: Sequence[ProcessId], *, grace_s: float = SERVICE_GRACE.total_seconds()) -> bool:
    """Ask all to end at once, wait at most `grace_s` in total, then kill what is left. Return whether any lived.

    What a process left behind in its session ends with it; what it detached into a session of its own does not.
    """
    living = [identity for identity in identities if identity.alive]
    for identity in living:
        _signal(identity, signal.SIGTERM)
    _wait(living, grace_s)
    kill_all(identities)
    return bool(living)


def kill_all(identities: Sequence[ProcessId]) -> None:
    """End the processes and everything in their sessions at once (SIGKILL)."""
    deadline = time.monotonic() + KILLED_WITHIN_S
    # Looked for again until nothing is left: a process may start another one while it is being looked for.
    while left := [member for identity in identities for member in in_session(identity)]:
        for member in left:
            _signal(member, signal.SIGKILL)
        _wait(left, deadline - time.monotonic())
        if time.monotonic() >= deadline:
            return


def _signal(identity: ProcessId, number: signal.Signals) -> None:
    # It may end between the two looks: that is what is wanted.
    if identity.alive:
        with suppress(ProcessLookupError):
            os.kill(identity.pid, number)


def _wait(identities: Sequence[ProcessId], seconds: float) -> None:
    deadline = time.monotonic() + seconds
    while any(identity.alive for identity in identities) and time.monotonic() < deadline:
        _collect()
        time.sleep(LOOK_EVERY_S)


def last_lines(log: Path, count: int = 12, *, at_most: int = 8_192) -> str:
    """Return the end of a log file, or an empty text when there is none. `at_most` bounds the bytes that are read."""
    try:
        with log.open("rb") as handle:
            handle.seek(0, os.SEEK_END)
            handle.seek(max(0, handle.tell() - at_most))
            text = handle.read().decode("utf-8", errors="replace")
    except OSError:
        return ""
    return "\n".join(text.splitlines()[-count:])
