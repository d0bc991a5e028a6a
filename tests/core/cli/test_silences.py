"""Quieting a model from the command line: who, why, until; and the end of it."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from sqlalchemy import Engine

from pegel.cli.main import main
from pegel.cli.person import person
from pegel.store.alert_store import AlertStore
from pegel.store.database import connect, migrate
from pegel.store.registry import Registry
from pegel.testing.samples import sample_spec

pytestmark = pytest.mark.environments("sqlalchemy")


@pytest.fixture
def engine(tmp_path: Path) -> Iterator[Engine]:
    """A home's database, with `delays/1`, `delays/2` and `fraud/1` under watch."""
    engine = connect(f"sqlite:///{tmp_path / 'pegel.db'}")
    migrate(engine)
    for name, version in (("delays", 1), ("delays", 2), ("fraud", 1)):
        Registry(engine).put(sample_spec(name, version))
    yield engine
    engine.dispose()


def run(home: Path, *arguments: str) -> object:
    """Run a command in a home; return its exit code."""
    with pytest.raises(SystemExit) as ended:
        main([*arguments, "--home", str(home)])
    return ended.value.code


def silence(home: Path, model: str, *more: str, hours: str = "4", why: str = "storm in ORD") -> object:
    """Silence a model; return the exit code."""
    return run(home, "silence", model, "--hours", hours, "--why", why, *more)


def test_a_silence_is_stored_with_who_why_and_until(
    engine: Engine, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """The silence that is said is the one that is in force, for that version alone, by the account that ran it."""
    begin = datetime.now(UTC)
    code = silence(tmp_path, "delays", "--version", "2")
    (stored,) = AlertStore(engine).silences(begin)
    said = capsys.readouterr().out

    assert (0, "delays", 2) == (code, stored.model, stored.version)
    assert ("storm in ORD", person()) == (stored.why, stored.by)
    assert begin + timedelta(hours=4) <= stored.until <= datetime.now(UTC) + timedelta(hours=4)
    assert f"no mail before {stored.until:%Y-%m-%d %H:%M} UTC, said by {person()}: storm in ORD" in said


def test_a_silence_is_lifted(engine: Engine, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Lifting says whose silence it was and why; then none is in force, and lifting again changes nothing."""
    silence(tmp_path, "fraud")
    capsys.readouterr()
    codes = [run(tmp_path, "unsilence", "fraud/1") for _ in range(2)]
    first, second = capsys.readouterr().out.splitlines()

    assert [0, 0] == codes
    assert [] == AlertStore(engine).silences(datetime.now(UTC))
    assert f"fraud/1: mails are sent again; {person()} had silenced it until" in first
    assert first.endswith(": storm in ORD")
    assert "fraud/1: no silence is in force; nothing was changed" == second


def test_the_last_word_counts(engine: Engine, tmp_path: Path) -> None:
    """A shorter silence takes the place of a longer one."""
    silence(tmp_path, "fraud", hours="700")
    silence(tmp_path, "fraud", hours="0.5", why="less")
    (stored,) = AlertStore(engine).silences(datetime.now(UTC))

    assert "less" == stored.why
    assert stored.until <= datetime.now(UTC) + timedelta(hours=0.5)


@pytest.mark.parametrize("hours", ["0", "-1", "744.1", "nan", "inf"])
def test_hours_that_make_no_silence_are_refused(
    engine: Engine, tmp_path: Path, capsys: pytest.CaptureFixture[str], hours: str
) -> None:
    """More than nothing and at most 31 days; whatever else is typed changes nothing."""
    code = silence(tmp_path, "fraud", f"--hours={hours}")

    assert 2 == code
    assert "expected more than 0 and at most 744 (31 days). Nothing was changed." in capsys.readouterr().err
    assert [] == AlertStore(engine).silences(datetime.now(UTC))


def test_a_silence_has_a_reason(engine: Engine, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """A blank reason is none."""
    code = silence(tmp_path, "fraud", why=" ")

    assert 2 == code
    assert "--why: given nothing" in capsys.readouterr().err
    assert [] == AlertStore(engine).silences(datetime.now(UTC))


@pytest.mark.usefixtures("engine")
@pytest.mark.parametrize("command", [("silence", "--hours", "1", "--why", "x"), ("unsilence",)], ids=lambda c: c[0])
@pytest.mark.parametrize(
    ("model", "words"),
    [
        ("frau", "given 'frau'; watched: delays/1, delays/2, fraud/1. Nothing was changed. Did you mean `fraud`?"),
        ("delays", "given 'delays'; watched: delays/1, delays/2, fraud/1. Nothing was changed."),
        ("zzz", "given 'zzz'; watched: delays/1, delays/2, fraud/1. Nothing was changed."),
    ],
)
def test_a_model_that_is_not_meant_clearly_is_one_sentence(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], command: tuple[str, ...], model: str, words: str
) -> None:
    """A mistyped name is answered by the nearest one, an open choice by what there is."""
    code = run(tmp_path, command[0], model, *command[1:])

    assert 2 == code
    assert [f"expected one watched model version; {words}"] == capsys.readouterr().err.splitlines()


def test_what_colours_a_terminal_is_stored_harmless(engine: Engine, tmp_path: Path) -> None:
    """Neither page nor mail nor terminal is given what a reason hides."""
    silence(tmp_path, "fraud", why="\x1b[31mred\nline")
    (stored,) = AlertStore(engine).silences(datetime.now(UTC))

    assert "\\x1b[31mred line" == stored.why
