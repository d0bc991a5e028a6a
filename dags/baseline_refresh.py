"""Airflow DAG: profile training data again, and compare; a model's baseline changes only if its data did."""

from __future__ import annotations

from typing import Any

from airflow.sdk import DAG, AssetOrTimeSchedule, CronDataIntervalTimetable, Param, task

from pegel.spec.settings import Settings
from pegel_airflow import refreshing
from pegel_airflow.approval import Questions
from pegel_airflow.assets import BASELINES, TRAINING_DATA, models_named
from pegel_airflow.baseline_operator import BaselineJob
from pegel_airflow.defaults import START, TAGS, task_defaults
from pegel_airflow.run_note import KEY, SILENT

with DAG(
    dag_id="baseline_refresh",
    description="Make each model's baseline anew and compare it; equal data give the same one, and nothing restarts",
    doc_md=__doc__,
    start_date=START,
    schedule=AssetOrTimeSchedule(
        timetable=CronDataIntervalTimetable("0 3 * * *", timezone="UTC"), assets=[TRAINING_DATA]
    ),
    catchup=False,
    max_active_runs=1,
    params={
        "models": Param(
            [],
            type="array",
            items={"type": "string"},
            title="Models",
            description="One `name` or `name/version` a line. Empty: all whose spec does not say never.",
        ),
    },
    default_args=task_defaults(),
    tags=[*TAGS, "profile"],
) as dag:

    @task
    def specs(**context: Any) -> list[dict[str, Any]]:
        """Choose the models: those that are named, or whose training data is said to have changed, or all."""
        named, user = context["params"]["models"], context["dag_run"].triggering_user_name
        models = named or models_named(context.get("triggering_asset_events"))
        return refreshing.specs_to_profile(Settings(), models, by_hand=bool(named), user=user)

    # One model whose training data are refused does not keep the others from their new baselines.
    @task(trigger_rule="all_done_min_one_success")
    def compare(results: list[dict[str, Any]], **context: Any) -> dict[str, list[Any]]:
        """Compare what is new with what is current, promote what is beyond doubt."""
        # A slice fetches all at once; iterating would ask for each and log the end as an error.
        given, by_hand = [result for result in results[:] if result], bool(context["params"]["models"])
        user = context["dag_run"].triggering_user_name
        return refreshing.look_at_new_baselines(Settings(), given, by_hand=by_hand, user=user).to_json()

    @task(trigger_rule="all_done")
    def not_profiled(**context: Any) -> None:
        """Note which models' training data gave no new baseline, and why: people are told of it."""
        ti = context["ti"]
        chosen, found = ti.xcom_pull(task_ids="specs") or [], ti.xcom_pull(task_ids="profile") or []
        made = [found] if isinstance(found, dict) else [result for result in found if result]
        # Asked for where there is one alone: what is not there is logged as an error.
        places = refreshing.not_profiled(chosen, made)
        left = ti.xcom_pull(task_ids="profile", map_indexes=places, key=KEY) if places else []
        why = {place: sentence or SILENT for place, sentence in zip(places, left, strict=True)}
        refreshing.note_not_profiled(Settings(), {place: chosen[place] for place in places}, why)

    @task.short_circuit
    def promoted(outcome: dict[str, list[Any]]) -> list[str]:
        """Go on only if a model's baseline is another one than before."""
        return outcome["promoted"]

    @task(outlets=[BASELINES])
    def ring(ids: list[str]) -> list[str]:
        """Tell those who listen."""
        return ids

    @task
    def questions(outcome: dict[str, list[Any]]) -> list[dict[str, Any]]:
        """Return what a person is to be asked."""
        return outcome["asked"]

    @task
    def all_profiled() -> None:
        """Fail the run if a model's job failed, although the others went on."""

    @task
    def all_compared(outcome: dict[str, list[Any]]) -> None:
        """Fail the run if a new baseline could not be looked at, although the others were."""
        refreshing.refuse_failed(outcome["failed"])

    # Called here, a task gives a reference that becomes its result when the run gets there.
    profiles = BaselineJob.partial(task_id="profile", max_active_tis_per_dag=1).expand(spec=specs())
    results: Any = profiles.output
    profiles >> [all_profiled(), not_profiled()]
    outcome: Any = compare(results)
    ids: Any = promoted(outcome)
    ring(ids)
    Questions.partial(task_id="ask").expand(conf=questions(outcome))
    all_compared(outcome)
