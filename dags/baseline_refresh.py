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
    def specs(**context: Any) -> list[dict[str, Any]]:
        """Choose the models."""
        return baseline_operator.specs_to_profile(Settings(), context["params"]["models"])

    # One model whose training data are refused does not keep the others from their new baselines.
    @task.short_circuit(trigger_rule="all_done_min_one_success")
    def promote(results: list[dict[str, Any]]) -> list[str]:
        """Make what is new current, and go on only if a model's baseline is another one than before."""
        # A slice fetches all at once; iterating would ask for each and log the end as an error.
        return baseline_operator.promote_changed(Settings(), [result for result in results[:] if result])

    @task(outlets=[BASELINES])
    def ring(ids: list[str]) -> list[str]:
        """Tell those who listen."""
        return ids

    @task
    def all_profiled() -> None:
        """Fail the run if a model's job failed, although the others went on."""

    # Called here, a task gives a reference that becomes its result when the run gets there.
    profiles = baseline_operator.BaselineJob.partial(task_id="profile", max_active_tis_per_dag=1).expand(spec=specs())
    results: Any = profiles.output
    profiles >> all_profiled()
    ids: Any = promote(results)
    ring(ids)
