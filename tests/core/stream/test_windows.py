"""The window manager: provisional and final windows, late and repeated events, restarts."""

from __future__ import annotations

import json
from collections.abc import Iterable
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from typing import Any

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from pegel.data.columns import Columns, Field, Kind, Role, Schema
from pegel.data.events import EventType, identities
from pegel.data.instants import MINUTE, to_us
from pegel.data.spans import Span, floor
from pegel.spec.monitor_spec import Windowing
from pegel.stats.layout import Layout, build_layout
from pegel.stats.summary import Summary
from pegel.stream.entries import Emissions, IdleClosing, MonitoredModel, PartialBatch, SpanCount
from pegel.stream.matched_panes import MatchedPanes
from pegel.stream.monitor_windows import MAX_OPEN_SPANS, MonitorWindows
from pegel.stream.outcomes import Outcomes
from pegel.stream.panes import Pane
from pegel.stream.partial import Partial
from pegel.stream.window_manager import MOST_PROVISIONAL, QUIET, WindowManager

BEGIN = datetime(2026, 3, 1, tzinfo=UTC)
KEY = "delays/1"
WINDOWING = Windowing(length=timedelta(seconds=10), lateness=timedelta(seconds=3))
SLIDING = Windowing(length=timedelta(seconds=20), slide=timedelta(seconds=10), lateness=timedelta(seconds=3))
BASELINE = "sha256:one"


@lru_cache
def layout() -> Layout:
    """Return the cells of a single field."""
    schema = Schema((Field("x", Kind.NUMERIC),))
    return build_layout(schema, {"x": np.arange(100.0)})


def unpack(_baseline_id: str, data: bytes) -> Summary:
    """Return a packed summary."""
    return Summary.from_bytes(data, layout())


def second(value: float) -> datetime:
    """Return an instant in seconds after the beginning."""
    return BEGIN + timedelta(seconds=value)


def partial(
    at: float, *ids: str, answers: Iterable[str] = (), windowing: Windowing = WINDOWING, **changes: Any
) -> Partial:
    """Return a partial with one request row per id at one instant, and responses for `answers`."""
    summary = Summary.empty(layout())
    rows = np.full((len(ids), 1), at % 100)
    summary.update(Columns(len(ids), rows, None, (), ()), Role.FEATURE)
    answered = list(answers)
    values: dict[str, Any] = {
        "key": KEY,
        "pane_us": to_us(floor(second(at), windowing.step)),
        "head_us": to_us(second(at)),
        "summaries": {BASELINE: summary.to_bytes()},
        "requests": identities([one.encode() for one in ids], EventType.REQUEST),
        "asked_at": np.full(len(ids), second(at).timestamp() * 1_000, dtype=np.int64),
        "asked_rows": np.ones(len(ids), dtype=np.uint32),
        "responses": identities([one.encode() for one in answered], EventType.RESPONSE),
        "answered_at": np.zeros(len(answered), dtype=np.int64),
        "answered_rows": np.ones(len(answered), dtype=np.uint32),
        "rows": len(ids),
        "minutes": {to_us(floor(second(at), MINUTE)): Outcomes(judged=len(ids) + len(answered))},
    }
    return Partial(**values | changes)


def batch(
    number: int, *partials: Partial, baseline: str | None = BASELINE, windowing: Windowing = WINDOWING
) -> PartialBatch:
    """Return a batch that arrives one second per number after the beginning."""
    return PartialBatch(
        arrived_at=second(number), monitors={KEY: MonitoredModel(windowing, baseline)}, partials=partials
    )


def told(emissions: Emissions) -> list[tuple[float, int, bool, int]]:
    """Return what was emitted: start in seconds, revision, final, requests."""
    return [
        ((count.span.start - BEGIN).total_seconds(), count.revision, count.final, count.requests)
        for count in emissions.spans
    ]


