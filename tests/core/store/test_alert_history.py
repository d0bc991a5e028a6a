"""The life of an alert, line by line, in both databases and in the command that tells it."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

import pytest
import sqlalchemy as sa
from sqlalchemy.engine import Engine

from pegel.alerts.alert import Alert, Change
from pegel.alerts.alert_event import AlertEvent, AlertEventKind
from pegel.alerts.alert_life import happened, mail_events
from pegel.alerts.update import update
from pegel.judge.findings import Verdict
from pegel.report.silence_words import event_words
from pegel.store import tables
from pegel.store.alert_history import MOST_EVENTS, AlertHistory, record
from pegel.store.alert_store import AlertStore
from pegel.store.database import writing
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


def test_an_alert_that_becomes_more_severe_says_so_before_its_mail(engine: Engine) -> None:
    """Why a mail came within the hour stands before it; what is less again, and as bad once more, is told once."""
    for minute, seen in ((0, 9), (2, 80), (4, 9), (6, 80)):
        evidence = {"tests": {"late": {"seen": seen, "n": 90}}}
        late: dict[str, Any] = {"detector": "events", "test": "late", "evidence": evidence}
        Results(engine).write([sample_window(minute)], [sample_finding(minute, "late events", **late)])
        one_pass(engine, minute + 1)
    (alert,) = AlertStore(engine).open_alerts()
    events = AlertHistory(engine).of(alert.id)

    assert ["opened", "mailed", "more severe", "mailed"] == [event.kind.value for event in events]
    assert "more severe: critical, it was warning" == event_words(events[2], START)


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
