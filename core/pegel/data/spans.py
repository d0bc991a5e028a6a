"""Where an instant falls: panes and spans of a windowing, and when a span closes.

A span is half-open, `[start, end)`, aligned to the epoch in UTC. A pane is one slide long; a span is put together from
whole panes, so that overlapping spans share the work. With a slide of 10 s and a length of 30 s the event at second 25
lies in pane [20, 30) and in the spans starting at 0, 10 and 20::

    seconds  0         10        20   |    30        40        50
             [span 0 .....................)
                       [span 10 ......|..............)
                                 [span 20 ....................)
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from pegel.data.instants import EPOCH, MICROSECOND
from pegel.spec.monitor_spec import Windowing


@dataclass(frozen=True, slots=True)
class Span:
    """A concrete half-open UTC interval [start, end)."""

    start: datetime
    end: datetime


def floor(instant: datetime, step: timedelta) -> datetime:
    """Return the latest multiple of `step` since the epoch that is not after `instant`."""
    return instant - (instant - EPOCH) % step


def floor_us(time_us: int, step: timedelta) -> int:
    """Return `floor` of an instant in microseconds since the epoch."""
    return time_us - time_us % (step // MICROSECOND)


def spans_of_pane(pane: datetime, windowing: Windowing) -> list[Span]:
    """Return the spans that the pane starting at `pane` is a part of, oldest first."""
    count = round(windowing.length / windowing.step)
    starts = [pane - back * windowing.step for back in range(count - 1, -1, -1)]
    return [Span(start, start + windowing.length) for start in starts]


def panes_of_span(span: Span, windowing: Windowing) -> list[datetime]:
    """Return the starts of the panes of which `span` is put together, oldest first."""
    count = round(windowing.length / windowing.step)
    return [span.start + at * windowing.step for at in range(count)]


def spans_of(instant: datetime, windowing: Windowing) -> list[Span]:
    """Return the spans that hold `instant`, oldest first."""
    return spans_of_pane(floor(instant, windowing.step), windowing)


def watermark(head: datetime, windowing: Windowing) -> datetime:
    """Return the instant before which nothing more is expected, when `head` is the newest event time seen."""
    return head - windowing.lateness


def is_closed(span: Span, frontier: datetime | None) -> bool:
    """Say whether everything before `frontier` (exclusive) covers the span. No frontier closes nothing."""
    return frontier is not None and span.end <= frontier


def due_when_idle(
    open_spans: Sequence[Span],
    windowing: Windowing,
    *,
    last_arrival: datetime,
    caught_up_at: datetime | None,
) -> list[Span]:
    """Return the open spans that may close although no later event came to push the watermark past them.

    A span is due when the source was read to its very end (`caught_up_at`) at least the lateness after the last event
    arrived, and the lateness after the span's end. So a span that is still going on never closes early, and a backlog
    never closes anything: what came after that last look, however long ago it was, may still belong to later spans.
    """
    quiet = max(windowing.lateness, timedelta(seconds=1))
    if caught_up_at is None or caught_up_at - last_arrival < quiet:
        return []
    return [span for span in open_spans if span.end + windowing.lateness <= caught_up_at]
