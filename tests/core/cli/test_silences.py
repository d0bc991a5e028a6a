"""Quieting models and parts of them from the command line: about what, who, why, until; the list; and the end."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
import sqlalchemy as sa
from blueprints import give_tables
from sqlalchemy import Engine

from pegel.alerts.alert_kind import AlertKind
from pegel.cli.main import main
from pegel.cli.person import person
from pegel.store.database import connect, writing
from pegel.store.registry import Registry
from pegel.store.silence_store import SilenceStore
from pegel.testing.samples import sample_spec

pytestmark = pytest.mark.environments("sqlalchemy")


@pytest.fixture
def engine(tmp_path: Path) -> Iterator[Engine]:
    """A home's database, with `delays/1`, `delays/2` and `fraud/1` under watch."""
    engine = connect(f"sqlite:///{tmp_path / 'pegel.db'}")
    give_tables(engine)
    for name, version in (("delays", 1), ("delays", 2), ("fraud", 1)):
        Registry(engine).put(sample_spec(name, version))
    yield engine
    engine.dispose()


def run(home: Path, *arguments: str) -> object:
    """Run a command in a home; return its exit code."""
    with pytest.raises(SystemExit) as ended:
        main([*arguments, "--home", str(home)])
    return ended.value.code


def silence(home: Path, *about: str, until: str = "4h", why: str = "storm in ORD") -> object:
    """Silence what is named; return the exit code."""
    return run(home, "silence", *about, "--until", until, "--why", why)


