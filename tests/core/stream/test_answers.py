"""Requests without an answer: counted once by id, told with the next final window, never silent."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pegel.data.events import EventType, identities
from pegel.data.wire import DROPPED_TYPE, REQUEST_TYPE, RESPONSE_TYPE
from pegel.judge.findings import Verdict
from pegel.judge.layers.odd_events import explain_events
from pegel.judge.missing_answers import MissingAnswers
from pegel.spec.monitor_spec import Windowing
from pegel.stats.answer_latencies import Latencies
from pegel.stream.entries import Emissions, MonitoredModel, PartialBatch
from pegel.stream.monitor_windows import MonitorWindows
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

    assert "98 % of 100 requests from 12:00 to 12:00:01 UTC had no answer (tolerated 1 %)" == finding.what
    assert (Verdict.DRIFT, 100, 2) == (window.verdict, window.requests, window.joined)
    assert (100, 98) == ledger(group)
    assert explain_events(finding).agrees


def test_a_number_names_the_time_of_its_requests_and_since_when_there_are_such(group: Any) -> None:
    """Both are those of the requests, not of the later window that tells of them; state and finding say the same."""
    group.watch(events={"unanswered": 0.01})
    state = group.start()
    group.send(state, group.pairs(0, 40))
    group.send(state, failing(group, 100, 140, at=11))
    for second in range(20, 100, 5):
        group.clock.advance(timedelta(seconds=5))
        group.send(state, failing(group, 100 * second, 100 * second + 40, answered=4, at=second))
    close(group, state)
    told = findings(group)
    windows = [one for one in group.results.windows("delays", 1) if one.remarks.get("missing_answers")]

    assert {"2026-03-01T12:00:11+00:00"} == {one.evidence["since"] for one in told}
    assert 640 + 40 - 64 == sum(one.evidence["tests"]["unanswered"]["seen"] for one in told)
    for finding, window in zip(told, windows, strict=True):
        missing = MissingAnswers.of_finding(finding)
        assert missing == MissingAnswers.from_json(window.remarks["missing_answers"])
        assert missing is not None
        assert missing.asked_to is not None
        assert missing.asked_to <= finding.span.end


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
    assert ["97 % of 31 requests from 12:00 to 12:00:01 UTC had no answer (tolerated 1 %)"] == [
        one.what for one in findings(group)
    ]


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

    assert ["100 % of 100 requests from 12:00 to 12:00:01 UTC had no answer (tolerated 1 %)"] == [
        one.what for one in findings(group)
    ]


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


def test_an_answer_without_a_row_is_none_to_a_request_with_rows(group: Any) -> None:
    """A server that answers 200 and predicts nothing is no healthy one; a restart knows copies of such answers."""
    nothing = b'{"predictions": []}'
    records = [replace(one, body=nothing) if one.kind == RESPONSE_TYPE else one for one in group.pairs(0, 300)]
    group.send(group.start(), records)
    state = group.start()
    group.send(state, [*records[:20], *group.pairs(900, 901)])
    close(group, state)
    (window,) = group.results.windows("delays", 1)

    assert (301, 300) == ledger(group)
    assert (Verdict.DRIFT, 301, 1, 20) == (window.verdict, window.requests, window.responses, window.duplicates)
    assert ["unanswered"] == [one.test for one in findings(group)]
    assert 602 == sum(row.judged for row in group.results.ledger("delays", 1))


@pytest.mark.parametrize(("rows", "predictions"), [(3, 2), (2, 3), (3, 1)])
def test_an_answer_of_other_rows_is_none(group: Any, rows: int, predictions: int) -> None:
    """Nobody knows whose its predictions are: it counts as missing, its numbers are told, and nothing looks healthy."""
    row, prediction = b'[300.0, "AA"]', b"120.0"
    bodies = {
        REQUEST_TYPE: b'{"instances": [%s]}' % b",".join([row] * rows),
        RESPONSE_TYPE: b'{"predictions": [%s]}' % b",".join([prediction] * predictions),
    }
    wrong = [replace(one, body=bodies[one.kind]) for one in group.pairs(0, 300)]
    group.send(group.start(), [one for one in wrong if one.kind == RESPONSE_TYPE])
    state = group.start()
    group.send(state, [*(one for one in wrong if one.kind == REQUEST_TYPE), *group.pairs(900, 910)])
    close(group, state)
    (window,), (told,) = group.results.windows("delays", 1), group.results.invalid("delays", 1)

    assert (310, 300) == ledger(group)
    assert (Verdict.DRIFT, 310, 10) == (window.verdict, window.requests, window.joined)
    assert ["unanswered"] == [one.test for one in findings(group)]
    assert ("other_rows", 300, f"an answer covers {predictions} of {rows} rows") == (told.kind, told.count, told.sample)


def twice(record: LoggedRecord) -> LoggedRecord:
    """Return a response with each of its predictions twice; a request as it is."""
    if record.kind == REQUEST_TYPE:
        return record
    predictions = json.loads(record.body)["predictions"]
    return replace(record, body=json.dumps({"predictions": predictions * 2}).encode())


def test_answers_of_other_rows_are_known_when_a_window_is_final(group: Any) -> None:
    """A window of such answers alone is not judged: they are answers to no request."""
    group.watch(windowing={"length": 10, "lateness": 0})
    state = group.start()
    group.send(state, group.pairs(900, 901), [twice(one) for one in group.pairs(0, 100)])
    group.send(state, group.pairs(910, 911, at=30))
    (window, *_) = group.results.windows("delays", 1)

    assert (Verdict.INSUFFICIENT, 101, 101) == (window.verdict, window.requests, window.responses)


def test_a_window_is_judged_by_its_own_responses_whichever_window_asked_for_them(group: Any) -> None:
    """Answers of other rows count against the window that they lie in, not against the one of their requests."""
    group.watch(windowing={"length": 10, "lateness": 20})
    group.clock.advance(timedelta(minutes=2))
    state, slow = group.start(), timedelta(seconds=10)
    # requests  [ a )[ b )[ c )
    # responses      [ a )[ b )   those to b cover twice as many rows, and c has none
    a, b, c = (group.pairs(1_000 * at, 1_000 * at + 400, at=at) for at in (1, 11, 21))
    responses = [replace(one, at=one.at + slow) for one in a + list(map(twice, b)) if one.kind == RESPONSE_TYPE]
    group.send(state, [one for one in a + b + c if one.kind == REQUEST_TYPE], responses, group.pairs(0, 1, at=69))
    windows = group.results.windows("delays", 1, final_only=True)

    assert [(400, 0, 400), (400, 400, 0), (400, 400, 0)] == [
        (one.requests, one.responses, one.joined) for one in windows
    ]
    assert [Verdict.OK, Verdict.OK, Verdict.INSUFFICIENT] == [one.verdict for one in windows]
    assert "answers missing so far: 400 of 400 requests" == windows[2].remarks["not_judged"]


def test_a_request_without_a_row_asks_for_nothing(group: Any) -> None:
    """An empty answer to it is no missing one."""
    state = group.start()
    bodies = {REQUEST_TYPE: b'{"instances": []}', RESPONSE_TYPE: b'{"predictions": []}'}
    group.send(state, group.pairs(0, 50), [replace(one, body=bodies[one.kind]) for one in group.pairs(100, 200)])
    close(group, state)

    assert (50, 0) == ledger(group)
    assert [] == findings(group)


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


def test_a_window_whose_own_requests_fail_is_not_judged_though_they_are_settled_later(group: Any) -> None:
    """Rows as in training, of a model that answers next to nothing: the window says that at once, and that alone."""
    state = group.start()
    group.send(state, group.pairs(0, 400))
    group.send(state, failing(group, 1_000, 1_400, answered=4, at=5))
    group.send(state, group.pairs(2_000, 2_400, at=10))
    group.send(state, group.pairs(3_000, 3_001, at=25))
    before, failed, after = group.results.windows("delays", 1, final_only=True)

    assert (0, 0) == ledger(group)
    assert [Verdict.OK, Verdict.INSUFFICIENT, Verdict.OK] == [one.verdict for one in (before, failed, after)]
    assert "answers missing so far: 396 of 400 requests" == failed.remarks["not_judged"]


def test_a_model_whose_answers_are_slow_is_judged(group: Any) -> None:
    """When a window is final none of its requests is answered, but it has the responses of earlier ones."""
    state, slow = group.start(), timedelta(seconds=20)
    asked = {at: group.pairs(1_000 * at, 1_000 * at + 400, at=at) for at in range(0, 50, 5)}
    for at, records in asked.items():
        answers = [replace(one, at=one.at + slow) for one in asked.get(at - 20, []) if one.kind == RESPONSE_TYPE]
        group.send(state, [one for one in records if one.kind == REQUEST_TYPE], answers)
    windows = group.results.windows("delays", 1, final_only=True)
    begun = [one for one in windows if one.responses]

    assert {0} == {one.joined for one in begun}
    assert {Verdict.OK} == {one.verdict for one in begun}
    assert [] == [one.remarks for one in begun if "not_judged" in one.remarks]


@pytest.mark.parametrize("final", [False, True])
def test_answers_to_earlier_requests_alone_leave_no_window_healthy(group: Any, final: bool) -> None:
    """A window without any request says that, and is not judged, however good four hundred predictions look."""
    state, slow = group.start(), timedelta(seconds=10)
    asked = group.pairs(0, 400)
    answers = [replace(one, at=one.at + slow) for one in asked if one.kind == RESPONSE_TYPE]
    group.send(state, [one for one in asked if one.kind == REQUEST_TYPE], answers)
    if final:
        close(group, state)
    last = group.results.windows("delays", 1)[-1]

    assert (final, 0, 400) == (last.final, last.rows, last.responses)
    assert Verdict.INSUFFICIENT == last.verdict
    assert "no request, only answers to earlier ones" == last.remarks["not_judged"]


def test_a_window_of_an_endpoint_that_logs_answers_alone_is_judged_by_these(group: Any) -> None:
    """Its predictions are all that is ever known of it."""
    state = group.start()
    group.send(state, [one for one in group.pairs(0, 400) if one.kind == RESPONSE_TYPE])
    close(group, state)
    (window,) = group.results.windows("delays", 1)

    assert (Verdict.OK, "requests") == (window.verdict, window.remarks["never_logged"])


BEGIN = datetime(2026, 3, 1, tzinfo=UTC)
KEY = "delays/1"
WINDOWINGS = [
    Windowing(length=timedelta(seconds=length), slide=timedelta(seconds=slide), lateness=timedelta(seconds=lateness))
    for length, slide, lateness in ((10, 10, 40), (20, 10, 40), (60, 10, 60), (300, 300, 40))
]


@st.composite
def delayed_requests(draw: st.DrawFn) -> tuple[Windowing, list[tuple[int, int, int | None]]]:
    """Draw windows, and requests: when each is made, how late its events arrive, and when it is answered, if it is.

    All are seconds. An answer arrives less than a minute after its request was made, or with it, and all events find a
    window open that holds them.
    """
    windowing = draw(st.sampled_from(WINDOWINGS))
    longest = round((windowing.length - windowing.step + windowing.lateness).total_seconds())
    delays = st.integers(0, min(59, longest)) | st.integers(min(61, longest), longest)
    request = delays.flatmap(
        lambda delay: st.tuples(st.integers(0, 400), st.just(delay), st.integers(0, max(0, 59 - delay)) | st.none())
    )
    return windowing, draw(st.lists(request, min_size=1, max_size=15))


ONE_ROW = np.ones(1, dtype=np.uint32)


def _partial(at: float, windowing: Windowing, kind: EventType, name: str) -> Partial:
    """Return a partial of one event."""
    ids, instant = identities([name.encode()], kind), BEGIN + timedelta(seconds=at)
    pane = instant - (instant - BEGIN) % windowing.step
    common: dict[str, Any] = {"key": KEY, "pane_us": round(pane.timestamp()) * 10**6}
    common["head_us"] = round(instant.timestamp() * 1e6)
    at_ms = np.array([instant.timestamp() * 1_000], dtype=np.int64)
    if kind is EventType.REQUEST:
        return Partial(requests=ids, asked_at=at_ms, asked_rows=ONE_ROW, **common)
    return Partial(responses=ids, answered_at=at_ms, answered_rows=ONE_ROW, **common)


class _Replay:
    """A window manager that is sent events one by one; its endpoint is known to log answers."""

    def __init__(self, windowing: Windowing) -> None:
        """Begin without events."""
        self.manager = self._manager()
        self._windowing = windowing
        self._emissions: list[Emissions] = []

    def send(self, arrival: float, at: float, kind: EventType, name: str) -> None:
        """Send an event of the second `at`, which arrives at the second `arrival`."""
        batch = PartialBatch(
            arrived_at=BEGIN + timedelta(seconds=arrival),
            monitors={KEY: MonitoredModel(self._windowing, None)},
            partials=(_partial(at, self._windowing, kind, name),),
            answering=frozenset([KEY]),
        )
        self._emissions.append(self.manager.apply(batch))

    def restart(self) -> None:
        """Continue in a new manager with what is stored: the state, and the panes by their parts."""
        before, self.manager = self.manager, self._manager()
        for key, windows in before.monitors.items():
            self.manager.monitors[key] = MonitorWindows.from_json(windows.to_json())
            for start, pane in windows.panes.items():
                self.manager.restore_pane(Partial.from_bytes(pane.to_partial(key, start).to_bytes()))

    def close(self, over: datetime) -> None:
        """Let everything before `over` become final, because nothing more comes."""
        closing = self.manager.due(now=over, caught_up_at=over)
        while closing is not None:
            self._emissions.append(self.manager.close(closing))
            closing = self.manager.due(now=over, caught_up_at=over)

    def settled(self) -> tuple[int, int]:
        """Return how many requests were asked so far, and how many of them had no answer."""
        rows = [row for emitted in self._emissions for row in emitted.ledger.values()]
        return sum(row.asked for row in rows), sum(row.unanswered for row in rows)

    def halves(self) -> tuple[Latencies, int]:
        """Return what windows told of answers or will tell with the next one: their latencies, and how many orphans."""
        told = [span.events for emitted in self._emissions for span in emitted.spans if span.events is not None]
        latencies, orphans = Latencies(), 0
        for events in (*told, *(windows.events for windows in self.manager.monitors.values())):
            latencies.merge(events.latencies)
            orphans += events.orphans
        return latencies, orphans

    def orphans_by_minute(self) -> int:
        """Return how many orphans the ledger has."""
        return sum(row.orphans for emitted in self._emissions for row in emitted.ledger.values())

    def _manager(self) -> WindowManager:
        return WindowManager(lambda *_: None)  # type: ignore[arg-type]  # there are no summaries


@given(delayed_requests(), st.sets(st.integers(0, 20), max_size=2))
def test_each_request_is_settled_once_and_only_what_has_no_answer_is_missing(
    drawn: tuple[Windowing, list[tuple[int, int, int | None]]], restarts: set[int]
) -> None:
    """Whatever the windows, the delays and the restarts: the counts are those of the events sent."""
    windowing, requests = drawn
    events = [
        (at + delay + (after or 0), at + (after or 0), kind, f"e{number}")
        for number, (at, delay, after) in enumerate(requests)
        for kind, after in ((EventType.REQUEST, 0), (EventType.RESPONSE, after))
        if after is not None
    ]
    replay = _Replay(windowing)
    for number, (arrival, at, kind, name) in enumerate(sorted(events)):
        if number in restarts:
            replay.restart()
        replay.send(arrival, at, kind, name)
    unanswered = sum(after is None for _, _, after in requests)
    early = replay.settled()
    replay.close(BEGIN + timedelta(seconds=1_200))

    assert (len(requests), unanswered) == replay.settled()
    assert early[1] <= unanswered
    assert {} == replay.manager.monitors[KEY].panes


@given(delayed_requests(), st.sets(st.integers(0, 20), max_size=2), st.sets(st.integers(0, 14), max_size=3))
def test_each_answer_has_its_latency_or_is_an_orphan_once(
    drawn: tuple[Windowing, list[tuple[int, int, int | None]]], restarts: set[int], lost: set[int]
) -> None:
    """Whatever the windows, the delays and the restarts: latencies are those of all pairs, the other answers orphans.

    Requests that are `lost` never come, but their answers do.
    """
    windowing, requests = drawn
    events = [
        (at + delay + (after or 0), at + (after or 0), kind, f"e{number}")
        for number, (at, delay, after) in enumerate(requests)
        for kind, after in ((EventType.REQUEST, 0), (EventType.RESPONSE, after))
        if after is not None and not (kind is EventType.REQUEST and number in lost)
    ]
    replay = _Replay(windowing)
    # Endpoints that log no requests have no orphans.
    replay.send(0, 0, EventType.REQUEST, "first")
    for number, (arrival, at, kind, name) in enumerate(sorted(events)):
        if number in restarts:
            replay.restart()
        replay.send(arrival, at, kind, name)
    replay.close(BEGIN + timedelta(seconds=1_200))
    replay.restart()
    expected = Latencies()
    answered = [(number in lost, after) for number, (_, _, after) in enumerate(requests) if after is not None]
    expected.update(np.array([1_000 * after for is_lost, after in answered if not is_lost], dtype=np.int64))
    latencies, orphans = replay.halves()

    assert expected.to_bytes() == latencies.to_bytes()
    assert sum(is_lost for is_lost, _ in answered) == orphans
    assert orphans == replay.orphans_by_minute()


LONG = Windowing(length=timedelta(seconds=120), slide=timedelta(seconds=60), lateness=timedelta(seconds=300))


def test_requests_that_come_late_into_an_open_window_are_settled_with_it() -> None:
    """Where windows overlap, a part of one that was settled once may still take requests: the failed ones are told."""
    replay = _Replay(LONG)
    replay.send(0, 0, EventType.REQUEST, "prompt")
    replay.send(380, 380, EventType.REQUEST, "head")
    assert (1, 1) == replay.settled()

    for name in ("late", "answered late"):
        replay.send(381, 10, EventType.REQUEST, name)
    replay.send(382, 400, EventType.REQUEST, "another head")
    replay.restart()
    replay.send(383, 11, EventType.RESPONSE, "answered late")
    assert (1, 1) == replay.settled()

    replay.send(430, 430, EventType.REQUEST, "last head")
    assert (3, 2) == replay.settled()


def test_a_failing_request_is_told_before_all_windows_that_hold_it_are_final() -> None:
    """With windows of an hour that slide by the minute it is told with the first of them, not an hour later."""
    replay = _Replay(LONG.model_copy(update={"length": timedelta(hours=1)}))
    replay.send(0, 0, EventType.REQUEST, "fails")
    replay.send(380, 380, EventType.REQUEST, "head")

    assert (1, 1) == replay.settled()
