"""Airflow DAG: stop watching a model version and remove its endpoint."""

from __future__ import annotations

from typing import Any

from airflow.sdk import DAG, Param, task

from pegel.spec import names
from pegel.spec.settings import Settings
from pegel_airflow import form_choices, offboarding
from pegel_airflow.assets import SPECS
from pegel_airflow.defaults import START, TAGS, task_defaults

with DAG(
    dag_id="model_offboard",
    description="Take a model out of the registry and remove its endpoint; its driver stops with the last model",
    doc_md=__doc__,
    start_date=START,
    schedule=None,
    params={
        "model": Param(
            type="string",
            pattern=names.SAFE_NAME,
            title="Model",
            description="Name, as onboarded.",
            **form_choices.suggested(form_choices.read().models),
        ),
        "version": Param(
            1,
            type="integer",
            minimum=1,
            maximum=names.LARGEST_VERSION,
            title="Version (number)",
            description="Which version goes.",
        ),
        "keep_data": Param(
            True, type="boolean", title="Keep measurements", description="Windows, findings, outliers and ledger stay."
        ),
    },
    default_args=task_defaults(),
    tags=[*TAGS, "provision"],
) as dag:

    @task(outlets=[SPECS])
    def unregister(**context: Any) -> str:
        """Take the spec out of the registry; that rings the reconciler."""
        params, user = context["params"], context["dag_run"].triggering_user_name
        return offboarding.unregister(Settings(), params["model"], params["version"], user=user)

    @task
    def delete_endpoint(endpoint: str) -> None:
        """Remove the endpoint."""
        offboarding.delete_endpoint(Settings(), endpoint)

    @task.short_circuit
    def data_may_go(**context: Any) -> bool:
        """Go on only if the measurements are not wanted any more."""
        return not context["params"]["keep_data"]

    @task
    def forget_results(**context: Any) -> None:
        """Delete what was measured."""
        params = context["params"]
        offboarding.forget_results(Settings(), params["model"], params["version"])

    # Called here, a task gives a reference that becomes its result when the run gets there.
    endpoint: Any = unregister()
    delete_endpoint(endpoint) >> data_may_go() >> forget_results()
