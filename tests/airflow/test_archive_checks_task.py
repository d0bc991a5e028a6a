"""Archived rows looked at by a task: of which time, by which job, and what becomes of its word."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import cluster
import pytest
import seeds
from airflow.sdk.exceptions import AirflowSkipException

from pegel.errors import PermanentError, SetupError
from pegel.spec.settings import Settings
from pegel_airflow import services
from pegel_airflow.archive_checks_operator import ArchiveChecksJob

START = datetime(2026, 3, 1, 12, tzinfo=UTC)
RUN: Any = {"data_interval_start": START, "data_interval_end": START + timedelta(hours=1)}


@pytest.fixture
def expected(settings: Settings) -> None:
    """A model with a suite of its own."""
    services.stores(settings).registry.put(seeds.spec(watch={"expectations": seeds.EXPECTATIONS}))


@pytest.mark.usefixtures("expected")
def test_a_task_looks_at_the_time_of_its_run_or_at_what_it_is_told(
    spark: cluster.Cluster, capsys: pytest.CaptureFixture[str]
) -> None:
    """Without a time of its own it is that of the run; what the job said stands in the log and is returned."""
    told = ArchiveChecksJob(task_id="look").execute(RUN)
    ArchiveChecksJob(task_id="look", since="2026-03-01T00:00:00Z", until="2026-03-02T00:00:00Z").execute(RUN)

    assert {"lines": ["delays/1: 300 rows"], "failed": []} == told
    assert "delays/1: 300 rows" in capsys.readouterr().out
    assert [
        (START.isoformat(), (START + timedelta(hours=1)).isoformat()),
        ("2026-03-01T00:00:00+00:00", "2026-03-02T00:00:00+00:00"),
    ] == spark.intervals


@pytest.mark.usefixtures("expected")
def test_a_task_behind_looks_at_what_the_archive_has(spark: cluster.Cluster) -> None:
    """With a distance it looks at the time before that of its run, unless it is told a time."""
    ArchiveChecksJob(task_id="look", behind=timedelta(hours=1)).execute(RUN)
    ArchiveChecksJob(task_id="look", behind=timedelta(hours=1), since="2026-03-01T10:00:00").execute(RUN)

    assert [
        ((START - timedelta(hours=1)).isoformat(), START.isoformat()),
        ("2026-03-01T10:00:00+00:00", (START + timedelta(hours=1)).isoformat()),
    ] == spark.intervals


def test_models_that_ask_for_nothing_start_no_spark(settings: Settings, spark: cluster.Cluster) -> None:
    """Without suites of its own and without a table to be held against, a model's rows are not looked at."""
    services.stores(settings).registry.put(seeds.spec())

    assert {"lines": [], "failed": []} == ArchiveChecksJob(task_id="look").execute(RUN)
    assert [] == spark.intervals


def test_a_run_without_a_time_is_skipped() -> None:
    """A run that an asset starts has no time of its own: it is skipped, unless it is told one."""
    with pytest.raises(AirflowSkipException, match="no rows are meant"):
        ArchiveChecksJob(task_id="look").execute({})


@pytest.mark.usefixtures("expected")
def test_what_could_not_be_looked_at_fails_the_task(spark: cluster.Cluster) -> None:
    """The task is red with the models' sentences; what was looked at is kept."""
    spark.refusal = "lost/1: skew.table: /nowhere is not there"

    with pytest.raises(PermanentError, match=r"could not be looked at: lost/1: skew\.table: /nowhere is not there"):
        ArchiveChecksJob(task_id="look").execute(RUN)


@pytest.mark.parametrize(("since", "until"), [("yesterday", ""), ("2026-03-02T00:00:00Z", "2026-03-01T00:00:00Z")])
def test_a_time_that_is_none_is_not_submitted(since: str, until: str) -> None:
    """It is told before anything is submitted."""
    with pytest.raises(SetupError, match="Nothing was submitted"):
        ArchiveChecksJob(task_id="look", since=since, until=until).execute(RUN)
