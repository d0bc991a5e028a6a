"""What is wrong with the watching, as people hear of it: through alert dispatch, a database and a real mail server."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
import sqlalchemy as sa
from mail_servers import Server

from pegel.alerts.health_kind import HealthKind
from pegel.alerts.severity import Severity
from pegel.data.spans import Span
from pegel.errors import Unavailable
from pegel.judge.findings import Verdict
from pegel.reconcile.actions import Action, ActionKind, Target
from pegel.report.words import moment
from pegel.spec.limits import NOT_WATCHED_FOR
from pegel.spec.settings import Settings
from pegel.store.database import connect, writing
from pegel.store.stream_store import StreamStore
from pegel.stream.commit import Commit, Gap, MonitorFailure
from pegel.testing.samples import sample_heartbeat, sample_silence, sample_spec, sample_window
from pegel.testing.stream_fakes import speak
from pegel_airflow import alerting, services
from pegel_airflow.health_dispatch import HealthDispatch
from pegel_airflow.mail_sender import MailSender
from pegel_airflow.outbox import Outbox
from pegel_airflow.turns import Turns

MINUTE = timedelta(minutes=1)
ADA, BEN = "ada@example.org", "ben@example.org"


class Group:
    """The group `default`, whose driver speaks when it is told to, and which is looked at at any instant."""

    def __init__(self, settings: Settings) -> None:
        """Watch two models, whose people are Ada, and Ada with Ben."""
        self.settings, self.begin = settings, datetime.now(UTC).replace(microsecond=0)
        self.stores = services.stores(settings)
        for name, addresses in (("delays", [ADA]), ("fraud", [ADA, BEN])):
            self.stores.registry.put(sample_spec(name, alerts={"emails": addresses}))

    def speaks(self, minutes: float, **changes: Any) -> None:
        """Let its driver say something so many minutes after the beginning."""
        at = self.begin + minutes * MINUTE
        beat = replace(sample_heartbeat(at), started_at=at, progressed_at=at, generation=1, **changes)
        speak(connect(self.settings.database), beat)

    def look(self, minutes: float) -> list[str]:
        """Look so many minutes after the beginning; return what happened, and raise what is to be tried again."""
        specs = [entry.spec for entry in self.stores.registry.entries() if entry.spec is not None]
        turns = Turns()
        with MailSender(self.settings) as sender:
            outbox = Outbox(self.stores, sender, self.begin + minutes * MINUTE, turns, self.settings)
            HealthDispatch(self.stores, sender, self.begin + minutes * MINUTE, turns, outbox).look(specs)
            outbox.send()
        assert [] == turns.failed
        if turns.later:
            raise Unavailable("; ".join(turns.later))
        return turns.lines


@pytest.fixture
def group(settings: Settings) -> Group:
    """A group whose driver spoke at the beginning."""
    made = Group(settings)
    made.speaks(0)
    return made


def subjects(server: Server) -> list[str]:
    """Return to whom what was mailed."""
    # A long subject is folded on its way.
    told = [f"{mail['To']}: {mail['Subject']}".partition(" (")[0] for mail in server.kept]
    return [" ".join(words.split()) for words in told]


def test_a_driver_that_stays_away_is_mailed_once_to_each_and_its_return_too(group: Group, server: Server) -> None:
    """Five minutes after it was first missed everybody has one mail for all models, and one when it watches again."""
    quiet = [group.look(minutes) for minutes in (0.5, 2, 2 + NOT_WATCHED_FOR / MINUTE - 0.1)]
    (kept,) = group.stores.health.all(damaged={}).values()
    group.look(7)
    again = group.look(8)
    group.speaks(9)
    group.look(9)

    assert [[], [], []] == quiet
    assert [] == again
    assert Severity.CRITICAL is kept.severity
    assert [
        f"{ADA}: [pegel] critical: delays/1 and fraud/1: not watched",
        f"{BEN}: [pegel] critical: delays/1 and fraud/1: not watched",
        f"{ADA}: [pegel] delays/1 and fraud/1: watched again",
        f"{BEN}: [pegel] delays/1 and fraud/1: watched again",
    ] == subjects(server)
    assert {} == group.stores.health.all(damaged={})


def test_the_mail_says_why_and_what_was_done(group: Group, server: Server) -> None:
    """The reason of the page stands in it, and what reconciling did last: also that it waits in quarantine."""
    reason = "3 restarts since 01:04 UTC did not help, next try at 01:40:00 UTC; exited with 3"
    quarantine = Action(kind=ActionKind.QUARANTINE, target=Target.driver("default"), reason=reason, generation=4)
    group.stores.actions.record([quarantine], group.begin)
    for minutes in (2, 7):
        group.look(minutes)
    text = server.kept[0].get_content()

    assert f"not watched: no heartbeat since {group.begin:%H:%M:%S} UTC" in text
    assert f": {reason}" in text


def test_drivers_that_start_again_and_again_are_no_watch(group: Group, server: Server) -> None:
    """Each of them speaks, and none gets through a batch: that is mailed as well, and repeated."""
    for minutes in range(2, 70):
        state = "starting" if minutes % 2 else "running"
        group.speaks(minutes, state=state, batch_id=0, lag=2_000, doing="starting Spark")
        group.look(minutes)

    assert [
        f"{ADA}: [pegel] critical: delays/1 and fraud/1: not watched",
        f"{BEN}: [pegel] critical: delays/1 and fraud/1: not watched",
        f"{ADA}: [pegel] critical: delays/1 and fraud/1: still not watched",
        f"{BEN}: [pegel] critical: delays/1 and fraud/1: still not watched",
    ] == subjects(server)


def test_a_short_pause_is_no_mail(group: Group, server: Server) -> None:
    """A driver that is back within five minutes is nobody's news, however often that happens."""
    for minutes in range(2, 40, 4):
        group.look(minutes)
        group.look(minutes + 2)
        group.speaks(minutes + 3)
        group.look(minutes + 3)

    assert [] == server.kept