def test_each_batch_revises_what_it_touches() -> None:
    """A touched span is told provisionally with the next revision; an untouched one is not told again."""
    manager = WindowManager(unpack)
    # [0  a   b  )[10 c
    first = manager.apply(batch(0, partial(1, "a")))
    again = manager.apply(batch(1, partial(8, "b")))
    other = manager.apply(batch(2, partial(11, "c")))

    assert [(0, 1, False, 1)] == told(first)
    assert [(0, 2, False, 2)] == told(again)
    assert [(10, 1, False, 1)] == told(other)


def several(*keys: str, number: int = 0) -> PartialBatch:
    """Return a batch in which one event of each of these monitors arrives."""
    monitors = {key: MonitoredModel(WINDOWING, BASELINE) for key in keys}
    partials = tuple(partial(1, f"{key}{number}", key=key) for key in keys)
    return PartialBatch(arrived_at=second(number), monitors=monitors, partials=partials)


MANY = tuple(f"m{number:02}/1" for number in range(MOST_PROVISIONAL + 3))


def test_of_many_changed_windows_those_that_waited_longest_are_told_first() -> None:
    """Each batch judges as many as are allowed, so that many models do not hold up each other's batches."""
    manager = WindowManager(unpack)
    first, again = manager.apply(several(*MANY)), manager.apply(several(*MANY, number=1))

    assert list(MANY[:MOST_PROVISIONAL]) == [count.key for count in first.spans]
    assert {*MANY[MOST_PROVISIONAL:], *MANY[: MOST_PROVISIONAL - 3]} == {count.key for count in again.spans}
    assert {2} == {count.revision for count in again.spans}


def test_windows_that_wait_to_be_told_are_told_when_nothing_comes() -> None:
    """Their last events are seen without another one of theirs."""
    manager = WindowManager(unpack)
    manager.apply(several(*MANY))
    closing = manager.due(now=second(0) + QUIET, caught_up_at=None)
    assert closing is not None

    emissions = manager.close(closing)

    assert list(MANY[MOST_PROVISIONAL:]) == [count.key for count in emissions.spans]
    assert manager.due(now=second(0) + QUIET, caught_up_at=None) is None


def test_a_large_window_is_told_again_when_it_has_grown_by_a_part() -> None:
    """Matching its answers takes longer the more it holds; what it has not told waits until nothing comes."""
    manager = WindowManager(unpack)
    manager.apply(batch(0, partial(1, *(f"a{number}" for number in range(640)))))
    few = manager.apply(batch(1, partial(1, *(f"b{number}" for number in range(9)))))
    enough = manager.apply(batch(2, partial(1, "c")))

    assert [] == told(few)
    assert [(0, 3, False, 650)] == told(enough)


def test_what_was_told_before_a_crash_is_told_again() -> None:
    """What waited to be told is in no stored state, and a window of hours must not show an old row for hours."""
    manager = WindowManager(unpack)
    manager.apply(several(*MANY))
    manager.forget_what_was_told()
    closing = manager.due(now=second(0) + QUIET, caught_up_at=None)
    assert closing is not None

    assert list(MANY[:MOST_PROVISIONAL]) == [count.key for count in manager.close(closing).spans]


def test_a_final_window_is_told_whether_or_not_its_turn_has_come() -> None:
    """Only looks at windows that still change are spared."""
    manager = WindowManager(unpack)
    manager.apply(several(*MANY))
    emissions = manager.close(IdleClosing(at=second(20), frontiers=dict.fromkeys(MANY, second(10))))

    assert [(key, True, 2) for key in MANY] == [(count.key, count.final, count.revision) for count in emissions.spans]


def test_windows_of_a_model_that_is_gone_wait_for_nobody() -> None:
    """They take no turn from those that are there."""
    manager = WindowManager(unpack)
    manager.apply(several(*MANY))
    emissions = manager.apply(several(MANY[0], number=1))

    assert [MANY[0]] == [count.key for count in emissions.spans]
    assert manager.due(now=second(1) + QUIET, caught_up_at=None) is None


