"""Odd events on their way to a finding: counted by arrival, judged with the next final window, told once."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import Any

from pegel.data.wire import DROPPED_TYPE, REQUEST_TYPE
from pegel.judge.findings import Verdict
from pegel.judge.layers.odd_events import explain_events
from pegel.stream.watched_models import group_speakers
from pegel.testing.stream_fakes import LoggedRecord


def broken(group: Any, count: int, at: float = 0.0, endpoint: str = "delays-v1", name: str = "b") -> list[LoggedRecord]:
    """Return so many requests that are no JSON."""
    instant = group.begin + timedelta(seconds=at)
    return [LoggedRecord(f"{name}{number}", REQUEST_TYPE, endpoint, b"{", instant) for number in range(count)]


def notice(group: Any, count: int, endpoint: str = "", name: str = "n") -> LoggedRecord:
    """Return a notice of the logger."""
    return LoggedRecord(name, DROPPED_TYPE, endpoint, b'{"count": %d}' % count, group.begin)


def findings(group: Any, name: str = "delays") -> list[Any]:
    """Return a model's findings about events."""
    return [finding for _, finding in group.results.findings(name, 1) if finding.detector == "events"]


def close(group: Any, state: Any) -> None:
    """Let everything become final because nothing more comes."""
    group.clock.advance(timedelta(minutes=1))
    group.tick(state, idle_s=60)


def test_unreadable_events_are_told_with_the_window_that_readable_ones_make(group: Any) -> None:
    """A tenth of the events that is no JSON makes the window a drift, with the reason and the counts in its finding."""
    state = group.start()
    group.send(state, group.pairs(0, 90) + broken(group, 20))
    early = findings(group)
    close(group, state)
    (finding,) = findings(group)
    (window,) = group.results.windows("delays", 1)

    assert [] == early
    assert "10 % of 200 events could not be read (tolerated 1 %): 20 × not JSON" == finding.what  # noqa: RUF001
    assert (Verdict.DRIFT, window.span, window.revision) == (window.verdict, finding.span, finding.revision)
    assert explain_events(finding).agrees


def test_a_window_of_nothing_but_nonsense_is_told(group: Any) -> None:
    """Where nothing can be read there are no rows to judge, and the verdict is no 'no data'."""
    state = group.start()
    group.send(state, broken(group, 30))
    close(group, state)
    (window,) = group.results.windows("delays", 1)

    assert (Verdict.DRIFT, 0, 30) == (window.verdict, window.rows, window.invalid)
    assert ["unreadable events"] == [finding.feature for finding in findings(group)]


def test_a_model_without_a_baseline_is_told(group: Any) -> None:
    """Events are judged although nothing else is."""
    spec = group.models.specs["delays/1"]
    group.models.watch(spec, None)
    state = group.start()
    group.send(state, group.pairs(0, 10) + broken(group, 30))
    close(group, state)
    (finding,) = findings(group)

    assert ("", "60 % of 50 events") == (finding.baseline_id, finding.what[:17])


def test_a_single_odd_event_is_no_finding(group: Any) -> None:
    """One that cannot be read among a few, one copy, one that is late: all counted, nobody is told."""
    state = group.start()
    group.send(state, group.pairs(0, 10) + broken(group, 1) + group.pairs(0, 1))
    close(group, state)
    group.send(state, group.pairs(20, 21))
    close(group, state)
    (ledger,) = group.results.ledger("delays", 1)

    assert (1, 2, 2) == (ledger.invalid, ledger.duplicate, ledger.late)
    assert [] == group.results.findings("delays", 1)


def test_late_events_are_told_although_no_window_takes_them(group: Any) -> None:
    """A client whose clock stands still fills no window any more; an empty one, of the time of arrival, tells of it."""
    state = group.start()
    group.send(state, group.pairs(0, 10))
    close(group, state)
    arrived_at = group.clock.now()
    group.send(state, group.pairs(100, 120))
    group.tick(state, idle_s=0)
    early = findings(group)
    group.clock.advance(timedelta(seconds=10))
    group.tick(state, idle_s=0)
    group.tick(state, idle_s=0)
    (finding,) = findings(group)

    assert [] == early
    assert "100 % of 40 events came after their window was final (tolerated 1 %)" == finding.what
    assert finding.span.start <= arrived_at < finding.span.end
    assert [(0, Verdict.DRIFT)] == [
        (row.revision, row.verdict) for row in group.results.windows("delays", 1) if row.span == finding.span
    ]


def test_a_window_that_comes_after_all_takes_the_place_of_an_empty_one(group: Any) -> None:
    """Events of the time of an empty window make its true revisions; what it told stays."""
    state = group.start()
    group.send(state, group.pairs(0, 10))
    close(group, state)
    group.send(state, group.pairs(100, 120))
    group.clock.advance(timedelta(seconds=10))
    group.tick(state, idle_s=0)
    (finding,) = findings(group)
    group.send(state, group.pairs(200, 260, at=(finding.span.start - group.begin).total_seconds()))
    close(group, state)
    (window,) = (row for row in group.results.windows("delays", 1) if row.span == finding.span)

    assert (0, 2, 60) == (finding.revision, window.revision, window.requests)
    assert [finding] == findings(group)