def test_a_silenced_model_is_not_among_those_mailed(group: Group, server: Server) -> None:
    """Its people hear of the other models of the group alone, and of nothing once all are silenced."""
    until = group.begin + 60 * MINUTE
    group.stores.silences.say(sample_silence(until, "fraud"))
    for minutes in (2, 7):
        group.look(minutes)
    one = subjects(server)
    group.stores.silences.say(sample_silence(until))
    group.speaks(8)
    group.look(8)

    assert [f"{ADA}: [pegel] critical: delays/1: not watched"] == one == subjects(server)
    assert {} == group.stores.health.all(damaged={})


def test_a_row_that_cannot_be_read_keeps_no_mail_from_anybody(group: Group, server: Server) -> None:
    """A silence that ends at no instant holds back nothing; a group that is missed since no instant, is since now."""
    until = group.begin + 60 * MINUTE
    group.stores.silences.say(sample_silence(until, "fraud"))
    group.look(2)
    with writing(connect(group.settings.database)) as connection:
        connection.execute(sa.text("UPDATE silences SET until = 'some day'"))
        connection.execute(sa.text("UPDATE health_alerts SET since = 'long ago'"))
    (line,) = group.look(3)
    quiet = list(server.told)
    group.look(3 + NOT_WATCHED_FOR / MINUTE + 0.1)

    assert line.startswith("default, not watched: what is known of default, not watched, cannot be read")
    assert ([], [ADA, BEN]) == (quiet, server.told)


def test_who_could_not_be_told_is_tried_again(group: Group, server: Server) -> None:
    """While the server defers one address, the others have their mail once."""
    server.refusing_addresses[BEN] = "451 come back later"
    group.look(2)
    with pytest.raises(Unavailable, match="come back later"):
        group.look(7)
    server.refusing_addresses.clear()
    group.look(8)
    group.look(9)

    assert [ADA, BEN] == server.told


def test_a_pass_of_alert_dispatch_looks_at_groups(group: Group, server: Server) -> None:
    """What the workflow runs each minute notes a group without a driver, although there is no finding of any window."""
    group.speaks(-10)
    alerting.drain(group.settings)

    assert [(HealthKind.NOT_WATCHED, "default")] == list(group.stores.health.all(damaged={}))
    assert [] == server.kept


def requests_come(group: Group, minutes: range, name: str = "delays") -> None:
    """Let a model be asked in these minutes after the beginning."""
    windows = [
        sample_window(0, model=name, span=Span(group.begin + at * MINUTE, group.begin + (at + 1) * MINUTE))
        for at in minutes
    ]
    group.stores.results.write(windows)


def test_a_model_that_nobody_asks_any_more_is_mailed_once_and_its_return_too(group: Group, server: Server) -> None:
    """After fifteen minutes, and twice as long as it was ever quiet; the mail says how long that was."""
    requests_come(group, range(-120, 0))
    requests_come(group, range(-120, 60), "fraud")
    quiet = []
    for minutes in (1, 14, 16, 17):
        group.speaks(minutes)
        quiet.append((minutes, group.look(minutes) != []))
    text = server.kept[0].get_content()
    requests_come(group, range(18, 20))
    group.speaks(20)
    group.look(20)

    assert [(1, False), (14, False), (16, True), (17, False)] == quiet
    since = moment(group.begin, group.begin + 16 * MINUTE)
    assert f"without traffic: no request since {since} UTC; in the 2 h before" in text.replace("\n", " ")
    assert [
        f"{ADA}: [pegel] delays/1: without traffic",
        f"{ADA}: [pegel] delays/1: asked again",
    ] == subjects(server)


def test_a_model_with_nights_is_not_missed_in_one(group: Group, server: Server) -> None:
    """Quiet for eight hours before, it is missed after sixteen; one that is new is missed after no silence yet."""
    requests_come(group, range(-1_200, -600))
    requests_come(group, range(-120, 0))
    requests_come(group, range(-10, 0), "fraud")
    looks = {}
    for hours in (0.5, 8, 15.9, 16.1):
        group.speaks(60 * hours)
        looks[hours] = bool(group.look(60 * hours))

    assert {0.5: False, 8: False, 15.9: False, 16.1: True} == looks
    assert [f"{ADA}: [pegel] delays/1: without traffic"] == subjects(server)


