"""The life of an alert, line by line, in both databases and in the command that tells it."""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa
from blueprints import give_tables
from sqlalchemy.engine import Engine

from pegel.alerts.alert import Alert, Change
from pegel.alerts.alert_event import AlertEvent, AlertEventKind
from pegel.alerts.alert_life import happened, mail_events
from pegel.alerts.update import update
from pegel.cli.main import main
from pegel.judge.findings import Verdict
from pegel.store import tables
from pegel.store.alert_history import MOST_EVENTS, AlertHistory, record
from pegel.store.alert_store import AlertStore
from pegel.store.database import connect, writing
from pegel.store.registry import Registry
from pegel.store.results import Results
from pegel.store.silence_store import SilenceStore
from pegel.testing.manual_clock import START
from pegel.testing.samples import MINUTE, sample_finding, sample_silence, sample_spec, sample_window

pytestmark = pytest.mark.environments("sqlalchemy")
ADDRESS = "ada@example.org"


def window(engine: Engine, minute: int, *features: str) -> None:
    """Write one window with findings in these features."""
    found = [sample_finding(minute, feature) for feature in features]
    Results(engine).write([sample_window(minute, verdict=Verdict.DRIFT if features else Verdict.OK)], found)


def one_pass(engine: Engine, minute: int) -> None:
    """Do what the dispatcher does: read, decide, save, send, save who has it."""
    store, now = AlertStore(engine), START + minute * MINUTE
    for model, version in store.monitors():
        inbox = store.inbox(model, version, now)
        given = (inbox.alerts, inbox.findings, inbox.windows, now, [sample_spec()])
        for change in update(*given, silences=inbox.silences):
            before = change if change.unmailed is None else replace(change, alert=change.unmailed, mail=None)
            store.save(before)
            if change.mail is not None and change.alert is not None:
                events = mail_events(change.mail, change.alert, now, [ADDRESS])
                store.save(replace(change, cursor=None, events=events))


def told(engine: Engine, alert: Alert) -> list[tuple[str, str, tuple[str, ...]]]:
    """Return kind, mail and features of each event."""
    return [(event.kind.value, event.mail, event.features) for event in AlertHistory(engine).of(alert.id)]


def test_a_life_is_told_from_the_beginning_to_the_end(engine: Engine) -> None:
    """Opened, mailed, grown, mailed again, acknowledged, no more acknowledged, repeated, over: in this order."""
    store = AlertStore(engine)
    window(engine, 0, "distance")
    one_pass(engine, 1)
    (alert,) = store.open_alerts()
    window(engine, 1, "distance", "airline")
    one_pass(engine, 61)
    store.acknowledge(alert.id, START + 69 * MINUTE, "storm", by="ada", now=START + 63 * MINUTE)
    store.end_acknowledgement(alert.id[:6], by="otto", now=START + 64 * MINUTE)
    window(engine, 2, "distance")
    one_pass(engine, 130)
    for minute in range(3, 19):
        window(engine, minute)
    one_pass(engine, 150)
    both = ("distance", "airline")

    assert [
        ("opened", "", ("distance",)),
        ("mailed", "opened", ("distance",)),
        ("grown", "", ("airline",)),
        ("mailed", "grown", ("airline",)),
        ("acknowledged", "", both),
        ("acknowledgement ended", "", ()),
        ("mailed", "repeated", both),
        ("mailed", "over", both),
        ("over", "", ()),
    ] == told(engine, alert)
    events = AlertHistory(engine).of(alert.id)
    assert ("ada", "storm", START + 69 * MINUTE, "otto") == (events[4].by, events[4].why, events[4].until, events[5].by)
    assert [(ADDRESS,)] * 4 == [event.recipients for event in events if event.kind is AlertEventKind.MAILED]


def test_a_mail_that_a_silence_holds_back_is_a_line_once(engine: Engine) -> None:
    """As long as nothing changes it is told once; when the silence ends the mail is sent, and told."""
    silence = SilenceStore(engine).say(sample_silence(START + 30 * MINUTE, feature="distance"))
    window(engine, 0, "distance")
    for minute in (1, 2, 3):
        one_pass(engine, minute)
    (alert,) = AlertStore(engine).open_alerts()
    SilenceStore(engine).end(silence.id, "ada", START + 4 * MINUTE)
    one_pass(engine, 5)
    held = AlertHistory(engine).of(alert.id)[1]

    assert [
        ("opened", "", ("distance",)),
        ("held back", "opened", ()),
        ("mailed", "opened", ("distance",)),
    ] == told(engine, alert)
    assert (1,) == held.silences


