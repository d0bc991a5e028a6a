"""`pegel register` and `pegel data` in a shell."""

from __future__ import annotations

import re
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.csv
import pyarrow.parquet
import pytest
from blueprints import give_tables

from pegel.cli.main import main
from pegel.featurestore import LocalFeatureStore
from pegel.spec.monitor_spec import MonitorSpec
from pegel.store.database import connect
from pegel.store.registry import Registry

pytestmark = pytest.mark.environments("sqlalchemy", "pyarrow")


def run(*arguments: str | Path) -> int:
    """Run a command; return its exit code."""
    with pytest.raises(SystemExit) as ended:
        main([*map(str, arguments)])
    return int(ended.value.code or 0)


def watched_by(home: Path, *sources: str) -> None:
    """Make a results database with a monitor for each source."""
    engine = connect(f"sqlite:///{home / 'pegel.db'}")
    give_tables(engine)
    for version, source in enumerate(sources, start=1):
        model = {"name": "urgency", "version": version, "uri": "file:///models/urgency"}
        Registry(engine).put(MonitorSpec.parse({"model": model, "baseline": {"source": source}}))
    engine.dispose()


@pytest.fixture
def tickets(tmp_path: Path) -> Path:
    """Two thousand tickets as text, with a day each."""
    rng, file = np.random.default_rng(1), tmp_path / "tickets.csv"
    days = np.datetime64("2020-01-01") + np.arange(2_000)
    table = {"amount": rng.normal(size=2_000), "plan": rng.integers(1, 4, 2_000), "urgent": rng.random(2_000) < 0.3}
    pa.csv.write_csv(pa.table(table | {"opened": days}), file)
    return file


