"""Request and response as one event: how long answers take, and answers of requests that nobody knows."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from pegel.data.wire import REQUEST_TYPE, RESPONSE_TYPE
from pegel.errors import InvalidSpec
from pegel.judge.findings import Verdict
from pegel.judge.layers.odd_events import explain_events
from pegel.stats.answer_latencies import Latencies
from pegel.testing.samples import brief_spec
from pegel.testing.stream_fakes import LoggedRecord


def taking(group: Any, milliseconds: Iterable[int], *, at: float = 0.0) -> list[LoggedRecord]:
    """Return requests whose answers take so long, each."""
    records = []
    for number, took in enumerate(milliseconds):
        asked, answer = group.pairs(number, number + 1, at=at)
        records += [asked, replace(answer, at=answer.at + timedelta(milliseconds=took))]
    return records


def close(group: Any, state: Any) -> None:
    """Let everything become final because nothing more comes."""
    group.clock.advance(timedelta(minutes=2))
    group.tick(state, idle_s=120)


def latencies(group: Any) -> Latencies:
    """Return those of all windows together."""
    whole = Latencies()
    for row in group.results.windows("delays", 1):
        whole.merge(row.latencies)
    return whole


def orphans(group: Any) -> tuple[int, int]:
    """Return how many answers without a request windows tell of, and the ledger."""
    windows, minutes = group.results.windows("delays", 1), group.results.ledger("delays", 1)
    return sum(row.orphans for row in windows), sum(row.orphans for row in minutes)


def test_a_window_tells_how_long_its_answers_took(group: Any) -> None:
    """Of a hundred answers after 1 to 100 ms the median is 50 ms, and 99 of them took no longer than 99 ms."""
    state = group.start()
    group.send(state, taking(group, range(1, 101)))
    close(group, state)

    assert {"n": 100, "backwards": 0, "quantiles": {"0.5": 50, "0.95": 95, "0.99": 99}} == latencies(group).get()
    assert (0, 0) == orphans(group)


def test_restarts_and_copies_change_no_latency_and_no_orphan(group: Any) -> None:
    """A driver that starts anew before each batch, and is sent everything twice, tells what one tells that does not."""
    for step in range(3):
        for _ in range(2):
            records = taking(group, [1, 500, 45_000], at=56 + 25 * step)
            own = [replace(record, event_id=f"{step}-{record.event_id}") for record in records]
            group.send(group.start(), [*own[:-1], replace(own[-1], at=group.begin + timedelta(seconds=58 + 25 * step))])
        lonely = [one for one in group.pairs(900 + step, 901 + step, at=57 + 25 * step) if one.kind == RESPONSE_TYPE]
        group.send(group.start(), lonely)
        group.clock.advance(timedelta(seconds=25))
    close(group, group.start())
    close(group, group.start())

    assert {"n": 9, "backwards": 0, "quantiles": {"0.5": 501, "0.95": 2_007, "0.99": 2_007}} == latencies(group).get()
    assert (3, 3) == orphans(group)


def test_a_clock_that_jumped_back_makes_no_number(group: Any) -> None:
    """An answer that is dated before its request is counted apart: neither a latency nor an orphan."""
    state = group.start()
    group.send(state, taking(group, [20, -300, 20, -1]))
    close(group, state)

    assert {"n": 2, "backwards": 2, "quantiles": {"0.5": 20, "0.95": 20, "0.99": 20}} == latencies(group).get()
    assert (0, 0) == orphans(group)


def test_a_time_that_was_replaced_makes_no_latency(group: Any) -> None:
    """Of events dated far ahead both times become the same: their difference says nothing."""
    state = group.start()
    group.send(state, taking(group, [400], at=3_600))
    group.clock.advance(timedelta(minutes=5))
    close(group, state)

    assert {"n": 0, "backwards": 0, "quantiles": {"0.5": None, "0.95": None, "0.99": None}} == latencies(group).get()
    assert 1 == sum(row.asked - row.unanswered for row in group.results.ledger("delays", 1))


def test_an_answer_takes_a_minute_at_most_however_events_come(group: Any) -> None:
    """A backlog that is read at once tells what a stream would have: the answer that took longer is missing."""
    state = group.start()
    group.send(state, taking(group, [60_000, 60_001]))
    close(group, state)

    assert 1 == latencies(group).n
    assert (2, 1) == tuple(
        sum(getattr(row, name) for row in group.results.ledger("delays", 1)) for name in ("asked", "unanswered")
    )


def test_a_request_that_came_too_late_or_cannot_be_read(group: Any) -> None:
    """Answers to requests behind their final window are orphans; those to unreadable requests are not."""
    state = group.start()
    first, second = taking(group, [5]), taking(group, [5], at=1)
    renamed = [replace(record, event_id="late") for record in second]
    broken = [replace(record, event_id="broken", body=b"no json") for record in second if record.kind == REQUEST_TYPE]
    answered = [replace(record, event_id="broken") for record in second if record.kind == RESPONSE_TYPE]
    group.send(state, first, [one for one in renamed if one.kind == RESPONSE_TYPE], [*broken, *answered])
    group.send(state, [replace(record, event_id="head") for record in taking(group, [5], at=30)])
    group.send(state, [one for one in renamed if one.kind == REQUEST_TYPE])
    close(group, state)

    assert (1, 1) == orphans(group)


def test_an_endpoint_that_logs_answers_alone_has_no_orphans(group: Any) -> None:
    """That none of its requests is logged is said in words; it is not said of each."""
    state = group.start()
    group.send(state, [one for one in taking(group, [5] * 10) if one.kind == RESPONSE_TYPE])
    close(group, state)

    assert (0, 0) == orphans(group)


def test_where_traffic_is_rare_no_latency_is_lost(group: Any) -> None:
    """A request every ten minutes is settled after its window: the next window tells of it."""
    state = group.start()
    for call in range(3):
        records = taking(group, [70], at=600 * call)
        group.send(state, [replace(record, event_id=f"call-{call}") for record in records])
        group.clock.advance(timedelta(seconds=10))
        group.tick(state, idle_s=10)
        group.clock.advance(timedelta(seconds=590))
        group.tick(state, idle_s=590)

    assert latencies(group).n >= 2
    assert {70} == {latencies(group).quantile(rank) for rank in (0, 0.5, 1)}


def slow(group: Any) -> list[Any]:
    """Return the findings about slow answers."""
    return [one for _, one in group.results.findings("delays", 1) if one.feature == "slow answers"]


def test_more_slow_answers_than_tolerated_are_a_finding_with_their_numbers(group: Any) -> None:
    """Where thirty of a hundred answers took longer than the limit, the window drifts, and says how long they took."""
    group.watch(events={"slow_after": "100ms"})
    state = group.start()
    group.send(state, taking(group, [20] * 70 + [900] * 30))
    close(group, state)
    (finding,), (window,) = slow(group), group.results.windows("delays", 1)

    assert (
        "30 % of 100 answers to requests from 12:00 to 12:00:01 UTC took longer than 100 ms (tolerated 5 %): "
        "p50 20 ms, p95 899 ms, p99 899 ms" == finding.what
    )
    assert Verdict.DRIFT is window.verdict
    assert explain_events(finding).agrees


def send_rarely(group: Any, calls: int, took: list[int], *, kinds: tuple[str, ...]) -> None:
    """Send events of some kinds every ten minutes.

    The window of a call is final ten seconds later, its requests are settled 90 s after. Answers take so many
    milliseconds, each.
    """
    state = group.start()
    for call in range(calls):
        records = [one for one in taking(group, took, at=600 * call) if one.kind in kinds]
        group.send(state, [replace(record, event_id=f"{call}-{record.event_id}") for record in records])
        for idle_s in (10, 90):
            group.clock.advance(timedelta(seconds=idle_s))
            group.tick(state, idle_s=idle_s)
        group.clock.advance(timedelta(seconds=500))


def test_where_traffic_is_rare_slow_answers_are_told_with_the_time_of_their_requests(group: Any) -> None:
    """What a window tells of is of the requests before it: when these were made stands in its sentence and evidence."""
    group.watch(events={"slow_after": "100ms"})
    send_rarely(group, 2, [900] * 40, kinds=(REQUEST_TYPE, RESPONSE_TYPE))
    (finding,) = slow(group)

    told, _, _ = finding.what.partition(" (")
    assert "100 % of 40 answers to requests from 12:00 to 12:00:01 UTC took longer than 100 ms" == told
    assert {group.begin.isoformat()} == {finding.evidence[name] for name in ("since", "asked_from")}


def test_where_traffic_is_rare_the_half_that_is_never_logged_is_told(group: Any) -> None:
    """An endpoint that logs requests alone, a few every ten minutes: each window but the first says so."""
    send_rarely(group, 3, [5] * 3, kinds=(REQUEST_TYPE,))

    told = [row.remarks.get("never_logged", "") for row in group.results.windows("delays", 1)]
    assert ["", "answers", "answers"] == told


@pytest.mark.parametrize(
    ("events", "milliseconds"),
    [
        ({}, [30_000] * 100),
        ({"slow_after": 0.1}, [100] * 100),
        ({"slow_after": 0.1}, [20] * 97 + [900] * 3),
        ({"slow_after": "100ms", "slow": "40%"}, [20] * 70 + [900] * 30),
        ({"slow_after": "100ms"}, [-900] * 100),
    ],
)
def test_what_is_tolerated_is_no_finding(group: Any, events: dict[str, Any], milliseconds: list[int]) -> None:
    """No limit, answers exactly at it, few slow ones, as many as a person tolerates, and wrong clocks: no finding."""
    group.watch(events=events)
    state = group.start()
    group.send(state, taking(group, milliseconds))
    close(group, state)

    assert [] == slow(group)
    assert 100 == latencies(group).n + latencies(group).backwards


def test_a_limit_beyond_a_minute_is_refused() -> None:
    """What takes longer is missing, so nobody could be told that it is slow."""
    with pytest.raises(InvalidSpec, match="expected at most 60 s: an answer that takes longer is missing"):
        brief_spec("delays", events={"slow_after": "61s"})
