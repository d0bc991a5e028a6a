"""Commands that start a workflow: what they send to Airflow, and what they say of its end."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pyarrow as pa
import pytest
import sqlalchemy as sa
from blueprints import give_tables
from fake_airflow import RUN, FakeAirflow, failure, returned, task
from pyarrow import parquet
from waiting import wait_until

from pegel.cli.main import main
from pegel.data.columns import Field, Kind, Schema
from pegel.featurestore import LocalFeatureStore
from pegel.judge.refresh.baseline_changes import BaselineChanges
from pegel.judge.refresh.guard_rails import rows_rail
from pegel.judge.refresh.review import RefreshReview
from pegel.spec.model_files import METADATA_FILE, MODEL_FILE
from pegel.spec.settings import SETTINGS_FILE
from pegel.store import tables
from pegel.store.baseline_store import BaselineStore
from pegel.store.database import connect
from pegel.store.refresh_store import RefreshEnd, RefreshStore
from pegel.store.registry import Registry
from pegel.testing.samples import sample_baseline, sample_spec
from pegel_local.airflow.airflow_api import Run, Task
from pegel_local.backends.endpoint_processes import SERVES
from pegel_local.cli.workflow_run import WaitingWords
from pegel_local.machine.paths import Home
from pegel_local.system.stack_file import StackFile

STARTED, SUCCEEDED, FAILED = ((200, RUN | {"state": state}) for state in ("queued", "success", "failed"))
ROW = {"distance": 447.0, "origin": "O'Hare"}


@pytest.fixture
def home(tmp_path: Path, fake: FakeAirflow) -> Path:
    """A home that is up, with `delays/1` and `delays/2` under watch."""
    folder = tmp_path / "home"
    folder.mkdir()
    StackFile(Home(folder)).record(addresses={"user": "admin", "password": "secret"})
    addresses = {"airflow_url": fake.url, "page_url": f"{fake.url}/pegel"}
    (folder / SETTINGS_FILE).write_text(json.dumps(addresses), encoding="utf-8")
    engine = connect(f"sqlite:///{folder / 'pegel.db'}")
    give_tables(engine)
    for version in (1, 2):
        Registry(engine).put(sample_spec("delays", version))
    engine.dispose()
    return folder


@pytest.fixture
def spec_file(tmp_path: Path, home: Path) -> Path:
    """A spec in a file, whose model and training data are there."""
    (tmp_path / "model").mkdir()
    (tmp_path / "model" / MODEL_FILE).touch()
    schema = Schema((Field("distance", Kind.NUMERIC),))
    metadata = {"name": "delays", "version": 1, "schema": schema.to_json()}
    (tmp_path / "model" / METADATA_FILE).write_text(json.dumps(metadata), encoding="utf-8")
    table = tmp_path / "train.parquet"
    parquet.write_table(pa.table({"distance": [1.0]}), table)
    LocalFeatureStore(home / "features").register_training_data("delays", 1, table, schema)
    file = tmp_path / "delays.json"
    file.write_text(json.dumps(sample_spec(model={"name": "delays", "uri": "model"}).to_json()), encoding="utf-8")
    return file


def run(*arguments: object) -> object:
    """Run a command; return its exit code."""
    with pytest.raises(SystemExit) as ended:
        main([str(argument) for argument in arguments])
    return ended.value.code


def test_offboarding_sends_the_forms_answers(home: Path, fake: FakeAirflow, capsys: pytest.CaptureFixture[str]) -> None:
    """The model version that was named goes, and what was measured stays."""
    fake.answers += [STARTED, *done("delete_endpoint")]
    code = run("offboard", "delays/2", "--wait", "--home", home)

    assert 0 == code
    assert fake.asked[1][1] == "/api/v2/dags/model_offboard/dagRuns"
    assert {"model": "delays", "version": 2, "keep_data": True} == fake.asked[1][2]["conf"]
    assert ["delays/2: neither watched nor served any more; what was measured stays"] == (
        capsys.readouterr().out.splitlines()[1:]
    )


def test_a_plan_is_a_dry_run_of_reconciling(home: Path, fake: FakeAirflow, capsys: pytest.CaptureFixture[str]) -> None:
    """The reconciler's own workflow says what it would do, and its table is printed."""
    fake.answers += [STARTED, *done("report"), returned("target  action\n1 kept as they are")]
    code = run("plan", "--home", home)

    assert (0, {"dry_run": True}) == (code, fake.asked[1][2]["conf"])
    assert "/api/v2/dags/monitoring_reconcile/dagRuns" == fake.asked[1][1]
    assert ["target  action", "1 kept as they are"] == capsys.readouterr().out.splitlines()[1:]


