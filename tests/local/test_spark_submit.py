"""The spark-submit that Airflow finds hands over to the Spark environment, and leaves Airflow's secrets behind."""

from __future__ import annotations

import os
import stat
import subprocess
from pathlib import Path

import pytest

from pegel_local.machine.paths import checkout

WRAPPER = checkout().root / "spark" / "bin" / "spark-submit"
GIVEN = {"PATH": "/usr/bin:/bin", "AIRFLOW__CORE__FERNET_KEY": "x", "_AIRFLOW_Y": "x", "PYTHONPATH": "x", "KEPT": "x"}


@pytest.fixture
def python(tmp_path: Path) -> Path:
    """Stand beside a spark-submit that shows its arguments and its environment."""
    folder = tmp_path / "a folder" / "bin"
    folder.mkdir(parents=True)
    submit = folder / "spark-submit"
    submit.write_text('#!/bin/sh\necho "$@"\nenv\n', encoding="utf-8")
    submit.chmod(0o755)
    return folder / "python"


def submit(environment: dict[str, str]) -> subprocess.CompletedProcess[str]:
    """Run the wrapper with two arguments, one of them with a space."""
    command = [str(WRAPPER), "--name", "a job"]
    return subprocess.run(command, env=environment, capture_output=True, text=True, timeout=30, check=False)


def test_the_spark_environments_own_submit_is_run(python: Path) -> None:
    """Arguments arrive untouched; Python of driver and workers is the Spark environment's."""
    done = submit(GIVEN | {"PEGEL_SPARK_PYTHON": str(python)})
    lines = done.stdout.splitlines()

    assert (0, "--name a job") == (done.returncode, lines[0])
    assert f"PYSPARK_PYTHON={python}" in lines
    assert "KEPT=x" in lines


def test_airflow_stays_behind(python: Path) -> None:
    """Neither Airflow's variables nor its import path reach the job."""
    done = submit(GIVEN | {"PEGEL_SPARK_PYTHON": str(python)})

    assert [] == [line for line in done.stdout.splitlines() if line.startswith(("AIRFLOW", "_AIRFLOW", "PYTHONPATH"))]


def test_a_job_has_a_folder_of_its_own_and_what_the_dead_left_is_gone(python: Path, tmp_path: Path) -> None:
    """Spark and the JVM write below the home; a folder of a process that lives stays, one of a dead process goes."""
    folder = tmp_path / "home" / "spark"
    dead = subprocess.Popen(["true"])
    dead.wait()
    for pid in (dead.pid, os.getpid()):
        (folder / str(pid) / "blockmgr-x").mkdir(parents=True)
    done = submit(GIVEN | {"PEGEL_SPARK_PYTHON": str(python), "PEGEL_HOME": str(tmp_path / "home")})
    environment = dict(line.split("=", 1) for line in done.stdout.splitlines() if "=" in line)
    own = Path(environment["SPARK_LOCAL_DIRS"])

    assert (str(folder), 0o700) == (str(own.parent), stat.S_IMODE(own.stat().st_mode))
    assert f"-XX:-UsePerfData -Djava.io.tmpdir={own}" in environment["SPARK_SUBMIT_OPTS"]
    assert environment["SPARK_LAUNCHER_OPTS"].endswith("-XX:-UsePerfData")
    assert {str(os.getpid()), own.name} == {path.name for path in folder.iterdir()}


def test_without_a_spark_environment_it_says_so(tmp_path: Path) -> None:
    """A missing or wrong PEGEL_SPARK_PYTHON is one sentence, and nothing is submitted."""
    unset = submit(GIVEN)
    wrong = submit(GIVEN | {"PEGEL_SPARK_PYTHON": str(tmp_path / "python")})

    assert (64, 69) == (unset.returncode, wrong.returncode)
    assert "PEGEL_SPARK_PYTHON must name" in unset.stderr
    assert "there is no spark-submit beside" in wrong.stderr
