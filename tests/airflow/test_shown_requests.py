"""What docs/batch.md sends to Airflow's REST API is sent to a real API server as it stands."""

from __future__ import annotations

import json
import os
import re
import subprocess
from collections.abc import Callable
from pathlib import Path

import httpx
import pytest
from page_blocks import blocks_of
from people import PASSWORDS

PAGE = Path(__file__).resolve().parents[2] / "docs" / "batch.md"
pytestmark = pytest.mark.usefixtures("played", "listed")


def test_the_run_of_the_page_is_started(site: str, browse: Callable[[str | None], httpx.Client]) -> None:
    """With the address and the password that `pegel up` prints; the answer names the run, which is there to follow."""
    (block,) = [each for each in blocks_of(PAGE.read_text(encoding="utf-8")) if "curl" in each.text]
    commands = re.sub("^AIRFLOW=.*$", f"AIRFLOW={site}", block.text, flags=re.MULTILINE)
    commands = re.sub("^PASSWORD=.*$", f"PASSWORD={PASSWORDS['ada']}", commands, flags=re.MULTILINE)
    # The tests' administrator has a name of her own.
    done = subprocess.run(
        ["bash", "-e", "-o", "pipefail"],
        input=commands.replace('"admin"', '"ada"'),
        env=os.environ | {"NO_PROXY": "*"},
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert (0, "") == (done.returncode, done.stderr)
    answer = json.loads(done.stdout)
    started = f"/api/v2/dags/batch_monitor/dagRuns/{answer['dag_run_id']}"
    run = browse("ada").get(started).json()
    browse("ada").delete(started)

    assert ("batch_monitor", {"models": ["delays/1"]}) == (run["dag_id"], run["conf"])
    assert "queued" == run["state"]