@pytest.mark.parametrize("release", [False, True])
def test_adopting_sends_the_forms_answers(
    home: Path, fake: FakeAirflow, capsys: pytest.CaptureFixture[str], release: bool
) -> None:
    """A service is adopted or released by a workflow, and what became of it is printed."""
    fake.answers += [STARTED, *done("adopt"), returned("it is logged")]
    code = run("adopt", "team-a/delays-v1", *(["--release"] if release else []), "--home", home)

    assert (0, {"service": "team-a/delays-v1", "release": release}) == (code, fake.asked[1][2]["conf"])
    assert ["it is logged"] == capsys.readouterr().out.splitlines()[1:]


def test_what_was_measured_goes_only_if_told(home: Path, fake: FakeAirflow) -> None:
    """With `--forget` the workflow deletes windows and findings, too."""
    fake.answers += [STARTED]
    code = run("offboard", "delays", "--version", 1, "--forget", "--home", home)

    assert (0, False) == (code, fake.asked[1][2]["conf"]["keep_data"])


def test_an_offboarding_that_was_interrupted_goes_on(home: Path, fake: FakeAirflow) -> None:
    """A model that the registry has forgotten and that still has an endpoint is removed when it is named in full."""
    for folder in ("old-v3", "older-v1"):
        (home / "endpoints" / folder).mkdir(parents=True)
        (home / "endpoints" / folder / SERVES).write_text("{}", encoding="utf-8")
    fake.answers += [STARTED]

    assert 0 == run("offboard", "old/3", "--home", home)
    assert {"model": "old", "version": 3, "keep_data": True} == fake.asked[1][2]["conf"]
    assert 2 == run("offboard", "older", "--home", home)


@pytest.mark.parametrize("meant", [("delays/1", "--version", 2), ("delays/3", "--version", 4), ("delays/04",)])
def test_two_versions_at_once_are_no_version(home: Path, fake: FakeAirflow, meant: tuple[object, ...]) -> None:
    """What names a model version in no single way takes none out, watched or left behind."""
    for folder in ("delays-v1", "delays-v2", "delays-v4"):
        (home / "endpoints" / folder).mkdir(parents=True)
        (home / "endpoints" / folder / SERVES).write_text("{}", encoding="utf-8")

    assert 2 == run("offboard", *meant, "--home", home)
    assert [] == fake.asked


def test_a_model_whose_spec_is_damaged_is_offboarded(home: Path, fake: FakeAirflow) -> None:
    """What cannot be read can be removed."""
    spoil(home)
    fake.answers += [STARTED]

    assert 0 == run("offboard", "delays/2", "--home", home)


def spoil(home: Path) -> None:
    """Damage the spec of every watched model."""
    engine = connect(f"sqlite:///{home / 'pegel.db'}")
    with engine.begin() as connection:
        connection.execute(sa.update(tables.monitors).values(spec={"model": "spoiled"}))
    engine.dispose()


def test_refreshing_names_one_model_version(home: Path, fake: FakeAirflow, capsys: pytest.CaptureFixture[str]) -> None:
    """Only the model version that was named is profiled; an equal baseline is said to be equal."""
    fake.answers += [STARTED, *done("all_profiled")]
    code = run("refresh", "delays/1", "--wait", "--home", home)

    assert (0, {"models": ["delays/1"]}) == (code, fake.asked[1][2]["conf"])
    assert "nothing changed" in capsys.readouterr().out


