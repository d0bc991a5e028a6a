"""Puts a measured section into `docs/measured.md`, between its markers `<!-- name -->` and `<!-- /name -->`."""

from __future__ import annotations

import os
from datetime import UTC, datetime
from pathlib import Path


def put(page: Path, name: str, text: str) -> None:
    """Replace the section `name` of a page; a page without its markers gets it at the end."""
    opening, closing = f"<!-- {name} -->\n", f"<!-- /{name} -->\n"
    before, _, rest = page.read_text(encoding="utf-8").partition(opening)
    after = rest.partition(closing)[2]
    page.write_text(f"{before}{opening}{text.rstrip()}\n{closing}{after}", encoding="utf-8")


def when() -> str:
    """Return the day, and how busy the machine is: times on the clock grow with it, times of a process hardly."""
    return f"{datetime.now(UTC):%Y-%m-%d} at a load of {os.getloadavg()[1]:.1f} on {os.cpu_count()} cores"
