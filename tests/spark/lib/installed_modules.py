"""Modules that a test installs, as a user's package would be."""

from __future__ import annotations

from pathlib import Path

DANGEROUS = '''
import os
import time

class Dangerous:
    """Ends, or takes all the memory of, whoever counts certain numbers."""

    name = "dangerous"

    @classmethod
    def start(cls, edges):
        return cls()

    def update(self, values):
        if (values == 666.0).any():
            os._exit(77)
        if (values == 667.0).any():
            hoard = [bytearray(256 * 1024 * 1024) for _ in range(10)]

    def merge(self, other):
        pass

    def get(self):
        return None

    def to_bytes(self):
        return b""

    @classmethod
    def from_bytes(cls, data):
        return cls()
'''
"""A module with a statistic, to be installed for one test."""


def install(site: Path, package: str, source: str, group: str, place: str) -> Path:
    """Install a module with one entry point, named like the module, in a folder for the path."""
    info = site / f"{package}-1.0.dist-info"
    info.mkdir(parents=True)
    (site / f"{package}.py").write_text(source)
    (info / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {package}\nVersion: 1.0\n")
    (info / "entry_points.txt").write_text(f"[{group}]\n{package} = {place}\n")
    return site
