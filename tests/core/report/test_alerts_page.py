"""The page of all alerts: which are meant, how they stand, what was silenced, and what cannot be read."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
import sqlalchemy as sa

from pegel.alerts.alert import Change
from pegel.alerts.maintenance import Maintenance
from pegel.alerts.matcher import Matcher
from pegel.alerts.severity import Severity
from pegel.alerts.silencing import Silence
from pegel.report.alerts_page import LOOKED_AT, MOST_OVER, AlertsAsked, AlertsView, alerts_view
from pegel.report.explained_finding import explained_finding
from pegel.report.happened_words import happened
from pegel.report.reading import Sources
from pegel.store.alert_store import AlertStore
from pegel.store.database import writing
from pegel.store.silence_store import SilenceStore

from .conftest import NOW

pytestmark = pytest.mark.environments("sqlalchemy")
HOUR = timedelta(hours=1)


def shown(sources: Sources, **asked: Any) -> AlertsView:
    """Return the page as it is asked for."""
    return alerts_view(sources, AlertsAsked(**asked), NOW)


def own(sources: Sources) -> str:
    """Return the id of the one open alert of the small world."""
    (alert,) = AlertStore(sources.engine).open_alerts()
    return alert.id


@pytest.mark.parametrize(
    ("asked", "count"),
    [
        ({}, 1),
        ({"text": "delays/1"}, 1),
        ({"text": "DEPARTURE delays"}, 1),
        ({"text": "fraud"}, 0),
        ({"kind": "drift"}, 1),
        ({"kind": "quality"}, 0),
        ({"standing": "unacknowledged"}, 1),
        ({"standing": "acknowledged"}, 0),
        ({"standing": "silenced"}, 0),
        ({"past": True}, 0),
    ],
)
def test_alerts_are_found(sources: Sources, asked: dict[str, Any], count: int) -> None:
    """By model, feature and id, by kind, by how they stand; how many are open is said whatever is asked for."""
    view = shown(sources, **asked)

    assert (count, count, 1) == (len(view.alerts), view.meant, view.open_ones)


def test_the_worst_are_listed_first_and_say_what_happened(sources: Sources) -> None:
    """One that is worse stands before a newer one, unless somebody has it in hand; each says by how much, where."""
    store = AlertStore(sources.engine)
    (newer,) = store.open_alerts()
    worse = replace(newer, id="f" * 32, version=2, severity=Severity.CRITICAL, opened_at=newer.opened_at - HOUR)
    newer = replace(newer, severity=Severity.INFO)
    for alert in (newer, worse):
        store.save(Change(key=alert.key, alert=alert, mail=None, cursor=None, at=NOW))
    listed, found = shown(sources).alerts, shown(sources, severity="info").alerts

    assert [worse.id, newer.id] == [alert.id for alert in listed]
    assert [newer.id] == [alert.id for alert in found]
    assert happened(listed[0]).startswith("departure_delay shifted up by 0.")

    store.acknowledge(worse.id, NOW + HOUR, "rolled back", by="uma", now=NOW)
    again = shown(sources)

    assert ([newer.id, worse.id], {worse.id}) == ([alert.id for alert in again.alerts], again.in_hand)


def test_of_what_no_mail_told_the_spec_is_read(sources: Sources) -> None:
    """It says what its mail waits for; where every alert was mailed, no spec is asked for."""
    store = AlertStore(sources.engine)
    (mailed,) = store.open_alerts()
    before = shown(sources).specs
    store.save(Change(key=mailed.key, alert=replace(mailed, mailed_at=None), mail=None, cursor=None, at=NOW))

    assert ({}, ["delays/1"]) == (before, list(shown(sources).specs))


def test_an_alert_that_is_acknowledged_and_silenced_stands_so(sources: Sources) -> None:
    """Both are ways to stand at once; the history tells who acknowledged it and why."""
    alert = own(sources)
    AlertStore(sources.engine).acknowledge(alert, NOW + HOUR, "storm in ORD", by="uma", now=NOW)
    about = Matcher(model="del*")
    SilenceStore(sources.engine).say(Silence(about=about, until=NOW + HOUR, why="known", by="otto", said_at=NOW))
    found = {standing: shown(sources, standing=standing).meant for standing in shown(sources).standings}
    events = shown(sources).events[alert]

    assert {"unacknowledged": 0, "acknowledged": 1, "silenced": 1} == found
    assert ("uma", "storm in ORD") == (events[-1].by, events[-1].why)


def test_an_alert_that_is_resolved_is_over(sources: Sources) -> None:
    """It leaves the list of open ones for that of those that are over, with who closed it."""
    alert = own(sources)
    AlertStore(sources.engine).resolve(alert, NOW, by="ada", why="mended")
    view = shown(sources, past=True)

    assert (0, [alert]) == (shown(sources).meant, [one.id for one in view.alerts])
    assert ("ada", "mended") == (view.events[alert][-1].by, view.events[alert][-1].why)


def test_an_old_alert_is_found_by_its_id(sources: Sources) -> None:
    """A link to one that is over leads to it, however many opened since, and are open or over."""
    store = AlertStore(sources.engine)
    old = store.resolve(own(sources), NOW, by="ada", why="mended")
    newer = [replace(old, id=f"{at:064x}", opened_at=NOW + at * HOUR) for at in range(1, LOOKED_AT + 2)]
    newest = replace(newer.pop(), over_at=None)
    store.save(*(Change(key=each.key, alert=each, mail=None, cursor=None, at=NOW) for each in (*newer, newest)))
    found = {text: [alert.id for alert in shown(sources, past=True, text=text).alerts] for text in ("", old.id[:8])}

    assert {"": [alert.id for alert in newer[: -MOST_OVER - 1 : -1]], old.id[:8]: [old.id]} == found


def test_the_link_of_a_mail_leads_to_an_alert_that_is_over_by_now(sources: Sources) -> None:
    """It is shown among those that are over, unless one asks how open ones stand; a name leads to no such."""
    alert = own(sources)
    AlertStore(sources.engine).resolve(alert, NOW, by="ada", why="mended")
    view = shown(sources, text=alert[:8])
    others = [shown(sources, text=alert[:8], standing="silenced"), shown(sources, text="delays")]

    assert (True, [alert]) == (view.asked.past, [one.id for one in view.alerts])
    assert [(False, 0)] * 2 == [(other.asked.past, other.meant) for other in others]


def test_silences_stand_by_when_they_hold(sources: Sources) -> None:
    """What is in force, what comes again, and what was: each in a list of its own."""
    store, about = SilenceStore(sources.engine), Matcher(model="delays")
    said: dict[str, Any] = {"about": about, "why": "x", "by": "ada", "said_at": NOW - 2 * HOUR}
    now = store.say(Silence(until=NOW + HOUR, **said))
    later = store.say(Silence(every=Maintenance.parse("sun 02:00-04:00 UTC"), **said))
    before = store.say(Silence(until=NOW - HOUR, **said))
    view = shown(sources)
    lists = (view.silences, view.coming, view.past)

    assert [[now.id], [later.id], [before.id]] == [[one.id for one in each] for each in lists]


def test_an_alert_that_cannot_be_read_is_named(sources: Sources) -> None:
    """The page says which one it leaves out."""
    with writing(sources.engine) as connection:
        connection.execute(sa.text("UPDATE alerts SET alert = '{}'"))
    view = shown(sources)

    assert (0, True) == (view.meant, any("alert" in problem for problem in view.problems))


def test_a_finding_is_told_since_its_own_feature_is_in_the_alert(sources: Sources) -> None:
    """What else the alert is about may have begun long before; once it is over, its own end is told."""
    store = AlertStore(sources.engine)
    (alert,) = store.open_alerts()
    first, *others = alert.features
    earlier = first.since - 2 * HOUR
    longer = replace(alert, since=earlier, features=(*others, replace(first, feature="hour", since=earlier), first))
    over = replace(longer, last_end=longer.last_end + HOUR, over_at=longer.last_end + 2 * HOUR)
    told = []
    for known in (longer, over):
        store.save(Change(key=alert.key, alert=known, mail=None, cursor=None, at=NOW))
        explained = explained_finding(sources, alert.model, alert.version, first.finding.id, NOW)
        told.append(dict(explained.facts)["When"])

    begun, end = (f"{one:%H:%M}" for one in (first.since, first.finding.span.end))
    assert told[0].startswith(f"since {begun} UTC, alert {alert.id[:8]}")
    assert told[1].startswith(f"since {begun} UTC, until {end} UTC, alert {alert.id[:8]}")
