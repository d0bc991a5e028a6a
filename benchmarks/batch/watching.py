"""A process and all that it starts, watched from outside: how long, how much of the processor, how much memory."""

from __future__ import annotations

import os
import subprocess
import threading
import time
from collections import defaultdict
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field

import psutil

LOOK_EVERY_S = 0.2
COMPLAINTS = 5
"""Last lines that a program complained with, which are told where it failed."""


@dataclass(frozen=True, slots=True)
class Watched:
    """What one program took. `mib`: the peak of all its processes together, as proportional set size; by kind below it.

    `said`: the last line that it wrote; `failed`: the end of what it complained about, None where it did not fail.
    """

    wall_s: float
    cpu_s: float
    mib: float
    mib_by_kind: dict[str, float] = field(default_factory=dict)
    said: str = ""
    failed: str | None = None


def watched(command: Sequence[str], environment: Mapping[str, str], limit_s: float) -> Watched:
    """Run a program to its end, or for so many seconds."""
    begin = time.perf_counter()
    with subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env={**os.environ, **environment}
    ) as process:
        look = _Look(process.pid)
        look.start()
        try:
            said, complained = process.communicate(timeout=limit_s)
        except subprocess.TimeoutExpired:
            for each in psutil.Process(process.pid).children(recursive=True):
                with suppress(psutil.Error):
                    each.kill()
            process.kill()
            process.communicate()
            look.end()
            return Watched(limit_s, look.cpu_s, look.mib, look.by_kind, failed=f"not done after {limit_s:.0f} s")
        wall = time.perf_counter() - begin
        look.end()
    last = (said.strip().splitlines() or [""])[-1]
    # What a JVM adds to its last word is where in its code that was.
    words = [line for line in complained.splitlines() if line.strip() and not line.lstrip().startswith("at ")]
    failed = "\n".join(words[-COMPLAINTS:] or ["no word"]) if process.returncode else None
    return Watched(wall, look.cpu_s, look.mib, look.by_kind, last, failed)


class _Look(threading.Thread):
    """Looks at a process and its children until told to end; what one used is what it was last seen to have used."""

    def __init__(self, process: int) -> None:
        super().__init__(daemon=True)
        self.mib = 0.0
        self.by_kind: dict[str, float] = {}
        self._used: dict[int, float] = {}
        self._ended = threading.Event()
        self._process = process

    @property
    def cpu_s(self) -> float:
        """Return the processor time of all processes that were seen."""
        return sum(self._used.values())

    def run(self) -> None:
        """Look again and again."""
        while not self._ended.wait(LOOK_EVERY_S):
            mib: dict[str, float] = defaultdict(float)
            with suppress(psutil.Error):
                process = psutil.Process(self._process)
                for each in (process, *process.children(recursive=True)):
                    with suppress(psutil.Error):
                        kind = "JVM" if each.name() == "java" else "program" if each.pid == process.pid else "workers"
                        mib[kind] += each.memory_full_info().pss / 2**20
                        times = each.cpu_times()
                        self._used[each.pid] = times.user + times.system
            self.mib = max(self.mib, sum(mib.values()))
            self.by_kind = {kind: max(mib.get(kind, 0), self.by_kind.get(kind, 0)) for kind in mib | self.by_kind}

    def end(self) -> None:
        """Look no more."""
        self._ended.set()
        self.join()
