"""`pegel plan|diff|apply -f FOLDER`: what they say, what they ask of Airflow, and with which code they end."""

from __future__ import annotations

import json
import os
from collections.abc import Sequence
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
from blueprints import give_tables
from fake_airflow import RUN, FakeAirflow, failure, task

from pegel.cli.main import main
from pegel.spec.monitor_spec import MonitorSpec
from pegel.store.database import connect
from pegel.store.registry import Registry
from pegel.testing.samples import sample_spec

STARTED, FAILED, SUCCEEDED = ((200, RUN | {"state": state}) for state in ("queued", "failed", "success"))


@pytest.fixture
def home(tmp_path: Path, fake: FakeAirflow, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A results database of a system elsewhere, with `delays/1` and `gone/1` under watch."""
    monkeypatch.setenv("PEGEL_AIRFLOW_URL", fake.url)
    monkeypatch.setenv("PEGEL_AIRFLOW_USER", "ada")
    monkeypatch.setenv("PEGEL_AIRFLOW_PASSWORD", "secret")
    folder = tmp_path / "home"
    engine = connect(f"sqlite:///{folder / 'pegel.db'}")
    give_tables(engine)
    for name in ("delays", "gone"):
        Registry(engine).put(sample_spec(name))
    engine.dispose()
    return folder


@pytest.fixture
def specs(tmp_path: Path) -> Path:
    """A folder with `delays/1` as it is watched."""
    folder = tmp_path / "specs"
    folder.mkdir()
    written(folder, sample_spec("delays"))
    return folder


def written(folder: Path, spec: MonitorSpec) -> None:
    """Write a spec into a folder, under its model's name."""
    (folder / f"{spec.model.name}.json").write_text(json.dumps(spec.to_json()), encoding="utf-8")


def spoiled(folder: Path) -> None:
    """Write a file that is no spec."""
    (folder / "bad.yaml").write_text("model: 3", encoding="utf-8")


def run(*arguments: object) -> object:
    """Run a command; return its exit code."""
    with pytest.raises(SystemExit) as ended:
        main([str(argument) for argument in arguments])
    return ended.value.code


def started(fake: FakeAirflow) -> list[tuple[str, Any]]:
    """Return which workflows were started, with what."""
    return [(path.split("/")[4], body["conf"]) for method, path, body in fake.asked[1:] if method == "POST"]


def done(goal: str) -> Sequence[tuple[int, Any]]:
    """Return what a run that has succeeded says of itself."""
    return [SUCCEEDED, (200, {"task_instances": [task(goal, "success")]})]


def test_exit_codes_tell_the_same_from_the_different(
    home: Path, specs: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """`diff` ends with 0 where nothing differs, with 3 where something does, with 2 for a bad file.

    A model of others, which no file of the folder names, is a difference only for who would have it gone.
    """
    codes = [run("diff", "-f", specs, *more, "--home", home) for more in ((), ("--prune",))]
    written(specs, sample_spec("gone"))
    codes += [run("diff", "-f", specs, "--prune", "--home", home)]
    written(specs, sample_spec("delays", windowing={"length": "5m"}))
    codes += [run(command, "-f", specs, "--home", home) for command in ("diff", "plan")]
    said = capsys.readouterr().out
    spoiled(specs)
    codes += [run(command, "-f", specs, "--home", home) for command in ("diff", "plan")]

    assert [0, 3, 0, 3, 0, 2, 2] == codes
    assert ("-windowing.length: 60.0" in said, "    windowing.length: 1m -> 5m" in said) == (True, True)


def test_machines_read_the_plan(home: Path, specs: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """The shape is that of every listing, and what only the registry has is a row, too."""
    code = run("plan", "-f", specs, "--json", "--home", home)
    document = json.loads(capsys.readouterr().out)

    assert (0, []) == (code, document["unread"])
    assert [("delays/1", "same"), ("gone/1", "extra")] == [(row["model"], row["change"]) for row in document["plan"]]


def test_a_folder_that_is_applied_already_starts_nothing(
    home: Path, specs: Path, fake: FakeAirflow, capsys: pytest.CaptureFixture[str]
) -> None:
    """What is the same is left, what only the registry has is told and not deleted, and Airflow is not asked."""
    code = run("apply", "-f", specs, "--home", home)
    said = capsys.readouterr().out

    assert (0, []) == (code, fake.asked)
    assert "? not in the folder  gone/1" in said


def test_what_is_new_and_changed_is_onboarded_by_itself(
    home: Path, specs: Path, fake: FakeAirflow, capsys: pytest.CaptureFixture[str]
) -> None:
    """Each has a run of its own; one that fails and a bad file hold up no other, and the code says partly."""
    written(specs, sample_spec("delays", windowing={"length": "5m"}))
    written(specs, sample_spec("fraud"))
    spoiled(specs)
    tasks = (200, {"task_instances": [task("baseline", "failed"), task("register", "upstream_failed")]})
    fake.answers += [STARTED, STARTED, FAILED, tasks, tasks, failure("no such table"), *done("register")]
    code = run("apply", "-f", specs, "--wait", "--home", home)
    said = capsys.readouterr()

    assert 4 == code
    assert [("model_onboard", "delays"), ("model_onboard", "fraud")] == [
        (dag, conf["model.name"]) for dag, conf in started(fake)
    ]
    assert ("delays/1: onboarding failed" in said.err, "no such table" in said.err) == (True, True)
    assert "fraud/1: onboarding is done" in said.out


def test_what_only_the_registry_has_goes_when_asked(
    home: Path, specs: Path, fake: FakeAirflow, capsys: pytest.CaptureFixture[str]
) -> None:
    """With `--prune` it is named and stays, with `--yes` as well it is offboarded, and what was measured stays."""
    refused = run("apply", "-f", specs, "--prune", "--wait", "--home", home)
    untouched = [*fake.asked]
    fake.answers += [STARTED, *done("delete_endpoint")]
    code = run("apply", "-f", specs, "--prune", "--yes", "--wait", "--home", home)

    assert (2, []) == (refused, untouched)
    assert "expected --yes: gone/1 would be taken out of service. Nothing was started." in capsys.readouterr().err
    assert (0, [("model_offboard", {"model": "gone", "version": 1, "keep_data": True})]) == (code, started(fake))


def test_nothing_is_deleted_while_a_file_is_invalid(
    home: Path, specs: Path, fake: FakeAirflow, capsys: pytest.CaptureFixture[str]
) -> None:
    """A typing error in the file of a model does not end its watch; that is said."""
    spoiled(specs)
    code = run("apply", "-f", specs, "--prune", "--home", home)

    assert (4, []) == (code, fake.asked)
    assert "nothing is deleted while a file is invalid" in capsys.readouterr().err


def test_where_nothing_works_the_code_says_so(home: Path, specs: Path, fake: FakeAirflow) -> None:
    """Every file invalid is 2, no run that Airflow would start is 1."""
    (specs / "delays.json").unlink()
    spoiled(specs)
    codes = [run("apply", "-f", specs, "--home", home)]
    (specs / "bad.yaml").unlink()
    written(specs, sample_spec("fraud"))
    fake.answers += [(404, {"detail": "no such DAG"})]
    codes.append(run("apply", "-f", specs, "--home", home))

    assert [2, 1] == codes


@pytest.mark.parametrize(
    "arguments",
    [("apply",), ("diff",), ("apply", "a.yaml", "-f", "b"), ("apply", "a.yaml", "--prune"), ("plan", "--json")],
    ids=" ".join,
)
def test_what_is_meant_has_to_be_said(
    arguments: tuple[str, ...], home: Path, fake: FakeAirflow, capsys: pytest.CaptureFixture[str]
) -> None:
    """Without a place, or with two ways of naming one, nothing is read or started."""
    assert (2, []) == (run(*arguments, "--home", home), fake.asked)
    assert "expected" in capsys.readouterr().err


@pytest.mark.parametrize(
    "case",
    [
        ((404, {"detail": "not found"}), "alerts.routes: slack:chat is told by the connection pegel_chat of Airflow"),
        ((403, {"detail": "Forbidden"}), "not looked at: whether Airflow has the connections that alerts.routes names"),
        ((200, {"connection_id": "pegel_chat"}), ""),
    ],
)
def test_a_connection_that_routes_name_is_asked_for_once(
    home: Path, specs: Path, fake: FakeAirflow, capsys: pytest.CaptureFixture[str], case: tuple[tuple[int, Any], str]
) -> None:
    """Of all files that name it; one that Airflow has not, or may not tell of, is told, and both are onboarded."""
    answer, said = case
    for name in ("rides", "seats"):
        written(specs, sample_spec(name, alerts={"routes": [{"to": ["slack:chat"]}]}))
    fake.answers += [answer, STARTED, STARTED]
    code = run("apply", "-f", specs, "--home", home)

    assert (0, ["model_onboard", "model_onboard"]) == (code, [dag for dag, _ in started(fake)])
    assert [("GET", "/api/v2/connections/pegel_chat")] == [asked[:2] for asked in fake.asked if asked[0] == "GET"]
    assert said == capsys.readouterr().err[: len(said)]


SPOILED: dict[str, tuple[bytes, str]] = {
    "empty.yaml": (b"", "a spec is a mapping of fields; given: nothing"),
    "field.yaml": (
        b"model: {name: field, uri: file:///m}\nwindowing:\n  lenght: 60s\n",
        "line 3: windowing.lenght: unknown field; did you mean `length`?",
    ),
    "huge.yaml": (b"# " + b"x" * 200_000, "has more than 131,072 bytes, which no spec has"),
    "latin.yaml": ("model: {name: Grün}\n".encode("latin-1"), "is not text in UTF-8: byte 17 is 0xfc"),
    "long.json": (b'{"model": ' + b"[" * 9_000, "more than 10 levels of lists and mappings"),
    "open.json": (b'{"model": {"name": "x"}', "this is not YAML: line 1: "),
    "tabs.yaml": (b"model:\n\tname: tabs\n", "this is not YAML: line 2: "),
    "twice.yaml": (b"model: {name: x}\nmodel: {name: y}\n", "line 2: 'model' stands twice, first in line 1"),
}
"""Files that are no specs, and what is said of each."""


def test_what_is_wrong_with_a_file_is_told_with_its_place_and_holds_up_no_other(
    home: Path, specs: Path, fake: FakeAirflow, capsys: pytest.CaptureFixture[str]
) -> None:
    """Each bad file is named with the line, a dead link and a pipe are files like them, and the good one is applied."""
    for name, (content, _) in SPOILED.items():
        (specs / name).write_bytes(content)
    (specs / "link.yaml").symlink_to(specs / "nowhere.yaml")
    (specs / "far").symlink_to("n" * 300)
    os.mkfifo(specs / "pipe.yaml")
    written(specs, sample_spec("rides"))
    fake.answers += [STARTED]
    code = run("apply", "-f", specs, "--home", home)
    lines = capsys.readouterr().out.splitlines()
    told = {Path(line.split()[-1]).name: below for line, below in pairwise(lines) if line.startswith("! invalid")}

    assert (4, ["model_onboard"]) == (code, [dag for dag, _ in started(fake)])
    assert {*SPOILED, "link.yaml", "pipe.yaml", "far"} == told.keys()
    assert [] == [name for name, (_, said) in SPOILED.items() if said not in told[name]]
    assert "cannot be followed: File name too long" in told["far"]
    assert ("No such file or directory" in told["link.yaml"], "is no file" in told["pipe.yaml"]) == (True, True)
    assert f"1 to create, 0 to change, 1 as they are, {len(told)} invalid, 1 in the registry alone" in lines


def test_hundreds_of_files_are_one_plan(home: Path, specs: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Each model has a line of its own, and two files about one are told of each other."""
    for number in range(200):
        written(specs, sample_spec(f"m{number}"))
    (specs / "again.json").write_text((specs / "m7.json").read_text(encoding="utf-8"), encoding="utf-8")
    code = run("plan", "-f", specs, "--home", home)
    lines = capsys.readouterr().out.splitlines()

    assert 2 == code
    assert ["199 to create, 0 to change, 1 as they are, 2 invalid, 1 in the registry alone"] == lines[-1:]
    assert 2 == sum("given m7/1, which " in line for line in lines)
