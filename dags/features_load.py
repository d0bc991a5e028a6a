"""Airflow DAG: fill a view of the online store from a table, so that requests may name entities alone."""

from __future__ import annotations

from typing import Any

from airflow.sdk import DAG, Param, task

from pegel.spec.settings import Settings
from pegel_airflow import features_loading, form_choices
from pegel_airflow.defaults import START, TAGS, task_defaults

with DAG(
    dag_id="features_load",
    description="Write the latest row of each entity of a table into a view of the online store",
    doc_md=__doc__,
    start_date=START,
    schedule=None,
    params={
        "data": Param(
            type="array",
            items={"type": "string"},
            minItems=1,
            title="Table",
            description="Parquet or CSV, one a line: files, folders, or patterns like `/data/days/*.parquet`.",
        ),
        "to": Param(
            type="string",
            title="View",
            description="`local://NAME` or `redis://NAME`, as in the spec.",
            **form_choices.suggested(form_choices.read().views),
        ),
        "keys": Param(
            type="array",
            items={"type": "string"},
            minItems=1,
            title="Keys",
            description="Columns that say which entity a row is about, in the order of the spec's `online.keys`.",
        ),
        "time": Param(type="string", title="Time", description="Column with the time at which the features were so."),
        "features": Param(
            [],
            type="array",
            items={"type": "string"},
            title="Features",
            description="Columns to load. Empty: all others.",
        ),
        "texts": Param(
            [],
            type="array",
            items={"type": "string"},
            title="Texts",
            description="Features whose values are texts, whatever they look like: `007` in a CSV. Loaded as well.",
        ),
    },
    default_args=task_defaults(),
    tags=[*TAGS, "provision"],
) as dag:

    @task
    def load(**context: Any) -> str:
        """Load the table, say how many rows it had and what became of them."""
        return features_loading.load(Settings(), context["params"])

    load()
