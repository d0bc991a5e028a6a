"""Asked to stop in the middle of starting, a system leaves nothing behind."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from pegel_local.machine.paths import Home
from pegel_local.processes import process_control
from pegel_local.processes.process_id import in_session
from pegel_local.system.stack_file import StackFile

pytestmark = [pytest.mark.slow, pytest.mark.timeout(180)]
STARTED = {"broker", "mail", "logger", "airflow migrate"}


# The three share one way from the handler on; each start takes some ten seconds.
@pytest.mark.parametrize(
    "number",
    [signal.SIGINT, *(pytest.param(number, marks=pytest.mark.long) for number in (signal.SIGTERM, signal.SIGHUP))],
    ids=lambda number: number.name,
)
def test_an_interrupted_start_leaves_no_process(number: signal.Signals, tmp_path: Path) -> None:
    """Ctrl-C, a request to end and a closed terminal all stop what was started by then, and say so."""
    home = tmp_path / "home"
    command = [sys.executable, "-m", "pegel.cli.main", "up", "--home", str(home)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, start_new_session=True) as starting:
        deadline = time.monotonic() + 90
        while not (state := StackFile(Home(home)).read()) or not STARTED <= set(state.parts):
            assert time.monotonic() < deadline
            time.sleep(0.05)
        starting.send_signal(number)
        said, _ = starting.communicate(timeout=90)
    left = [each for part in state.parts.values() for each in in_session(part.process)]

    assert starting.returncode == 130
    assert "interrupted; everything that was started has been stopped" in said
    assert [] == left


def test_down_stops_a_system_that_another_process_started(tmp_path: Path) -> None:
    """What `up` wrote down is enough to stop it: by process id and beginning."""
    home = tmp_path / "home"
    folder = Home(home).folder("jobs/default")
    (folder / "launch.json").write_text("{}", encoding="utf-8")
    part = process_control.start(
        [sys.executable, "-c", "import time; time.sleep(60)"], log=home / "log", environment={}
    )
    record = {
        "started_at": "2026-11-21T00:00:00+00:00",
        "addresses": {},
        "parts": {"mail": {**part.to_json(), "log": ""}},
    }
    (home / "stack.json").write_text(json.dumps(record), encoding="utf-8")
    command = [sys.executable, "-m", "pegel.cli.main", "down", "--home", str(home)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)

    assert (0, False) == (done.returncode, part.alive)
    assert "stopped; data stay in" in done.stdout
