"""What a real Airflow answers to our client, and that the fake of the other tests answers alike."""

from __future__ import annotations

from typing import Any

import httpx
import pytest
from fake_airflow import RUN, returned, task
from people import PASSWORDS

from pegel.spec.settings import Settings
from pegel_local.airflow.airflow_api import AirflowApi, Run

DAG = "monitoring_reconcile"

pytestmark = pytest.mark.usefixtures("fresh_rooms")


@pytest.fixture
def dry_run(settings: Settings, listed: Any, site: str, run_dag: Any) -> str:
    """A dry run of reconciling that has ended, under a real API server; the server's address."""
    assert "success" == run_dag(DAG, dry_run=True)
    return site


def newest(airflow: AirflowApi) -> Run:
    """Return the run that was made last."""
    return airflow.runs(DAG, limit=1)[0]


def test_the_text_that_a_task_returned_is_read_as_it_is(dry_run: str) -> None:
    """The table that `pegel plan` prints comes from Airflow as a text, not as JSON in a text."""
    with AirflowApi(dry_run, "ada", PASSWORDS["ada"]) as airflow:
        table, steps = (airflow.result(newest(airflow), name) for name in ("report", "plan"))

    assert ("0 kept as they are", []) == (table, steps)


def shape(answer: Any, example: Any) -> Any:
    """Return of an answer what an example of it has, by kinds."""
    if isinstance(example, dict):
        return {name: shape(answer[name], part) for name, part in example.items()}
    return type(answer).__name__


def test_the_fake_answers_as_a_real_one(dry_run: str, browse: Any) -> None:
    """Runs, tasks and what tasks returned have in the fake the names and the kinds of value that Airflow gives them."""
    client: httpx.Client = browse("ada")
    runs = f"/api/v2/dags/{DAG}/dagRuns"
    real = client.get(runs, params={"order_by": "-run_after", "limit": 1}).json()["dag_runs"][0]
    tasks = client.get(f"{runs}/{real['dag_run_id']}/taskInstances").json()["task_instances"]
    one = next(each for each in tasks if each["task_id"] == "report")
    entry = f"{runs}/{real['dag_run_id']}/taskInstances/report/xcomEntries/return_value"
    result = client.get(entry).json()
    pairs = [
        (real, RUN | {"start_date": "2026", "end_date": "2026"}),
        (one, task("report", "success")),
        (result, returned("a table")[1]),
    ]

    assert [shape(example, example) for _, example in pairs] == [shape(answer, example) for answer, example in pairs]


def test_runs_of_several_workflows_are_listed(dry_run: str) -> None:
    """What `pegel runs` asks for is answered by a real Airflow: workflows by tag, their runs, one state alone."""
    with AirflowApi(dry_run, "ada", PASSWORDS["ada"]) as airflow:
        dags = airflow.tagged("pegel")
        known = airflow.runs_of(dags, 100)
        failed = airflow.runs_of([DAG], 100, states=["failed"])

    assert {DAG, "model_onboard"} <= set(dags)
    assert (DAG, "success") in {(run.dag, run.state) for run in known}
    assert [] == [run for run in failed if run.state != "failed"]


def test_airflow_says_which_connections_it_has(dry_run: str, browse: Any) -> None:
    """One that was made is there, another is not."""
    client: httpx.Client = browse("ada")
    made = {"connection_id": "pegel_told", "conn_type": "http", "host": "http://127.0.0.1:1"}
    client.post("/api/v2/connections", json=made).raise_for_status()
    with AirflowApi(dry_run, "ada", PASSWORDS["ada"]) as airflow:
        there = [airflow.has_connection(name) for name in ("pegel_told", "pegel_nowhere")]
    client.delete("/api/v2/connections/pegel_told").raise_for_status()

    assert [True, False] == there
