"""Alerts in the database: what the dispatcher reads, and what people say in between."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

import pytest
import sqlalchemy as sa
from sqlalchemy.engine import Engine

from pegel.alerts.alert import Change, MailKind
from pegel.alerts.update import update
from pegel.errors import NotFound
from pegel.judge.findings import Verdict
from pegel.store import tables
from pegel.store.alert_store import AlertStore
from pegel.store.database import writing
from pegel.store.dispatch_failures import DispatchFailures
from pegel.store.results import Results
from pegel.store.row_quality_store import RowQualityRow, RowQualityStore
from pegel.stream.result_rows import Tally
from pegel.testing.manual_clock import START
from pegel.testing.samples import sample_finding, sample_spec, sample_window

pytestmark = pytest.mark.environments("sqlalchemy")

NOW = START + timedelta(minutes=10)


def drift(engine: Engine, minute: int, feature: str = "departure_delay", *, revision: int = 1) -> None:
    """Write one drifting window."""
    window = sample_window(minute, revision, verdict=Verdict.DRIFT)
    Results(engine).write([window], [sample_finding(minute, feature, revision)])


def one_pass(engine: Engine, now: datetime, *, saved: bool = True, limit: int = 100) -> list[Change]:
    """Do what the dispatcher does: read, decide, (send,) save."""
    store = AlertStore(engine)
    changes: list[Change] = []
    for model, version in store.monitors():
        inbox = store.inbox(model, version, now, limit=limit)
        changes += update(
            *(inbox.alerts, inbox.findings, inbox.windows, now, [sample_spec()]),
            silences=inbox.silences,
            looked_at=inbox.looked_at,
            looks=inbox.looks,
        )
    for change in changes if saved else ():
        store.save(change)
    return changes


def kinds(changes: list[Change]) -> list[MailKind | None]:
    """Return what is mailed."""
    return [change.mail.kind if change.mail else None for change in changes]


def test_nothing_found_is_nothing_to_do(engine: Engine) -> None:
    """Without findings nothing is unread and a pass changes nothing."""
    assert not AlertStore(engine).unread()
    assert [] == one_pass(engine, NOW)


def test_an_alert_comes_back_as_it_was_saved(engine: Engine) -> None:
    """A saved alert is read back equal, and what was taken in is no longer unread."""
    drift(engine, 0)
    waiting = AlertStore(engine).unread()
    (change,) = one_pass(engine, NOW)
    store = AlertStore(engine)

    assert [change.alert] == store.open_alerts() == store.alerts("delays", 1)
    assert (True, False) == (waiting, store.unread())
    assert store.cursor("delays", 1) > 0


def test_a_crash_before_saving_repeats_the_mail(engine: Engine) -> None:
    """A mail that was sent but not saved is due again: repeated at most, never lost."""
    drift(engine, 0)
    crashed = one_pass(engine, NOW, saved=False)
    again = one_pass(engine, NOW + timedelta(minutes=1))
    after = one_pass(engine, NOW + timedelta(minutes=2))

    assert ([MailKind.OPENED], [MailKind.OPENED], []) == (kinds(crashed), kinds(again), kinds(after))


def test_findings_of_an_earlier_span_are_taken_in_too(engine: Engine) -> None:
    """A finding that a batch job adds to an earlier span after others were taken in is told once an hour has passed."""
    drift(engine, 1)
    one_pass(engine, NOW)
    drift(engine, 0, "distance", revision=2)
    passes = [kinds(one_pass(engine, NOW + timedelta(minutes=minutes))) for minutes in (1, 60, 61)]

    assert [[None], [MailKind.REPEATED], []] == passes


def test_what_an_outage_piled_up_is_taken_in_part_by_part(engine: Engine) -> None:
    """With more findings than one pass reads, the next ones go on; one alert covers all, and ends after the last."""
    for minute in range(8):
        drift(engine, minute)
    Results(engine).write([sample_window(minute) for minute in range(8, 24)])
    store = AlertStore(engine)
    read = [len(store.inbox("delays", 1, NOW, limit=limit).findings) for limit in (3, 100)]
    passes = [kinds(one_pass(engine, NOW + timedelta(minutes=number), limit=3)) for number in range(4)]
    (alert,) = store.alerts()

    assert [3, 8] == read
    assert [[MailKind.OPENED], [None], [MailKind.OVER], []] == passes
    assert (START + timedelta(minutes=8), 8) == (alert.last_end, alert.features[0].windows)


def test_a_forgotten_monitor_rings_again_with_its_next_finding(engine: Engine) -> None:
    """After a monitor's results were deleted nothing is unread, and a new finding is."""
    store = AlertStore(engine)
    drift(engine, 0)
    one_pass(engine, NOW)
    Results(engine).forget("delays", 1)
    forgotten = store.unread()
    drift(engine, 1)

    assert (False, True) == (forgotten, store.unread())
    assert [MailKind.OPENED] == kinds(one_pass(engine, NOW + timedelta(minutes=1)))


