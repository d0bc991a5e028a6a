"""A page followed by somebody whose home folder is empty, and the system that it left, ended."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from page_blocks import Ran, run_page

from pegel_local.machine.paths import checkout


@contextmanager
def followed_in(home: Path, page: Path, system: Path, *, within_s: float) -> Iterator[list[Ran]]:
    """Follow a page from the checkout on, within some seconds; in the end what runs in the home `system` is ended."""
    environment = {name: value for name, value in os.environ.items() if not name.startswith(("PEGEL_", "AIRFLOW"))}
    # What is cached for every user of a machine is no part of a new home: fonts, for one, take half a minute.
    caches = os.environ.get("XDG_CACHE_HOME", str(Path.home() / ".cache"))
    try:
        yield run_page(
            page.read_text(encoding="utf-8"),
            start=checkout().root,
            environment=environment | {"HOME": str(home), "XDG_CACHE_HOME": caches},
            within_s=within_s,
        )
    finally:
        command = [sys.executable, "-m", "pegel.cli.main", "down", "--home", str(system)]
        subprocess.run(command, capture_output=True, timeout=120, check=False)
