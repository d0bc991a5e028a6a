"""`pegel exporter` is a process that answers until it is ended."""

from __future__ import annotations

import subprocess
import sys
import urllib.request
from pathlib import Path

import pytest
from sqlalchemy.engine import Engine

from pegel.cli.command_line import run


def test_it_says_where_it_answers_and_does(filled: Engine, tmp_path: Path) -> None:
    """The first line is the address of its metrics; a free port is taken where none is named."""
    command = [sys.executable, "-m", "pegel.cli.main", "exporter", "--port", "0", "--home", str(tmp_path)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        try:
            assert process.stdout is not None
            place = process.stdout.readline().strip().removeprefix("http://")
            with urllib.request.urlopen(f"http://{place}", timeout=30) as answer:
                text = answer.read().decode()
        finally:
            process.terminate()

    assert "pegel_database_up 1.0" in text
    assert 'pegel_model_info{group="default",model="delays",version="1"} 1.0' in text


def test_without_a_database_it_does_not_begin(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """A mistyped home is refused by name, and nothing is made there."""
    code = run(["exporter", "--home", str(tmp_path)])

    assert 1 == code
    assert "expected a results database" in " ".join(capsys.readouterr().err.split())
    assert [] == list(tmp_path.iterdir())
