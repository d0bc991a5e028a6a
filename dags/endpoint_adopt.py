"""Airflow DAG: watch an InferenceService that somebody else made, or give it back."""

from __future__ import annotations

from typing import Any

from airflow.sdk import DAG, Param, task

from pegel.spec.settings import Settings
from pegel_airflow import adopting
from pegel_airflow.defaults import START, TAGS, task_defaults

with DAG(
    dag_id="endpoint_adopt",
    description="Set the logger of an InferenceService that is not ours, and nothing else of it; or take it away again",
    doc_md=__doc__,
    start_date=START,
    schedule=None,
    params={
        "service": Param(
            type="string",
            pattern=r"^[a-z0-9]([-a-z0-9]*[a-z0-9])?/[a-z0-9]([-a-z0-9]*[a-z0-9])?$",
            title="Service",
            description="Namespace and name, e.g. `team-a/delays-v1`.",
        ),
        "release": Param(False, type="boolean", title="Release", description="Give it back: without our logger."),
    },
    default_args=task_defaults(),
    tags=[*TAGS, "provision"],
) as dag:

    @task
    def adopt(**context: Any) -> str:
        """Set the logger, or take it away."""
        params, user = context["params"], context["dag_run"].triggering_user_name
        return adopting.carry_out(Settings(), params["service"], release=params["release"], user=user)

    adopt()
