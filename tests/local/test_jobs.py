"""The local job backend keeps what every job backend promises."""

from __future__ import annotations

import json
import stat
import sys
from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import psutil
import pytest
from waiting import wait_until

from pegel.errors import SetupError
from pegel.reconcile.job_backend import JobDocument, JobState
from pegel.spec.settings import Settings
from pegel.testing.backend_checks import JOB_CHECKS, JobCheck
from pegel_local.backends.driver_processes import LocalJobBackend
from pegel_local.processes.supervisor_files import SupervisorFiles

DRIVER = """
import signal, sys, time
signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
while True: time.sleep(0.05)
"""
JOB = JobDocument(group="default", fingerprint="abc", kafka="127.0.0.1:1", trigger=timedelta(seconds=2))


@pytest.fixture
def backend(tmp_path: Path) -> Iterator[LocalJobBackend]:
    """Run a tiny script as the driver; nothing of it outlives the test."""
    found = LocalJobBackend(Settings(home=tmp_path), command=(sys.executable, "-c", DRIVER))
    yield found
    found.stop(JOB.group, grace=timedelta(seconds=5))


@pytest.mark.parametrize("check_promise", JOB_CHECKS, ids=lambda check: check.__name__)
def test_it_keeps_the_promises_of_a_job_backend(check_promise: JobCheck, backend: LocalJobBackend) -> None:
    """The local backend passes the checks that the memory fake passes."""
    check_promise(backend, JOB)


def test_the_driver_is_told_in_plain_json(backend: LocalJobBackend, tmp_path: Path) -> None:
    """`job.json` names units, and carries the generation beside the document."""
    backend.ensure(JOB, 4)
    told = json.loads((tmp_path / "jobs" / "default" / "job.json").read_text())

    assert told == {
        "schema_version": 3,
        "group": "default",
        "fingerprint": "abc",
        "generation": 4,
        "kafka": "127.0.0.1:1",
        "trigger_ms": 2000,
    }


def test_the_database_password_is_in_the_environment_only(tmp_path: Path) -> None:
    """A driver finds the database's address in its environment; no file and no command line has the password."""
    settings = Settings(home=tmp_path, database_url="postgresql://pegel:hunter2@127.0.0.1/pegel")
    backend = LocalJobBackend(settings, command=(sys.executable, "-c", DRIVER))
    backend.ensure(JOB, 1)
    files = [path for path in tmp_path.rglob("*") if path.is_file()]
    state = SupervisorFiles(tmp_path / "jobs" / "default").state()
    assert state is not None
    assert state.process is not None
    processes = [psutil.Process(each.pid) for each in (state.supervisor, state.process)]
    environments = [process.environ()["PEGEL_DATABASE_URL"] for process in processes]
    commands = [" ".join(process.cmdline()) for process in processes]
    backend.stop(JOB.group, grace=timedelta(seconds=5))

    assert ([], []) == (
        [path for path in files if b"hunter2" in path.read_bytes()],
        [command for command in commands if "hunter2" in command],
    )
    assert [str(settings.database_url)] * 2 == environments
    assert {0o600} == {stat.S_IMODE(path.stat().st_mode) for path in files}


def test_a_stopped_driver_leaves_no_temporary_files(backend: LocalJobBackend, tmp_path: Path) -> None:
    """What a driver and its JVM wrote for a while goes when it is stopped; its log and its document stay."""
    backend.ensure(JOB, 1)
    folder = tmp_path / "jobs" / "default"
    (folder / "scratch" / "1-x" / "blockmgr-y").mkdir(parents=True)
    backend.stop(JOB.group, grace=timedelta(seconds=5))

    assert (False, True, True) == tuple((folder / name).exists() for name in ("scratch", "log", "job.json"))


def test_a_stopped_driver_is_asked_by_file_as_well(backend: LocalJobBackend, tmp_path: Path) -> None:
    """The file `stop` stands beside the job while it is being stopped, and is gone when it starts again."""
    stop = tmp_path / "jobs" / "default" / "stop"
    backend.ensure(JOB, 1)
    backend.stop(JOB.group, grace=timedelta(seconds=5))
    asked = stop.exists()
    backend.ensure(JOB, 2)

    assert (True, False) == (asked, stop.exists())


def test_a_crash_is_told_with_the_end_of_the_log(tmp_path: Path) -> None:
    """A driver that failed is seen as exited, with its code and its last words."""
    crash = (sys.executable, "-c", "import sys; print('out of offsets'); sys.exit(9)")
    backend = LocalJobBackend(Settings(home=tmp_path), command=crash)
    backend.ensure(JOB, 1)
    assert wait_until(lambda: backend.observe()[0].state is JobState.EXITED)
    seen = backend.observe()[0]

    assert (9, "out of offsets") == (seen.exit_code, seen.detail)


@pytest.mark.parametrize("file", ["state.json", "launch.json"])
def test_a_damaged_file_of_one_driver_hides_no_other(backend: LocalJobBackend, tmp_path: Path, file: str) -> None:
    """A file cut off in the middle leaves its own driver visible, as far as it is known, and all the others."""
    backend.ensure(JOB, 3)
    other = replace(JOB, group="other")
    backend.ensure(other, 8)
    (tmp_path / "jobs" / "default" / file).write_text('{"fingerp', encoding="utf-8")
    seen = [(sighting.group, sighting.generation, sighting.fingerprint) for sighting in backend.observe()]
    backend.stop("default", grace=timedelta(seconds=5))
    backend.stop("other", grace=timedelta(seconds=5))

    assert [("default", 3, "abc"), ("other", 8, "abc")] == seen
    assert {JobState.EXITED} == {sighting.state for sighting in backend.observe()}


def test_a_driver_of_which_nothing_can_be_read_is_seen(tmp_path: Path) -> None:
    """With both files damaged a driver is exited, of no known state, and the detail names the files."""
    folder = tmp_path / "jobs" / "default"
    folder.mkdir(parents=True)
    for name in ("launch.json", "state.json"):
        (folder / name).write_text("", encoding="utf-8")
    (seen,) = LocalJobBackend(Settings(home=tmp_path)).observe()

    assert (JobState.EXITED, "", 0, None) == (seen.state, seen.fingerprint, seen.generation, seen.exit_code)
    assert f"{folder / 'launch.json'}, {folder / 'state.json'}" in seen.detail


def test_without_a_spark_environment_nothing_starts(tmp_path: Path) -> None:
    """The sentence names the variable that is missing."""
    backend = LocalJobBackend(Settings(home=tmp_path))

    with pytest.raises(SetupError, match="PEGEL_SPARK_PYTHON must name"):
        backend.ensure(JOB, 1)
