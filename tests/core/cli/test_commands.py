"""The command line answers in sentences and exit codes."""

from __future__ import annotations

import os
import platform
import subprocess
import sys
from importlib.metadata import version
from pathlib import Path

import pytest
from blueprints import give_tables

from pegel.cli.command_line import COMMANDS
from pegel.cli.main import main
from pegel.cli.panels import ADDED, in_panels
from pegel.spec.monitor_spec import MonitorSpec
from pegel.store.database import connect
from pegel_local.airflow.airflow_api import answers

pytestmark = pytest.mark.environments("sqlalchemy")

SPEC = """
model: {name: delays, uri: file:///models/delays}
baseline: {source: "local://delays?version=1&split=train"}
windowing: {length: 60s}
false_alarms: {count: 1, per: week}
"""


@pytest.fixture
def spec_file(tmp_path: Path) -> Path:
    """Write a valid spec."""
    file = tmp_path / "delays.yaml"
    file.write_text(SPEC, encoding="utf-8")
    return file


def without_models(home: Path) -> None:
    """Make a results database in which nothing stands yet."""
    engine = connect(f"sqlite:///{home / 'pegel.db'}")
    give_tables(engine)
    engine.dispose()


READERS = (
    ("status",),
    ("report", "delays/1"),
    ("explain", "0123abcd"),
    ("ack", "0123abcd", "--until", "4h", "--why", "storm"),
    ("resolve", "0123abcd", "--why", "storm"),
    ("silence", "--model", "delays", "--until", "4h", "--why", "storm"),
    ("silences",),
    ("unsilence", "1"),
    ("alerts",),
    ("baselines", "delays", "--json"),
)
"""Commands that need a system that is there."""


def run(*arguments: str) -> int:
    """Run a command; return its exit code."""
    with pytest.raises(SystemExit) as ended:
        main(list(arguments))
    assert isinstance(ended.value.code, int)
    return ended.value.code