def test_a_window_is_final_when_the_head_is_its_lateness_past_the_end() -> None:
    """The event that pushes the watermark to the end of a span makes it final, and nothing earlier does."""
    manager = WindowManager(unpack)
    # [0  a      )  b  c      lateness 3: b at 12.9 does not close, c at 13 does
    manager.apply(batch(0, partial(1, "a")))
    early = manager.apply(batch(1, partial(12.9, "b")))
    late = manager.apply(batch(2, partial(13, "c")))

    assert [(10, 1, False, 1)] == told(early)
    assert [(0, 2, True, 1), (10, 2, False, 2)] == told(late)


def test_what_comes_in_one_batch_is_never_late() -> None:
    """A batch that jumps ahead still counts its own old events: only then its head moves the frontier."""
    manager = WindowManager(unpack)
    emissions = manager.apply(batch(0, partial(60, "z"), partial(1, "a")))

    assert [(0, 1, True, 1), (60, 1, False, 1)] == told(emissions)


def test_what_lies_before_the_spans_that_may_be_open_is_late() -> None:
    """With as many spans open as may be, an event of an older one is booked as late, and the newest is told whole."""
    manager = WindowManager(unpack)
    manager.apply(batch(0, partial(0, "a")))
    starts = [second(-10 * back) for back in range(MAX_OPEN_SPANS)]
    manager.monitors[KEY].spans |= dict.fromkeys(starts, BASELINE)
    manager.monitors[KEY].frontier = None
    emissions = manager.apply(batch(1, partial(-10 * MAX_OPEN_SPANS, "old"), partial(0, "b")))
    counts = list(emissions.ledger.values())

    # The span that ends with the head waits for its lateness still.
    assert MAX_OPEN_SPANS - 1 == len(emissions.spans)
    assert (0, 2, False, 2) == told(emissions)[-1]
    assert (1, 1) == (sum(count.judged for count in counts), sum(count.late for count in counts))


def test_an_open_span_that_makes_room_is_final_with_what_it_has() -> None:
    """Where odd times need the room of an open span, that span is told as final and its rows stay judged."""
    windows = MonitorWindows(WINDOWING)
    old = partial(0, "old")
    windows.add(old, windows.open_and_closed(old.pane)[0], BASELINE, unpack)
    windows.make_room([second(10 * at) for at in range(1, MAX_OPEN_SPANS)])
    before = windows.frontier
    windows.make_room([second(10 * at) for at in range(1, MAX_OPEN_SPANS + 1)])
    emitted = [(span.span.start, span.final) for span in windows.emit(KEY, MatchedPanes(windows.panes))]

    assert before is None
    assert [(BEGIN, True)] == emitted


@given(st.lists(st.integers(0, 9)), st.lists(st.integers(0, 9)), st.lists(st.integers(0, 9)))
def test_a_request_is_joined_where_its_response_lies_in_any_open_pane(
    asked: list[int], here: list[int], elsewhere: list[int]
) -> None:
    """Each request counts once, however many responses it has and whichever pane holds them."""
    own = Pane(
        requests=np.array([2 * event for event in asked], dtype=np.uint64),
        asked_rows=np.ones(len(asked), dtype=np.uint32),
    )
    other = Pane()
    for pane, answers in ((own, here), (other, elsewhere)):
        responses = np.array([2 * event + 1 for event in answers], dtype=np.uint64)
        pane.responses, pane.answered_rows = responses, np.ones(len(answers), dtype=np.uint32)

    matched = MatchedPanes({BEGIN: own, second(1): other})

    assert sum(event in {*here, *elsewhere} for event in asked) == matched.joined(BEGIN)


def test_events_after_the_final_window_are_late() -> None:
    """A late event changes no window; ledger and late count name it."""
    manager = WindowManager(unpack)
    # [0  a      )    z |  b comes now, with time 5
    manager.apply(batch(0, partial(1, "a"), partial(20, "z")))
    emissions = manager.apply(batch(1, partial(5, "b")))
    count = emissions.ledger[KEY, BEGIN]

    assert [] == told(emissions)
    assert (0, 1, 1) == (count.judged, count.late, count.received)
    assert {(KEY, Span(second(0), second(10))): 1} == emissions.late


