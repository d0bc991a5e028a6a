"""`pegel runs`: the latest runs of the workflows, from Airflow's public API."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from fake_airflow import FakeAirflow

from pegel.cli.main import main
from pegel.spec.settings import SETTINGS_FILE
from pegel_local.machine.paths import Home
from pegel_local.system.stack_file import StackFile

DAGS = (200, {"dags": [{"dag_id": "model_onboard"}, {"dag_id": "housekeeping"}]})
GOOD = {
    "dag_id": "housekeeping",
    "dag_run_id": "scheduled__1",
    "state": "success",
    "start_date": "2026-03-01T03:41:00Z",
    "end_date": "2026-03-01T03:41:09Z",
    "triggering_user_name": None,
    "note": None,
}
BAD = GOOD | {
    "dag_id": "model_onboard",
    "dag_run_id": "manual__1",
    "state": "failed",
    "triggering_user_name": "ada",
    "note": "Failed: baseline: no such table\nregister: not run",
}


@pytest.fixture
def home(tmp_path: Path, fake: FakeAirflow) -> Path:
    """A home that is up."""
    StackFile(Home(tmp_path)).record(addresses={"user": "admin", "password": "secret"})
    (tmp_path / SETTINGS_FILE).write_text(json.dumps({"airflow_url": fake.url}), encoding="utf-8")
    return tmp_path


def run(*arguments: object) -> object:
    """Run a command; return its exit code."""
    with pytest.raises(SystemExit) as ended:
        main([str(argument) for argument in arguments])
    return ended.value.code


def test_each_run_is_a_row_and_a_failed_one_says_why(
    home: Path, fake: FakeAirflow, capsys: pytest.CaptureFixture[str]
) -> None:
    """Only workflows of Pegel are asked for, the newest first; why a run failed is its note, on one line."""
    fake.answers += [DAGS, (200, {"dag_runs": [BAD, GOOD]})]
    code = run("runs", "--home", home)
    _, bad, good = capsys.readouterr().out.splitlines()

    assert ("GET", "/api/v2/dags?tags=pegel&limit=100") == fake.asked[1][:2]
    assert {"dag_ids": ["housekeeping", "model_onboard"], "order_by": "-run_after", "page_limit": 20} == (
        fake.asked[2][2]
    )
    assert (0, ["model_onboard", "failed"], True) == (
        code,
        bad.split()[:2],
        bad.endswith("ada  baseline: no such table; register: not run"),
    )
    assert (["housekeeping", "success"], True) == (good.split()[:2], good.endswith("9 s"))


def test_machines_read_all_of_it(home: Path, fake: FakeAirflow, capsys: pytest.CaptureFixture[str]) -> None:
    """The shape is that of every listing; one workflow and one state are asked for by name."""
    fake.answers += [DAGS, (200, {"dag_runs": [BAD]})]
    code = run("runs", "model_onboard", "--state", "failed", "--json", "--home", home)
    document = json.loads(capsys.readouterr().out)
    (told,) = document["runs"]

    assert {"dag_ids": ["model_onboard"], "states": ["failed"]}.items() <= fake.asked[2][2].items()
    assert (0, []) == (code, document["unread"])
    assert ("manual__1", "ada", "2026-03-01T03:41:09+00:00", BAD["note"]) == (
        told["id"],
        told["by"],
        told["ended_at"],
        told["note"],
    )


def test_a_mistyped_workflow_is_refused_with_the_nearest(
    home: Path, fake: FakeAirflow, capsys: pytest.CaptureFixture[str]
) -> None:
    """Nothing is asked about a workflow that there is not."""
    fake.answers += [DAGS]
    code = run("runs", "model_onbord", "--home", home)

    assert (2, True, 2) == (code, "Did you mean `model_onboard`?" in capsys.readouterr().err, len(fake.asked))


def test_no_run_is_a_sentence(home: Path, fake: FakeAirflow, capsys: pytest.CaptureFixture[str]) -> None:
    """Where nothing stands so, that is said."""
    fake.answers += [DAGS, (200, {"dag_runs": []})]
    code = run("runs", "--state", "running", "--home", home)

    assert (0, "no run of any workflow is running\n") == (code, capsys.readouterr().out)
