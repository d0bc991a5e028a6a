"""Listings: one shape for machines, a table for people, and a look again and again."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pyarrow as pa
import pytest
from blueprints import give_tables
from pyarrow import parquet
from sqlalchemy import Engine

from pegel.alerts.health import HealthAlert
from pegel.alerts.health_kind import HealthKind
from pegel.alerts.matcher import Matcher
from pegel.alerts.silencing import Silence
from pegel.cli.main import main
from pegel.data.columns import Field, Kind, Schema
from pegel.featurestore import LocalFeatureStore
from pegel.store.baseline_store import BaselineStore
from pegel.store.database import connect
from pegel.store.health_alerts import HealthAlerts
from pegel.store.registry import Registry
from pegel.store.silence_store import SilenceStore
from pegel.testing.samples import sample_baseline, sample_spec

pytestmark = pytest.mark.environments("sqlalchemy", "pyarrow")

LISTINGS = (("alerts",), ("silences",), ("baselines", "delays"), ("data", "list"))
"""The listings that need no Airflow; `status` and `runs` are tested where they live."""


@pytest.fixture
def engine(tmp_path: Path) -> Iterator[Engine]:
    """A home's database with `delays/1` under watch, judged by a baseline, and silenced; and its training data."""
    engine = connect(f"sqlite:///{tmp_path / 'pegel.db'}")
    give_tables(engine)
    Registry(engine).put(sample_spec("delays", 1))
    baselines, now = BaselineStore(engine), datetime.now(UTC)
    baselines.promote("delays", 1, baselines.put(sample_baseline(0)), None, by="model_onboard", now=now)
    about, until = Matcher(model="delays"), now + timedelta(hours=4)
    SilenceStore(engine).say(Silence(about=about, why="storm", by="ada", said_at=now, until=until))
    table = tmp_path / "train.parquet"
    parquet.write_table(pa.table({"distance": [1.0]}), table)
    schema = Schema((Field("distance", Kind.NUMERIC),))
    LocalFeatureStore(tmp_path / "features").register_training_data("delays", 1, table, schema)
    yield engine
    engine.dispose()


def run(home: Path, *arguments: str) -> object:
    """Run a command in a home; return its exit code."""
    with pytest.raises(SystemExit) as ended:
        main([*arguments, "--home", str(home)])
    return ended.value.code


