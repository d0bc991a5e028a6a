"""A driver that meets what another release wrote: refused by name, before anything runs or changes."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
from worlds import new_world

from pegel.reconcile.job_backend import JobDocument
from pegel.store.database import connect, writing

DOCUMENT = JobDocument(group="default", fingerprint="f" * 64, kafka="127.0.0.1:1").to_json(1)


@pytest.fixture
def home(tmp_path: Path) -> Path:
    """A home with a results database and the job document of its only group."""
    home = new_world(tmp_path / "home").settings.home
    (home / "jobs" / "default").mkdir(parents=True)
    (home / "jobs" / "default" / "job.json").write_text(json.dumps(DOCUMENT))
    return home


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


def test_a_job_document_of_another_release_is_refused_by_name(home: Path) -> None:
    """It is named with both versions, and the driver writes nothing, not even that it lives."""
    (home / "jobs" / "default" / "job.json").write_text(json.dumps(DOCUMENT | {"schema_version": 1}))

    ended = start(home)

    assert 2 == ended.returncode
    assert "expected a job document of schema version 3, given 1" in ended.stderr
    assert ["job.json"] == [path.name for path in (home / "jobs" / "default").iterdir()]


def test_tables_of_a_newer_release_are_refused_by_name(home: Path) -> None:
    """A driver that is older than the tables ends with what to do about it, before it takes the group."""
    engine = connect(f"sqlite:///{home / 'pegel.db'}")
    with writing(engine) as connection:
        connection.exec_driver_sql("UPDATE alembic_version SET version_num = '9999'")

    ended = start(home)
    with engine.connect() as connection:
        claims = connection.exec_driver_sql("SELECT count(*) FROM claims").scalar_one()
    engine.dispose()

    assert 2 == ended.returncode
    assert "revision 9999" in ended.stderr
    assert "update this installation" in ended.stderr
    assert 0 == claims