def test_a_silent_source_closes_what_has_ended() -> None:
    """Without a later event the span becomes final once source and clock are past its end; then events are late."""
    manager = WindowManager(unpack)
    manager.apply(batch(5, partial(1, "a")))
    too_early = manager.due(now=second(12.9), caught_up_at=second(12.9))
    lagging = manager.due(now=second(99), caught_up_at=None)
    closing = manager.due(now=second(13), caught_up_at=second(13))

    assert (None, None) == (too_early, lagging)
    assert closing is not None
    assert [(0, 2, True, 1)] == told(manager.close(closing))
    assert [] == told(manager.apply(batch(6, partial(2, "b"))))
    assert [(10, 1, False, 1)] == told(manager.apply(batch(7, partial(11, "c"))))


def test_sliding_windows_share_their_panes() -> None:
    """With a slide of half the length an event is counted in two spans, each final at its own time."""
    manager = WindowManager(unpack)
    # [-10      a     )
    #       [0  a        b    )
    #            [10     b          )     z at 24 closes the first two (lateness 3), not the third
    manager.apply(batch(0, partial(1, "a", windowing=SLIDING), windowing=SLIDING))
    manager.apply(batch(1, partial(11, "b", windowing=SLIDING), windowing=SLIDING))
    emissions = manager.apply(batch(2, partial(24, "z", windowing=SLIDING), windowing=SLIDING))

    assert [(-10, 2, True, 1), (0, 3, True, 2), (10, 2, False, 2), (20, 1, False, 1)] == told(emissions)


def test_an_event_late_for_one_span_counts_in_the_other() -> None:
    """Where spans overlap, an event that misses the closed one is judged in the open one."""
    manager = WindowManager(unpack)
    # [-10       )            final at head 13
    #      [0  b      )       still open
    manager.apply(batch(0, partial(13, "z", windowing=SLIDING), windowing=SLIDING))
    emissions = manager.apply(batch(1, partial(5, "b", windowing=SLIDING), windowing=SLIDING))

    assert [(0, 2, False, 2)] == told(emissions)
    assert {(KEY, Span(second(-10), second(10))): 1} == emissions.late
    assert 0 == emissions.ledger[KEY, BEGIN].late


def test_requests_are_joined_with_responses_wherever_they_lie() -> None:
    """A response in the next pane still joins its request; a response without a request joins nothing."""
    manager = WindowManager(unpack)
    manager.apply(batch(0, partial(9, "a", "b")))
    emissions = manager.apply(batch(1, partial(13, answers=["a", "stranger"])))
    first, second_span = emissions.spans

    assert (2, 1, 0) == (first.requests, first.joined, first.responses)
    assert (0, 0, 2) == (second_span.requests, second_span.joined, second_span.responses)


def test_copies_are_found_across_and_within_batches() -> None:
    """An event seen before in its pane is known; one that two partials of a batch hold is split; others neither."""
    manager = WindowManager(unpack)
    manager.apply(batch(0, partial(1, "a", answers=["a"])))
    fresh = manager.repeated([partial(2, "b", answers=["b"]), partial(11, "a")])
    copied = manager.repeated([partial(2, "a", "b")])
    split = manager.repeated([partial(2, "c"), partial(3, "c")])

    assert not fresh
    assert {(KEY, second(0)): identities([b"a"], EventType.REQUEST).tolist()} == {
        where: ids.tolist() for where, ids in copied.known.items()
    }
    assert split.split
    assert {} == split.known


