"""What is written beside its place, on the same disk, and how that goes which a killed process left there."""

from __future__ import annotations

import shutil
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from tempfile import TemporaryDirectory

PREFIX = ".new-"
LEFT_BEHIND_S = 24 * 3600.0
"""Seconds since the last write, after which it belongs to nobody: whoever writes a file writes all the time."""


@contextmanager
def scratch_folder(parent: Path) -> Iterator[Path]:
    """Yield a new folder in `parent`, of mode 0700, gone afterwards.

    Those in which nothing was written for a day go first: their processes were killed. Raises OSError.
    """
    sweep(parent)
    with TemporaryDirectory(prefix=PREFIX, dir=parent, ignore_cleanup_errors=True) as folder:
        yield Path(folder)


def sweep(parent: Path) -> None:
    """Remove folders and files beside their place in which nothing was written for a day."""
    for left in parent.glob(f"{PREFIX}*"):
        # Gone meanwhile, or somebody else's.
        with suppress(OSError):
            if time.time() - _last_write(left) <= LEFT_BEHIND_S:
                continue
            if left.is_dir() and not left.is_symlink():
                shutil.rmtree(left, ignore_errors=True)
            else:
                left.unlink()


def _last_write(left: Path) -> float:
    inside = list(left.rglob("*")) if left.is_dir() and not left.is_symlink() else []
    return max(path.lstat().st_mtime for path in (left, *inside))
