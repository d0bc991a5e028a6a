"""Airflow DAG: every minute, and when rung: what should run against what does run."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta
from typing import Any

from airflow.sdk import DAG, AssetOrTimeSchedule, CronTriggerTimetable, Param, task

from pegel.errors import PermanentError
from pegel.spec.settings import Settings
from pegel_airflow import form_choices, reconciling
from pegel_airflow.assets import BASELINES, SPECS
from pegel_airflow.defaults import START, TAGS, task_defaults

with DAG(
    dag_id="monitoring_reconcile",
    description="Start, replace, restart or stop drivers and endpoints until what runs is what is desired",
    doc_md=__doc__,
    start_date=START,
    schedule=AssetOrTimeSchedule(timetable=CronTriggerTimetable("* * * * *", timezone="UTC"), assets=SPECS | BASELINES),
    catchup=False,
    max_active_runs=1,
    dagrun_timeout=timedelta(minutes=5),
    is_paused_upon_creation=False,
    params={
        "dry_run": Param(False, type="boolean", title="Dry run", description="Say what would be done; do nothing."),
    },
    # The next minute is a better retry than a retry.
    default_args=task_defaults(retries=0, first=True),
    tags=[*TAGS, "reconcile"],
) as dag:

    @task
    def plan(**context: Any) -> list[dict[str, Any]]:
        """Start the parts around models again that have ended; compare, and list what has to move. Not in a dry run."""
        if context["params"]["dry_run"]:
            return []
        for line in [*reconciling.start_parts_again(Settings()), *form_choices.written(Settings())]:
            print(line)  # noqa: T201 - a task's output is its log
        return reconciling.steps(Settings())

    @task
    def apply(step: dict[str, Any]) -> str:
        """Carry one step out, if it is still needed."""
        return reconciling.carry_out_step(Settings(), step)

    # Whatever became of the steps: a target that fails again and again is named here.
    @task(trigger_rule="all_done")
    def report(done: Sequence[str] | None, **context: Any) -> str | None:
        """Print the table; return it of a dry run, for whoever has asked."""
        dry_run = context["params"]["dry_run"]
        # A slice fetches all at once; iterating would ask for each and log the end as an error.
        table = reconciling.report(Settings(), done[:] if done else (), dry_run=dry_run)
        print(table)  # noqa: T201 - a task's output is its log
        return table if dry_run else None

    # The run is as good as its worst step, although its last task always runs.
    @task(trigger_rule="one_failed")
    def fail() -> None:
        """Fail the run."""
        raise PermanentError("expected every task of this run to succeed; its log and the table say which one failed")

    # Called here, a task gives a reference that becomes its result when the run gets there.
    done: Any = apply.expand(step=plan())
    [done, report(done)] >> fail()