@pytest.mark.usefixtures("engine")
@pytest.mark.parametrize("listing", LISTINGS, ids=lambda listing: listing[0])
def test_every_listing_has_one_shape(
    listing: tuple[str, ...], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """For machines there is an object with the list under the command's name, and what could not be read beside it."""
    code = run(tmp_path, *listing, "--json")
    document = json.loads(capsys.readouterr().out)

    assert (0, list, []) == (code, type(document[listing[0]]), document["unread"])
    assert (0 if listing[0] == "alerts" else 1) == len(document[listing[0]])


@pytest.mark.usefixtures("engine")
@pytest.mark.parametrize("listing", [("silences",), ("baselines", "delays")], ids=lambda listing: listing[0])
def test_a_table_in_a_pipe_has_a_line_for_each_row(
    listing: tuple[str, ...], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Its columns stand below their titles, and no row is wrapped."""
    code = run(tmp_path, *listing)
    head, row = capsys.readouterr().out.splitlines()

    assert (0, head.index("by" if "by" in head else "state")) == (code, row.index("model_on" if "by" in head else "in"))


@pytest.mark.usefixtures("engine")
def test_a_list_of_baselines_is_not_restored(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """What would change something has no form for machines: it is refused, and nothing is promoted."""
    codes = [
        run(tmp_path, "baselines", "delays", "--json", *more)
        for more in (("--newest",), ("--restore", "previous", "--why", "bad"))
    ]
    codes.append(run(tmp_path, "data", "rm", "delays", "--json"))

    assert ([2, 2, 2], 3) == (codes, capsys.readouterr().err.count("--json: expected"))


def test_watching_is_a_line_of_json_for_each_look(engine: Engine, tmp_path: Path) -> None:
    """Each look is a document of its own, the next one sees what changed, and an interrupt ends it with code 130."""
    command = [sys.executable, "-m", "pegel.cli.main", "alerts", "--watch", "--json", "--home", str(tmp_path)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as watching:
        assert watching.stdout is not None
        assert watching.stderr is not None
        looks = [json.loads(watching.stdout.readline()) for _ in range(2)]
        watching.send_signal(signal.SIGINT)
        code, said = watching.wait(), watching.stderr.read()

    assert (2 * [{"alerts": [], "unread": []}], 130, "") == (looks, code, said)


COMPLETIONS = {
    "bash": lambda words: {"COMP_WORDS": words, "COMP_CWORD": str(words.count(" "))},
    "zsh": lambda words: {"_TYPER_COMPLETE_ARGS": words},
    "fish": lambda words: {"_TYPER_COMPLETE_ARGS": words, "_TYPER_COMPLETE_FISH_ACTION": "get-args"},
}
"""How the function of each shell asks what may follow."""


def test_the_watching_is_listed_with_what_came_and_went(
    engine: Engine, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """What is wrong now, with the next command, and what was; options that choose alerts of models are refused."""
    now, health = datetime.now(UTC), HealthAlerts(engine)
    for kind in (HealthKind.BASELINE_OLD, HealthKind.NO_TRAFFIC):
        alert = HealthAlert(
            kind=kind, about="delays/1", group="default", models=("delays/1",), since=now, reason="as it is"
        )
        health.keep(alert, now)
    health.forget(HealthKind.NO_TRAFFIC, "delays/1", now)
    codes = [run(tmp_path, "alerts", "--watching"), run(tmp_path, "alerts", "--watching", "--json")]
    text, _, listed = capsys.readouterr().out.partition("{")
    refused = run(tmp_path, "alerts", "--watching", "--all")
    told = json.loads("{" + listed)

    assert ([0, 0], 2) == (codes, refused)
    assert [("baseline old", "warning")] == [(one["kind"], one["severity"]) for one in told["watching"]]
    assert ["opened", "opened", "over"] == [one["event"] for one in told["history"]]
    assert "pegel refresh delays/1 --wait" in text


def completed(shell: str, words: str) -> str:
    """Return what a shell is told may follow."""
    asked = COMPLETIONS[shell](words) | {"_PEGEL_COMPLETE": f"complete_{shell}"}
    command = [sys.executable, "-m", "pegel.cli.main"]
    return subprocess.run(command, env=os.environ | asked, check=True, capture_output=True, text=True).stdout


# Each asks twice, in a process that imports a command: one shell a day, in one environment.
@pytest.mark.slow
@pytest.mark.parametrize(
    "shell", [pytest.param(name, marks=[pytest.mark.long] if name != "bash" else []) for name in COMPLETIONS]
)
def test_a_shell_completes_commands_and_options(shell: str) -> None:
    """What may follow is told in the form of each shell, also where one command's name begins another's."""
    commands, options = completed(shell, "pegel silence"), completed(shell, "pegel silences --a")

    assert ["silence", "silences", "--all"] == [
        *(name for name in ("silence", "silences", "suite") if name in commands),
        *(name for name in ("--all", "--json") if name in options),
    ]


@pytest.mark.slow
def test_an_open_quote_completes_nothing_and_is_no_defect() -> None:
    """Whoever presses Tab within a quote is told nothing on standard error."""
    asked = {"COMP_WORDS": "pegel ack --why 'storm", "COMP_CWORD": "3", "_PEGEL_COMPLETE": "complete_bash"}
    command = [sys.executable, "-m", "pegel.cli.main"]
    told = subprocess.run(command, env=os.environ | asked, check=False, capture_output=True, text=True)

    assert ("", 0) == (told.stderr, told.returncode)


@pytest.mark.slow
@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_each_shell_gets_its_function(shell: str) -> None:
    """The function that the documentation has evaluated is printed for each of the three shells."""
    command = [sys.executable, "-m", "pegel.cli.main"]
    environment = os.environ | {"_PEGEL_COMPLETE": f"source_{shell}"}
    said = subprocess.run(command, env=environment, check=True, capture_output=True, text=True).stdout

    assert f"complete_{shell}" in said