def test_of_those_who_acknowledge_at_once_each_is_in_the_history(engine: Engine) -> None:
    """The last word counts, no word is lost, and the end that comes twice is told once."""
    store, now = AlertStore(engine), START + 5 * MINUTE
    window(engine, 0, "distance")
    one_pass(engine, 1)
    (alert,) = store.open_alerts()
    persons = [f"person {number}" for number in range(8)]
    with ThreadPoolExecutor(8) as pool:
        list(pool.map(lambda by: store.acknowledge(alert.id, now + 60 * MINUTE, "x", by=by, now=now), persons))
    events = AlertHistory(engine).of(alert.id)
    acknowledged = store.alert(alert.id).acknowledged_by
    with ThreadPoolExecutor(8) as pool:
        list(pool.map(lambda by: store.end_acknowledgement(alert.id, by=by, now=now), persons))
    after = AlertHistory(engine).of(alert.id)

    assert sorted(persons) == sorted(event.by for event in events if event.kind is AlertEventKind.ACKNOWLEDGED)
    assert events[-1].by == acknowledged
    assert 1 == sum(event.kind is AlertEventKind.ACKNOWLEDGEMENT_ENDED for event in after)
    assert None is store.alert(alert.id).acknowledged_until


def test_what_somebody_closed_is_not_closed_again(engine: Engine) -> None:
    """An alert that is resolved while the dispatcher works is resolved by that person, and not over by itself."""
    store = AlertStore(engine)
    window(engine, 0, "distance")
    one_pass(engine, 1)
    (alert,) = store.open_alerts()
    for by in ("ada", "otto"):
        store.resolve(alert.id, START + 2 * MINUTE, by=by, why="seen to")
    store.save(over(alert, START + 3 * MINUTE))
    last = AlertHistory(engine).of(alert.id)[-1]

    assert ("resolved", "ada", "seen to") == (last.kind.value, last.by, last.why)
    assert START + 2 * MINUTE == store.alert(alert.id).over_at


def over(alert: Alert, at: datetime) -> Change:
    """Return what the dispatcher saves of an alert that is over."""
    return Change(key=alert.key, alert=replace(alert, over_at=at), mail=None, cursor=None, at=at)


def test_a_clock_that_is_late_changes_no_order(engine: Engine) -> None:
    """Lines are in the order in which they were written, whatever instants they bear."""
    store = AlertStore(engine)
    window(engine, 0, "distance")
    one_pass(engine, 1)
    (alert,) = store.open_alerts()
    store.acknowledge(alert.id, START + 60 * MINUTE, "x", by="ada", now=START - timedelta(hours=3))

    assert ["opened", "mailed", "acknowledged"] == [kind for kind, _, _ in told(engine, alert)]


def test_a_damaged_line_is_left_out_and_named(engine: Engine) -> None:
    """A line of a kind that nobody knows costs itself alone."""
    window(engine, 0, "distance")
    one_pass(engine, 1)
    (alert,) = AlertStore(engine).open_alerts()
    with writing(engine) as connection:
        connection.execute(sa.update(tables.alert_events).where(tables.alert_events.c.seq == 1).values(kind="gossip"))
    damaged = list[str]()
    events = AlertHistory(engine).of(alert.id, damaged=damaged)

    assert ["mailed"] == [event.kind.value for event in events]
    assert ["a line of the history of an alert cannot be read"] == [reason.partition(": ")[0] for reason in damaged]


def test_an_alert_with_a_long_history_hides_that_of_no_other(engine: Engine) -> None:
    """Of several alerts each has its newest lines, however much happened to one of them since."""
    store = AlertStore(engine)
    window(engine, 0, "distance")
    one_pass(engine, 1)
    (calm,) = store.open_alerts()
    late: dict[str, Any] = {"detector": "events", "test": "late", "evidence": {"tests": {"late": {"seen": 9, "n": 90}}}}
    Results(engine).write([sample_window(1)], [sample_finding(1, "late events", **late)])
    one_pass(engine, 2)
    (busy,) = (alert for alert in store.open_alerts() if alert.id != calm.id)
    said = (happened(busy, AlertEventKind.ACKNOWLEDGED, START, by="ada", why=f"{at}") for at in range(MOST_EVENTS))
    with writing(engine) as connection:
        record(connection, *said)
    events = AlertHistory(engine).of(busy.id, calm.id)
    own = [event for event in events if event.alert == busy.id]

    assert ["opened", "mailed"] == [event.kind.value for event in events if event.alert == calm.id]
    assert (MOST_EVENTS // 2, f"{MOST_EVENTS - 1}") == (len(own), own[-1].why)


def test_a_forgotten_model_has_no_history(engine: Engine) -> None:
    """The history goes with its alert."""
    window(engine, 0, "distance")
    one_pass(engine, 1)
    (alert,) = AlertStore(engine).open_alerts()
    Results(engine).forget("delays", 1)

    assert [] == list[AlertEvent](AlertHistory(engine).of(alert.id))


@pytest.fixture
def home(tmp_path: Path) -> Path:
    """A home whose only open alert is silenced in part, acknowledged, and has odd names."""
    engine = connect(f"sqlite:///{tmp_path / 'pegel.db'}")
    give_tables(engine)
    window(engine, 0, "amount, EUR", "line\nbreak*")
    one_pass(engine, 1)
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
    assert ["id", "severity", "model", "kind", "features"] == head.split()[:5]
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
    assert (0, ["delays/1: the alert about amount, EUR, line break* is resolved; a new finding opens another"]) == first
    assert (0, True, "units are mended") == (code, read["resolved"], read["history"][-1]["why"])
    assert ["opened", "mailed", "acknowledged", "resolved"] == [event["kind"] for event in read["history"]]
    assert "UTC: resolved " in stands
    assert (1, []) == unknown


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