def test_a_silence_is_stored_with_who_why_and_until(
    engine: Engine, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """The silence that is said is the one that is in force, for that version alone, by the account that ran it."""
    begin = datetime.now(UTC)
    code = silence(tmp_path, "--model", "delays/2")
    (stored,) = SilenceStore(engine).in_force(begin)
    said = capsys.readouterr().out

    assert (0, "delays/2") == (code, str(stored.about))
    assert ("storm in ORD", person()) == (stored.why, stored.by)
    assert stored.until is not None
    assert begin + timedelta(hours=4) <= stored.until <= datetime.now(UTC) + timedelta(hours=4)
    assert said.startswith("silence 1: no mail about delays/2 before ")
    assert f"said by {person()} at " in said
    assert "of watched models it is about delays/2; of open alerts, none now" in said
    assert f"`pegel unsilence 1 --home {tmp_path}` ends the silence" in said


def test_what_is_named_together_has_to_fit_together(engine: Engine, tmp_path: Path) -> None:
    """A pattern of names, a feature with a comma and a kind are one silence."""
    code = silence(tmp_path, "--model", "de*/*", "--feature", "amount, EUR", "--kind", "long spans", "--segment", "")
    (stored,) = SilenceStore(engine).in_force(datetime.now(UTC))
    about = stored.about

    assert (0, "de*", None) == (code, about.model, about.version)
    assert ("amount, EUR", "", AlertKind.LONG_SPANS) == (about.feature, about.segment, about.kind)


def test_windows_that_come_again_are_silenced(
    engine: Engine, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Maintenance each Sunday morning needs no end; the next one is named in UTC."""
    code = run(tmp_path, "silence", "--kind", "drift", "--every", "every sunday 2:00-4:00 Europe/Berlin", "--why", "x")
    (stored,) = SilenceStore(engine).all(datetime.now(UTC))

    assert (0, "sun 02:00-04:00 Europe/Berlin", None) == (code, str(stored.every), stored.until)
    assert "UTC (every sun 02:00-04:00 Europe/Berlin), said by" in capsys.readouterr().out


def test_several_silences_are_in_force_at_once(
    engine: Engine, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """A second silence leaves the first; each has its number, and is ended alone."""
    silence(tmp_path, "--model", "fraud", until="700h")
    silence(tmp_path, "--feature", "amount")
    capsys.readouterr()
    ended = run(tmp_path, "unsilence", "1")
    said = capsys.readouterr().out
    again = run(tmp_path, "unsilence", "1")

    assert [0, 0] == [ended, again]
    assert ["feature amount"] == [str(one.about) for one in SilenceStore(engine).in_force(datetime.now(UTC))]
    assert said.startswith("silence 1 is ended; it was: no mail about fraud/* before ")
    assert f"silence 1 is over already; nothing was changed: no mail about fraud/* until {person()} ended it at " in (
        capsys.readouterr().out
    )


def test_the_list_has_those_in_force_and_to_come_and_with_all_those_that_are_over(
    engine: Engine, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Each line has number, state and words; machines get the same as JSON."""
    silence(tmp_path, "--model", "fraud")
    run(tmp_path, "silence", "--model", "delays", "--from", "2h", "--until", "3h", "--why", "later")
    silence(tmp_path, "--feature", "amount")
    run(tmp_path, "unsilence", "3")
    capsys.readouterr()
    codes = [run(tmp_path, "silences", *more) for more in ((), ("--all",), ("--json",))]
    lines = capsys.readouterr().out
    text, document = lines[: lines.index("{")], json.loads(lines[lines.index("{") :])

    assert [0, 0, 0] == codes
    assert ["id  state", "1   in force", "2   coming", "id  state", "1   in force", "2   coming", "3   past"] == [
        line[:12].rstrip() for line in text.splitlines()
    ]
    assert [(1, "in force"), (2, "coming")] == [(one["id"], one["state"]) for one in document["silences"]]
    assert {"model": "fraud", "version": None, "segment": None, "feature": None, "kind": None} == (
        document["silences"][0]["about"]
    )


@pytest.mark.usefixtures("engine")
def test_a_list_without_a_silence_names_no_list_that_was_just_looked_at(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """That of those in force leads to the whole one, which says that there are none at all."""
    codes = [run(tmp_path, "silences", *more) for more in ((), ("--all",))]
    now, ever = capsys.readouterr().out.splitlines()

    assert ([0, 0], "no silence was ever said") == (codes, ever)
    assert now.startswith("no silence is in force or comes; `pegel silences --all --home ")


def test_a_silence_that_cannot_be_read_is_told_and_can_be_ended(
    engine: Engine, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """It holds back no mail, turns the list's exit code, and is ended by its number as any other."""
    silence(tmp_path, "--model", "fraud")
    silence(tmp_path, "--model", "delays")
    with writing(engine) as connection:
        connection.execute(sa.text("UPDATE silences SET every = 'sun 02:00-04:00 Europe/Atlantis' WHERE seq = 1"))
    listed = run(tmp_path, "silences")
    said = capsys.readouterr().err
    ended = run(tmp_path, "unsilence", "1")
    whole = run(tmp_path, "silences")

    assert [1, 1, 0] == [listed, ended, whole]
    assert said.startswith("silence 1 about fraud cannot be read: ValueError(")
    assert said.rstrip().endswith("It holds back no mail.")
    assert [2] == [one.id for one in SilenceStore(engine).in_force(datetime.now(UTC))]


@pytest.mark.usefixtures("engine")
@pytest.mark.parametrize(
    ("options", "words"),
    [
        ("--model fraud --until 0h", "--until: given '0h', which has passed"),
        ("--model fraud --until 745h", "more than 31 days ahead"),
        ("--model fraud --until soon", "--until: given 'soon': expected e.g. 09:00"),
        ("--model fraud", "expected --until or --every, given neither"),
        ("--model fraud --from 4h --until 2026-01-01", "which has passed"),
        ("--until 4h", "expected at least one of --model, --version, --segment, --feature and --kind, given none"),
        ("--model frau --until 4h", "Did you mean `fraud`?"),
        (
            "--model fraud/2 --until 4h",
            "expected a watched model; given 'fraud/2'; watched: delays/1, delays/2, fraud/1",
        ),
        ("--model fraud/x --until 4h", "--model: expected a name, name/version or name/*, given 'fraud/x'"),
        ("--model fraud/1 --version 2 --until 4h", "--model: given 'fraud/1', and --version 2: expected one"),
        ("--model fraud --kind drifts --until 4h", "given 'drifts'; did you mean `drift`? Nothing was changed."),
        ("--kind baselineold --until 4h", "given 'baselineold'; did you mean `baseline old`? Nothing was changed."),
        ("--kind behind --feature amount --until 4h", "behind is about the watching of a model, which has no segments"),
        ("--model fraud --every sun", "--every: given 'sun': expected `sun 02:00-04:00 Europe/Berlin`"),
        ("--model fraud --feature= --until 4h", "--feature: expected a name or a pattern, given no letters"),
        ("--model= --until 4h", "--model: expected a name or a pattern, given no letters"),
    ],
)
def test_what_makes_no_silence_is_refused(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], options: str, words: str
) -> None:
    """A sentence says what was expected, and nothing was changed."""
    code = run(tmp_path, "silence", *options.split(), "--why", "storm")
    said = capsys.readouterr()

    assert (2, "") == (code, said.out)
    assert words in said.err


def test_a_silence_has_a_reason(engine: Engine, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """A blank reason is none."""
    code = silence(tmp_path, "--model", "fraud", why=" ")

    assert 2 == code
    assert "--why: given nothing" in capsys.readouterr().err
    assert [] == SilenceStore(engine).in_force(datetime.now(UTC))


def test_a_pattern_may_be_about_models_to_come(
    engine: Engine, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """A name with a star that no model has yet is kept, and it is said that it is about none now."""
    code = silence(tmp_path, "--model", "new-*")

    assert 0 == code
    assert "of watched models it is about none now" in capsys.readouterr().out
    assert ["new-*/*"] == [str(one.about) for one in SilenceStore(engine).in_force(datetime.now(UTC))]


def test_what_colours_a_terminal_is_stored_harmless(engine: Engine, tmp_path: Path) -> None:
    """Neither page nor mail nor terminal is given what a reason hides."""
    silence(tmp_path, "--model", "fraud", why="\x1b[31mred\nline")
    (stored,) = SilenceStore(engine).in_force(datetime.now(UTC))

    assert "\\x1b[31mred line" == stored.why
