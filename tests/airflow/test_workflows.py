"""The workflow files, as Airflow sees them."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from pegel.errors import PermanentError

ROOT = Path(__file__).parents[2]
NAMES = [
    "alert_dispatch",
    "baseline_approval",
    "baseline_refresh",
    "baseline_restore",
    "batch_monitor",
    "endpoint_adopt",
    "features_load",
    "hopsworks_write_back",
    "housekeeping",
    "model_change",
    "model_offboard",
    "model_onboard",
    "monitoring_reconcile",
    "specs_follow",
]
HEAVY = ("kafka", "kubernetes", "matplotlib", "pandas", "pyarrow", "pyspark", "scipy")


@pytest.fixture(scope="module")
def bag(airflow_database: Path) -> Any:
    """Every workflow file, read as the dag-processor reads it."""
    from airflow.dag_processing.dagbag import BundleDagBag

    return BundleDagBag(dag_folder=ROOT / "dags", bundle_path=ROOT / "dags", bundle_name="dags-folder")


def test_every_file_is_a_workflow_of_its_name(bag: Any) -> None:
    """Each file holds one workflow, named as the file, and imports without an error."""
    files = sorted(path.stem for path in (ROOT / "dags").glob("*.py"))

    assert (bag.import_errors, sorted(bag.dags), files) == ({}, NAMES, NAMES)


def test_every_workflow_says_what_it_is(bag: Any) -> None:
    """Each workflow has a description, documentation, an owner and the tag by which people find it."""
    bare = [
        name
        for name, dag in bag.dags.items()
        if not (dag.description and dag.doc_md and "pegel" in dag.tags and dag.default_args["owner"] == "pegel")
    ]

    assert bare == []


def test_what_has_to_be_set_up_first_waits_for_that(bag: Any) -> None:
    """Paused at first is what fails, or does nothing, until somebody has made a connection or named a folder."""
    waits = {name for name, dag in bag.dags.items() if dag.is_paused_upon_creation}

    assert {"hopsworks_write_back", "specs_follow"} == waits


def test_clocked_workflows_are_not_paused(bag: Any) -> None:
    """Reconciling and alerting run from the first minute, never beside themselves, and never catch up."""
    clocked = [bag.dags[name] for name in ("alert_dispatch", "monitoring_reconcile")]

    assert [(dag.is_paused_upon_creation, dag.max_active_runs, dag.catchup) for dag in clocked] == [
        (False, 1, False),
        (False, 1, False),
    ]


def test_onboardings_leave_a_place_for_the_clocked_workflows(bag: Any) -> None:
    """Tasks that take minutes never hold all places of the local Airflow, however many models are onboarded at once."""
    from pegel_local.airflow.airflow_services import PARALLELISM

    limits = [
        bag.dags[dag].get_task(task).max_active_tis_per_dag
        for dag, task in (("model_onboard", "baseline"), ("baseline_refresh", "profile"))
    ]
    # Its tasks come one after the other.
    limits.append(bag.dags["batch_monitor"].max_active_runs)

    assert sum(limits) < PARALLELISM


def test_batch_tasks_follow_each_other_whatever_becomes_of_them(bag: Any) -> None:
    """Each task of the batch run waits for the one before it to end, not to succeed; the run fails if any did."""
    tasks = bag.dags["batch_monitor"].task_dict
    order = ["archive", "read_tables", "join_labels", "judge_long_spans", "check_archive"]
    followers = dict(zip(order[1:], order[:-1], strict=True))

    assert {name: {before} for name, before in followers.items()} == {
        name: tasks[name].upstream_task_ids for name in followers
    }
    assert {"all_done"} == {str(tasks[name].trigger_rule.value) for name in followers}
    assert (set(order), "one_failed") == (tasks["fail"].upstream_task_ids, tasks["fail"].trigger_rule.value)


def test_clocked_workflows_are_first(bag: Any) -> None:
    """A free place is given to a task that reconciles or alerts before any other, however many wait for that."""
    clocked = {"alert_dispatch", "monitoring_reconcile"}
    least = min(task.priority_weight for name in clocked for task in bag.dags[name].tasks)
    others = [sum(task.priority_weight for task in dag.tasks) for name, dag in bag.dags.items() if name not in clocked]

    assert max(others) < least


def test_permanent_errors_are_not_tried_again(bag: Any) -> None:
    """A permanent error fails a task at once; a temporary one is tried again after a pause."""
    from pegel.errors import NotFound, Unavailable

    policy = bag.dags["model_onboard"].get_task("create_topics").retry_policy
    actions = [policy.evaluate(error, 1, 2).action.value for error in (NotFound("no"), Unavailable("later"))]

    assert actions == ["fail", "retry"]


def test_workflow_files_import_nothing_heavy() -> None:
    """Parsing every workflow file leaves the heavy packages alone: it happens again and again."""
    code = (
        "import sys, importlib; sys.path.insert(0, 'dags')\n"
        f"for name in {NAMES!r}: importlib.import_module(name)\n"
        f"print(sorted(set({HEAVY!r}) & set(sys.modules)))"
    )
    found = subprocess.run(
        [sys.executable, "-W", "ignore", "-c", code], cwd=ROOT, capture_output=True, text=True, check=True, timeout=120
    )

    assert found.stdout.splitlines()[-1] == "[]"


@dataclass(frozen=True)
class RunOfTasks:
    """What a task asks of its run: in which states its other tasks are."""

    states: Mapping[str, str]

    def get_task_states(self, *, dag_id: str, task_ids: list[str], run_ids: list[str]) -> dict[str, dict[str, str]]:
        """Return those that have one, by run."""
        assert dag_id == "model_onboard"
        return {run: {name: self.states[name] for name in task_ids if name in self.states} for run in run_ids}


@pytest.mark.parametrize("is_dry", [False, True])
@pytest.mark.parametrize("state", ["success", "failed", "upstream_failed", None, "skipped"])
def test_an_onboarding_that_was_ended_by_hand_fails_by_its_last_task(bag: Any, state: str | None, is_dry: bool) -> None:
    """Airflow skips what had not begun, and takes that for a success; the one task that still runs fails the run.

    A dry run skips by itself what it does not do.
    """
    dag = bag.dags["model_onboard"]
    last = dag.get_task("not_ended_early")
    states = {"discard_candidate": "success"} | ({} if state is None else {"register": state})
    refusals = []
    try:
        last.python_callable(run_id="r", ti=RunOfTasks(states), params={"dry_run": is_dry})
    except PermanentError as error:
        refusals.append("was ended by hand before that" in str(error))

    assert refusals == ([True] if state == "skipped" and not is_dry else [])
    assert (last.is_teardown, last.on_failure_fail_dagrun, last.retries) == (True, True, 0)
    assert (last.upstream_task_ids, [leaf.task_id for leaf in dag.leaves]) == (
        {"discard_candidate"},
        ["not_ended_early"],
    )