def test_a_question_that_is_open_is_no_equal_baseline(
    home: Path, fake: FakeAirflow, capsys: pytest.CaptureFixture[str]
) -> None:
    """A person who was asked by an earlier run is waited for: that is said, not that nothing changed."""
    engine, day = connect(f"sqlite:///{home / 'pegel.db'}"), datetime(2026, 3, 1, tzinfo=UTC)
    baselines = BaselineStore(engine)
    current, new = (baselines.put(sample_baseline(seed)) for seed in (0, 1))
    baselines.promote("delays", 1, current, None, by="model_onboard", now=day)
    changes = BaselineChanges(rows_before=100, rows_now=40, fields=())
    review = RefreshReview(changes=changes, rails=(rows_rail(changes),))
    RefreshStore(engine).open("delays", 1, new, current, review, now=day)
    engine.dispose()
    fake.answers += [STARTED, *done("all_profiled")]
    code = run("refresh", "delays/1", "--wait", "--home", home)
    said = capsys.readouterr().out

    assert (0, False, True) == (code, "nothing changed" in said, "waits for an answer" in said)


def test_a_conflict_is_no_equal_baseline(home: Path, fake: FakeAirflow, capsys: pytest.CaptureFixture[str]) -> None:
    """Where another baseline was promoted meanwhile, what the run made of the data is told all the same."""
    engine, soon = connect(f"sqlite:///{home / 'pegel.db'}"), datetime.now(UTC) + timedelta(minutes=1)
    baselines = BaselineStore(engine)
    old, new, current = (baselines.put(sample_baseline(seed)) for seed in (0, 1, 2))
    baselines.promote("delays", 1, old, None, by="model_onboard", now=soon)
    baselines.promote("delays", 1, current, old, by="ada", now=soon)
    changes = BaselineChanges(rows_before=100, rows_now=40, fields=())
    refreshes = RefreshStore(engine)
    review = RefreshReview(changes=changes, rails=(rows_rail(changes),))
    seq, _ = refreshes.open("delays", 1, new, old, review, now=soon)
    refreshes.end(seq, RefreshEnd.PROMOTED, by="otto", why="", now=soon)
    engine.dispose()
    fake.answers += [STARTED, *done("all_profiled")]
    code = run("refresh", "delays/1", "--wait", "--home", home)
    said = capsys.readouterr().out

    assert (0, False) == (code, "nothing changed" in said)
    assert "its training data changed; new" in said
    assert "not promoted: another baseline was promoted meanwhile" in said


def test_a_model_whose_spec_is_damaged_is_not_refreshed_in_silence(
    home: Path, fake: FakeAirflow, capsys: pytest.CaptureFixture[str]
) -> None:
    """The workflow would pass over it, and an equal baseline would be told of data that nobody read."""
    spoil(home)
    code = run("refresh", "delays/1", "--home", home)
    said = capsys.readouterr().err

    assert (1, []) == (code, fake.asked)
    assert said.startswith("delays/1: spec: ")
    assert "Nothing was started." in said


@pytest.mark.parametrize("command", ["offboard", "refresh"])
@pytest.mark.parametrize("model", ["delasy", "delays/3", "delays"])
def test_a_model_that_is_not_meant_clearly_is_refused(
    home: Path, fake: FakeAirflow, capsys: pytest.CaptureFixture[str], command: str, model: str
) -> None:
    """A mistyped name, a missing version and an open choice are one sentence; Airflow is not even asked."""
    guess = {"delasy": "Did you mean `delays`?", "delays/3": "Did you mean `delays/", "delays": "changed."}[model]
    code = run(command, model, "--home", home)
    said = capsys.readouterr().err

    assert 2 == code
    assert f"given '{model}'; watched: delays/1, delays/2. Nothing was changed." in said
    assert guess in said
    assert [] == fake.asked


def of(*tasks: dict[str, object]) -> tuple[int, object]:
    """Return Airflow's answer to who asks for a run's tasks."""
    return 200, {"task_instances": tasks}


def done(goal: str) -> list[tuple[int, object]]:
    """Return Airflow's answers to a look at a run that has succeeded."""
    return [SUCCEEDED, of(task(goal, "success"))]


