"""Airflow DAG: bring the registry to what a folder of specs says, and tell what differs; delete only when asked."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path
from typing import Any

from airflow.sdk import DAG, CronTriggerTimetable, Param, task
from airflow.sdk.exceptions import AirflowSkipException

from pegel.spec.settings import Settings
from pegel_airflow import run_note, spec_following
from pegel_airflow.defaults import START, TAGS, task_defaults

with DAG(
    dag_id="specs_follow",
    description="Follow a folder of specs: onboard what is new or changed, report what differs",
    doc_md=__doc__,
    start_date=START,
    schedule=CronTriggerTimetable("*/10 * * * *", timezone="UTC"),
    catchup=False,
    max_active_runs=1,
    dagrun_timeout=timedelta(minutes=30),
    is_paused_upon_creation=True,
    params={
        "dry_run": Param(False, type="boolean", title="Dry run", description="Show the plan in the note; do nothing."),
        "delete": Param(
            False,
            type="boolean",
            title="Delete",
            description="Offboard what is watched and has no file any more; what was measured stays.",
        ),
    },
    # The next run is a better retry than a retry.
    default_args=task_defaults(retries=0),
    tags=[*TAGS, "provision"],
) as dag:

    @task
    def plan(**context: Any) -> list[dict[str, Any]]:
        """Compare the folder with the registry; the plan becomes the run's note. Returns what is to be started."""
        folder = spec_following.folder_of(Settings(), Path(__file__).resolve().parent)
        if folder is None:
            run_note.leave_plan(context, spec_following.NO_FOLDER)
            raise AirflowSkipException(spec_following.NO_FOLDER)
        asked, ti, user = context["params"], context["ti"], context["dag_run"].triggering_user_name
        found = spec_following.planned(
            Settings(),
            folder,
            delete=asked["delete"],
            dry_run=asked["dry_run"],
            user=user,
            is_tried=spec_following.tried_before(ti),
        )
        print(found.text)  # noqa: T201 - a task's output is its log
        run_note.leave_plan(context, found.text)
        ti.xcom_push(key="refused", value=found.refused)
        return found.runs

    # Without a folder there is nothing to refuse, either.
    @task(trigger_rule="none_failed_min_one_success")
    def all_accepted(refused: list[str]) -> None:
        """Fail the run if something was refused, once everything else is under way."""
        spec_following.tell_refused(refused[:])

    # Called here, a task gives a reference that becomes its result when the run gets there.
    runs: Any = plan()
    refused: Any = runs["refused"]
    spec_following.StartRun.of_each(runs) >> all_accepted(refused)
