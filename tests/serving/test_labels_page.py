"""What docs/labels.md shows is sent to a logger as it stands, and taken."""

from __future__ import annotations

import json
import os
import re
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest
from listening import Address, listening
from page_blocks import blocks_of
from senders import SwitchedSender

from pegel.labels.label_json import read_labels
from pegel_serving.bounded_http import ConnectionLimits
from pegel_serving.logger.door_settings import DoorSettings
from pegel_serving.logger.http_door import LoggerApp
from pegel_serving.logger.metrics import Metrics
from pegel_serving.logger.pipeline import Limits, Pipeline
from pegel_serving.logger.spool import Spool

PAGE = Path(__file__).resolve().parents[2] / "docs" / "labels.md"


def block(language: str, part: str) -> str:
    """Return the one block of the page that holds a part."""
    blocks = blocks_of(PAGE.read_text(encoding="utf-8"))
    (text,) = [each.text for each in blocks if each.language == language and part in each.text]
    return text


@pytest.fixture
def logger(tmp_path: Path) -> Iterator[Address]:
    """Where a logger listens."""
    spool = Spool(tmp_path / "spool", cap_bytes=1 << 20)
    metrics = Metrics()
    app = LoggerApp(Pipeline(SwitchedSender(), spool, metrics, Limits()), metrics, DoorSettings(flush_s=0.0))
    with listening(app, ConnectionLimits(), take_whole=app.take_whole) as address:
        yield address


def bash(commands: str) -> dict[str, int]:
    """Run a block as a reader does; return the answer that it prints."""
    environment = os.environ | {"NO_PROXY": "*"}
    done = subprocess.run(
        ["bash", "-e"], input=commands, capture_output=True, text=True, check=False, env=environment, timeout=60
    )
    assert (0, "") == (done.returncode, done.stderr)
    answer: dict[str, int] = json.loads(done.stdout)
    return answer


def test_the_label_of_the_page_is_taken(logger: Address) -> None:
    """Its `curl` needs the port alone."""
    answer = bash(block("sh", "curl").replace("PORT", str(logger[1])))

    assert {"taken": 1, "refused": 0, "dropped": 0, "why": []} == answer


def test_both_shapes_of_the_page_are_labels(logger: Address) -> None:
    """By event and by entity; sent as they stand, one a line, both are taken."""
    lines = block("json", '"entity"')
    command = re.sub("-d '.*'", f"--data-binary '{lines}'", block("sh", "curl").replace("PORT", str(logger[1])))

    assert 2 == len(read_labels(b"[" + b",".join(lines.encode().splitlines()) + b"]").labels)
    assert 2 == bash(command)["taken"]
