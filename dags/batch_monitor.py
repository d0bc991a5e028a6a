"""Airflow DAG: hours, days and weeks of every model, put together from what the stream counted, and judged."""

from __future__ import annotations

from typing import Any

from airflow.sdk import DAG, CronDataIntervalTimetable, Param, task

from pegel.spec.settings import Settings
from pegel_airflow import long_span_runs
from pegel_airflow.defaults import START, TAGS, task_defaults
from pegel_airflow.write_back_operator import interval

with DAG(
    dag_id="batch_monitor",
    description="Judge hours, days and weeks of every model; what is up to date stays as it is, however often it runs",
    doc_md=__doc__,
    start_date=START,
    schedule=CronDataIntervalTimetable("0 * * * *", timezone="UTC"),
    catchup=False,
    is_paused_upon_creation=False,
    max_active_runs=1,
    params={
        "models": Param(
            [],
            type="array",
            items={"type": "string"},
            title="Models",
            description="One `name` or `name/version` a line. Empty: all that are watched.",
        ),
        "since": Param(
            "",
            type="string",
            title="Since",
            description="An instant, such as `2026-11-29T00:00:00Z`. Empty: a day before what is new.",
        ),
        "until": Param("", type="string", title="Until", description="Likewise, exclusive. Empty: the end of it."),
    },
    default_args=task_defaults(),
    tags=[*TAGS, "judge"],
) as dag:

    @task
    def judge_long_spans(**context: Any) -> dict[str, Any]:
        """Make and judge every span that is over and not up to date."""
        settings, params = Settings(), context["params"]
        start, end = interval(params["since"], params["until"], context)
        user = context["dag_run"].triggering_user_name
        specs = long_span_runs.chosen(settings, params["models"], by_hand=bool(params["models"]), user=user)
        begin = start if params["since"] else start - long_span_runs.LOOK_BACK
        return long_span_runs.make_long_spans(settings, specs, begin, end).to_json()

    @task
    def all_judged(report: dict[str, Any]) -> None:
        """Fail the run if a model could not be judged, although the others were."""
        long_span_runs.refuse_failed(report["failed"])

    made: Any = judge_long_spans()
    all_judged(made)
