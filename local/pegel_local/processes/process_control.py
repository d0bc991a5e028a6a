"""Starting, recognising and ending processes of this machine.

A process is known by its id *and* the time it was created: ids are used again, and nobody else's process is ever ended.
"""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psutil

from pegel.errors import SetupError

SAME_START_S = 2.0
"""Readings of one process's creation time differ by this much at most: they are derived from the boot time."""
LOOK_EVERY_S = 0.05
SECRET_PREFIXES = ("AIRFLOW", "_AIRFLOW")
"""Airflow's variables carry its database and keys and misconfigure whatever inherits them."""


@dataclass(frozen=True, slots=True)
class ProcessId:
    """One process, once: its id and its creation time in seconds since the epoch."""

    pid: int
    create_time: float

    @classmethod
    def of(cls, pid: int) -> ProcessId:
        """Return the identity of a process that runs now. Raises `psutil.NoSuchProcess`."""
        return cls(pid, psutil.Process(pid).create_time())

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> ProcessId:
        """Return what `to_json` wrote."""
        return cls(int(data["pid"]), float(data["create_time"]))

    def to_json(self) -> dict[str, Any]:
        """Return plain JSON."""
        return {"pid": self.pid, "create_time": self.create_time}

    def process(self) -> psutil.Process | None:
        """Return the living process, or None when it has ended (a zombie has ended)."""
        try:
            found = psutil.Process(self.pid)
            same = abs(found.create_time() - self.create_time) < SAME_START_S
            return found if same and found.status() != psutil.STATUS_ZOMBIE else None
        except psutil.NoSuchProcess:
            return None

    @property
    def alive(self) -> bool:
        """Say whether this very process still runs."""
        return self.process() is not None


def scrubbed(environment: Mapping[str, str], **extra: str) -> dict[str, str]:
    """Return the environment without Airflow's variables and PYTHONPATH, with `extra` set."""
    kept = {key: value for key, value in environment.items() if not key.startswith(SECRET_PREFIXES)}
    kept.pop("PYTHONPATH", None)
    return kept | extra


def start(command: Sequence[str | Path], *, log: Path, environment: Mapping[str, str]) -> ProcessId:
    """Start a process in a session of its own, its output appended to `log`. It outlives the caller.

    Raises SetupError when the program is not there.
    """
    log.parent.mkdir(parents=True, exist_ok=True)
    words = [str(word) for word in command]
    nothing = (os.POSIX_SPAWN_OPEN, 0, os.devnull, os.O_RDONLY, 0)
    output = (os.POSIX_SPAWN_OPEN, 1, str(log), os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o644)
    both = (os.POSIX_SPAWN_DUP2, 1, 2)
    try:
        # Not `Popen`: its handle complains when it is freed while the process, as intended, goes on.
        pid = os.posix_spawnp(words[0], words, environment, file_actions=(nothing, output, both), setsid=True)
    except FileNotFoundError as error:
        raise SetupError(f"{words[0]} is not there, so it was not started. Run `make setup`.") from error
    _children[pid] = None
    return ProcessId.of(pid)


_children: dict[int, int | None] = {}
"""Processes that this one started, with their exit codes once they were collected, lest they stay as zombies."""


def _collect() -> None:
    for pid in [pid for pid, code in _children.items() if code is None]:
        try:
            ended, status = os.waitpid(pid, os.WNOHANG)
        except ChildProcessError:
            # Started before a fork: it is the other side's child.
            ended, status = pid, 0
        if ended:
            _children[pid] = os.waitstatus_to_exitcode(status)


def exit_code(child: ProcessId, *, within_s: float) -> int | None:
    """Wait until a process that this one started has ended. Return its exit code, or None if it still runs."""
    deadline = time.monotonic() + within_s
    while time.monotonic() < deadline:
        _collect()
        code = _children.get(child.pid)
        if code is not None:
            return code
        time.sleep(LOOK_EVERY_S)
    return None


def end(identity: ProcessId, *, grace_s: float = 20.0) -> bool:
    """Ask the process to end, wait at most `grace_s`, then kill it with all it started. Return whether it lived."""
    return end_all([identity], grace_s=grace_s)


def end_all(identities: Sequence[ProcessId], *, grace_s: float = 20.0) -> bool:
    """Ask all to end at once, wait at most `grace_s` in total, then kill what is left. Return whether any lived.

    What a process left behind in its session ends with it; what it detached into a session of its own does not.
    """
    living = [process for process in (identity.process() for identity in identities) if process is not None]
    for process in living:
        _signal(process, signal.SIGTERM)
    _wait(living, grace_s)
    kill_all(identities)
    return bool(living)


def kill_all(identities: Sequence[ProcessId]) -> None:
    """End the processes and everything in their sessions at once (SIGKILL)."""
    left = [process for identity in identities for process in in_session(identity)]
    for process in left:
        _signal(process, signal.SIGKILL)
    _wait(left, 10.0)


def in_session(leader: ProcessId) -> list[psutil.Process]:
    """Return what lives in the session that `leader` led: itself and what it started, also after its end."""
    return [process for process in psutil.process_iter() if _belongs(process, leader)]


def _belongs(process: psutil.Process, leader: ProcessId) -> bool:
    try:
        # A session keeps its number as long as it has members, so only a younger namesake has to be told apart.
        own = os.getsid(process.pid) == leader.pid and process.create_time() > leader.create_time - SAME_START_S
        return own and _lives(process)
    except (ProcessLookupError, PermissionError, psutil.Error):
        # Ended meanwhile, or somebody else's.
        return False


def _lives(process: psutil.Process) -> bool:
    try:
        return process.is_running() and process.status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False


def _signal(process: psutil.Process, number: signal.Signals) -> None:
    try:
        if _lives(process):
            process.send_signal(number)
    except psutil.NoSuchProcess:
        # It ended between the two looks: that is what was wanted.
        return


def _wait(processes: Sequence[psutil.Process], seconds: float) -> None:
    deadline = time.monotonic() + seconds
    while any(_lives(process) for process in processes) and time.monotonic() < deadline:
        _collect()
        time.sleep(LOOK_EVERY_S)


def last_lines(log: Path, count: int = 12, *, at_most: int = 8_192) -> str:
    """Return the end of a log file, or an empty text when there is none."""
    try:
        with log.open("rb") as handle:
            handle.seek(0, os.SEEK_END)
            handle.seek(max(0, handle.tell() - at_most))
            text = handle.read().decode("utf-8", errors="replace")
    except OSError:
        return ""
    return "\n".join(text.splitlines()[-count:])
