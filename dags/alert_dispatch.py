"""Airflow DAG: every minute, and when findings ring: few, grouped mails instead of many findings."""

from __future__ import annotations

from datetime import timedelta

from airflow.sdk import DAG, AssetOrTimeSchedule, CronTriggerTimetable, task

from pegel.spec.settings import Settings
from pegel_airflow import alerting
from pegel_airflow.assets import FINDINGS
from pegel_airflow.defaults import START, TAGS, task_defaults

with DAG(
    dag_id="alert_dispatch",
    description="Group findings into alerts and mail those that a person must see now",
    doc_md=__doc__,
    start_date=START,
    schedule=AssetOrTimeSchedule(timetable=CronTriggerTimetable("* * * * *", timezone="UTC"), assets=[FINDINGS]),
    catchup=False,
    max_active_runs=1,
    dagrun_timeout=timedelta(minutes=5),
    is_paused_upon_creation=False,
    default_args=task_defaults(first=True),
    tags=[*TAGS, "alert"],
) as dag:

    @task
    def dispatch_alerts() -> None:
        """Drain the findings, mail, advance the cursor."""
        print(alerting.drain(Settings()))  # noqa: T201 - a task's output is its log

    dispatch_alerts()