def test_words_said_between_reading_and_saving_are_kept(engine: Engine) -> None:
    """An acknowledgement given while the dispatcher works is not overwritten by it."""
    drift(engine, 0)
    (opened,) = one_pass(engine, NOW)
    drift(engine, 1, "distance")
    (grown,) = one_pass(engine, NOW + timedelta(minutes=1), saved=False)
    store = AlertStore(engine)
    assert opened.alert is not None
    store.acknowledge(opened.alert.id[:4], NOW + timedelta(hours=1), "storm in ORD", by="ada", now=NOW)
    store.save(grown)
    (kept,) = store.open_alerts()

    assert (NOW + timedelta(hours=1), "storm in ORD", "ada") == (
        kept.acknowledged_until,
        kept.acknowledged_why,
        kept.acknowledged_by,
    )
    assert ("departure_delay", "distance") == kept.names


def test_an_acknowledgement_covers_what_there_was(engine: Engine) -> None:
    """Acknowledging notes the features that the alert has by then, so that a further one is news."""
    drift(engine, 0)
    one_pass(engine, NOW)
    store = AlertStore(engine)
    acknowledged = store.acknowledge(
        store.open_alerts()[0].id, NOW + timedelta(hours=2), "storm in ORD", by="ada", now=NOW
    )
    drift(engine, 1, "distance")
    changes = one_pass(engine, NOW + timedelta(hours=1))

    assert ("departure_delay",) == acknowledged.acknowledged_features
    assert [MailKind.GROWN] == kinds(changes)


def test_a_damaged_finding_is_named_and_passed(engine: Engine) -> None:
    """A finding that is no JSON is left out with its reason; the place to go on from lies beyond it."""
    drift(engine, 0)
    drift(engine, 1, "distance")
    with writing(engine) as connection:
        connection.execute(sa.text("UPDATE findings SET finding = '{\"span' WHERE seq = 2"))
    inbox = AlertStore(engine).inbox("delays", 1, NOW)

    assert ([1], 2) == ([seq for seq, _ in inbox.findings], inbox.cursor)
    assert [f"finding {sample_finding(1, 'distance').id[:8]}: a finding cannot be read: no JSON"] == [
        reason.split(": Unterminated")[0] for reason in inbox.damaged
    ]


def test_a_damaged_window_is_named_and_left_out(engine: Engine) -> None:
    """A window whose verdict nobody knows is left out with its start; the others are read."""
    drift(engine, 0)
    drift(engine, 1)
    with writing(engine) as connection:
        second = sa.update(tables.windows).where(tables.windows.c.span_start == START + timedelta(minutes=1))
        connection.execute(second.values(verdict="fine"))
    inbox = AlertStore(engine).inbox("delays", 1, NOW)

    assert [START] == [row.span.start for row in inbox.windows]
    assert ["the window of delays/1 that starts at 2026-01-01 00:01:00 cannot be read"] == [
        reason.split(": ")[0] for reason in inbox.damaged
    ]


def test_a_damaged_alert_can_be_closed(engine: Engine) -> None:
    """An open alert that cannot be read is named by its id; closed, it is in nobody's way."""
    drift(engine, 0)
    one_pass(engine, NOW)
    with writing(engine) as connection:
        connection.execute(sa.text("UPDATE alerts SET alert = '{}'"))
    store = AlertStore(engine)
    before = store.inbox("delays", 1, NOW)
    store.close_damaged(before.damaged_alerts[0], NOW)

    assert ([sample_finding(0).id], []) == (before.damaged_alerts, store.monitors())


def test_windows_are_counted_where_they_are(engine: Engine) -> None:
    """A tally counts every window of a time, each once, however many revisions it has."""
    for minute in range(5):
        drift(engine, minute)
    drift(engine, 3, revision=2)
    Results(engine).write([sample_window(5)])

    tally = Results(engine).tally(
        "delays", 1, START + timedelta(minutes=1), START + timedelta(minutes=6), ["departure_delay"]
    )

    assert Tally(drifting=4, windows=5, rows=3_000) == tally


def test_the_same_failure_again_is_counted(engine: Engine) -> None:
    """A reason that repeats is one line with its number; another reason is another line."""
    failures = DispatchFailures(engine)
    news = [failures.record("delays", 1, reason, NOW) for reason in ("refused", "damaged", "refused")]
    recent = failures.recent("delays", 1)

    assert [True, True, False] == news
    assert {("damaged", 1), ("refused", 2)} == {(failure.reason, failure.times) for failure in recent}


def test_a_failure_is_the_same_at_another_address(engine: Engine) -> None:
    """Two errors that differ only in where an object lay in memory are one line with its number."""
    failures = DispatchFailures(engine)
    for reason in (f"TypeError({object()!r}, '0xnot')", "TypeError(<object object at 0x7f00beef>, '0xnot')"):
        failures.record("delays", 1, reason, NOW)

    assert [("TypeError(<object object at 0x...>, '0xnot')", 2)] == [
        (failure.reason, failure.times) for failure in failures.recent("delays", 1)
    ]


