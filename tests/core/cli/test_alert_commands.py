"""`pegel alerts`, `ack` and `resolve`: what they tell of an alert, and what they make of it."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from collections.abc import Sequence
from datetime import timedelta
from pathlib import Path

import pytest
import sqlalchemy as sa
from blueprints import give_tables

from pegel.alerts.alert import Alert, AlertFeature, Change
from pegel.alerts.alert_event import AlertEvent, AlertEventKind
from pegel.cli.main import main
from pegel.judge.findings import Finding
from pegel.store import tables
from pegel.store.alert_store import AlertStore
from pegel.store.database import connect, writing
from pegel.store.registry import Registry
from pegel.store.silence_store import SilenceStore
from pegel.testing.manual_clock import START
from pegel.testing.samples import MINUTE, sample_finding, sample_silence, sample_spec

pytestmark = pytest.mark.environments("sqlalchemy")
ADDRESS = "ada@example.org"


def opened(home: Path, *findings: Finding) -> None:
    """Make a home whose only alert is about these findings, and was mailed."""
    engine = connect(f"sqlite:///{home / 'pegel.db'}")
    give_tables(engine)
    features = tuple(
        AlertFeature(feature=one.feature, since=START, unbroken_since=START, finding=one) for one in findings
    )
    alert = Alert(
        id=findings[0].id,
        model="delays",
        version=1,
        opened_at=START,
        since=START,
        last_end=START + MINUTE,
        features=features,
        mailed_at=START + MINUTE,
    )
    mailed = AlertEvent(
        alert=alert.id,
        model="delays",
        version=1,
        kind=AlertEventKind.MAILED,
        at=START + MINUTE,
        features=alert.names,
        mail="opened",
        recipients=(ADDRESS,),
    )
    change = Change(key=alert.key, alert=alert, mail=None, cursor=None, at=START, events=(mailed,))
    AlertStore(engine).save(change)
    engine.dispose()


@pytest.fixture
def home(tmp_path: Path) -> Path:
    """A home whose only open alert is silenced in part, acknowledged, and has odd names."""
    opened(tmp_path, *(sample_finding(0, name) for name in ("amount, EUR", "line\nbreak*")))
    engine = connect(f"sqlite:///{tmp_path / 'pegel.db'}")
    (alert,) = AlertStore(engine).open_alerts()
    far = START + timedelta(days=100_000)
    SilenceStore(engine).say(sample_silence(far, feature="*,*"))
    AlertStore(engine).acknowledge(alert.id, far, "storm", by="ada", now=START)
    engine.dispose()
    return tmp_path


def run(home: Path, capsys: pytest.CaptureFixture[str], *arguments: str) -> tuple[object, Sequence[str]]:
    """Run a command in a home; return its exit code and the lines that it printed."""
    with pytest.raises(SystemExit) as ended:
        main([*arguments, "--home", str(home)])
    return ended.value.code, capsys.readouterr().out.splitlines()


def test_the_command_lists_what_is_open_and_tells_one_life(home: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """A line for each open alert with how it stands; with an id, its history below; for machines the same."""
    code, (head, line) = run(home, capsys, "alerts")
    _, one = run(home, capsys, "alerts", line[:8])
    _, document = run(home, capsys, "alerts", line[:8], "--json")
    (read,) = json.loads("\n".join(document))["alerts"]
    stands = "mailed 2026-01-01 00:01 UTC; acknowledged by ada until 2299-10-17 00:00 UTC: storm; amount, EUR silenced "

    assert 0 == code
    assert ["id", "severity", "model", "kind", "about"] == head.split()[:5]
    assert ["warning", "delays/1", "drift", "amount, EUR, line break*"] == re.split("  +", line)[1:5]
    assert stands in line
    assert f"warning   delays/1  drift of amount, EUR, line break* since 2026-01-01 00:00 UTC: {stands}" in one[0]
    assert [
        "opened: amount, EUR, line break*",
        f"mailed to {ADDRESS} (opened: amount, EUR, line break*)",
        "acknowledged by ada until 2299-10-17 00:00 UTC (amount, EUR, line break*): storm",
    ] == [event.partition("UTC  ")[2] for event in one[1:]]
    assert {"amount, EUR": [1]} == read["silenced"]
    assert ["opened", "mailed", "acknowledged"] == [event["kind"] for event in read["history"]]


@pytest.mark.parametrize(
    "case",
    [
        ("identity", "answers", ["model", "another model answers"], "another model answers"),
        ("events", "late events", ["events", "late events"], "late events"),
        ("performance", "error rate", ["performance", "error rate"], "error rate worse than in training"),
        ("expectation", "amount", ["quality", "amount"], "amount not as expected"),
        ("probing", "probing", ["probing", "probing suspected"], "probing suspected"),
    ],
)
def test_each_kind_of_alert_is_told_in_words_of_its_own(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], case: tuple[str, str, list[str], str]
) -> None:
    """In the list beside its kind, and in a sentence where it stands alone: nothing is called drift but drift."""
    detector, feature, cells, line = case
    opened(tmp_path, sample_finding(0, feature, detector=detector))
    _, (_, row) = run(tmp_path, capsys, "alerts")
    _, (one, *_) = run(tmp_path, capsys, "alerts", row[:8])

    assert cells == re.split("  +", row)[3:5]
    assert f"  delays/1  {line} since 2026-01-01 00:00 UTC: " in one


def test_an_acknowledgement_is_ended_from_the_command_line(home: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """It says whose it was; a second end changes nothing; neither end goes with a time."""
    _, (_, line) = run(home, capsys, "alerts")
    first = run(home, capsys, "ack", line[:8], "--end")
    second = run(home, capsys, "ack", line[:8], "--end")
    refused = [run(home, capsys, "ack", line[:8], *more)[0] for more in (("--end", "--until", "4h"), ())]

    assert (
        0,
        ["delays/1: mails about amount, EUR, line break* are sent again; ada had acknowledged it: storm"],
    ) == first
    assert (0, ["delays/1: it is not acknowledged; nothing was changed"]) == second
    assert [2, 2] == refused


def test_an_alert_is_resolved_from_the_command_line(home: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Its history says by whom and why; a second time, without a reason or of an unknown id nothing is changed."""
    _, (_, line) = run(home, capsys, "alerts")
    without = run(home, capsys, "resolve", line[:8])
    first = run(home, capsys, "resolve", line[:8], "--why", "units are mended")
    code, document = run(home, capsys, "resolve", line[:8], "--why", "again", "--json")
    (read,) = json.loads("\n".join(document))["alerts"]
    _, (stands, *_) = run(home, capsys, "alerts", line[:8])
    unknown = run(home, capsys, "resolve", "nowhere", "--why", "mended")

    assert (2, []) == without
    assert (0, ["delays/1: resolved: drift of amount, EUR, line break*; a new finding opens another alert"]) == first
    assert (0, True, "units are mended") == (code, read["resolved"], read["history"][-1]["why"])
    assert ["opened", "mailed", "acknowledged", "resolved"] == [event["kind"] for event in read["history"]]
    assert "UTC: resolved " in stands
    assert (1, []) == unknown


