"""Disks that are really full, or read-only: a small file system in memory, and files that may not grow."""

from __future__ import annotations

import ctypes
import os
import resource
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest

SIZE = 256 << 10
_LIBC = ctypes.CDLL(None, use_errno=True)
_READ_ONLY, _REMOUNT = 1, 32
_LAZY = 2  # MNT_DETACH: a test that fails must not leave the mount behind because a file is open


@dataclass(frozen=True)
class SmallDisk:
    """A folder on a small disk."""

    folder: Path

    def fill(self) -> None:
        """Use up what is left."""
        with (self.folder / "ballast").open("ab", buffering=0) as file:
            for step in (4096, 1):
                try:
                    while file.write(b"x" * step):
                        pass
                except OSError:
                    continue

    def free(self) -> None:
        """Give back what `fill` used up."""
        (self.folder / "ballast").unlink()

    def turn(self, *, read_only: bool) -> None:
        """Let it be written no more, or again. No file on it may be open for writing."""
        flags = _REMOUNT | (_READ_ONLY if read_only else 0)
        assert _LIBC.mount(None, os.fsencode(self.folder), None, flags, None) == 0, os.strerror(ctypes.get_errno())


@contextmanager
def small_disk(folder: Path, size: int = SIZE) -> Iterator[SmallDisk]:
    """Mount a file system of so many bytes. Where this process may not, the test is skipped with the reason."""
    folder.mkdir()
    if _LIBC.mount(b"pegel-tests", os.fsencode(folder), b"tmpfs", 0, b"size=%d" % size):
        pytest.skip(f"NO FULL DISK WAS TRIED: this process may not mount ({os.strerror(ctypes.get_errno())})")
    try:
        yield SmallDisk(folder)
    finally:
        assert _LIBC.umount2(os.fsencode(folder), _LAZY) == 0, f"{folder} stays mounted"


@contextmanager
def no_file_beyond(size: int) -> Iterator[None]:
    """Let no file of this process grow beyond `size` bytes."""
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