@pytest.mark.parametrize("option", [(), ("-v",)], ids=["brief", "verbose"])
def test_onboarding_ends_with_what_comes_next(
    home: Path, spec_file: Path, fake: FakeAirflow, capsys: pytest.CaptureFixture[str], option: tuple[str, ...]
) -> None:
    """Address of the run, endpoint, page, what will be judged, and a request of the probe's row, quoted for a shell."""
    brief = [{"about": "judged", "words": "drift"}, {"about": "not judged", "words": "charts"}]
    outlook = {"brief": brief, "whole": [*brief, {"about": "", "words": "correlations"}]}
    results = [{"url": "http://e:1"}, {"rows": 4000, "features": 3}, {"request": {"instances": [ROW]}}, outlook]
    fake.answers += [STARTED, *done("register"), *map(returned, results)]
    code = run("apply", spec_file, "--wait", "--home", home, *option)

    assert 0 == code
    assert [
        f"delays/1: onboarding started, run {fake.url}/dags/d/runs/r",
        "delays/1: onboarded",
        "endpoint    http://e:1/v1/models/delays-v1:predict",
        f"page        {fake.url}/pegel/models/delays/1",
        "baseline    4,000 rows, 3 fields",
        "judged      drift",
        "not judged  charts",
        *(["            correlations"] * len(option)),
        "",
        "curl -s http://e:1/v1/models/delays-v1:predict -H 'Content-Type: application/json' \\",
        """  -d '{"instances": [{"distance": 447.0, "origin": "O'"'"'Hare"}]}'""",
    ] == capsys.readouterr().out.splitlines()


def test_onboarding_whose_results_are_gone_names_the_page(
    home: Path, spec_file: Path, fake: FakeAirflow, capsys: pytest.CaptureFixture[str]
) -> None:
    """An Airflow that keeps no results of tasks leaves the model onboarded, and the command no less done."""
    fake.answers += [STARTED, *done("register"), (404, {"detail": "gone"})]
    code = run("apply", spec_file, "--wait", "--home", home)

    assert 0 == code
    assert f"page        {fake.url}/pegel/models/delays/1" == capsys.readouterr().out.splitlines()[-1]


@pytest.mark.parametrize("option", [(), ("-v",)], ids=["brief", "verbose"])
def test_each_failed_task_is_a_line(
    home: Path, spec_file: Path, fake: FakeAirflow, capsys: pytest.CaptureFixture[str], option: tuple[str, ...]
) -> None:
    """All failed tasks are told in their own words, those that never began are not; logs are shown with -v only."""
    tasks = [
        task("register", "upstream_failed", start=None),
        task("wait_ready", "failed"),
        task("baseline", "failed", map_index=2),
    ]
    fake.answers += [
        STARTED,
        FAILED,
        *[of(*tasks)] * 2,
        failure("no room\nleft", "looking"),
        failure("odd"),
    ]
    code = run("apply", spec_file, "--wait", "--home", home, *option)
    lines = capsys.readouterr().err.splitlines()

    assert 1 == code
    assert [
        "delays/1: onboarding failed.",
        "wait_ready: no room left",
        "baseline[2]: odd",
        f"whole logs (their ends with -v): {fake.url}/dags/d/runs/r",
    ] == [line for line in lines if not line.startswith("  |")]
    assert ("  | looking" in lines) == bool(option)


@pytest.mark.parametrize("last", ["failed", "success"])
def test_what_did_not_register_is_not_onboarded(
    home: Path, spec_file: Path, fake: FakeAirflow, capsys: pytest.CaptureFixture[str], last: str
) -> None:
    """A run that was ended by hand fails by its last task; one whose last task was marked as done is no success."""
    tasks = [task("baseline", "skipped"), task("register", "skipped"), task("discard_candidate", "success")]
    tasks.append(task("not_ended_early", last))
    state = {"failed": FAILED, "success": SUCCEEDED}[last]
    fake.answers += [STARTED, state, *[of(*tasks)] * 2, failure("ended by hand")]
    code = run("apply", spec_file, "--wait", "--home", home)
    said = capsys.readouterr()
    why = {
        "failed": "not_ended_early: ended by hand",
        "success": "no task of d failed, but the run is success and register was not done: "
        "it may have been ended by hand",
    }[last]

    assert (1, False) == (code, "onboarded" in said.out)
    assert ["delays/1: onboarding failed.", why] == said.err.splitlines()[:2]


