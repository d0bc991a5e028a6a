"""Airflow DAG: take a model into service and under watch, from one form."""

from __future__ import annotations

from typing import Any

from airflow.sdk import DAG, task

from pegel.spec.settings import Settings
from pegel_airflow import form, onboarding, onboarding_plan, run_note
from pegel_airflow.assets import BASELINES, SPECS
from pegel_airflow.baseline_operator import BaselineJob
from pegel_airflow.defaults import BASELINES_AT_ONCE, START, TAGS, task_defaults
from pegel_airflow.ready import WaitReady

with DAG(
    dag_id="model_onboard",
    description="Provision an endpoint, log it, profile its training data, watch it",
    doc_md=__doc__,
    start_date=START,
    schedule=None,
    params=form.params(),
    default_args=task_defaults(),
    tags=[*TAGS, "provision"],
) as dag:

    @task(retries=0)
    def validate(**context: Any) -> dict[str, Any]:
        """Refuse what cannot be, before anything is touched."""
        run = context["dag_run"]
        spec = onboarding.validate(Settings(), context["params"], user=run.triggering_user_name)
        onboarding.refuse_changes_of_another(Settings(), spec, (run.conf or {}).get(form.CHANGES_OF))
        return spec

    @task.short_circuit
    def plan(spec: dict[str, Any], **context: Any) -> bool:
        """Say what will be done, in the run's note, too; a dry run ends here."""
        run_note.leave_plan(
            context, onboarding_plan.with_page(Settings(), spec, onboarding_plan.plan(Settings(), spec))
        )
        return not context["params"][form.DRY_RUN]

    @task
    def create_topics(spec: dict[str, Any]) -> list[str]:
        """Make the namespace's topics exist."""
        return onboarding.create_topics(Settings(), spec)

    @task
    def stage_endpoint(spec: dict[str, Any], **context: Any) -> str:
        """Start what is to serve, beside what serves now."""
        return onboarding.stage_endpoint(Settings(), spec, run=context["run_id"])

    @task
    def send_probe(spec: dict[str, Any], status: dict[str, Any], profiled: dict[str, Any]) -> dict[str, Any]:
        """Send one row of the training data and see request and answer on the topic."""
        return onboarding.send_probe(Settings(), spec, status, profiled)

    @task(outlets=[SPECS, BASELINES])
    def register(spec: dict[str, Any], profiled: dict[str, Any], **context: Any) -> dict[str, Any]:
        """Put spec, baseline and endpoint in force; that rings the reconciler. Returns what will be judged."""
        changes_of = (context["dag_run"].conf or {}).get(form.CHANGES_OF)
        onboarding.refuse_changes_of_another(Settings(), spec, changes_of)
        return onboarding.register(Settings(), spec, profiled)

    @task
    def discard_candidate(spec: dict[str, Any], **context: Any) -> None:
        """End what this run has staged and what did not come into force."""
        onboarding.discard_candidate(Settings(), spec, run=context["run_id"])

    @task(retries=0)
    def not_ended_early(**context: Any) -> None:
        """Fail the run if it was ended by hand before anything came into force."""
        run = context["run_id"]
        states = context["ti"].get_task_states(dag_id=dag.dag_id, task_ids=["register"], run_ids=[run])
        is_dry = bool(context["params"][form.DRY_RUN])
        onboarding.refuse_unregistered(states.get(run, {}).get("register"), is_dry=is_dry)

    # Called here, a task gives a reference that becomes its result when the run gets there.
    spec: Any = validate()
    planned: Any = plan(spec)
    topics: Any = create_topics(spec)
    staged: Any = stage_endpoint(spec)
    ready = WaitReady(task_id="wait_ready", spec=spec)
    status: Any = ready.output
    # Many onboardings at once must leave a place for the clocked workflows, whose runs have a limit of time.
    baseline = BaselineJob(task_id="baseline", spec=spec, max_active_tis_per_dag=BASELINES_AT_ONCE)
    profiled: Any = baseline.output
    probed: Any = send_probe(spec, status, profiled)
    registered: Any = register(spec, profiled)
    planned >> topics >> staged >> ready
    planned >> baseline
    probed >> registered
    # A teardown runs whatever became of the tasks before it, and says nothing about the run's own success.
    discarded = discard_candidate(spec).as_teardown(setups=topics)
    [staged, ready, probed, registered] >> discarded
    # When a run is ended by hand, teardowns alone still run; this one is there to say that it was no success.
    discarded >> not_ended_early().as_teardown(on_failure_fail_dagrun=True)
