"""Why a run failed, or what it found to do, in its note: what a person reads beside the run in Airflow's UI.

A task may not write a note, so it leaves its sentence as a result of its own (`KEY`) when it fails for good. When the
run has failed, whoever ends it, mostly the scheduler, puts the sentences of all its tasks together. No credentials are
needed. Only runs of our own workflows are touched, and only notes that no person wrote.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from airflow.listeners import hookimpl

from pegel.spec.outside_text import LONGEST_SENTENCE, shown

if TYPE_CHECKING:
    from airflow.models.dagrun import DagRun
    from sqlalchemy import ColumnElement, Connection

KEY = "pegel_why_failed"
"""Under which a task leaves its sentence."""
TOLD_KEY = "pegel_told"
"""Under which a task leaves what its run found to do, whatever becomes of it."""
TOLD = "Plan: "
"""How a note of ours about that begins."""
TAG = "pegel"
"""What our workflows are tagged with: runs of others are none of our business."""
OURS = "Failed: "
"""How a note of ours begins. It has no author: one of a person has, whatever it begins with."""
SILENT = "it was ended, or could not begin, before it could say why: look into its log, or the scheduler's"
"""What is said of a failed task that has left no sentence."""
MANUALLY = "manually"
"""Is in what Airflow says to a listener when a person or a program has set the state of a run."""
BY_HAND = "it was marked as failed by hand; what ran was ended, what had not begun was skipped"
LONGEST_NOTE = 1_000
"""Characters that Airflow keeps of a note."""

_log = logging.getLogger(__name__)


def leave_sentence(context: Mapping[str, Any]) -> None:
    """Leave what the task failed of, in one line (a task's `on_failure_callback`).

    Of a task that the scheduler has ended, the dag-processor calls this, without an exception. There nothing is left:
    who asks it for more than it has is never answered, is killed, and its workflow then counts as gone for minutes.
    """
    error = context.get("exception")
    if error is not None:
        context["ti"].xcom_push(key=KEY, value=sentence_of(error))


def leave_plan(context: Mapping[str, Any], text: str) -> None:
    """Leave what the run found to do: its note shows it, also if the run succeeds."""
    from airflow.sdk.log import redact  # type: ignore[attr-defined]  # public, and not in its list of names

    context["ti"].xcom_push(key=TOLD_KEY, value=str(redact(text)))


def sentence_of(error: BaseException) -> str:
    """Return an error as its task's log shows it to `pegel apply`: Airflow's known secrets masked, in one line."""
    from airflow.sdk.log import redact  # type: ignore[attr-defined]  # public, and not in its list of names

    masked = redact(str(error) or type(error).__name__)
    return shown(str(masked), LONGEST_SENTENCE)


@hookimpl
def on_dag_run_failed(dag_run: DagRun, msg: str) -> None:
    """Write the note of a run of ours: a line for each task that failed. A person's note stays."""
    if not _is_ours(dag_run) or _is_being_written(dag_run):
        return
    from airflow.models.dagrun import DagRunNote
    from sqlalchemy import delete, insert

    def write(connection: Connection) -> None:
        of_run = {"run": _too_long(dag_run)} if msg == "timed_out" else {"run": BY_HAND} if MANUALLY in msg else {}
        if sentences := _sentences(dag_run, connection) | of_run:
            content = _cut("\n".join([note_of(sentences), *_told(dag_run, connection)]))
            connection.execute(delete(DagRunNote).where(_note_of_ours(dag_run)))
            connection.execute(insert(DagRunNote).values(dag_run_id=dag_run.id, content=content))

    _apart(dag_run, write)


@hookimpl
def on_dag_run_success(dag_run: DagRun, msg: str) -> None:  # noqa: ARG001 - Airflow hands it in
    """Take our note away from a run of ours that was cleared and has succeeded; write what it found to do, if told."""
    if not _is_ours(dag_run) or _is_being_written(dag_run):
        return
    from airflow.models.dagrun import DagRunNote
    from sqlalchemy import delete, insert

    def write(connection: Connection) -> None:
        connection.execute(delete(DagRunNote).where(_note_of_ours(dag_run)))
        if told := _cut("\n".join(_told(dag_run, connection))):
            connection.execute(insert(DagRunNote).values(dag_run_id=dag_run.id, content=told))

    _apart(dag_run, write)


def note_of(sentences: Mapping[str, str]) -> str:
    """Return a note of what each task said, `LONGEST_NOTE` characters at most: each has an equal part of them."""
    most = max(LONGEST_NOTE // max(len(sentences), 1) - len(OURS), 2)
    lines = [f"{task}: {sentence}" for task, sentence in sentences.items()]
    cut = [line if len(line) <= most else f"{line[: most - 1]}…" for line in lines]
    return (OURS + "\n".join(cut))[:LONGEST_NOTE]


def _cut(note: str) -> str:
    return note if len(note) <= LONGEST_NOTE else f"{note[: LONGEST_NOTE - 1]}…"


def _is_ours(run: DagRun) -> bool:
    """Return whether a run is of a workflow of ours; whoever ends a run has its workflow at hand."""
    return run.dag is not None and TAG in run.dag.tags


def _is_being_written(run: DagRun) -> bool:
    """Return whether a first note of a run is on its way to the database: a person ends the run and writes why."""
    from airflow.models.dagrun import DagRunNote
    from sqlalchemy.orm import object_session

    session = object_session(run)
    new = [] if session is None else [each for each in session.new if isinstance(each, DagRunNote)]
    return any(note.dag_run is run for note in new)


def _note_of_ours(run: DagRun) -> ColumnElement[bool]:
    from airflow.models.dagrun import DagRunNote
    from sqlalchemy import and_, or_

    begins = or_(DagRunNote.content.startswith(OURS), DagRunNote.content.startswith(TOLD))
    return and_(DagRunNote.dag_run_id == run.id, DagRunNote.user_id.is_(None), begins)


def _apart(run: DagRun, change: Callable[[Connection], object]) -> None:
    """Change a note in a part of the transaction that ends the run, a part that fails alone.

    A note is never worth a scheduler: whatever goes wrong here is undone and logged. A session may not commit here, a
    part of it neither, so nothing goes through the session.
    """
    from sqlalchemy.exc import IntegrityError

    try:
        with _connection(run) as connection, connection.begin_nested():
            change(connection)
    except IntegrityError:
        _log.info("Run %s of %s has a note that is not ours; it stays.", run.run_id, run.dag_id)
    except Exception:  # noqa: BLE001 - the listeners of others follow, and Airflow ends the run as if there were none
        _log.exception("The note of run %s of %s stays as it is.", run.run_id, run.dag_id)


@contextmanager
def _connection(run: DagRun) -> Iterator[Connection]:
    """Give the connection of whoever ends the run, which a second one would wait for; one of its own without that."""
    from airflow.utils.session import create_session
    from sqlalchemy.orm import object_session

    session = object_session(run)
    if session is not None:
        yield session.connection()
        return
    with create_session() as own:
        yield own.connection()


def _sentences(run: DagRun, connection: Connection) -> dict[str, str]:
    """Return why each failed task of a run did, by task: first what they have left, in the order of their failures.

    A task that fails because others did says nothing of its own.
    """
    left = _left(run, connection)
    failed = dict.fromkeys(_failed(run, connection), SILENT)
    sentences = left | {name: failed[name] for name in failed if name not in left}
    return {name: text for name, text in sentences.items() if not _tells_of_others(run, name)} or sentences


def _told(run: DagRun, connection: Connection) -> list[str]:
    """Return what the run found to do, as its note tells it; empty if no task has left anything."""
    left = "\n".join(_left(run, connection, TOLD_KEY).values())
    return [f"{TOLD}{left}"] if left else []


def _left(run: DagRun, connection: Connection, key: str = KEY) -> dict[str, str]:
    """Return what the tasks of a run have left under a key, in the order in which they did."""
    from airflow.models.xcom import XComModel
    from sqlalchemy import select

    columns = select(XComModel.task_id, XComModel.map_index, XComModel.value)
    of_run = columns.where(XComModel.dag_id == run.dag_id, XComModel.run_id == run.run_id, XComModel.key == key)
    rows = connection.execute(of_run.order_by(XComModel.timestamp)).all()
    return {_name(each.task_id, each.map_index): str(XComModel.deserialize_value(each)) for each in rows}


def _failed(run: DagRun, connection: Connection) -> list[str]:
    """Return which tasks of a run have failed.

    What the scheduler ends, or could not begin, is said to have failed by no process that could leave a sentence.
    """
    from airflow.models.taskinstance import TaskInstance
    from sqlalchemy import select

    columns = select(TaskInstance.task_id, TaskInstance.map_index)
    of_run = columns.where(TaskInstance.dag_id == run.dag_id, TaskInstance.run_id == run.run_id)
    failed = of_run.where(TaskInstance.state == "failed").order_by(TaskInstance.end_date, TaskInstance.task_id)
    return [_name(*each) for each in connection.execute(failed)]


def _too_long(run: DagRun) -> str:
    """Say that the scheduler has ended a run for its limit of time: that is no task's failure."""
    limit = None if run.dag is None else run.dag.dagrun_timeout
    within = "in time" if limit is None else f"within {limit.total_seconds():g} s"
    return (
        f"expected to end {within}; what was not done by then was skipped. Its tasks may have waited for a free place"
    )


def _name(task: str, map_index: int) -> str:
    return task if map_index < 0 else f"{task}[{map_index}]"


def _tells_of_others(run: DagRun, name: str) -> bool:
    """Return whether a task runs only where another one has failed."""
    return run.dag is not None and run.dag.has_task(name) and run.dag.get_task(name).trigger_rule == "one_failed"
