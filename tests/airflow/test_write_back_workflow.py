"""Results written back to Hopsworks by a workflow: which time, by which job, and what becomes of its word."""

from __future__ import annotations

import json
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

import cluster
import pytest

from pegel.errors import PermanentError, SetupError
from pegel_airflow.write_back_operator import OVERLAP, WriteBackJob, interval

START = datetime(2026, 3, 1, 12, 17, tzinfo=UTC)
RUN = {"data_interval_start": START, "data_interval_end": START + timedelta(hours=1)}


@pytest.fixture(autouse=True)
def connected(monkeypatch: pytest.MonkeyPatch) -> None:
    """Airflow's connection to a Hopsworks that nobody asks here."""
    hopsworks = {
        "conn_type": "hopsworks",
        "host": "hops.example.org",
        "password": "a-key",
        "extra": {"project": "demo"},
    }
    monkeypatch.setenv("AIRFLOW_CONN_HOPSWORKS_DEFAULT", json.dumps(hopsworks))


def test_a_run_writes_its_own_time_and_some_before() -> None:
    """Without a time that was asked for it is the run's, with an hour before; else it is that, as it is."""
    asked = interval("2026-03-01T00:00:00Z", "2026-03-02", RUN)

    assert (START - OVERLAP, START + timedelta(hours=1)) == interval("", "", RUN)
    assert (datetime(2026, 3, 1, tzinfo=UTC), datetime(2026, 3, 2, tzinfo=UTC)) == asked


def test_a_run_makes_good_what_was_not_written_before_it() -> None:
    """After three hours without a success it begins where that ended; after a later one, at its own begin."""
    gap, rerun = (RUN | {"prev_data_interval_end_success": START + timedelta(hours=n)} for n in (-3, 2))

    assert (START - timedelta(hours=3) - OVERLAP, START + timedelta(hours=1)) == interval("", "", gap)
    assert (START - OVERLAP, START + timedelta(hours=1)) == interval("", "", rerun)
    assert (START, START + timedelta(hours=1)) == interval(START.isoformat(), "", gap)


@dataclass(frozen=True)
class Timeless:
    """A run that Airflow's API has started without a logical date, as far as it is looked at."""

    run_after: datetime


def test_a_run_without_a_time_of_its_own_has_the_hour_before_it() -> None:
    """Airflow gives a run with the logical date null no interval: it is when it may begin, and the hour before."""
    assert (START - timedelta(hours=1) - OVERLAP, START) == interval("", "", {"dag_run": Timeless(START)})


@pytest.mark.parametrize(
    ("since", "until", "said"),
    [
        ("yesterday", "", "since: expected an instant, ISO 8601; given 'yesterday'. Nothing was submitted."),
        ("2026-03-02", "2026-03-01", "expected since before until; given 2026-03-02T00:00:00"),
    ],
)
def test_a_time_that_is_none_is_refused(since: str, until: str, said: str) -> None:
    """It is told before anything is submitted."""
    with pytest.raises(SetupError) as raised:
        interval(since, until, RUN)

    assert said in str(raised.value)


@pytest.mark.slow
def test_a_workflow_submits_the_job_and_tells_what_it_wrote(
    spark: cluster.Cluster, run_dag: Any, capsys: pytest.CaptureFixture[str]
) -> None:
    """The job is told the time that was asked for; run again, it is told the same."""
    params = {"since": "2026-03-01T00:00:00Z", "until": "2026-03-02T00:00:00Z"}

    assert ["success", "success"] == [run_dag("hopsworks_write_back", **params) for _ in range(2)]
    assert [("2026-03-01T00:00:00+00:00", "2026-03-02T00:00:00+00:00")] * 2 == spark.intervals


@pytest.mark.slow
def test_a_workflow_that_is_told_no_time_has_one(spark: cluster.Cluster, run_dag: Any) -> None:
    """Started without parameters it succeeds, and writes at least an hour."""
    state = run_dag("hopsworks_write_back")
    ((since, until),) = spark.intervals

    assert ("success", True) == (state, datetime.fromisoformat(until) - datetime.fromisoformat(since) >= OVERLAP)


def test_a_job_says_what_it_wrote_and_what_it_left_out(
    spark: cluster.Cluster, capsys: pytest.CaptureFixture[str]
) -> None:
    """Its counts and what it could not read stand in the task's log, and are what the task returns."""
    made = WriteBackJob(task_id="write", since="", until="").execute(RUN)  # type: ignore[arg-type]  # what is asked of it

    assert {"rows": {"pegel_windows": 60}, "reports": 0, "left_out": ["a window that cannot be read"]} == made
    log = capsys.readouterr().out
    assert "pegel_windows: 60 rows" in log
    assert "left out: a window that cannot be read" in log


def test_what_the_job_refuses_is_not_tried_again(spark: cluster.Cluster) -> None:
    """A refusal of the job is a permanent error, with its sentence."""
    spark.refusal = "PEGEL_HOPSWORKS_PROJECT: expected the name of a project"

    with pytest.raises(PermanentError, match="the job that writes back refused its input: PEGEL_HOPSWORKS_PROJECT"):
        WriteBackJob(task_id="write", since="", until="").execute(RUN)  # type: ignore[arg-type]  # as above
