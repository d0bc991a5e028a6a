"""The note of a run: whose runs get one, what stands in it, and that it never hurts whoever ends the run."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from uuid import uuid4

import fake_airflow
import pytest
from airflow.models import import_all_models
from airflow.models.dagrun import DagRun, DagRunNote
from airflow.models.taskinstance import TaskInstance
from airflow.models.tasklog import LogTemplate
from airflow.models.xcom import XComModel
from airflow.providers.standard.operators.empty import EmptyOperator
from airflow.sdk import DAG
from airflow.sdk.log import mask_logs, mask_secret
from airflow.utils.sqlalchemy import prohibit_commit
from airflow.utils.state import DagRunState
from airflow.utils.types import DagRunType
from sqlalchemy import Engine, create_engine, insert, select
from sqlalchemy.orm import Session
from structlog.processors import ExceptionRenderer
from structlog.tracebacks import ExceptionDictTransformer

from pegel.errors import SetupError
from pegel_airflow import defaults, run_note
from pegel_local.airflow.airflow_api import AirflowApi
from pegel_local.airflow.failed_tasks import why_failed

AT = datetime(2026, 1, 1, tzinfo=UTC)
OURS, THEIRS = "Failed: baseline: no rows", "Failed: because of my typo in the address"
TABLES: tuple[Any, ...] = (LogTemplate, DagRun, DagRunNote, TaskInstance, XComModel)

Ended = Callable[..., str | None]


@pytest.fixture
def engine(tmp_path: Path) -> Iterator[Engine]:
    """A database with what Airflow keeps of runs, of results and of notes."""
    database = create_engine(f"sqlite:///{tmp_path / 'airflow.db'}")
    import_all_models()  # type: ignore[no-untyped-call]  # a table is not made without knowing those it names
    for table in TABLES:
        table.__table__.create(database)
    yield database
    database.dispose()


@pytest.fixture
def ended(engine: Engine) -> Ended:
    """End one run after the other, of a workflow that a task has failed of; returns the note that it has then."""

    def end(
        state: DagRunState, *, before: tuple[str, str | None] | None = None, tags: tuple[str, ...] = ("pegel",)
    ) -> str | None:
        with Session(engine, autoflush=False) as session:
            run = failing_run(session, tags)
            if before is not None:
                run.note = before  # text and author, as Airflow's own API gives it
                session.commit()
            end_in(session, run, state)
        return note_in(engine)

    return end


def failing_run(session: Session, tags: tuple[str, ...] = ("pegel",)) -> DagRun:
    """Return a run one task of which has left its sentence, as whoever ends it has it at hand."""
    run = DagRun(dag_id="delays", run_id="first", run_type=DagRunType.MANUAL, run_after=AT, state=DagRunState.RUNNING)
    session.add(run)
    session.flush()
    names = {"dag_run_id": run.id, "dag_id": "delays", "run_id": "first", "task_id": "baseline", "map_index": -1}
    session.add(XComModel(**names, key=run_note.KEY, value="no rows", timestamp=AT))
    session.commit()
    run.dag = DAG("delays", schedule=None, tags=list(tags))  # type: ignore[assignment]  # only its tags are read
    return run


def end_in(session: Session, run: DagRun, state: DagRunState, msg: str = "ended") -> None:
    """End a run as the scheduler does: in a session that only its own guard may commit."""
    hook = run_note.on_dag_run_failed if state is DagRunState.FAILED else run_note.on_dag_run_success
    with prohibit_commit(session) as guard:  # type: ignore[no-untyped-call]  # Airflow's
        run.state = state
        hook(dag_run=run, msg=msg)
        guard.commit()


def note_in(engine: Engine) -> str | None:
    """Return the note of the only run in a database."""
    with Session(engine) as session:
        note: str | None = session.get_one(DagRun, 1).note
        return note


def test_all_our_workflows_are_known_by_their_tag() -> None:
    """The tag that every workflow has is the one by which notes know their runs."""
    assert defaults.TAGS == [run_note.TAG]


def test_a_note_goes_with_what_it_tells(engine: Engine) -> None:
    """A run that failed has our note, a second failure still has one, and success takes it away."""
    notes = []
    with Session(engine, autoflush=False) as session:
        run = failing_run(session)
        for state in (DagRunState.FAILED, DagRunState.FAILED, DagRunState.SUCCESS):
            end_in(session, run, state)
            notes.append(note_in(engine))

    assert notes == [OURS, OURS, None]


def fail_silently(session: Session, task: str) -> None:
    """Let a task fail that has left no sentence."""
    names = {"dag_id": "delays", "run_id": "first", "task_id": task, "map_index": -1}
    kept = {"id": uuid4(), "state": "failed", "pool": "default_pool", "try_number": 1, "max_tries": 0}
    session.execute(insert(TaskInstance.__table__).values(**names, **kept))
    session.commit()


def test_a_task_that_was_killed_is_named(engine: Engine) -> None:
    """A task whose process could not say why it failed stands in the note after those that could."""
    with Session(engine, autoflush=False) as session:
        run = failing_run(session)
        for task in ("apply", "baseline"):
            fail_silently(session, task)
        end_in(session, run, DagRunState.FAILED)

    assert note_in(engine) == f"{OURS}\napply: {run_note.SILENT}"


def test_the_cause_is_named_not_what_followed(engine: Engine) -> None:
    """A task that fails the run because others failed is not in the note beside them."""
    with Session(engine, autoflush=False) as session:
        run = failing_run(session)
        with run.dag:  # type: ignore[union-attr]  # it has one
            EmptyOperator(task_id="fail", trigger_rule="one_failed")
        fail_silently(session, "fail")
        end_in(session, run, DagRunState.FAILED)

    assert note_in(engine) == OURS


def test_a_run_that_took_too_long_says_so(engine: Engine) -> None:
    """A run that its limit of time has ended has a note that names the limit, though no task failed of it."""
    with Session(engine, autoflush=False) as session:
        run = failing_run(session)
        run.dag.dagrun_timeout = timedelta(minutes=5)  # type: ignore[union-attr]  # it has one
        end_in(session, run, DagRunState.FAILED, msg="timed_out")
    note = note_in(engine) or ""

    assert note.startswith(f"{OURS}\nrun: expected to end within 300 s; ")


def test_a_run_that_was_ended_by_hand_says_so(engine: Engine) -> None:
    """A run that a person has marked as failed has a note, though nothing failed by itself."""
    with Session(engine, autoflush=False) as session:
        run = failing_run(session)
        end_in(session, run, DagRunState.FAILED, msg="Dag Run's state was manually set to `failed`.")

    assert note_in(engine) == f"{OURS}\nrun: {run_note.BY_HAND}"


@pytest.mark.parametrize("state", [DagRunState.FAILED, DagRunState.SUCCESS])
@pytest.mark.parametrize("text", [THEIRS, "started by hand"])
def test_a_note_of_a_person_stays(ended: Ended, state: DagRunState, text: str) -> None:
    """Whatever a person wrote stays, however it begins and however the run ends."""
    assert ended(state, before=(text, "ada")) == text


def test_a_note_without_author_stays_unless_it_is_ours(ended: Ended) -> None:
    """What another program has noted stays."""
    assert ended(DagRunState.FAILED, before=("of the nightly load", None)) == "of the nightly load"


@pytest.mark.parametrize(("state", "before"), [(DagRunState.FAILED, None), (DagRunState.SUCCESS, (THEIRS, None))])
def test_runs_of_others_are_left_alone(ended: Ended, state: DagRunState, before: tuple[str, str | None] | None) -> None:
    """A workflow of others gets no note and loses none, even if its tasks left something under our name."""
    assert ended(state, before=before, tags=("nightly",)) == (before and before[0])


def test_a_note_written_meanwhile_hurts_nobody(engine: Engine) -> None:
    """If a person writes a note while the run fails, the scheduler's transaction holds, and the person's note stays."""
    with Session(engine, autoflush=False) as session:
        run = failing_run(session)
        seen = run.note
        with Session(engine) as person:
            person.get_one(DagRun, run.id).note = (THEIRS, "ada")
            person.commit()
        end_in(session, run, DagRunState.FAILED)
    with Session(engine) as session:
        stored = session.get_one(DagRun, 1)

        assert (seen, stored.state, stored.note) == (None, DagRunState.FAILED, THEIRS)


def test_a_note_in_the_same_request_is_the_one_that_counts(engine: Engine) -> None:
    """Whoever sets a run to failed and says why, in one request, is not answered with an error for our note."""
    with Session(engine, autoflush=False) as session:
        run = failing_run(session)
        run.note = (THEIRS, "ada")
        end_in(session, run, DagRunState.FAILED)

    assert note_in(engine) == THEIRS


@pytest.mark.parametrize("table", [DagRunNote, XComModel])
def test_an_error_in_a_note_is_nobodys_trouble(engine: Engine, table: Any) -> None:
    """Whatever goes wrong about a note, the run ends as it would have, and nothing is raised."""
    with Session(engine, autoflush=False) as session:
        run = failing_run(session)
        table.__table__.drop(engine)
        end_in(session, run, DagRunState.FAILED)
    with Session(engine) as session:
        assert session.scalar(select(DagRun.state)) == DagRunState.FAILED


def leave_plan(session: Session, text: str) -> None:
    """Let a task of the run leave what it found to do."""
    run = session.get_one(DagRun, 1)
    names = {"dag_run_id": run.id, "dag_id": "delays", "run_id": "first", "task_id": "plan", "map_index": -1}
    session.add(XComModel(**names, key=run_note.TOLD_KEY, value=text, timestamp=AT))
    session.commit()


def test_what_a_run_found_to_do_is_its_note_however_it_ends(engine: Engine) -> None:
    """A failure says first why; success leaves the plan alone, and a long one is cut where everybody sees it."""
    notes = []
    with Session(engine, autoflush=False) as session:
        run = failing_run(session)
        leave_plan(session, f"1 to create\n{'x' * 2_000}")
        for state in (DagRunState.FAILED, DagRunState.SUCCESS):
            end_in(session, run, state)
            notes.append(note_in(engine) or "")

    assert [f"{OURS}\nPlan: 1 to create\n", "Plan: 1 to create\nxxxxx"] == [notes[0][:44], notes[1][:23]]
    assert [(1_000, "x…"), (1_000, "x…")] == [(len(note), note[-2:]) for note in notes]


@pytest.mark.parametrize("before", [(THEIRS, "ada"), ("Plan: by hand", "ada"), ("of the nightly load", None)])
def test_a_plan_takes_no_note_away(engine: Engine, before: tuple[str, str | None]) -> None:
    """What a person or another program wrote stays, also of a run that succeeds."""
    with Session(engine, autoflush=False) as session:
        run = failing_run(session)
        leave_plan(session, "1 to create")
        run.note = before
        session.commit()
        end_in(session, run, DagRunState.SUCCESS)

    assert note_in(engine) == before[0]


def test_a_note_in_the_request_that_ends_a_run_well_counts(engine: Engine) -> None:
    """Whoever sets a run to success and says why is not answered with an error for the plan."""
    with Session(engine, autoflush=False) as session:
        run = failing_run(session)
        leave_plan(session, "1 to create")
        run.note = (THEIRS, "ada")
        end_in(session, run, DagRunState.SUCCESS)

    assert note_in(engine) == THEIRS


class Results:
    """A task instance as far as a callback needs one: it keeps what is left."""

    def __init__(self) -> None:
        """Nothing is left yet."""
        self.left: dict[str, str] = {}

    def xcom_push(self, key: str, value: str) -> None:
        """Keep a result."""
        self.left[key] = value


def noted(error: BaseException) -> str:
    """Return the sentence that a task leaves for the note of its run when it fails of an error."""
    results = Results()
    run_note.leave_sentence({"exception": error, "ti": results})
    return results.left[run_note.KEY]


def test_a_task_that_was_ended_leaves_nothing() -> None:
    """The dag-processor, which is told of it without an exception, is asked for nothing: it would wait for ever."""
    results = Results()
    run_note.leave_sentence({"ti": results})

    assert {} == results.left


def in_terminal(error: BaseException) -> str:
    """Return what a terminal shows of the same error, out of the log as Airflow writes it."""
    entry = {"event": "Task failed", "exc_info": (type(error), error, None)}
    rendered = ExceptionRenderer(ExceptionDictTransformer(use_rich=False, show_locals=False))(None, "error", entry)
    rendered["error_detail"] = rendered.pop("exception")
    log = {"content": [mask_logs(None, "error", rendered)]}
    with fake_airflow.serving() as fake, AirflowApi(fake.url, "ada", "lovelace") as airflow:
        fake.answers += [(200, fake_airflow.RUN), (200, {"task_instances": [fake_airflow.task("probe", "failed")]})]
        fake.answers += [(200, log)]
        return why_failed(airflow, airflow.trigger("d", {})).removeprefix("probe: ")


@pytest.mark.parametrize(
    "error",
    [
        SetupError("expected a folder; given 'x'. Nothing was changed."),
        ValueError("two\nlines,\ta tab and \x1b[31mred"),
        RuntimeError("x" * 5_000),
        RuntimeError(),
        KeyError("delays"),
        SetupError("https://ada:of-the-nightly-load@models.example.org did not answer"),
    ],
    ids=["plain", "lines", "long", "empty", "key", "secret"],
)
def test_the_note_says_what_the_terminal_says(error: BaseException) -> None:
    """The sentence in Airflow's UI is, letter for letter, the one that `pegel apply --wait` ends with."""
    mask_secret("of-the-nightly-load")

    assert noted(error) == in_terminal(error)


