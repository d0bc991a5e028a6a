"""Contenders as whole processes: wall and processor time and peak memory, children included."""

from __future__ import annotations

import os
import resource
import subprocess
import sys
import threading
import time
from dataclasses import dataclass
from pathlib import Path

import psutil

HERE = Path(__file__).parent
QUIET = {"NML_DISABLE_USAGE_LOGGING": "1", "DO_NOT_TRACK": "1", "WHYLOGS_NO_ANALYTICS": "true"}
"""None of them is to call home while its time is taken."""
LOOK_S = 0.02
LIMIT_S = 900


@dataclass(frozen=True)
class Taken:
    """What one process took. `said`: the last line it wrote; `failed`: why there are no figures, None if there are."""

    wall_s: float
    peak_mib: float
    cpu_s: float = 0.0
    said: str = ""
    failed: str | None = None


def run(name: str, python: Path | str, verb: str, table: Path, state: Path) -> Taken:
    """Run `contenders/with_<name>.py` once."""
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    script = HERE / "contenders" / f"with_{name}.py"
    began = time.perf_counter()
    process = subprocess.Popen(
        [str(python), "-W", "ignore", str(script), verb, str(table), str(state)],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env={name: value for name, value in (os.environ | QUIET).items() if name != "PYTHONDONTWRITEBYTECODE"},
    )
    peak = _Peak(process.pid)
    peak.start()
    try:
        out, err = process.communicate(timeout=LIMIT_S)
    except subprocess.TimeoutExpired:
        process.kill()
        process.communicate()
        return Taken(0, 0, failed=f"not done after {LIMIT_S} s")
    wall = time.perf_counter() - began
    peak.join()
    if process.returncode:
        return Taken(0, 0, failed=(err.strip().splitlines() or ["no word"])[-1])
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    cpu = after.ru_utime - before.ru_utime + after.ru_stime - before.ru_stime
    return Taken(wall, peak.bytes / 2**20, cpu, (out.strip().splitlines() or [""])[-1])


class _Peak(threading.Thread):
    """Watches the memory of a process and its children until it ends."""

    def __init__(self, pid: int) -> None:
        super().__init__(daemon=True)
        self.bytes = 0
        self._pid = pid

    def run(self) -> None:
        """Look fifty times a second; what the kernel counted as the highest of the process itself counts, too."""
        try:
            process = psutil.Process(self._pid)
            while True:
                family = [process, *process.children(recursive=True)]
                highest = _highest(self._pid)
                self.bytes = max(self.bytes, highest, sum(one.memory_info().rss for one in family))
                time.sleep(LOOK_S)
        except psutil.Error:
            return


def _highest(pid: int) -> int:
    """Return the kernel's own high-water mark of a process, in bytes; 0 where there is none."""
    try:
        lines = Path(f"/proc/{pid}/status").read_text(encoding="ascii").splitlines()
    except OSError:
        return 0
    return next((int(line.split()[1]) * 1024 for line in lines if line.startswith("VmHWM")), 0)


PYTHON = sys.executable
