"""The lines of docs/commands.md that hand our JSON to jq, run as they stand there."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
from pathlib import Path

import pytest
from fake_airflow import FakeAirflow
from filled_results import fill
from page_blocks import blocks_of

from pegel.spec.settings import SETTINGS_FILE
from pegel.store.database import connect, migrate
from pegel_local.machine.paths import Home
from pegel_local.system.stack_file import StackFile

PAGE = Path(__file__).resolve().parents[2] / "docs" / "commands.md"
RUN = {
    "dag_id": "model_onboard",
    "dag_run_id": "manual__1",
    "state": "failed",
    "start_date": "2026-03-01T03:41:00Z",
    "end_date": "2026-03-01T03:41:09Z",
    "note": "Failed: baseline: no such table",
}
RUNS = [(200, {"dags": [{"dag_id": "model_onboard"}]}), (200, {"dag_runs": [RUN]})]
"""What Airflow answers behind the log-in."""
PRINTED = {"runs": "model_onboard\tFailed: baseline: no such table\n", "alerts": "1\n"}
"""The first line that jq prints of each command's JSON."""


def shown() -> list[str]:
    """Return each line of the page with jq behind a pipe."""
    blocks = blocks_of(PAGE.read_text(encoding="utf-8"))
    return [line for block in blocks for line in block.text.splitlines() if "| jq" in line]


@pytest.fixture
def home(tmp_path: Path, fake: FakeAirflow) -> Path:
    """A home that is up, with an open alert, under an Airflow with a run that failed."""
    StackFile(Home(tmp_path)).record(addresses={"user": "admin", "password": "secret"})
    (tmp_path / SETTINGS_FILE).write_text(json.dumps({"airflow_url": fake.url}), encoding="utf-8")
    engine = connect(f"sqlite:///{tmp_path / 'pegel.db'}")
    migrate(engine)
    fill(engine)
    engine.dispose()
    fake.answers += RUNS
    return tmp_path


@pytest.mark.parametrize("line", shown(), ids=lambda line: line.split()[1])
def test_jq_reads_what_a_command_prints(line: str, home: Path) -> None:
    """Also line by line, of a command that looks again and again."""
    if shutil.which("jq") is None:
        pytest.skip("NO JQ: install the package `jq` to run the lines of docs/commands.md that need it")
    path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    environment = os.environ | {"PATH": path, "PEGEL_HOME": str(home)}
    command = ["bash", "-c", line]
    with subprocess.Popen(
        command, env=environment, start_new_session=True, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    ) as piped:
        assert piped.stdout is not None
        first = piped.stdout.readline()
        if "--watch" in line:
            os.killpg(piped.pid, signal.SIGINT)
        said = piped.communicate()[1]

    assert (PRINTED[line.split()[1]], "") == (first, said)


def test_each_command_that_is_known_here_is_shown() -> None:
    """A line that has left the page leaves these tests, too."""
    assert [*PRINTED] == [line.split()[1] for line in shown()]
