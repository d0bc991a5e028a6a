"""A driver started on what an older Pegel left behind: refused by name, before anything runs or changes."""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import sqlite3
import subprocess
import sys
from contextlib import closing
from pathlib import Path

import pytest

from pegel.reconcile.job_backend import JobDocument

OLD = Path(__file__).parents[1] / "core" / "store" / "old_release"


@pytest.fixture
def home(tmp_path: Path) -> Path:
    """A copy of a home that the code of commit f831ff3 wrote; see the README beside it."""
    return Path(shutil.copytree(OLD, tmp_path / "home"))


def start(home: Path) -> subprocess.CompletedProcess[str]:
    """Start the driver of the home's only group."""
    return subprocess.run(
        [sys.executable, "-m", "pegel_spark.jobs.monitor", str(home / "jobs" / "default")],
        env={**os.environ, "PEGEL_HOME": str(home)},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


def contents(home: Path) -> dict[str, str]:
    """Return the digest of each file."""
    files = [path for path in sorted(home.rglob("*")) if path.is_file()]
    return {str(path.relative_to(home)): hashlib.sha256(path.read_bytes()).hexdigest() for path in files}


def statements(home: Path) -> list[str]:
    """Return everything in the database, as statements; looking at a file may change how it is kept, not what."""
    with closing(sqlite3.connect(home / "pegel.db")) as database:
        return list(database.iterdump())


def test_an_old_job_document_is_refused_by_name(home: Path) -> None:
    """A job document of schema version 1 is named with both versions, and nothing changes."""
    before = contents(home)

    ended = start(home)

    assert 2 == ended.returncode
    assert "expected a job document of schema version 3, given 1" in ended.stderr
    assert before == contents(home)


def test_an_old_database_is_refused_by_name(home: Path) -> None:
    """A new job document on old tables ends with what to do about them, and the tables stay as they are."""
    document = JobDocument(group="default", fingerprint="f" * 64, kafka="127.0.0.1:1")
    (home / "jobs" / "default" / "job.json").write_text(json.dumps(document.to_json(1)))
    before = statements(home)

    ended = start(home)

    assert 2 == ended.returncode
    assert "revision 0001" in ended.stderr
    assert "move it away" in ended.stderr
    assert before == statements(home)
