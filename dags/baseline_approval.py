"""Airflow DAG: a person says whether a model's new baseline takes the place of the current one."""

from __future__ import annotations

from airflow.sdk import DAG, Param

from pegel_airflow.approval import BaselineApproval
from pegel_airflow.assets import BASELINES
from pegel_airflow.defaults import START, TAGS, task_defaults

with DAG(
    dag_id="baseline_approval",
    description="Ask a person about a new baseline, with what moved and which checks failed",
    doc_md=__doc__,
    start_date=START,
    schedule=None,
    # Started by other runs, never by a clock: paused it would hold back questions in silence.
    is_paused_upon_creation=False,
    params={
        "refresh": Param(type="integer", minimum=1, title="Refresh (number)", description="Which comparison."),
    },
    default_args=task_defaults(),
    tags=[*TAGS, "profile"],
) as dag:
    BaselineApproval(task_id="ask", outlets=[BASELINES])
