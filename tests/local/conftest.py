"""A `java` and an Airflow that do what a test says."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from fake_airflow import FakeAirflow, serving

FAKE = """#!{python}
import pathlib, sys
arguments = sys.argv[1:]
if "-version" in arguments:
    print('openjdk version "{version}" 2025-04-15', file=sys.stderr)
    sys.exit(0)
{then}
"""


@pytest.fixture
def java(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[[str, str], Path]:
    """Put a `java` on PATH that names a version, and runs the given Python when asked for anything else."""

    def put(version: str, then: str = "") -> Path:
        folder = tmp_path / "fake-java"
        folder.mkdir(exist_ok=True)
        program = folder / "java"
        program.write_text(FAKE.format(python=sys.executable, version=version, then=then), encoding="utf-8")
        program.chmod(0o755)
        monkeypatch.setenv("PATH", str(folder))
        monkeypatch.delenv("JAVA_HOME", raising=False)
        return program

    return put


@pytest.fixture
def fake() -> Iterator[FakeAirflow]:
    """An Airflow that answers what the test tells it."""
    with serving() as airflow:
        yield airflow