def test_a_span_keeps_the_baseline_it_opened_with() -> None:
    """A new baseline is for spans that open later; the open one is told with its own to the end."""
    manager = WindowManager(unpack)
    manager.apply(batch(0, partial(1, "a")))
    manager.apply(batch(1, partial(2, "b"), baseline="sha256:two"))
    third = partial(13, "c", summaries={"sha256:two": partial(13, "c").summaries[BASELINE]})
    emissions = manager.apply(batch(2, third, baseline="sha256:two"))

    assert [BASELINE, "sha256:two"] == [count.baseline_id for count in emissions.spans]
    assert [2, 1] == [count.summary.rows(Role.FEATURE) if count.summary else 0 for count in emissions.spans]


def test_without_a_baseline_rows_are_still_counted() -> None:
    """No baseline means no summary, not no window."""
    manager = WindowManager(unpack)
    (count,) = manager.apply(batch(0, partial(1, "a", "b", summaries={}), baseline=None)).spans

    assert (None, None, 2, 2) == (count.baseline_id, count.summary, count.requests, count.rows)


def test_a_changed_windowing_ends_the_open_spans() -> None:
    """What was open under the old windowing becomes final with what it has; new events follow the new one."""
    manager = WindowManager(unpack)
    manager.apply(batch(0, partial(1, "a")))
    emissions = manager.apply(batch(1, partial(2, "b", windowing=SLIDING), windowing=SLIDING))

    assert [(0, 2, True, 1), (-10, 1, False, 1), (0, 1, False, 1)] == told(emissions)


def test_a_changed_slide_tells_no_final_span_again() -> None:
    """A span that the old windowing made final stays as it is; what comes for it later is told as late."""
    manager = WindowManager(unpack)
    half = Windowing(length=WINDOWING.length, slide=WINDOWING.length / 2, lateness=WINDOWING.lateness)
    # [0  a   b      )         final when the slide changes
    #      [5 b           )    opens with b
    manager.apply(batch(0, partial(1, "a")))
    changed = manager.apply(batch(1, partial(7, "b", windowing=half), windowing=half))
    closing = manager.close(IdleClosing(at=second(20), frontiers={KEY: second(20)}))

    assert [(0, 2, True, 1), (5, 1, False, 1)] == told(changed)
    assert [(5, 2, True, 1)] == told(closing)
    assert {(KEY, Span(second(0), second(10))): 1} == changed.late


def test_another_lateness_leaves_the_open_spans() -> None:
    """A span goes on with all that came for it, and closes by the lateness that is in force when the head is so far."""
    manager = WindowManager(unpack)
    patient = Windowing(length=WINDOWING.length, lateness=timedelta(seconds=8))
    manager.apply(batch(0, partial(1, "a")))
    changed = manager.apply(batch(1, partial(2, "b"), windowing=patient))
    waiting = manager.apply(batch(2, partial(14, "c"), windowing=patient))
    closed = manager.apply(batch(3, partial(18, "d"), windowing=patient))

    assert [(0, 2, False, 2)] == told(changed)
    assert [(10, 1, False, 1)] == told(waiting)
    assert [(0, 3, True, 2), (10, 2, False, 2)] == told(closed)
    assert patient == MonitorWindows.from_json(manager.monitors[KEY].to_json()).windowing


def test_a_shorter_lateness_closes_at_once() -> None:
    """A span that the new lateness has passed is final with the next batch, and its state is stored with it."""
    manager = WindowManager(unpack)
    manager.apply(batch(0, partial(1, "a"), partial(12, "b")))
    emissions = manager.apply(batch(1, windowing=Windowing(length=WINDOWING.length, lateness=timedelta(seconds=1))))

    assert [(0, 2, True, 1)] == told(emissions)
    assert {KEY} == emissions.changed


def test_a_monitor_that_is_gone_leaves_nothing() -> None:
    """Its open spans are not told any more, and its ledger ends."""
    manager = WindowManager(unpack)
    manager.apply(batch(0, partial(1, "a")))
    emissions = manager.apply(PartialBatch(arrived_at=second(1), monitors={}, partials=()))

    assert ([], {}) == (told(emissions), emissions.ledger)
    assert manager.due(now=second(99), caught_up_at=second(99)) is None


