"""How a process is known: by its id, and by when it began in ticks since the machine was booted.

Ids are used again, so the id alone is not enough. `psutil` gives the beginning as wall-clock time, derived from a boot
time that moves with each step of the clock: after one, a living process would pass for another. The kernel's own count
(`starttime` of `/proc/<pid>/stat`, proc_pid_stat(5)) never changes; hence Linux only.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any, Self

import psutil

ENDED = frozenset("ZXx")
"""States of a process that has ended: a zombie waits for nothing but to be collected."""


@dataclass(frozen=True, slots=True)
class ProcessStat:
    """What the kernel says of a process. `session` is the id of its session's leader."""

    state: str
    session: int
    start_ticks: int


@dataclass(frozen=True, slots=True)
class ProcessId:
    """One process, once: its id, the boot it began in, and the clock ticks from that boot to its beginning."""

    pid: int
    boot: str
    start_ticks: int

    @classmethod
    def of(cls, pid: int) -> Self:
        """Return the identity of a process that runs now or has not been collected. Raises ProcessLookupError."""
        stat = process_stat(pid)
        if stat is None:
            raise ProcessLookupError(f"there is no process {pid}")
        return cls(pid, boot_id(), stat.start_ticks)

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> Self:
        """Return what `to_json` wrote. Raises KeyError, TypeError or ValueError for anything else."""
        return cls(int(data["pid"]), str(data["boot"]), int(data["start_ticks"]))

    def to_json(self) -> dict[str, Any]:
        """Return plain JSON."""
        return {"pid": self.pid, "boot": self.boot, "start_ticks": self.start_ticks}

    @property
    def alive(self) -> bool:
        """Say whether this very process still runs."""
        stat = process_stat(self.pid) if self.boot == boot_id() else None
        return stat is not None and stat.start_ticks == self.start_ticks and stat.state not in ENDED


def process_stat(pid: int) -> ProcessStat | None:
    """Return what the kernel says of a process; None when there is none."""
    try:
        text = Path(f"/proc/{pid}/stat").read_text(encoding="ascii", errors="replace")
    except (FileNotFoundError, ProcessLookupError):
        return None
    # The name, in brackets, may itself hold brackets and spaces; the third field follows its last bracket.
    fields = text.rpartition(")")[2].split()
    return ProcessStat(state=fields[0], session=int(fields[3]), start_ticks=int(fields[19]))


def in_session(leader: ProcessId) -> list[ProcessId]:
    """Return what lives in the session that `leader` led: itself and what it started, also after its end."""
    if leader.boot != boot_id():
        return []
    now_there = process_stat(leader.pid)
    if now_there is not None and now_there.start_ticks != leader.start_ticks:
        # The id was used again, so the old session is empty: an id stays taken while its session has a member.
        return []
    members = []
    for pid in psutil.pids():
        stat = process_stat(pid)
        if stat is not None and stat.session == leader.pid and stat.state not in ENDED:
            members.append(ProcessId(pid, leader.boot, stat.start_ticks))
    return [member for member in members if member.start_ticks >= leader.start_ticks]


@cache
def boot_id() -> str:
    """Return the kernel's name of this boot: ids and ticks of another one mean nothing now."""
    return Path("/proc/sys/kernel/random/boot_id").read_text(encoding="ascii").strip()
