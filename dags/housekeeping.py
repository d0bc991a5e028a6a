"""Airflow DAG: results that are older than they are kept go, every night, and what went is written down."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from airflow.sdk import DAG, CronTriggerTimetable, Param, task

from pegel.spec.settings import Settings
from pegel_airflow import old_results
from pegel_airflow.defaults import START, TAGS, task_defaults

with DAG(
    dag_id="housekeeping",
    description="Remove results that are older than PEGEL_KEEP says; a day is made of windows before these go",
    doc_md=__doc__,
    start_date=START,
    schedule=CronTriggerTimetable("41 3 * * *", timezone="UTC"),
    catchup=False,
    max_active_runs=1,
    dagrun_timeout=timedelta(hours=6),
    is_paused_upon_creation=False,
    params={
        "dry_run": Param(False, type="boolean", title="Dry run", description="Say what would go; remove nothing."),
    },
    default_args=task_defaults(),
    tags=[*TAGS, "housekeeping"],
) as dag:

    @task
    def remove_old(**context: Any) -> list[str]:
        """Remove what is old, or say what would go; a line for each model and kind."""
        return old_results.remove(Settings(), dry_run=context["params"]["dry_run"])

    remove_old()