def test_events_of_nobody_are_booked_but_open_no_window() -> None:
    """What no monitor answers to appears in the ledger under the empty key, as invalid."""
    manager = WindowManager(unpack)
    minute = to_us(BEGIN)
    lost = Partial(
        key="",
        pane_us=minute,
        head_us=to_us(second(1)),
        minutes={minute: Outcomes(invalid=2)},
        invalid={(minute, "unknown_model"): (2, "sample")},
    )
    emissions = manager.apply(batch(0, lost))

    assert [] == told(emissions)
    assert (2, 2) == (emissions.ledger["", BEGIN].received, emissions.ledger["", BEGIN].invalid)
    assert 2 == emissions.invalid["", BEGIN, "unknown_model"].count


events = st.lists(
    st.tuples(st.integers(0, 60), st.sampled_from("abcdefgh"), st.booleans()),
    min_size=1,
    max_size=4,
    unique_by=lambda e: e[1],
)
steps = st.lists(st.one_of(events, st.integers(0, 80)), max_size=12)


Step = PartialBatch | IdleClosing


def history_of(script: list[Any]) -> list[Step]:
    """Return a history: lists become batches with unique event ids, numbers become closings at that second."""
    history: list[Step] = []
    for number, step in enumerate(script):
        if isinstance(step, list):
            parts = [
                partial(at, f"{name}{number}", answers=[f"{name}{number}"] if answered else [])
                for at, name, answered in step
            ]
            history.append(batch(number, *parts))
        elif any(isinstance(entry, PartialBatch) for entry in history):
            closing = {KEY: second(step)}
            history.append(IdleClosing(at=second(step), frontiers=closing, settled=closing))
    return history


def apply(manager: WindowManager, step: Step) -> Emissions:
    """Let a manager take in one step."""
    return manager.apply(step) if isinstance(step, PartialBatch) else manager.close(step)


def seen(manager: WindowManager, history: list[Step]) -> list[Any]:
    """Return everything a history makes a manager tell, in comparable form."""
    out = []
    for step in history:
        emissions = apply(manager, step)
        counts = [
            (told(emissions), count.joined, count.responses, count.summary.to_bytes() if count.summary else None)
            for count in emissions.spans
        ]
        ledger = {key: count.by_name() for key, count in emissions.ledger.items()}
        out.append((told(emissions), counts, ledger, emissions.late))
    return out


def restored(manager: WindowManager) -> WindowManager:
    """Return a manager built from what is stored of another."""
    copy = WindowManager(unpack)
    for key, windows in manager.monitors.items():
        copy.monitors[key] = MonitorWindows.from_json(json.loads(json.dumps(windows.to_json())))
        for start, pane in windows.panes.items():
            copy.restore_pane(Partial.from_bytes(pane.to_partial(key, start).to_bytes()))
    return copy


@given(steps, st.integers(0, 12))
def test_stored_windows_continue_as_if_nothing_had_happened(script: list[Any], cut: int) -> None:
    """State stored anywhere and read again tells exactly what the uninterrupted manager tells."""
    history = history_of(script)
    whole, first = WindowManager(unpack), WindowManager(unpack)
    expected = seen(whole, history)[cut:]
    seen(first, history[:cut])

    assert expected == seen(restored(first), history[cut:])


@given(steps)
def test_every_event_is_judged_once_or_late(script: list[Any]) -> None:
    """Final windows hold each judged event exactly once, the rest is late: nothing is lost, nothing doubled."""
    manager = WindowManager(unpack)
    history = history_of(script)
    emissions = [apply(manager, step) for step in history]
    over = dict.fromkeys(manager.monitors, second(1000))
    end = IdleClosing(at=second(1000), frontiers=over, settled=over)
    emissions.append(manager.close(end))
    finals = [count for emission in emissions for count in emission.spans if count.final]
    sent = sum(
        p.requests.size + p.responses.size for step in history if isinstance(step, PartialBatch) for p in step.partials
    )
    late, settled = (
        sum(getattr(count, name) for emission in emissions for count in emission.ledger.values())
        for name in ("late", "asked")
    )
    logged = all(windows.answers.logged for windows in manager.monitors.values())

    assert sum(count.requests for count in finals) * logged >= settled
    assert sent == late + sum(count.requests + count.responses for count in finals)
    assert len(finals) == len({count.span for count in finals})


