"""Which spans there are in an interval, and which windows make one: each instant once, however windows overlap."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta
from typing import Protocol, TypeVar

from pegel.data.instants import EPOCH
from pegel.data.spans import Span, floor
from pegel.spec.rhythms import Rhythm


class HasSpan(Protocol):
    """What covers a span."""

    @property
    def span(self) -> Span:
        """Return it."""
        ...


W = TypeVar("W", bound=HasSpan)


def span_at(rhythm: Rhythm, instant: datetime) -> Span:
    """Return the long span of a rhythm that holds an instant.

    >>> from datetime import UTC
    >>> span_at(Rhythm.WEEK, datetime(2026, 11, 29, 13, tzinfo=UTC)).start.strftime("%A %d")
    'Monday 23'
    """
    start = floor(instant - rhythm.offset, rhythm.length) + rhythm.offset
    return Span(start, start + rhythm.length)


def ended_spans(rhythm: Rhythm, start: datetime, end: datetime, *, now: datetime) -> list[Span]:
    """Return the spans that share an instant with [start, end) and are over by `now`, oldest first."""
    found = []
    span = span_at(rhythm, start)
    while span.start < end and span.end <= now:
        found.append(span)
        span = Span(span.end, span.end + rhythm.length)
    return found


def tiles(windows: Iterable[W], span: Span, length: timedelta) -> list[W]:
    """Return the windows that tile a span, in order of time: of overlapping ones those on the grid of their length.

    `length`: of a window. One of another length, from before the windowing changed, is taken where it lies in the span
    and shares no instant with one that is taken already, those of the given length first.
    """
    inside = [one for one in windows if span.start <= one.span.start and one.span.end <= span.end]
    on_grid = [
        one for one in inside if one.span.end - one.span.start == length and not (one.span.start - EPOCH) % length
    ]
    if len(on_grid) == len(inside):
        return sorted(on_grid, key=lambda one: one.span.start)
    taken = sorted((one.span.start, one.span.end) for one in on_grid)
    # The longest of the others first, so that what they leave is as little as possible.
    others = sorted(
        (one for one in inside if one.span.end - one.span.start != length),
        key=lambda one: (one.span.start - one.span.end, one.span.start),
    )
    chosen: list[W] = list(on_grid)
    for one in others:
        # What is taken is disjoint: only its neighbours could share an instant with it.
        at = bisect_left(taken, (one.span.start, one.span.end))
        if (not at or taken[at - 1][1] <= one.span.start) and (at == len(taken) or one.span.end <= taken[at][0]):
            taken.insert(at, (one.span.start, one.span.end))
            chosen.append(one)
    return sorted(chosen, key=lambda one: one.span.start)


def cover(spans: Sequence[Span]) -> Span:
    """Return the span from the begin of the first of some spans, at least one, to the end of the last."""
    return Span(min(span.start for span in spans), max(span.end for span in spans))