def test_a_dead_driver_hides_that_nothing_comes(group: Group, server: Server) -> None:
    """Nobody reads, so nobody knows whether requests come: one mail, about the driver."""
    requests_come(group, range(-120, 0))
    for minutes in range(2, 40):
        group.look(minutes)

    assert [
        f"{ADA}: [pegel] critical: delays/1 and fraud/1: not watched",
        f"{BEN}: [pegel] critical: delays/1 and fraud/1: not watched",
    ] == subjects(server)


def test_a_dead_driver_hides_that_a_model_is_not_judged(group: Group, server: Server) -> None:
    """One mail about the driver; once it is back and the model still fails, one about the model."""
    stream = StreamStore(connect(group.settings.database))
    claim = stream.claim("default", 1, group.begin)
    failure = MonitorFailure(
        model="fraud", version=1, since=group.begin, reason="its baseline cannot be read", windows_lost=3
    )
    stream.commit(claim, Commit(failures=[failure]), group.begin)
    for minutes in range(2, 30):
        group.look(minutes)
    dead = subjects(server)
    for minutes in range(30, 37):
        group.speaks(minutes)
        group.look(minutes)

    assert [f"{who}: [pegel] critical: delays/1 and fraud/1: not watched" for who in (ADA, BEN)] == dead
    assert [
        f"{ADA}: [pegel] delays/1 and fraud/1: watched again",
        f"{BEN}: [pegel] delays/1 and fraud/1: watched again",
        f"{ADA}: [pegel] critical: fraud/1: not judged",
        f"{BEN}: [pegel] critical: fraud/1: not judged",
    ] == subjects(server)[2:]


def test_windows_with_too_few_rows_are_nobodys_news(group: Group, server: Server) -> None:
    """Windows of three rows cannot be judged: none is mailed, and that nothing comes any more is, once."""
    requests_come(group, range(-120, 0))
    sparse = [
        sample_window(model="delays", span=span, rows=3, verdict=Verdict.INSUFFICIENT)
        for span in (Span(group.begin - (at + 1) * MINUTE, group.begin - at * MINUTE) for at in range(120, 140))
    ]
    group.stores.results.write(sparse)
    alerting.drain(group.settings)
    before = list(server.told)
    for minutes in (16, 17, 18):
        group.speaks(minutes)
        group.look(minutes)

    assert [] == before
    assert [f"{ADA}: [pegel] delays/1: without traffic"] == subjects(server)


def test_a_driver_that_reads_what_is_old_is_behind(group: Group, server: Server) -> None:
    """It works, and the newest event that it has read is an hour old: after ten minutes people hear of it."""
    for minutes in range(12):
        group.speaks(minutes, lag=50_000, event_time_head=group.begin - 60 * MINUTE)
        group.look(minutes)
    group.speaks(13, lag=0, event_time_head=group.begin + 13 * MINUTE)
    group.look(13)

    assert "50,000 records are not read yet, and the newest event that was is of" in server.kept[0].get_content()
    assert [
        f"{who}: [pegel] delays/1 and fraud/1: {state}"
        for state in ("watched late", "watched in time again")
        for who in (ADA, BEN)
    ] == subjects(server)


def test_a_model_that_cannot_be_judged_is_mailed_to_its_people_alone(group: Group, server: Server) -> None:
    """After five minutes, with the reason of its page; the group's other model is judged, and its people sleep."""
    stream = StreamStore(connect(group.settings.database))
    claim = stream.claim("default", 1, group.begin)
    failure = MonitorFailure(
        model="fraud", version=1, since=group.begin, reason="its baseline cannot be read", windows_lost=3
    )
    stream.commit(claim, Commit(failures=[failure]), group.begin)
    for minutes in range(7):
        group.speaks(minutes)
        group.look(minutes)

    assert "not judged: its baseline cannot be read; 3 windows lost so far." in server.kept[0].get_content()
    assert [f"{who}: [pegel] critical: fraud/1: not judged" for who in (ADA, BEN)] == subjects(server)


def test_records_that_nobody_read_are_told_once_and_never_over(group: Group, server: Server) -> None:
    """What is lost is mailed at once; an hour later it is no news, and nobody hears that it is over."""
    stream = StreamStore(connect(group.settings.database))
    claim = stream.claim("default", 1, group.begin)
    gap = Gap(topic="t", partition=0, start=100, end=350, reason="the broker had them no longer", at=group.begin)
    stream.commit(claim, Commit(gaps=[gap]), group.begin)
    for minutes in (0, 1, 30, 59, 61, 90):
        group.speaks(minutes)
        group.look(minutes)

    assert "250 records were never read, noticed from" in server.kept[0].get_content()
    assert [ADA, BEN] == server.told
    assert {} == group.stores.health.all(damaged={})
