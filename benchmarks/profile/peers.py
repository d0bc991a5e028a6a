"""One environment per peer, from its own lock file; `python -m benchmarks.profile.peers` resolves the files anew."""

from __future__ import annotations

import hashlib
import subprocess
import sys
from pathlib import Path

HERE = Path(__file__).parent / "locks"
ROOT = Path(__file__).parents[2]
UV = ROOT / ".venvs" / "tools" / "bin" / "uv"
NAMES = ("popmon", "nannyml", "whylogs", "evidently")


def install(name: str, locks: Path = HERE) -> Path:
    """Make the environment of a peer, unless it is there from the same lock file, and return its interpreter.

    Environments of peers with the same name in other folders of locks are others.

    Raises subprocess.CalledProcessError, with what uv said, if it cannot be installed.
    """
    lock, folder = locks / f"{name}.txt", ROOT / ".venvs" / "peers" / f"{locks.parent.name}-{name}"
    stamp, wanted = folder / "lock.sha256", hashlib.sha256(lock.read_bytes()).hexdigest()
    python = folder / "bin" / "python"
    if python.exists() and stamp.exists() and stamp.read_text(encoding="ascii") == wanted:
        return python
    _uv("venv", "-q", "--clear", "--python", sys.executable, str(folder))
    _uv("pip", "sync", "-q", "--compile-bytecode", "--require-hashes", "--python", str(folder), str(lock))
    stamp.write_text(wanted, encoding="ascii")
    return python


def lock(name: str, locks: Path = HERE) -> None:
    """Resolve one peer into a hash-locked file without addresses, as `make lock` does for our own environments."""
    flags = ("-q", "--no-header", "--no-emit-index-url", "--universal", "--generate-hashes", "--python-version", "3.11")
    _uv("pip", "compile", *flags, str(locks / f"{name}.in"), "-o", str(locks / f"{name}.txt"))


def _uv(*arguments: str) -> None:
    subprocess.run([str(UV), *arguments], check=True, capture_output=True, text=True, cwd=ROOT)


if __name__ == "__main__":
    for peer in NAMES:
        lock(peer)