def test_waiting_ends_with_the_last_hope(
    home: Path, spec_file: Path, fake: FakeAirflow, capsys: pytest.CaptureFixture[str]
) -> None:
    """A run whose goal cannot be reached any more is told as failed while its other tasks still run, not before."""
    going = [task("wait_ready", "up_for_retry"), task("baseline", "queued", start=None), task("register", "")]
    lost = [
        task("wait_ready", "failed"),
        task("baseline", "queued", start=None),
        task("register", "upstream_failed", start=None),
    ]
    running = (200, RUN | {"state": "running"})
    fake.answers += [STARTED, running, of(*going)]
    fake.answers += [running, *[of(*lost)] * 2, failure("not ready within 300 s")]
    code = run("apply", spec_file, "--wait", "--home", home)

    assert (1, []) == (code, fake.answers)
    assert [
        "delays/1: onboarding failed.",
        "wait_ready: not ready within 300 s",
        f"whole logs (their ends with -v): {fake.url}/dags/d/runs/r",
        "The run still clears up: wait for its end before you start it again.",
    ] == capsys.readouterr().err.splitlines()


def test_a_lost_log_hides_no_failed_task(home: Path, fake: FakeAirflow, capsys: pytest.CaptureFixture[str]) -> None:
    """A task whose log is gone is told as failed, and so are the others."""
    tasks = [task("profile", "failed"), task("promote", "failed")]
    fake.answers += [
        STARTED,
        FAILED,
        *[of(*tasks)] * 2,
        (404, {"detail": "gone"}),
        failure("odd"),
    ]
    code = run("refresh", "delays/1", "--wait", "--home", home)
    _, first, second, _ = capsys.readouterr().err.splitlines()

    assert 1 == code
    assert first.startswith("profile: its log cannot be read: ")
    assert "promote: odd" == second


def test_a_long_wait_says_now_and_then_what_is_at_work() -> None:
    """A word each quarter of a minute, with the tasks that have begun and not ended; none at the end."""
    seconds, said = iter([0.0, 14.0, 16.0, 17.0, 40.0, 60.0]), list[str]()
    words = WaitingWords("delays/1: onboarding", said.append, seconds.__next__)
    going = Run(dag="d", id="r", state="running", started_at=None, ended_at=None)
    states = {"stage": "success", "wait_ready": "deferred", "register": None}
    tasks = [Task(id=name, map_index=-1, state=state, seconds=None, try_number=1) for name, state in states.items()]
    for run, seen in [*[(going, tasks)] * 3, (going, []), (replace(going, state="success"), [])]:
        words.look(run, seen)

    assert [
        "delays/1: onboarding goes on, 16 s: wait_ready (deferred)",
        "delays/1: onboarding goes on, 40 s: the run is running",
    ] == said


def test_an_interrupt_ends_the_waiting_alone(home: Path, spec_file: Path, fake: FakeAirflow) -> None:
    """Whoever stops waiting is told that the run goes on, and where."""
    fake.answers += [STARTED, *[STARTED, of()] * 1000]
    command = [sys.executable, "-m", "pegel.cli.main", "apply", str(spec_file), "--wait", "--home", str(home)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process:
        assert wait_until(lambda: len(fake.asked) > 2)
        process.send_signal(signal.SIGINT)
        said, trouble = process.communicate(timeout=20)

    assert (130, "") == (process.returncode, trouble)
    assert said.endswith(f"delays/1: onboarding goes on: {fake.url}/dags/d/runs/r\n")


def test_a_failed_task_without_an_exception_is_told_by_its_last_line(
    home: Path, fake: FakeAirflow, capsys: pytest.CaptureFixture[str]
) -> None:
    """A task that was killed left no exception: the end of its log stands for it."""
    log = (200, {"content": ["started", {"event": "Process terminated by signal"}]})
    fake.answers += [STARTED, FAILED, *[of(task("profile", "failed"))] * 2, log]
    code = run("refresh", "delays/1", "--wait", "--home", home)

    assert 1 == code
    assert "profile: Process terminated by signal" in capsys.readouterr().err.splitlines()
