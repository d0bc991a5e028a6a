"""The environment of the opponent: made on first use below `.venvs/peers/`, again whenever its lock file changes."""

from __future__ import annotations

import hashlib
import os
import subprocess
import sys
from pathlib import Path

LOCK = Path(__file__).with_name("pyod.txt")
UV = Path(".venvs/tools/bin/uv")
HOME = Path(".venvs/peers/pyod")
ONE_THREAD = dict.fromkeys(("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "NUMBA_NUM_THREADS"), "1")


def ready() -> Path:
    """Return the opponent's Python, with exactly the locked packages."""
    python, stamp = HOME / "bin" / "python", HOME / "lock.sha256"
    digest = hashlib.sha256(LOCK.read_bytes()).hexdigest()
    if not stamp.exists() or stamp.read_text() != digest:
        subprocess.run([UV, "venv", "-q", "--clear", "--python", sys.executable, HOME], check=True)
        subprocess.run([UV, "pip", "sync", "-q", "--require-hashes", "--python", HOME, LOCK], check=True)
        stamp.write_text(digest)
    return python


def run(folder: Path) -> None:
    """Let pyod score every data set in a folder, on one thread; see `pyod_scores`."""
    script = Path(__file__).with_name("pyod_scores.py")
    subprocess.run([ready(), script, folder], check=True, env=os.environ | ONE_THREAD)