def test_a_resolved_alert_is_closed_at_once(engine: Engine) -> None:
    """Resolving closes an alert; a later finding opens another one."""
    drift(engine, 0)
    one_pass(engine, NOW)
    store = AlertStore(engine)
    (alert,) = store.open_alerts()
    store.resolve(alert.id, NOW, by="ada")
    drift(engine, 1)
    changes = one_pass(engine, NOW + timedelta(minutes=1))

    assert [MailKind.OPENED] == kinds(changes)
    assert [sample_finding(1).id, alert.id] == [one.id for one in store.alerts()]


def test_of_each_kind_the_last_alert_that_is_over_is_known(engine: Engine) -> None:
    """What comes back is told by what was told before, of its own kind, whatever else was told since."""
    late: dict[str, Any] = {"detector": "events", "test": "late", "evidence": {"tests": {"late": {"seen": 9, "n": 90}}}}
    store, opened = AlertStore(engine), list[str]()
    for minute, about in enumerate(({}, {}, late)):
        found = sample_finding(minute, "late events" if about else "distance", **about)
        Results(engine).write([sample_window(minute, verdict=Verdict.DRIFT)], [found])
        one_pass(engine, NOW + timedelta(minutes=minute))
        (alert,) = store.open_alerts()
        store.resolve(alert.id, NOW + timedelta(minutes=minute), by="ada")
        opened.append(alert.id)

    assert opened[1:] == [alert.id for alert in store.inbox("delays", 1, NOW).alerts]


def test_an_alert_resolved_between_reading_and_saving_stays_so(engine: Engine) -> None:
    """What comes back after a person closed an alert is mailed, also if the dispatcher was at work meanwhile."""
    drift(engine, 0)
    one_pass(engine, NOW)
    drift(engine, 1)
    changes = one_pass(engine, NOW + timedelta(minutes=1), saved=False)
    store = AlertStore(engine)
    store.resolve(store.open_alerts()[0].id, NOW, by="ada")
    store.save(*changes)
    drift(engine, 2)

    assert [MailKind.OPENED] == kinds(one_pass(engine, NOW + timedelta(minutes=2)))


@pytest.mark.parametrize("prefix", ["beef", ""])
def test_an_unknown_alert_is_named(engine: Engine, prefix: str) -> None:
    """Acknowledging what does not exist says so; no letter means no alert, also where there is only one."""
    drift(engine, 0)
    one_pass(engine, NOW)
    with pytest.raises(NotFound, match=f"no alert starts with '{prefix}'"):
        AlertStore(engine).acknowledge(prefix, NOW, "", by="ada", now=NOW)


def test_only_what_is_there_can_be_quiet(engine: Engine) -> None:
    """An alert of another model version and an alert that is over are not found."""
    drift(engine, 0)
    one_pass(engine, NOW)
    store, later = AlertStore(engine), NOW + timedelta(hours=1)
    (alert,) = store.open_alerts()
    with pytest.raises(NotFound, match="no open alert of other/1 starts with"):
        store.acknowledge(alert.id, later, "", by="ada", now=NOW, key="other/1")
    store.resolve(alert.id, NOW, by="ada")
    over = f"{alert.key}: that alert is over since {NOW:%Y-%m-%d %H:%M} UTC; nothing was acknowledged"
    with pytest.raises(NotFound, match=over):
        store.acknowledge(alert.id, later, "", by="ada", now=NOW)

    assert None is store.alert(alert.id).acknowledged_until


def test_an_alert_about_rows_is_over_after_windows_whose_rows_were_looked_at(engine: Engine) -> None:
    """Windows whose rows found nobody to look at them are not clean: what rows alone can tell was not seen of them."""
    found = sample_finding(0, "carrier", detector="expectation", evidence={"of_rows": {"looked_at": 90, "rows": 100}})
    Results(engine).write([sample_window(0, verdict=Verdict.DRIFT)], [found])
    one_pass(engine, NOW)
    ends = []
    for minute in range(1, 41):
        window = sample_window(minute)
        Results(engine).write([window])
        looked_at = 0 if minute <= 20 else 90
        row = RowQualityRow.about(window, looked_at=looked_at, rows=100, outcomes=[], at=NOW)
        RowQualityStore(engine).write(row)
        one_pass(engine, NOW + minute * timedelta(minutes=1))
        ends.append(not AlertStore(engine).open_alerts())

    assert [False] * 35 + [True] * 5 == ends


def test_an_alert_about_rows_of_which_nobody_asks_any_more_is_over(engine: Engine) -> None:
    """A suite that was taken out of the spec keeps no alert open for ever."""
    found = sample_finding(0, "carrier", detector="expectation", evidence={"of_rows": {"looked_at": 90, "rows": 100}})
    Results(engine).write([sample_window(0, verdict=Verdict.DRIFT)], [found])
    for minute in range(1, 17):
        one_pass(engine, NOW)
        Results(engine).write([sample_window(minute)])
    one_pass(engine, NOW + timedelta(hours=1))

    assert [] == AlertStore(engine).open_alerts()
