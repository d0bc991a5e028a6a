"""Open and closed loops send each request once, no faster than asked, and time its answer from when it was due."""

from __future__ import annotations

import asyncio
import json
import math
from collections import Counter
from collections.abc import Iterable
from typing import Any

import pytest
import sinks
from hypothesis import given
from hypothesis import strategies as st

from pegel_local.traffic import loops
from pegel_local.traffic.changes import Row, SentRow, Spread, with_outliers
from pegel_local.traffic.loops import ClosedLoop, Loop, OpenLoop
from pegel_local.traffic.requests import Request, body_in, requests_of, with_copies
from pegel_local.traffic.timed_answers import NOT_REACHED, AnswerCounts, TimedAnswer

ROWS: list[Row] = [{"colour": "red", "size": 1.0}, {"colour": "blue", "size": None}]


def requests(rows: Iterable[Row], *, batch: int = 1) -> list[Request]:
    """Return requests of rows as lists."""
    return list(requests_of(map(SentRow, rows), body_in("v1", frozenset(), as_list=True), batch=batch))


def send(address: str, sent: Iterable[Request], loop: Loop, **options: Any) -> AnswerCounts:
    """Send requests; return what came of them."""
    counts = AnswerCounts()
    asyncio.run(loops.send(address, sent, loop, counts, **options))
    return counts


@pytest.mark.parametrize("loop", [OpenLoop(500.0), ClosedLoop(3)])
def test_every_request_is_sent_once_under_an_id_of_its_own(sink: sinks.Sink, loop: Loop) -> None:
    """Each id leads to the body that was sent under it, in either loop, and each answer is told once."""
    sent, answers = requests(ROWS * 5), list[TimedAnswer]()
    counts = send(sink.url, sent, loop, settled=answers.append)
    got = {headers["Ce-Id"]: json.loads(body) for headers, body in sink.got}

    assert {"200": 10} == counts.kinds
    assert 10 == len(sink.got)
    assert [{"instances": [list(row.values())]} for row in ROWS * 5] == [got[request.identity] for request in sent]
    assert {request.identity for request in sent} == {answer.request.identity for answer in answers}
    assert (10, max(answer.ms or 0.0 for answer in answers)) == (counts.latencies_us.n, counts.longest_ms)


def test_it_is_no_faster_than_the_rate(sink: sinks.Sink) -> None:
    """The last of eleven requests at 20 a second leaves half a second after the first."""
    counts = send(sink.url, requests(ROWS[:1] * 11), OpenLoop(20.0))

    assert counts.seconds >= 0.5


def test_requests_under_way_are_bounded(sink: sinks.Sink) -> None:
    """Behind an answer that does not come, only so many requests wait; those that had to are counted."""
    sink.delay_s = 0.2
    counts = send(sink.url, requests(ROWS * 3), OpenLoop(1000.0, under_way=2))

    assert counts.seconds >= 0.6
    assert counts.crowded >= 2


def test_a_stalled_server_shows_in_the_time_of_every_request_that_was_due_meanwhile(sink: sinks.Sink) -> None:
    """Six requests due 10 ms apart, one at a time on its way, each answered after 100 ms: the last took 550 ms."""
    sink.delay_s = 0.1
    opened, closed = list[TimedAnswer](), list[TimedAnswer]()
    send(sink.url, requests(ROWS * 3), OpenLoop(100.0, under_way=1), settled=opened.append)
    send(sink.url, requests(ROWS * 3), ClosedLoop(1), settled=closed.append)
    times, without_waiting = ([answer.ms or 0.0 for answer in answers] for answers in (opened, closed))

    assert [True] * 6 == [ms >= 100 + 90 * number for number, ms in enumerate(times)]
    # The same server in a closed loop: nothing is due before its connection is free, so nothing waits.
    assert 2 * max(without_waiting[:3]) < times[-1] + without_waiting[0]


def test_a_connection_of_a_closed_loop_asks_again_when_it_is_answered(sink: sinks.Sink) -> None:
    """Two connections and answers that take 100 ms are 20 a second, whatever the server could do."""
    sink.delay_s = 0.1
    counts = send(sink.url, requests(ROWS * 100), ClosedLoop(2), seconds=0.5)

    assert counts.sent == counts.answered
    assert 2 <= counts.sent <= 12


