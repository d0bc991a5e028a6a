"""Panes, spans and closing rules."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pegel.data.instants import from_us, to_us
from pegel.data.spans import (
    Span,
    due_when_idle,
    floor,
    floor_us,
    is_closed,
    panes_of_span,
    spans_of,
    spans_of_pane,
    watermark,
)
from pegel.spec.monitor_spec import Windowing

BEGIN = datetime(2026, 3, 1, tzinfo=UTC)
TUMBLING = Windowing(length=timedelta(seconds=10), lateness=timedelta(seconds=3))
SLIDING = Windowing(length=timedelta(seconds=30), slide=timedelta(seconds=10), lateness=timedelta(seconds=5))
instants = st.datetimes(datetime(1960, 1, 1), datetime(2100, 1, 1), timezones=st.just(UTC))  # noqa: DTZ001 - bounds of the strategy are naive by its rules
windowings = st.builds(
    lambda slide, count: Windowing(length=timedelta(milliseconds=slide * count), slide=timedelta(milliseconds=slide)),
    st.integers(1_000, 100_000),
    st.integers(1, 12),
)


def second(value: float) -> datetime:
    """Return an instant in seconds after the beginning."""
    return BEGIN + timedelta(seconds=value)


def span(start: float, end: float) -> Span:
    """Return a span in seconds after the beginning."""
    return Span(second(start), second(end))


def test_an_event_on_a_boundary_belongs_to_the_later_span() -> None:
    """Spans include their start and exclude their end."""
    # [0---------)[10--------)
    #             |
    assert [span(10, 20)] == spans_of(second(10), TUMBLING)
    assert [span(0, 10)] == spans_of(second(9.999999), TUMBLING)


def test_sliding_spans_overlap() -> None:
    """An event lies in as many spans as slides fit into the length."""
    # [0 .........................)
    #          [10 .....|..................)
    #                   |[20 ..
    assert [span(-10, 20), span(0, 30), span(10, 40)] == spans_of(second(12), SLIDING)
    assert [second(0), second(10), second(20)] == panes_of_span(span(0, 30), SLIDING)


@given(instants, windowings)
def test_panes_and_spans_agree(instant: datetime, windowing: Windowing) -> None:
    """Each span of an event holds it, and holds its pane among its panes."""
    pane = floor(instant, windowing.step)
    found = spans_of(instant, windowing)

    assert round(windowing.length / windowing.step) == len(found)
    assert all(one.start <= instant < one.end and pane in panes_of_span(one, windowing) for one in found)
    assert found == spans_of_pane(pane, windowing)


@given(instants, st.integers(1, 10**9))
def test_microseconds_and_instants_floor_alike(instant: datetime, step_us: int) -> None:
    """Flooring whole microseconds is flooring the instant, before 1970 too."""
    step = timedelta(microseconds=step_us)

    assert floor(instant, step) == from_us(floor_us(to_us(instant), step))
    assert instant == from_us(to_us(instant))


def test_the_watermark_closes_a_span_at_its_end() -> None:
    """A span closes when the newest event is its lateness past the end, not a microsecond earlier."""
    # [0---------)   |        end 10, lateness 3, head 13
    assert is_closed(span(0, 10), watermark(second(13), TUMBLING))
    assert not is_closed(span(0, 10), watermark(second(12.999999), TUMBLING))
    assert not is_closed(span(0, 10), None)


@pytest.mark.parametrize(
    ("last_arrival", "caught_up_at", "due"),
    [(9, 13.0, True), (9, 12.9, False), (11, 13.9, False), (11, 14.0, True), (9, None, False)],
    ids=["silent long enough", "looked before end + lateness", "silent too short", "silent as long", "lagging"],
)
def test_silence_closes_only_what_has_ended(last_arrival: float, caught_up_at: float | None, due: bool) -> None:
    """A span closes in silence only when the last look, a lateness after the last event and its end, found nothing."""
    # [0-------.-)..|         last arrival 9, lateness 3: looked at 13 or later
    reached = None if caught_up_at is None else second(caught_up_at)
    found = due_when_idle([span(0, 10)], TUMBLING, last_arrival=second(last_arrival), caught_up_at=reached)

    assert ([span(0, 10)] if due else []) == found