def test_a_table_is_registered_and_described(tmp_path: Path, tickets: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """The command says what it understood on standard output, and warns on standard error."""
    options = ["--prediction", "urgent", "--time", "opened", "--categorical", "plan", "--unit", "amount=EUR"]
    code = run("register", tickets, "--name", "tickets", *options, "--home", tmp_path)
    said, warned = capsys.readouterr()

    assert 0 == code
    assert "warning: opened: " not in warned
    for line in (
        "local://tickets?version=1&split=train: registered",
        "2,000 rows, 3 fields",
        "amount numeric feature, in EUR",
        "plan categorical feature",
        "urgent categorical prediction",
        "times in opened: 2020-01-01 00:00:00 to 2025-06-22 00:00:00 UTC",
        "time_column: 'opened'",
    ):
        assert line in " ".join(said.split())


def test_warnings_stand_on_standard_error(tmp_path: Path, tickets: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """What will hurt later does not end the command, and is not mixed with its result."""
    code = run("register", tickets, "--name", "tickets", "--home", tmp_path)
    said, warned = capsys.readouterr()

    assert (0, False) == (code, "warning: " in said)
    assert "warning: no prediction: " in warned
    assert "warning: times in opened are kept, and none is taken for that of its row" in warned


def test_again_and_otherwise(tmp_path: Path, tickets: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """The same again ends with 0 and changes nothing; other content ends with 1 and says what to do, which helps."""
    first = ("register", tickets, "--name", "tickets", "--home", tmp_path)
    other = (*first, "--prediction", "urgent")

    assert [0, 0, 1, 0, 0] == [run(*first), run(*first), run(*other), run(*other, "--replace"), run(*other)]
    said, failed = capsys.readouterr()
    assert 2 == said.count("nothing was changed")
    assert "replace it: --replace" in " ".join(failed.split())


def test_what_is_refused(tmp_path: Path, tickets: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Wrong input ends with 2, what is not there with 1; each with one sentence and no folder."""
    home = tmp_path / "home"
    end = ("--home", home)

    assert [2, 2, 2, 1, 1] == [
        run("register", tickets, *end),
        run("register", tickets, "--name", "a/b", *end),
        run("register", tickets, "--name", "a", "--unit", "amount", *end),
        run("register", tickets, "--name", "a", "--time", "amount", *end),
        run("register", tmp_path / "nowhere.csv", "--name", "a", *end),
    ]
    assert not home.exists()
    assert "Traceback" not in capsys.readouterr().err


def test_training_data_is_listed_and_shown(tmp_path: Path, tickets: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """The list is a table, and below it a line for what cannot be read; showing tells of all versions or of one."""
    for version in ("1", "2"):
        run("register", tickets, "--name", "tickets", "--version", version, "--time", "opened", "--home", tmp_path)
    damaged = tmp_path / "features" / "training" / "tickets" / "2" / "test.json"
    damaged.write_text("[")
    capsys.readouterr()
    codes = [run("data", "list", "--home", tmp_path)]
    listed = capsys.readouterr().out.splitlines()
    codes.append(run("data", "show", "tickets", "--split", "train", "--home", tmp_path))
    shown = capsys.readouterr().out
    codes.append(run("data", "show", "local://tickets?version=2", "--home", tmp_path))

    assert [0, 0, 0] == codes
    period = "2020-01-01 00:00:00 to 2025-06-22 00:00:00 UTC"
    assert ["reference", "rows", "fields", "times"] == listed[0].split()
    assert ["local://tickets?version=1&split=train", "2,000", "3", period] == re.split(" {2,}", listed[1])
    assert ["local://tickets?version=2&split=train", "local://tickets?version=2&split=test"] == [
        line.split("  ")[0] for line in listed[2:]
    ]
    assert "cannot be read: " in listed[3]
    assert 2 == shown.count("amount  numeric") == shown.count("times in opened")
    assert 1 == capsys.readouterr().out.count("amount  numeric")


def test_a_mistyped_name_is_answered_with_the_nearest(
    tmp_path: Path, tickets: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Neither shown nor removed is what only resembles a name; what was probably meant is asked for."""
    run("register", tickets, "--name", "tickets", "--home", tmp_path)
    codes = [run("data", verb, "tickts", "--home", tmp_path) for verb in ("show", "rm")]

    assert [1, 1] == codes
    assert 2 == capsys.readouterr().err.count("Did you mean `tickets`?")


def test_another_version_of_a_registered_name_is_no_misspelling(
    tmp_path: Path, tickets: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """What is not there is the version or the split: that is said, and the name that was given is not proposed."""
    run("register", tickets, "--name", "tickets", "--home", tmp_path)
    capsys.readouterr()
    code = run("data", "show", "tickets", "--version", "9", "--split", "test", "--home", tmp_path)
    registered = "registered: local://tickets?version=1&split=train. Nothing was done."

    assert 1 == code
    assert f"given tickets --version 9 --split 'test'; {registered}\n" == (
        capsys.readouterr().err.removeprefix("expected the name of training data, ")
    )


def test_nothing_is_made_by_asking(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Listing an empty store says so, asking for what is not there says what is; neither makes a folder."""
    home = tmp_path / "home"
    codes = [
        run("data", *rest, "--home", home) for rest in (("list",), ("show", "x"), ("rm", "x"), ("show",), ("drop",))
    ]
    said, failed = capsys.readouterr()

    assert [0, 1, 1, 2, 2] == codes
    assert "no training data in" in said
    assert "given x; registered: none. Nothing was done." in " ".join(failed.split())
    assert not home.exists()


def test_without_a_database_removing_says_that_nobody_was_asked(
    tmp_path: Path, tickets: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Where nothing was ever watched, data is removed, with a word about what was not asked; no database is made."""
    run("register", tickets, "--name", "tickets", "--home", tmp_path)
    code = run("data", "rm", "tickets", "--home", tmp_path)
    said, warned = capsys.readouterr()

    assert (0, True) == (code, said.endswith("local://tickets?version=1&split=train: removed\n"))
    assert "could not ask whether a monitor uses it" in warned
    assert [] == LocalFeatureStore(tmp_path / "features").references()
    assert not (tmp_path / "pegel.db").exists()


def test_what_a_monitor_uses_is_not_removed(tmp_path: Path, tickets: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Data is kept while a monitor names it, in whatever form; other versions and splits of it can go."""
    for version in ("1", "2", "3"):
        run("register", tickets, "--name", "tickets", "--version", version, "--home", tmp_path)
    watched_by(tmp_path, "local://tickets", "local://tickets?split=train&version=3", "local://others?version=2")
    capsys.readouterr()
    several = run("data", "rm", "tickets", "--home", tmp_path)
    codes = [run("data", "rm", "tickets", "--version", version, "--home", tmp_path) for version in ("1", "2", "3")]
    failed = " ".join(capsys.readouterr().err.split())

    assert (2, [1, 0, 1]) == (several, codes)
    assert "Choose by --version and --split. Nothing was removed." in failed
    assert "which urgency/1 may read again. Nothing was removed. Offboard" in failed
    assert "which urgency/2 may read again" in failed
    assert [1, 3] == [ref.version for ref in LocalFeatureStore(tmp_path / "features").references()]


def test_a_monitor_that_cannot_be_read_may_use_it(
    tmp_path: Path, tickets: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """While the stored spec of any monitor cannot be read, nothing is removed: it may name the data."""
    run("register", tickets, "--name", "tickets", "--home", tmp_path)
    watched_by(tmp_path, "local://others")
    engine = connect(f"sqlite:///{tmp_path / 'pegel.db'}")
    with engine.begin() as connection:
        connection.exec_driver_sql("UPDATE monitors SET spec = '{}'")
    engine.dispose()
    code = run("data", "rm", "tickets", "--home", tmp_path)

    assert (1, True) == (code, "which urgency/1 may read again" in " ".join(capsys.readouterr().err.split()))


@pytest.mark.parametrize(
    ("file", "sentence"),
    [
        (("pegel.db", "no database" * 100), "is damaged: file is not a database. Nothing was changed"),
        (
            ("settings.json", '{"database_url": "postgresql+psycopg://u@127.0.0.1:1/x"}'),
            "could not be asked: nothing was removed",
        ),
    ],
    ids=["damaged", "silent"],
)
def test_a_database_that_cannot_be_asked_keeps_the_data(
    tmp_path: Path, tickets: Path, capsys: pytest.CaptureFixture[str], file: tuple[str, str], sentence: str
) -> None:
    """While a database is damaged or does not answer, nothing is removed: a monitor may use it."""
    (tmp_path / file[0]).write_text(file[1])
    run("register", tickets, "--name", "tickets", "--home", tmp_path)
    code = run("data", "rm", "tickets", "--home", tmp_path)

    assert (1, True) == (code, sentence in " ".join(capsys.readouterr().err.split()))
    assert ["tickets"] == [ref.name for ref in LocalFeatureStore(tmp_path / "features").references()]
