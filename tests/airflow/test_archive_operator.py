"""Rows archived by a task: by which job, and what becomes of its word."""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Iterator
from pathlib import Path

import cluster
import pytest

from pegel.errors import PermanentError, SetupError
from pegel.spec.settings import Settings
from pegel_airflow.archive_operator import ArchiveJob


@pytest.fixture
def spark(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> Iterator[cluster.Cluster]:
    """A cluster that stands in for Spark's."""
    folders = (Path(__file__).parent / "lib", Path(sys.executable).parent, os.environ["PATH"])
    monkeypatch.setenv("PATH", os.pathsep.join(map(str, folders)))
    monkeypatch.setenv("AIRFLOW_CONN_SPARK_DEFAULT", json.dumps({"conn_type": "spark", "host": "local[2]"}))
    with cluster.running() as running:
        monkeypatch.setenv("PEGEL_TEST_CLUSTER", str(running.server_port))
        yield running


def test_a_task_says_what_was_archived_and_what_was_left_out(
    spark: cluster.Cluster, capsys: pytest.CaptureFixture[str]
) -> None:
    """The job's counts and the models that it left out stand in the task's log, and are what the task returns."""
    made = ArchiveJob(task_id="archive", model="delays", version="1").execute({})
    log = capsys.readouterr().out

    assert ["delays"] == [submission.model for submission in spark.submissions]
    assert ({"delays/1": 60}, 2) == (made["rows"], made["files"])
    assert ("delays/1: 60 rows" in log, "left out: loans/1: it has no baseline" in log) == (True, True)


def test_what_the_job_refuses_is_not_tried_again(spark: cluster.Cluster) -> None:
    """A refusal of the job is a permanent error, with its sentence."""
    spark.refusal = "PEGEL_ARCHIVE: expected an address"

    with pytest.raises(PermanentError, match="the job that archives rows refused its input: PEGEL_ARCHIVE"):
        ArchiveJob(task_id="archive").execute({})


def test_a_version_needs_its_model() -> None:
    """It is told before anything is submitted."""
    with pytest.raises(SetupError, match="expected a model and the number of its version; given '', '3'"):
        ArchiveJob(task_id="archive", version="3").execute({})
