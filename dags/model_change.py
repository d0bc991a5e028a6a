"""Airflow DAG: change a watched model. Only the fields that change are stated; the plan says what becomes of it."""

from __future__ import annotations

from typing import Any

from airflow.sdk import DAG, Param, task

from pegel.spec.settings import Settings
from pegel_airflow import changing, form, form_choices, run_note
from pegel_airflow.defaults import START, TAGS, task_defaults

with DAG(
    dag_id="model_change",
    description="Lay changes over the spec of a watched model, show what they change, and onboard it anew",
    doc_md=__doc__,
    start_date=START,
    schedule=None,
    params={
        "model": Param(
            type="string",
            minLength=1,
            title="Model (name or name/version)",
            description="Without a version the newest is meant.",
            **form_choices.suggested(form_choices.read().keys),
        ),
        "changes": Param(
            {},
            type="object",
            title="Changes (JSON object)",
            description='In the shape of a spec file: `{"windowing": {"length": "5m"}}`. What is not named stays; a '
            "list is replaced as a whole.",
        ),
        form.DRY_RUN: Param(
            False,
            type="boolean",
            title="Dry run",
            description="Only the plan, in the notes of this run and of the onboarding; nothing is started.",
        ),
    },
    default_args=task_defaults(),
    tags=[*TAGS, "provision"],
) as dag:

    @task(retries=0)
    def lay_over(**context: Any) -> dict[str, Any]:
        """Say what changes, field by field, in the run's note, too; refuse what cannot be, or changes nothing."""

        def tell(text: str) -> None:
            print(text)  # noqa: T201 - a task's output is its log
            run_note.leave_plan(context, text)

        user = context["dag_run"].triggering_user_name
        return changing.change(Settings(), context["params"], user=user, tell=tell)

    changed: Any = lay_over()
    # The same way as a first onboarding: endpoint staged, baseline profiled, all of it in force at once or not at all.
    changing.OnboardAnew(task_id="onboard", conf=changed)
