"""Airflow DAG: take a model into service and under watch, from one form."""

from __future__ import annotations

from typing import Any

from airflow.sdk import DAG, task

from pegel.spec.settings import Settings
from pegel_airflow import form, onboarding
from pegel_airflow.assets import BASELINES, SPECS
from pegel_airflow.baseline_operator import BaselineJob
from pegel_airflow.defaults import START, TAGS, task_defaults
from pegel_airflow.ready import WaitReady

with DAG(
    dag_id="model_onboard",
    description="Provision an endpoint, log it, profile its training data, watch it",
    doc_md=__doc__,
    start_date=START,
    schedule=None,
    params=form.params(),
    default_args=task_defaults(),
    tags=[*TAGS, "provision"],
) as dag:

    @task(retries=0)
    def validate(**context: Any) -> dict[str, Any]:
        """Refuse what cannot be, before anything is touched."""
        return onboarding.validate(context["params"])

    @task
    def create_topics(wish: dict[str, Any]) -> list[str]:
        """Make the namespace's topics exist."""
        return onboarding.create_topics(Settings(), wish)

    @task
    def apply_endpoint(wish: dict[str, Any]) -> str:
        """Make the model's endpoint exist as wished."""
        return onboarding.apply_endpoint(Settings(), wish)

    @task
    def send_probe(wish: dict[str, Any], status: dict[str, Any]) -> dict[str, Any]:
        """Send one request and see it and its answer on the topic."""
        return onboarding.send_probe(Settings(), wish, status)

    @task(outlets=[SPECS, BASELINES])
    def register(wish: dict[str, Any]) -> bool:
        """Hand the wish to the registry; that rings the reconciler."""
        return onboarding.register(Settings(), wish)

    # Called here, a task gives a reference that becomes its result when the run gets there.
    wish: Any = validate()
    ready = WaitReady(task_id="wait_ready", spec=wish)
    status: Any = ready.output
    baseline = BaselineJob(task_id="baseline", spec=wish)
    create_topics(wish) >> apply_endpoint(wish) >> ready
    [send_probe(wish, status), baseline] >> register(wish)
