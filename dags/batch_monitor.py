"""Airflow DAG: rows archived, tables read, labels joined, long spans and rows judged; no failure stops the rest."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from airflow.sdk import DAG, AssetOrTimeSchedule, CronDataIntervalTimetable, Param, task

from pegel.errors import PermanentError
from pegel.spec.settings import Settings
from pegel_airflow import long_span_runs
from pegel_airflow.archive_checks_operator import ArchiveChecksJob
from pegel_airflow.archive_operator import ArchiveJob
from pegel_airflow.assets import LABELS, models_named
from pegel_airflow.defaults import START, TAGS, task_defaults
from pegel_airflow.labels_operator import LabelsJoinJob
from pegel_airflow.tables_operator import TablesReadJob
from pegel_airflow.write_back_operator import interval

# A job that hangs must not keep days from being judged: what it has done stays, and the next hour goes on from there.
JOB: dict[str, Any] = {"retries": 1, "execution_timeout": timedelta(hours=2)}
NAMED: dict[str, Any] = {"models": "{{ params.models | tojson }}", "by_hand": True}

with DAG(
    dag_id="batch_monitor",
    description="Archive rows, read tables, join labels, judge hours, days, weeks; what is up to date stays",
    doc_md=__doc__,
    start_date=START,
    schedule=AssetOrTimeSchedule(timetable=CronDataIntervalTimetable("0 * * * *", timezone="UTC"), assets=[LABELS]),
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
    archive = ArchiveJob(task_id="archive", **NAMED, **JOB)
    # Whatever became of the task before: each does what it can with what is there.
    tables = TablesReadJob(
        task_id="read_tables",
        since="{{ params.since }}",
        until="{{ params.until }}",
        trigger_rule="all_done",
        **NAMED,
        **JOB,
    )
    labels = LabelsJoinJob(task_id="join_labels", trigger_rule="all_done", **NAMED, **JOB)

    @task(trigger_rule="all_done")
    def judge_long_spans(**context: Any) -> None:
        """Make and judge every span that is over and not up to date. Fails where a model could not be."""
        settings, named = Settings(), context["params"]["models"]
        start, end = interval(context["params"]["since"], context["params"]["until"], context)
        user = context["dag_run"].triggering_user_name
        models = named or models_named(context.get("triggering_asset_events"))
        specs = long_span_runs.chosen(settings, models, by_hand=bool(named), user=user)
        only = bool(context["params"]["since"])
        long_span_runs.refuse_failed(long_span_runs.make_long_spans(settings, specs, start, end, only=only).failed)

    checks = ArchiveChecksJob(
        task_id="check_archive",
        since="{{ params.since }}",
        until="{{ params.until }}",
        # An hour later the stream has counted, and the archive has, all that came in time.
        behind=timedelta(hours=1),
        trigger_rule="all_done",
        **NAMED,
        **JOB,
    )

    # The run is as good as its worst task; its note says which failed, and why.
    @task(trigger_rule="one_failed", retries=0)
    def fail() -> None:
        """Fail the run."""
        raise PermanentError("expected every task of this run to succeed; its note says which one failed, and why")

    judged: Any = judge_long_spans()
    archive >> tables >> labels >> judged >> checks
    [archive, tables, labels, judged, checks] >> fail()