def test_a_few_late_events_leave_no_empty_window(group: Any) -> None:
    """What is not certainly too much is let go with the ledger's count, and makes no row."""
    state = group.start()
    group.send(state, group.pairs(0, 10))
    close(group, state)
    group.send(state, group.pairs(100, 101))
    close(group, state)

    assert 1 == len(group.results.windows("delays", 1))
    assert 2 == sum(row.late for row in group.results.ledger("delays", 1))


def test_copies_dropped_and_future_events_are_told(group: Any) -> None:
    """Each kind has its own finding: a client with one id, a logger that lost events, a clock that runs ahead."""
    state = group.start()
    group.send(state, group.pairs(0, 50))
    group.send(state, [replace(one, event_id="e0") for one in group.pairs(100, 200)])
    group.send(state, [notice(group, 700, "delays-v1")])
    group.send(state, group.pairs(300, 320, at=7_200))
    close(group, state)

    assert {"duplicate events", "dropped events", "events dated ahead"} == {one.feature for one in findings(group)}


def test_what_was_counted_survives_a_restart(group: Any) -> None:
    """A driver that starts between the odd events and the verdict tells of them all the same."""
    group.send(group.start(), group.pairs(0, 10) + broken(group, 20))
    group.send(group.start(), group.pairs(10, 20))
    close(group, group.start())
    (finding,) = findings(group)

    assert "33 % of 60 events" == finding.what[:17]


def test_events_are_judged_once(group: Any) -> None:
    """What one window told no later one tells again."""
    state = group.start()
    group.send(state, group.pairs(0, 50) + broken(group, 20))
    for step in range(1, 4):
        group.send(state, group.pairs(100 * step, 100 * step + 50, at=10 * step))
    close(group, state)

    assert 1 == len(findings(group))


def test_events_of_no_model_are_told_of_the_group_once_to_everybody(group: Any) -> None:
    """What nobody can tell the model of is judged among all events of the group, and mailed once to each address."""
    group.watch("fraud", seed=8, alerts={"emails": ["a@example.org", "b@example.org"]})
    group.watch("prices", seed=9, alerts={"emails": ["b@example.org"]})
    group.watch("delays", alerts={"emails": ["a@example.org"]})
    state = group.start()
    group.send(state, group.pairs(0, 50), broken(group, 60, endpoint="nobody-v1"), [notice(group, 40)])
    close(group, state)
    told = {name: [one.feature for one in findings(group, name)] for name in ("delays", "fraud", "prices")}
    (invalid, _) = findings(group)

    both = ["events of no model", "dropped events of no model"]
    assert {"delays": both, "fraud": both, "prices": []} == told
    assert (
        "30 % of 200 events of the group belong to no watched model (tolerated 1 %): 60 × unknown model"  # noqa: RUF001
    ) == invalid.what


def test_weeks_without_odd_events_do_not_dilute_the_first(group: Any) -> None:
    """A model that speaks for a group, without traffic of its own, tells of odd events among those of their time."""
    group.watch("prices", seed=9)
    group.watch("delays", alerts={"emails": ["a@example.org"]})
    state = group.start()
    for week in range(4):
        group.send(state, group.pairs(100 * week, 100 * week + 100, endpoint="prices-v1"))
        group.clock.advance(timedelta(days=7))
    arrived_at = group.clock.now()
    group.send(state, broken(group, 20, endpoint="nobody-v1"))
    close(group, state)
    (finding,) = findings(group)

    assert "100 % of 20 events of the group" == finding.what[:31]
    assert finding.span.start <= arrived_at < finding.span.end


def test_each_address_has_one_model_that_speaks_for_the_group(group: Any) -> None:
    """Models are taken by key until every address is known; where there is no address the first one speaks."""
    addresses = {"c": "x@example.org", "a": "", "b": "x@example.org", "d": "y@example.org"}
    for name, address in addresses.items():
        group.watch(name, alerts={"emails": [address] if address else []})
    specs = {key: spec for key, spec in group.models.specs.items() if key != "delays/1"}

    assert {"b/1", "d/1"} == group_speakers(specs)
    assert {"a/1"} == group_speakers({"a/1": specs["a/1"]})
    assert frozenset() == group_speakers({})


def test_a_missing_field_is_told(group: Any) -> None:
    """A field that clients cease to send is a finding of that field, or of its events: never nothing."""
    state = group.start()
    rows = [b'{"instances": [{"carrier": "AA"}]}'] * 60
    records = [LoggedRecord(f"m{at}", REQUEST_TYPE, "delays-v1", body, group.begin) for at, body in enumerate(rows)]
    group.send(state, records)
    close(group, state)
    (window,) = group.results.windows("delays", 1)

    assert Verdict.DRIFT == window.verdict
    assert {"distance", "unreadable events"} & {one.feature for _, one in group.results.findings("delays", 1)}
