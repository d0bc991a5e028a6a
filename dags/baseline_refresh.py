"""Airflow DAG: profile training data again; a model's baseline changes only if its data did."""

from __future__ import annotations

from typing import Any

from airflow.sdk import DAG, CronDataIntervalTimetable, Param, task

from pegel.spec.settings import Settings
from pegel_airflow import baseline_operator
from pegel_airflow.assets import BASELINES
from pegel_airflow.defaults import START, TAGS, task_defaults

with DAG(
    dag_id="baseline_refresh",
    description="Make each model's baseline anew; equal data give the same baseline, and nothing restarts",
    doc_md=__doc__,
    start_date=START,
    schedule=CronDataIntervalTimetable("0 3 * * *", timezone="UTC"),
    catchup=False,
    max_active_runs=1,
    params={
        "models": Param(
            [],
            type="array",
            items={"type": "string"},
            title="Models",
            description="One `name` or `name/version` a line. Empty: every watched model.",
        ),
    },
    default_args=task_defaults(),
    tags=[*TAGS, "profile"],
) as dag:

    @task
    def wishes(**context: Any) -> list[dict[str, Any]]:
        """Choose the models."""
        return baseline_operator.wishes(Settings(), context["params"]["models"])

    @task.short_circuit
    def changed(results: list[dict[str, Any]]) -> list[str]:
        """Go on only if a model's baseline is another one than before."""
        return baseline_operator.changed(list(results))

    @task(outlets=[BASELINES])
    def ring(ids: list[str]) -> list[str]:
        """Tell those who listen."""
        return ids

    # Called here, a task gives a reference that becomes its result when the run gets there.
    profiles = baseline_operator.BaselineJob.partial(task_id="profile", max_active_tis_per_dag=1).expand(spec=wishes())
    results: Any = profiles.output
    ids: Any = changed(results)
    ring(ids)
