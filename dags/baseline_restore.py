"""Airflow DAG: make an earlier baseline of a model current again; nothing is computed."""

from __future__ import annotations

from typing import Any

from airflow.sdk import DAG, Param, task

from pegel.spec import names
from pegel.spec.settings import Settings
from pegel_airflow import form_choices, refreshing
from pegel_airflow.assets import BASELINES
from pegel_airflow.defaults import START, TAGS, task_defaults

with DAG(
    dag_id="baseline_restore",
    description="One step back: an earlier baseline takes the place of the current one",
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
            description="Which version.",
        ),
        "baseline": Param(
            "previous",
            type="string",
            minLength=1,
            title="Baseline",
            description="`previous`, or the beginning of the id of one that it has had: `pegel baselines MODEL`.",
        ),
        "why": Param(type="string", minLength=1, title="Why", description="For whoever reads the history later."),
    },
    default_args=task_defaults(),
    tags=[*TAGS, "profile"],
) as dag:

    @task(outlets=[BASELINES])
    def restore(**context: Any) -> str:
        """Make it current again, and tell those who listen."""
        params, user = context["params"], context["dag_run"].triggering_user_name
        return refreshing.restore(
            *(Settings(), params["model"], params["version"], params["baseline"]), why=params["why"], user=user
        )

    restore()
