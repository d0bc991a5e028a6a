"""Rows archived by a task: by which job, and what becomes of its word."""

from __future__ import annotations

import cluster
import pytest
import seeds

from pegel.errors import PermanentError
from pegel.spec.settings import Settings
from pegel_airflow import services
from pegel_airflow.archive_operator import ArchiveJob


@pytest.fixture
def counted(settings: Settings) -> Settings:
    """A model of which the stream has counted records."""
    services.stores(settings).registry.put(seeds.spec())
    seeds.count_records(settings, seeds.spec())
    return settings


@pytest.mark.usefixtures("counted")
def test_a_task_says_what_was_archived(spark: cluster.Cluster, capsys: pytest.CaptureFixture[str]) -> None:
    """The job's counts stand in the task's log, and are what the task returns."""
    made = ArchiveJob(task_id="archive", models=["delays/1"]).execute({})

    assert ["delays/1"] == [submission.model for submission in spark.submissions]
    assert ({"delays/1": 60}, 2) == (made["rows"], made["files"])
    assert "delays/1: 60 rows" in capsys.readouterr().out


@pytest.mark.usefixtures("counted")
def test_models_left_out_fail_the_task(spark: cluster.Cluster, capsys: pytest.CaptureFixture[str]) -> None:
    """A model that could not be archived is named, and fails the task after the others are archived."""
    spark.left_out = ["loans/1: it has no baseline"]

    with pytest.raises(PermanentError, match="rows that are not archived: loans/1: it has no baseline"):
        ArchiveJob(task_id="archive").execute({})
    assert "delays/1: 60 rows" in capsys.readouterr().out


@pytest.mark.parametrize("named", [["loans"], ["delays/2"], '["loans", "delays/2"]'])
@pytest.mark.usefixtures("counted")
def test_spark_is_not_started_for_nothing(spark: cluster.Cluster, named: list[str] | str) -> None:
    """Where all that was counted is archived, or nothing was, the task ends at once."""
    made = ArchiveJob(task_id="archive", models=named).execute({})

    assert ({"rows": {}, "files": 0, "left_out": []}, []) == (made, spark.submissions)


@pytest.mark.usefixtures("counted")
def test_what_the_job_refuses_is_not_tried_again(spark: cluster.Cluster) -> None:
    """A refusal of the job is a permanent error, with its sentence."""
    spark.refusal = "PEGEL_ARCHIVE: expected an address"

    with pytest.raises(PermanentError, match="the job that archives rows refused its input: PEGEL_ARCHIVE"):
        ArchiveJob(task_id="archive").execute({})