windowings = st.sampled_from(
    [
        Windowing(length=timedelta(seconds=length), slide=timedelta(seconds=slide), lateness=late)
        for length, slide in ((6, 6), (6, 3), (10, 10), (12, 6), (12, 3))
        for late in (timedelta(seconds=0), timedelta(seconds=9))
    ]
)
asked = st.lists(st.integers(0, 60), min_size=1, max_size=4)


@given(st.lists(st.one_of(asked, st.integers(0, 80), windowings), max_size=14))
def test_changed_windowings_overwrite_nothing_final(script: list[Any]) -> None:
    """Length, slide and lateness change in any order: for each span of an event it is in the row or told as late."""
    manager, windowing = WindowManager(unpack), WINDOWING
    emitted: list[Emissions] = []
    rows: dict[Span, SpanCount] = {}
    sent = expected = 0
    for number, step in enumerate(script):
        manager = restored(manager)
        if isinstance(step, Windowing):
            windowing = step
            emitted.append(manager.apply(batch(number, windowing=windowing)))
        elif isinstance(step, list):
            parts = [partial(at, f"{number}-{nth}", windowing=windowing) for nth, at in enumerate(step)]
            sent += len(parts)
            expected += len(parts) * round(windowing.length / windowing.step)
            emitted.append(manager.apply(batch(number, *parts, windowing=windowing)))
        elif manager.monitors:
            emitted.append(manager.close(IdleClosing(at=second(step), frontiers={KEY: second(step)})))
    over = dict.fromkeys(manager.monitors, second(1000))
    emitted.append(manager.close(IdleClosing(at=second(1000), frontiers=over)))
    for count in (count for emissions in emitted for count in emissions.spans):
        if count.span in rows:
            assert not rows[count.span].final
        rows[count.span] = count
    late = sum(sum(emissions.late.values()) for emissions in emitted)
    ledger = [count for emissions in emitted for count in emissions.ledger.values()]

    assert {True} >= {row.final for row in rows.values()}
    assert expected == late + sum(row.requests for row in rows.values())
    assert sent == sum(count.judged + count.late for count in ledger)


def broken(_baseline_id: str, _data: bytes) -> Summary:
    """Fail as a damaged baseline does."""
    raise ValueError("damaged")


def test_a_model_whose_counts_cannot_be_merged_loses_its_spans_only() -> None:
    """Its spans are told as lost with the reason, provisionally and finally; nothing is raised."""
    manager = WindowManager(broken)
    first = manager.apply(batch(0, partial(1, "a")))
    last = manager.apply(batch(1, partial(20, "z")))

    assert ([], [False]) == (first.spans, [lost.final for lost in first.lost])
    assert [(second(0), True), (second(20), False)] == [(lost.span.start, lost.final) for lost in last.lost]
    assert "ValueError('damaged')" in last.lost[0].reason


def test_a_pane_that_a_new_windowing_opens_again_starts_anew() -> None:
    """The old pane under the same start is closed, and what comes by the new windowing is alone in it."""
    manager = WindowManager(unpack)
    manager.apply(batch(0, partial(1, "a")))
    emissions = manager.apply(batch(1, partial(2, "b", windowing=SLIDING), windowing=SLIDING))

    assert [(KEY, second(0))] == emissions.closed_panes
    assert [(KEY, second(0))] == list(emissions.touched)
    assert 1 == manager.monitors[KEY].panes[second(0)].requests.size
