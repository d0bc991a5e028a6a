"""Airflow DAG: windows, findings, outliers and quality as feature groups of Hopsworks."""

from __future__ import annotations

from airflow.sdk import DAG, CronDataIntervalTimetable, Param

from pegel_airflow.defaults import START, TAGS, task_defaults
from pegel_airflow.write_back_operator import WriteBackJob

with DAG(
    dag_id="hopsworks_write_back",
    description="Write what became final since the last success to Hopsworks; every row once, whatever is run again",
    doc_md=__doc__,
    start_date=START,
    schedule=CronDataIntervalTimetable("17 * * * *", timezone="UTC"),
    catchup=False,
    # Where nobody has a Hopsworks it would fail each hour.
    is_paused_upon_creation=True,
    max_active_runs=1,
    params={
        "since": Param(
            "",
            type="string",
            title="Since",
            description="An instant, such as `2026-11-29T00:00:00Z`. Empty: an hour before what was not written yet.",
        ),
        "until": Param("", type="string", title="Until", description="Likewise, exclusive. Empty: the end of it."),
    },
    default_args=task_defaults(),
    tags=[*TAGS, "report"],
) as dag:
    WriteBackJob(task_id="write_back", since="{{ params.since }}", until="{{ params.until }}")
