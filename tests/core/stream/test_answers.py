"""Requests without an answer: counted once by id, told with the next final window, never silent."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from pegel.data.events import EventType, identity
from pegel.data.wire import DROPPED_TYPE, REQUEST_TYPE, RESPONSE_TYPE
from pegel.judge.findings import Verdict
from pegel.judge.layers.odd_events import explain_events
from pegel.spec.monitor_spec import Windowing
from pegel.stream.answers import ANSWER_WITHIN
from pegel.stream.entries import Emissions, IdleClosing, MonitoredModel, PartialBatch
from pegel.stream.partial import Partial
from pegel.stream.window_manager import WindowManager
from pegel.testing.stream_fakes import LoggedRecord


def failing(group: Any, first: int, last: int, *, answered: int = 0, at: float = 0.0) -> list[LoggedRecord]:
    """Return requests, of which the first few are answered."""
    records = group.pairs(first, last, at=at)
    return [record for record in records if record.kind == REQUEST_TYPE or int(record.event_id[1:]) < first + answered]


def findings(group: Any) -> list[Any]:
    """Return the findings about missing answers."""
    return [one for _, one in group.results.findings("delays", 1) if one.feature == "missing answers"]


def close(group: Any, state: Any) -> None:
    """Let everything become final because nothing more comes."""
    group.clock.advance(timedelta(minutes=2))
    group.tick(state, idle_s=120)


def ledger(group: Any) -> tuple[int, int]:
    """Return how many requests were asked and how many of them had no answer."""
    rows = group.results.ledger("delays", 1)
    return sum(row.asked for row in rows), sum(row.unanswered for row in rows)


def test_failing_answers_are_a_finding_with_their_numbers(group: Any) -> None:
    """Where two of a hundred requests are answered, the window drifts, and the finding and the ledger say so."""
    state = group.start()
    group.send(state, failing(group, 0, 100, answered=2))
    close(group, state)
    (finding,), (window,) = findings(group), group.results.windows("delays", 1)

    assert "98 % of 100 requests had no answer (tolerated 1 %)" == finding.what
    assert (Verdict.DRIFT, 100, 2) == (window.verdict, window.requests, window.joined)
    assert (100, 98) == ledger(group)
    assert explain_events(finding).agrees


def test_answered_requests_are_none_however_their_answers_come(group: Any) -> None:
    """Answers before their request, in the next window, and late within a minute: none is missing."""
    state = group.start()
    records = group.pairs(0, 60)
    asked, answers = ([one for one in records if one.kind == kind] for kind in (REQUEST_TYPE, RESPONSE_TYPE))
    group.send(state, answers[:20])
    group.send(state, asked)
    group.send(state, [replace(one, at=one.at + timedelta(seconds=6)) for one in answers[20:40]])
    group.send(state, group.pairs(100, 101, at=30))
    group.send(state, [replace(one, at=one.at + timedelta(seconds=1)) for one in answers[40:]])
    close(group, state)

    assert (61, 0) == ledger(group)
    assert [] == findings(group)


def test_an_answer_that_is_a_minute_late_is_missing(group: Any) -> None:
    """What comes after an endpoint would have given up is counted as late, and its request as unanswered."""
    state = group.start()
    records = group.pairs(0, 30)
    group.send(state, group.pairs(50, 51), [one for one in records if one.kind == REQUEST_TYPE])
    group.clock.advance(timedelta(minutes=2))
    group.send(state, group.pairs(100, 101, at=90))
    group.send(state, [one for one in records if one.kind == RESPONSE_TYPE])
    close(group, state)

    assert (32, 30) == ledger(group)
    assert ["97 % of 31 requests had no answer (tolerated 1 %)"] == [one.what for one in findings(group)]


def test_requests_are_counted_not_their_rows(group: Any) -> None:
    """One failed request of five hundred rows among fifty answered ones is one of fifty-one."""
    state = group.start()
    body = b'{"instances": [%s]}' % b",".join([b'[300.0, "AA"]'] * 500)
    many = LoggedRecord("many", REQUEST_TYPE, "delays-v1", body, group.begin)
    group.send(state, [*group.pairs(0, 50), many])
    close(group, state)

    assert (51, 1) == ledger(group)
    assert [] == findings(group)


def test_restarts_and_copies_change_no_count(group: Any) -> None:
    """A driver that starts anew before each batch, and is sent everything twice, finds what one finds that does not."""
    for step in range(4):
        group.send(group.start(), failing(group, 100 * step, 100 * step + 50, answered=5, at=56 + 25 * step))
        group.send(group.start(), failing(group, 100 * step, 100 * step + 50, answered=5, at=56 + 25 * step))
        group.clock.advance(timedelta(seconds=25))
    close(group, group.start())
    close(group, group.start())

    assert (200, 180) == ledger(group)
    assert 180 == sum(one.evidence["tests"]["unanswered"]["seen"] for one in findings(group))


def test_an_endpoint_that_logs_no_answers_says_so_and_alarms_nobody(group: Any) -> None:
    """Whether it fails or logs its requests alone nobody can tell: it stands in the notes of its windows."""
    state = group.start()
    group.send(state, failing(group, 0, 100))
    close(group, state)
    (window,) = group.results.windows("delays", 1)

    assert [] == findings(group)
    assert (0, 0) == ledger(group)
    assert "this endpoint logs no answers" == window.judgement["notes"][-1].partition(":")[0]


def test_an_endpoint_that_answered_a_probe_logs_answers(group: Any) -> None:
    """After that a model that fails from its first request on is told."""
    state = group.start()
    probe = [replace(one, is_probe=True) for one in group.pairs(900, 901)]
    group.send(state, probe)
    group.send(group.start(), failing(group, 0, 100))
    close(group, group.start())

    assert ["100 % of 100 requests had no answer (tolerated 1 %)"] == [one.what for one in findings(group)]


def test_an_endpoint_that_logs_answers_alone_is_no_failure(group: Any) -> None:
    """Without requests there is nothing to be answered; its features are not judged, and the notes say why."""
    state = group.start()
    group.send(state, [one for one in group.pairs(0, 100) if one.kind == RESPONSE_TYPE])
    close(group, state)
    (window,) = group.results.windows("delays", 1)

    assert [] == findings(group)
    assert "this endpoint logs no requests" == window.judgement["notes"][-1].partition(":")[0]


def test_an_unreadable_answer_is_an_answer(group: Any) -> None:
    """It is told as unreadable, and not as missing besides."""
    state = group.start()
    records = [
        replace(one, body=b"{") if one.kind == RESPONSE_TYPE and number % 2 else one
        for number, one in enumerate(group.pairs(0, 50))
    ]
    group.send(state, records)
    close(group, state)

    assert (50, 0) == ledger(group)


def test_what_the_logger_dropped_is_not_said_to_be_missing(group: Any) -> None:
    """A logger that gave up as many events may have given up the answers: that is told, as dropped."""
    state = group.start()
    notice = LoggedRecord("n", DROPPED_TYPE, "delays-v1", b'{"count": 90}', group.begin)
    group.send(state, [*failing(group, 0, 100, answered=10), notice])
    close(group, state)

    assert ["dropped events"] == [one.feature for _, one in group.results.findings("delays", 1)]
    assert (100, 90) == ledger(group)


def test_answers_missing_of_few_requests_leave_no_window_healthy(group: Any) -> None:
    """Two of two requests without an answer are no certain finding, but their thousand good rows make nothing ok."""
    state = group.start()
    rng = np.random.default_rng(1)
    rows = [[float(rng.gamma(2.0, 400.0)), str(rng.choice(["AA", "DL", "WN"]))] for _ in range(500)]
    body = json.dumps({"instances": rows}).encode()
    group.send(state, group.pairs(0, 1, at=-60))
    group.send(state, [LoggedRecord(f"f{at}", REQUEST_TYPE, "delays-v1", body, group.begin) for at in range(2)])
    close(group, state)
    window = group.results.windows("delays", 1)[-1]

    assert Verdict.INSUFFICIENT == window.verdict
    assert [] == findings(group)


BEGIN = datetime(2026, 3, 1, tzinfo=UTC)
KEY = "delays/1"
WINDOWINGS = [
    Windowing(length=timedelta(seconds=length), slide=timedelta(seconds=slide), lateness=timedelta(seconds=40))
    for length, slide in ((10, 10), (20, 10), (60, 10), (300, 300))
]


def _partial(at: float, windowing: Windowing, kind: EventType, name: str) -> Partial:
    """Return a partial of one event."""
    ids, instant = np.array([identity(name, kind)], dtype=np.uint64), BEGIN + timedelta(seconds=at)
    pane = instant - (instant - BEGIN) % windowing.step
    common: dict[str, Any] = {"key": KEY, "pane_us": round(pane.timestamp()) * 10**6}
    common["head_us"] = round(instant.timestamp() * 1e6)
    if kind is EventType.REQUEST:
        return Partial(requests=ids, asked_at=np.array([instant.timestamp()], dtype=np.uint32), **common)
    return Partial(responses=ids, **common)


def _settled(emissions: Sequence[Emissions]) -> tuple[int, int]:
    rows = [row for one in emissions for row in one.ledger.values()]
    return sum(row.asked for row in rows), sum(row.unanswered for row in rows)


@given(
    st.lists(st.tuples(st.integers(0, 400), st.integers(0, 50) | st.none()), min_size=1, max_size=30),
    st.sampled_from(WINDOWINGS),
)
def test_each_request_is_settled_once_and_only_what_has_no_answer_is_missing(
    requests: list[tuple[int, int | None]], windowing: Windowing
) -> None:
    """Whatever the windows and however long answers take below a minute: the counts are those of the events sent."""
    sent = [(at, EventType.REQUEST, f"e{number}") for number, (at, _) in enumerate(requests)]
    sent += [
        (at + after, EventType.RESPONSE, f"e{number}")
        for number, (at, after) in enumerate(requests)
        if after is not None
    ]
    manager, emissions = WindowManager(lambda *_: None), []  # type: ignore[arg-type]  # there are no summaries
    answering = frozenset([KEY])
    for at, kind, name in sorted(sent):
        batch = PartialBatch(
            arrived_at=BEGIN + timedelta(seconds=at),
            monitors={KEY: MonitoredModel(windowing, None)},
            partials=(_partial(at, windowing, kind, name),),
            answering=answering,
        )
        emissions.append(manager.apply(batch))
    early = _settled(emissions)
    over = BEGIN + timedelta(seconds=900) + ANSWER_WITHIN
    emissions.append(manager.close(IdleClosing(at=over, frontiers={KEY: over}, settled={KEY: over})))

    assert (len(requests), sum(after is None for _, after in requests)) == _settled(emissions)
    assert early[1] <= sum(after is None for _, after in requests)
    assert {} == manager.monitors[KEY].panes