def test_an_alert_that_is_over_is_not_acknowledged(home: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """The refusal says since when it is over, as `pegel resolve` does."""
    _, (_, line) = run(home, capsys, "alerts")
    run(home, capsys, "resolve", line[:8], "--why", "units are mended")
    with pytest.raises(SystemExit) as ended:
        main(["ack", line[:8], "--until", "4h", "--why", "storm", "--home", str(home)])

    over = r"delays/1: that alert is over since 20\d\d-\d\d-\d\d \d\d:\d\d UTC; nothing was acknowledged"
    assert 1 == ended.value.code
    assert re.search(over, " ".join(capsys.readouterr().err.split()))


def test_acknowledging_tells_machines_how_the_alert_stands(home: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """As `pegel alerts ALERT --json` does, also when the acknowledgement is ended."""
    _, (_, line) = run(home, capsys, "alerts")
    _, acknowledged = run(home, capsys, "ack", line[:8], "--until", "4h", "--why", "mending", "--json")
    _, ended = run(home, capsys, "ack", line[:8], "--end", "--json")
    stood, stands = (json.loads("\n".join(said))["alerts"][0]["acknowledged"] for said in (acknowledged, ended))

    assert ("mending", None) == (stood["why"], stands)


def test_alerts_that_are_over_are_listed_on_request(home: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Of one model and of any; where none is open, the list of those is named."""
    engine = connect(f"sqlite:///{home / 'pegel.db'}")
    store = AlertStore(engine)
    store.resolve(store.open_alerts()[0].id, START + 5 * MINUTE, by="ada")
    engine.dispose()
    listed = [len(run(home, capsys, "alerts", *more)[1]) for more in (("--all",), ("--all", "--model", "delays/1"))]
    code, said = run(home, capsys, "alerts")
    _, of_model = run(home, capsys, "alerts", "--model", "delays")

    assert [2, 2] == listed
    assert (0, True) == (code, said[0].startswith("no alert is open; `pegel alerts --all --home "))
    assert of_model[0].startswith("no alert of delays is open; `pegel alerts --all --model delays --home ")


@pytest.mark.parametrize("more", [(), ("--all",), ("--json",)])
def test_alerts_of_a_model_that_nobody_knows_are_refused(
    home: Path, capsys: pytest.CaptureFixture[str], more: tuple[str, ...]
) -> None:
    """Not to be watched and never to have had an alert is a mistake in the name; what was watched once has a list."""
    engine = connect(f"sqlite:///{home / 'pegel.db'}")
    Registry(engine).put(sample_spec("fraud"))
    engine.dispose()
    with pytest.raises(SystemExit) as ended:
        main(["alerts", "--model", "frauds", *more, "--home", str(home)])
    said = capsys.readouterr()

    assert (2, "") == (ended.value.code, said.out)
    assert "given 'frauds'; watched: fraud/1. Nothing was read. Did you mean `fraud`?" in said.err
    assert (0, 2) == (run(home, capsys, "alerts", "--model", "delays/1")[0], len(run(home, capsys, "alerts")[1]))


def test_on_a_narrow_terminal_how_an_alert_stands_is_below_it(home: Path) -> None:
    """Nothing is wider than the terminal, and what is told of an alert is read in whole words."""
    command = [sys.executable, "-m", "pegel.cli.main", "alerts", "--home", str(home)]
    environment = os.environ | {"COLUMNS": "90", "FORCE_COLOR": "1", "TERM": "xterm"}
    told = subprocess.run(command, env=environment, check=True, capture_output=True, text=True).stdout
    lines = re.sub(r"\x1b\[[0-9;]*m", "", told).splitlines()

    assert 90 >= max(map(len, lines))
    assert ["id", "severity", "model", "kind", "about", "since"] == lines[0].split()
    assert "    how it stands" == lines[1]
    assert {"    "} == {line[:4] for line in lines[3:]}
    assert "acknowledged by ada until 2299-10-17 00:00 UTC: storm" in " ".join(" ".join(lines[3:]).split())


def test_an_alert_that_cannot_be_read_is_not_called_none(home: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Where the only open alert is damaged, nobody is told that none is open."""
    engine = connect(f"sqlite:///{home / 'pegel.db'}")
    with writing(engine) as connection:
        connection.execute(sa.update(tables.alerts).values(alert={"id": "x"}))
    engine.dispose()
    codes = []
    for more in ((), ("--all",), ("--model", "delays")):
        with pytest.raises(SystemExit) as ended:
            main(["alerts", *more, "--home", str(home)])
        codes.append(ended.value.code)
    said = capsys.readouterr()

    assert ([1, 1, 1], "", 3) == (codes, said.out, said.err.count(" cannot be read"))
