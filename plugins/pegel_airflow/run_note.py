"""Why a run failed, in its note: what a person reads beside the run in Airflow's UI, and `pegel apply` in a terminal.

A task may not write a note, so it leaves its sentence as a result of its own (`KEY`) when it fails for good. When the
run has failed, the scheduler, which may, puts the sentences of all its tasks together. No credentials are needed.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from airflow.listeners import hookimpl

from pegel.spec.outside_text import LONGEST_SENTENCE, shown

if TYPE_CHECKING:
    from airflow.models.dagrun import DagRun
    from sqlalchemy.orm import Session

KEY = "why_failed"
"""Under which a task leaves its sentence."""
OURS = "Failed: "
"""How a note of ours begins; what else stands there is a person's."""
LONGEST_NOTE = 1_000
"""Characters that Airflow keeps of a note."""


def leave_sentence(context: Mapping[str, Any]) -> None:
    """Leave what the task failed of, in one line (a task's `on_failure_callback`)."""
    error = context.get("exception")
    sentence = str(error) or type(error).__name__
    context["ti"].xcom_push(key=KEY, value=shown(sentence, LONGEST_SENTENCE))


@hookimpl
def on_dag_run_failed(dag_run: DagRun, msg: str) -> None:  # noqa: ARG001 - Airflow hands it in
    """Write the note of a run of ours: a line for each task that failed. A person's note stays."""
    with _stored(dag_run) as (run, session):
        sentences = _sentences(run, session)
        if sentences and (not run.note or run.note.startswith(OURS)):
            run.note = note_of(sentences)


@hookimpl
def on_dag_run_success(dag_run: DagRun, msg: str) -> None:  # noqa: ARG001 - Airflow hands it in
    """Take our note away from a run that was cleared and has succeeded."""
    with _stored(dag_run) as (run, _session):
        if (run.note or "").startswith(OURS):
            run.note = ""


def note_of(sentences: Mapping[str, str]) -> str:
    """Return a note of what each task said, `LONGEST_NOTE` characters at most: each has an equal part of them."""
    most = max(LONGEST_NOTE // max(len(sentences), 1) - len(OURS), 2)
    lines = [f"{task}: {sentence}" for task, sentence in sentences.items()]
    cut = [line if len(line) <= most else f"{line[: most - 1]}…" for line in lines]
    return (OURS + "\n".join(cut))[:LONGEST_NOTE]


@contextmanager
def _stored(dag_run: DagRun) -> Iterator[tuple[DagRun, Session]]:
    """Give the run as the database has it: in the scheduler's own session, which a second one would wait for."""
    from airflow.utils.session import create_session
    from sqlalchemy.orm import object_session

    session = object_session(dag_run)
    if session is not None:
        yield dag_run, session
        return
    with create_session() as own:
        yield own.get_one(type(dag_run), dag_run.id), own


def _sentences(run: DagRun, session: Session) -> dict[str, str]:
    """Return what the tasks of a run have left, by task, in the order of their failures; none for a run of others."""
    from airflow.models.xcom import XComModel
    from sqlalchemy import select

    of_run = select(XComModel).where(
        XComModel.dag_id == run.dag_id, XComModel.run_id == run.run_id, XComModel.key == KEY
    )
    left = session.scalars(of_run.order_by(XComModel.timestamp)).all()
    named = [each.task_id if each.map_index < 0 else f"{each.task_id}[{each.map_index}]" for each in left]
    return {name: str(XComModel.deserialize_value(each)) for name, each in zip(named, left, strict=True)}
