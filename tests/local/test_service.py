"""A service that does not come up says why."""

from __future__ import annotations

import os
import sys
from pathlib import Path

import pytest

from pegel.errors import Unavailable
from pegel_local.processes import process_control
from pegel_local.processes.service import Service


def service(tmp_path: Path, code: str, *, healthy: bool, within_s: float = 20.0) -> Service:
    """Describe Python code as a service."""
    return Service(
        name="thing",
        command=(sys.executable, "-c", code),
        log=tmp_path / "log",
        environment=dict(os.environ),
        healthy=lambda: healthy,
        within_s=within_s,
    )


def test_a_healthy_service_is_not_waited_for(tmp_path: Path) -> None:
    """Waiting ends with the first healthy answer."""
    thing = service(tmp_path, "import time; time.sleep(60)", healthy=True)
    process = thing.launch()
    thing.wait(process)
    alive = process.alive
    process_control.end(process)

    assert alive


def test_a_service_that_ends_is_told_with_its_last_words(tmp_path: Path) -> None:
    """A service that dies at once is reported at once, with its log."""
    thing = service(tmp_path, "raise SystemExit('no room')", healthy=False)

    with pytest.raises(Unavailable, match=r"(?s)thing did not start: it ended\..*no room.*Log: "):
        thing.wait(thing.launch())


def test_a_silent_service_is_told_after_its_time(tmp_path: Path) -> None:
    """Waiting is bounded."""
    thing = service(tmp_path, "import time; time.sleep(60)", healthy=False, within_s=0.3)
    process = thing.launch()

    with pytest.raises(Unavailable, match=r"it still does not answer after 0\.3 s"):
        thing.wait(process)
    process_control.end(process)
