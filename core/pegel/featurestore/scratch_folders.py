"""Folders to write in, on the disk of what is written, and how those go that a killed process left there."""

from __future__ import annotations

import shutil
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from tempfile import TemporaryDirectory

PREFIX = ".new-"
LEFT_BEHIND_S = 24 * 3600.0
"""Seconds since the last write, after which a folder belongs to nobody: whoever writes a file writes all the time."""


@contextmanager
def scratch_folder(parent: Path) -> Iterator[Path]:
    """Yield a new folder in `parent`, of mode 0700, gone afterwards.

    Those in which nothing was written for a day go first: their processes were killed. Raises OSError.
    """
    _sweep(parent)
    with TemporaryDirectory(prefix=PREFIX, dir=parent, ignore_cleanup_errors=True) as folder:
        yield Path(folder)


def _sweep(parent: Path) -> None:
    for folder in parent.glob(f"{PREFIX}*"):
        # Gone meanwhile, or somebody else's.
        with suppress(OSError):
            if folder.is_dir() and time.time() - _last_write(folder) > LEFT_BEHIND_S:
                shutil.rmtree(folder, ignore_errors=True)


def _last_write(folder: Path) -> float:
    return max(path.lstat().st_mtime for path in (folder, *folder.rglob("*")))