def test_a_closed_port_is_not_asked_without_a_pause() -> None:
    """Where nobody listens, a connection of a closed loop tries ten times a second and not as fast as it can."""
    counts = send("http://127.0.0.1:9/", requests(ROWS * 100), ClosedLoop(1), seconds=0.35)

    assert 1 <= counts.kinds[NOT_REACHED] <= 4
    assert {NOT_REACHED: "nobody listens there"} == counts.said


@pytest.mark.parametrize("loop", [OpenLoop(100.0), ClosedLoop(1)])
def test_errors_are_counted_not_raised(sink: sinks.Sink, loop: Loop) -> None:
    """A refusal and a silent server are results like any other."""
    sink.status = 503
    refused, silent = send(sink.url, requests(ROWS), loop), send("http://127.0.0.1:9/", requests(ROWS), loop)

    assert Counter({"503": 2}) == refused.kinds
    assert Counter({NOT_REACHED: 2}) == silent.kinds
    assert {} == silent.percentiles_ms()


@given(times=st.lists(st.floats(0, 60_000), min_size=1, max_size=200))
def test_percentiles_are_as_fine_as_they_say_and_take_no_room_per_answer(times: list[float]) -> None:
    """Each is within 0.8 % and 10 us of the answer that has as many before it; the longest is exact."""
    counts, request = AnswerCounts(), requests(ROWS[:1])[0]
    for ms in times:
        counts.count_answer(TimedAnswer(request, 0.0, 0.0, "200", ms), "")
    ordered, told = sorted(times), counts.percentiles_ms()
    exact = {f"p{share}": ordered[math.ceil(share * len(ordered) / 100) - 1] for share in (50, 95, 99)}

    assert round(ordered[-1], 2) == told.pop("max")
    assert exact.keys() == told.keys()
    assert all(abs(told[name] - ms) <= ms / 128 + 0.01 for name, ms in exact.items())
    assert max(told.values()) <= round(ordered[-1], 2)
    assert len(times) == counts.latencies_us.n
    assert len(counts.latencies_us.cells) <= 128 + 64 * 20


def test_several_rows_go_into_one_request(sink: sinks.Sink) -> None:
    """Rows stand in order; the last request holds what is left of them."""
    send(sink.url, requests(ROWS * 2 + ROWS[:1], batch=2), ClosedLoop(1))
    lists = [list(row.values()) for row in ROWS]

    assert [lists, lists, lists[:1]] == [json.loads(body)["instances"] for _, body in sink.got]


@given(share=st.floats(0, 0.5), first=st.integers(0, 50))
def test_a_copy_is_the_request_before_it(share: float, first: int) -> None:
    """Every request is there once in order, each copy follows its original, and none comes before copies begin."""
    originals = requests(ROWS * 100)
    sent = list(with_copies(iter(originals), share, lambda number: number >= first))
    copies = [number for number, request in enumerate(sent) if request.is_copy]

    assert originals == [request for request in sent if not request.is_copy]
    assert all(sent[number].identity == sent[number - 1].identity for number in copies)
    assert all(number >= first for number in copies)
    # Four standard deviations of a count by chance, or a few.
    expected = share * (len(sent) - first)
    assert abs(len(copies) - expected) <= 5 + 4 * math.sqrt(len(sent) * share)


@given(share=st.floats(0, 1), low=st.floats(-1e6, 1e6), width=st.floats(1e-3, 1e6), first=st.integers(0, 20))
def test_an_outlier_lies_far_from_every_value_of_its_column(share: float, low: float, width: float, first: int) -> None:
    """One number is ten standard deviations beyond the extremes, all else is as it was, none before outliers begin."""
    spread = Spread(low, low + width, width)
    rows = [SentRow({"colour": "red", "size": low}) for _ in range(50)]
    sent = list(with_outliers(rows, share, {"size": spread}, lambda number: number >= first))
    far = [one.row["size"] for one in sent if one.far == "size"]

    assert {"red"} == {one.row["colour"] for one in sent}
    assert all(size <= low - 9 * width or size >= low + width + 9 * width for size in far)
    assert [low] * (50 - len(far)) == [one.row["size"] for one in sent if one.far is None]
    assert [None] * first == [one.far for one in sent[:first]]