def test_a_valid_spec_is_explained(spec_file: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Validating shows the fingerprint and what the wish means, the false-alarm budget in words."""
    code = run("validate", str(spec_file), "--home", str(spec_file.parent))
    said = capsys.readouterr().out

    assert code == 0
    assert MonitorSpec.from_yaml(spec_file.read_text(encoding="utf-8")).fingerprint() in said
    assert "watches delays/1, served as delays-v1" in said
    assert "1 false alarm per week at most, on average over baselines" in said
    assert "expect 0.14 false alarms per day" in said


def test_a_held_promise_is_said(spec_file: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """A promise that is to hold for most baselines is explained as such, not as the one on average."""
    spec_file.write_text(SPEC.replace("{count: 1, per: week}", "1 per week for 95% of baselines"))
    code = run("validate", str(spec_file), "--home", str(spec_file.parent))

    assert (0, True) == (code, "1 false alarm per week at most, for 95 % of baselines: " in capsys.readouterr().out)


def test_a_wrong_spec_is_refused_with_field_value_and_remedy(
    spec_file: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Exit code 2, the spec's own sentence, and no traceback."""
    spec_file.write_text(SPEC.replace("60s", "-5"), encoding="utf-8")
    code = run("validate", str(spec_file), "--home", str(spec_file.parent))
    said = capsys.readouterr().err

    assert code == 2
    assert "windowing.length: given '-5': must be longer than 0 s" in said
    assert "Traceback" not in said


def test_validating_knows_what_is_installed(spec_file: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """A detector or statistic that no installed package brings is refused with the names that exist."""
    spec_file.write_text(f"{SPEC}watch: {{detectors: [median, nope], statistics: [nix]}}", encoding="utf-8")
    code = run("validate", str(spec_file), "--home", str(spec_file.parent))
    lines = capsys.readouterr().err.splitlines()

    assert 2 == code
    assert "watch.detectors: given 'nope': no such detector is installed here; there are median" in lines[0]
    assert "watch.statistics: given 'nix': no such statistic is installed here; there are categories" in lines[1]


def test_a_missing_file_is_one_sentence(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """A file that is not there is the user's input, too."""
    code = run("validate", str(tmp_path / "nowhere.yaml"))

    assert code == 2
    assert "cannot be read: No such file or directory" in capsys.readouterr().err


def test_apply_needs_a_system(
    spec_file: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Without a system and without credentials the sentence names both ways on."""
    monkeypatch.delenv("PEGEL_AIRFLOW_USER", raising=False)
    code = run("apply", str(spec_file), "--home", str(tmp_path))
    said = capsys.readouterr().err

    assert code == 1
    assert "pegel up" in said
    assert "PEGEL_AIRFLOW_PASSWORD" in said


def test_status_of_nothing_names_the_next_command(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """A system that is not up is a line with its remedy, and exit code 1."""
    code = run("status", "--home", str(tmp_path / "home"))
    said = " ".join(capsys.readouterr().out.split())

    assert code == 1
    assert "! not up in" in said
    assert "-> pegel up" in said


@pytest.mark.parametrize("command", READERS, ids=lambda command: command[0])
def test_who_reads_makes_nothing(command: tuple[str, ...], tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """A home that is not there is one sentence, and is not there afterwards."""
    code = run(*command, "--home", str(tmp_path / "no" / "home"))
    said = " ".join("".join(capsys.readouterr()).split())

    assert 1 == code
    assert "expected a results" in said
    assert "Traceback" not in said
    assert [] == list(tmp_path.iterdir())


@pytest.mark.parametrize("command", READERS, ids=lambda command: command[0])
def test_a_home_that_is_a_file_is_one_sentence(
    command: tuple[str, ...], spec_file: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """A file in the place of the home is named."""
    code = run(*command, "--home", str(spec_file))

    assert 1 == code
    assert [f"expected a folder as home, given the file {spec_file}. Nothing was read or made."] == (
        capsys.readouterr().err.splitlines()
    )


def test_status_of_a_damaged_database_says_what_helps(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """`pegel up` alone mends no damaged file: the line says to put a copy back, and points to nothing else."""
    (tmp_path / "pegel.db").write_bytes(b"no database at all, " * 400)
    code = run("status", "--home", str(tmp_path))
    said = " ".join(capsys.readouterr().out.split())

    assert 1 == code
    assert "is damaged" in said
    assert "as this line says" in said


def test_down_where_nothing_ran_is_no_error(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Stopping a home in which nothing runs says so and ends well."""
    code = run("down", "--home", str(tmp_path / "home"))

    assert code == 0
    assert "nothing ran" in capsys.readouterr().out


def test_a_report_of_no_model_says_what_is_watched(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Nothing is written for a model that is not watched; the sentence lists those that are."""
    without_models(tmp_path)
    code = run("report", "delays/1", "--home", str(tmp_path))

    assert code == 2
    assert "given 'delays/1'; watched: none. Nothing was written" in capsys.readouterr().err


def test_an_unknown_finding_is_one_sentence(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Explaining what was never found says so, with exit code 1."""
    without_models(tmp_path)
    code = run("explain", "0123abcd", "--home", str(tmp_path))

    assert code == 1
    assert "no finding starts with '0123abcd'" in capsys.readouterr().err


def test_a_spec_becomes_the_forms_answers(spec_file: Path) -> None:
    """Each answer is named by the path of its field, and every field is answered; what is an object is one answer."""
    flat = answers(MonitorSpec.from_yaml(spec_file.read_text(encoding="utf-8")).to_json())

    assert ("delays", 60.0, "week") == (flat["model.name"], flat["windowing.length"], flat["false_alarms.per"])
    objects = {name for name, value in flat.items() if isinstance(value, dict)}
    assert {"online.features", "online.defaults", "archive.private", "alerts.severity"} == objects


@pytest.mark.parametrize("command", COMMANDS.names())
def test_every_command_explains_itself(command: str, capsys: pytest.CaptureFixture[str]) -> None:
    """`--help` works for each command and says what it does."""
    code = run(command, "--help")

    assert code == 0
    assert f"pegel {command}" in capsys.readouterr().out


def test_without_a_command_all_are_listed(capsys: pytest.CaptureFixture[str]) -> None:
    """The list shows every command but the hidden one."""
    run("--help")
    said = capsys.readouterr().out

    assert [] == [name for name in COMMANDS.names() if name != "demo" and f" {name} " not in said]


def in_a_shell(*arguments: str | Path, output: str = os.devnull, path: str = "") -> tuple[int, str]:
    """Run `pegel` as a process, with the modules of `path`; return its exit code and what standard error holds."""
    environment = os.environ | {"PYTHONPATH": os.pathsep.join([path, *sys.path])}
    command = [sys.executable, "-m", "pegel.cli.main", *map(str, arguments)]
    with Path(output).open("wb") as stdout:
        ended = subprocess.run(command, stdout=stdout, stderr=subprocess.PIPE, text=True, env=environment, check=False)
    return ended.returncode, ended.stderr


def test_each_command_stands_under_a_head_of_its_own_kind() -> None:
    """What is installed here is all listed by what a person comes for; only what others add stands apart."""
    listed = in_panels([*COMMANDS.names(), "tides"])

    assert sorted([*COMMANDS.names(), "tides"]) == sorted(name for name, _ in listed)
    assert {"demo", "tides"} == {name for name, panel in listed if panel == ADDED}


def test_the_version_is_told(capsys: pytest.CaptureFixture[str]) -> None:
    """It names the packages that are installed and Python's, which a report of a defect needs."""
    with pytest.raises(SystemExit) as left:
        main(["--version"])

    told = capsys.readouterr().out
    assert (0, f"Python {platform.python_version()}\n") == (left.value.code, told.rpartition(", ")[2])
    assert f"pegel {version('pegel')}, " in told


@pytest.mark.parametrize(
    ("typed", "said"),
    [
        (["stauts"], "No such command 'stauts'. Did you mean 'status'? `pegel --help` shows what is expected."),
        (["tides"], "No such command 'tides'. `pegel --help` shows what is expected."),
        (["status", "--frob"], "No such option: --frob. `pegel status --help` shows what is expected."),
    ],
)
def test_what_is_no_command_leads_to_one_that_is(
    typed: list[str], said: str, capsys: pytest.CaptureFixture[str]
) -> None:
    """A mistyped command leads to the list of all, a mistyped option to the help of its command."""
    with pytest.raises(SystemExit) as left:
        main(typed)

    assert (2, f"{said} Nothing was done.\n") == (left.value.code, capsys.readouterr().err)


def test_what_standard_output_does_not_take_is_on_standard_error(spec_file: Path) -> None:
    """A full disk behind it loses no word, ends in no traceback, and has an exit code of its own."""
    code, said = in_a_shell("validate", spec_file, output="/dev/full")

    assert (74, 0) == (code, said.count("Traceback"))
    assert said.startswith("standard output takes nothing more (No space left on device); what it lacks follows here\n")
    assert " is a valid spec, fingerprint " in said


@pytest.mark.slow
def test_help_without_room_is_one_sentence() -> None:
    """It is the library's to print, and no defect."""
    code, said = in_a_shell("--help", output="/dev/full")

    assert (74, 1) == (code, len(said.splitlines()))


def test_an_interrupt_while_the_command_is_loaded_says_nothing(tmp_path: Path) -> None:
    """Exit code 130, as of any other interrupt."""
    (tmp_path / "typer.py").write_text("raise KeyboardInterrupt")

    assert (130, "") == in_a_shell("--help", path=str(tmp_path))