def test_a_secret_does_not_reach_the_note() -> None:
    """What Airflow keeps out of logs it keeps out of results and notes, also where the sentence is cut."""
    mask_secret("a-password-of-somebody")

    assert noted(SetupError("ada:a-password-of-somebody@kafka refused")) == "ada:***@kafka refused"
    assert "password" not in noted(SetupError(f"{'x' * 920} a-password-of-somebody {'y' * 500}"))


def test_a_secret_does_not_reach_a_plan() -> None:
    """A plan is masked as sentences are; its lines stay lines."""
    mask_secret("a-password-of-somebody")
    results = Results()
    run_note.leave_plan({"ti": results}, "1 to change\nkafka: ada:a-password-of-somebody")

    assert results.left == {run_note.TOLD_KEY: "1 to change\nkafka: ada:***"}


def test_each_task_has_its_line() -> None:
    """All tasks that failed stand in the note, in the order of their failures."""
    assert run_note.note_of({"baseline": "no rows", "apply[2]": "no room"}) == (
        "Failed: baseline: no rows\napply[2]: no room"
    )


def test_a_note_is_as_long_as_airflow_keeps() -> None:
    """A longer one is cut where everybody sees it: the database of another Airflow would refuse it whole."""
    note = run_note.note_of({"baseline": "x" * 2_000})
    both = run_note.note_of({"baseline": "x" * 2_000, "wait_ready": "y" * 2_000}).splitlines()
    many = run_note.note_of({f"apply[{number}]": "x" * 99 for number in range(900)})

    assert (len(note), note[-2:]) == (1_000, "x…")
    assert [line[-2:] for line in both] == ["x…", "y…"]
    assert len(many) == run_note.LONGEST_NOTE
