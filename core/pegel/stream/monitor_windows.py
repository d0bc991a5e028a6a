"""The windows of one monitor: open panes and spans, and the frontier behind which everything is final."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime

from pegel.data import spans
from pegel.data.spans import Span
from pegel.spec.monitor_spec import Windowing
from pegel.stream.entries import Closing, SpanCount
from pegel.stream.panes import Pane, Unpack, joined, merged
from pegel.stream.partial import Partial


@dataclass(slots=True)
class Watched:
    """The windows of one monitor.

    `spans` maps the start of each open span to the baseline that was current when it opened, `revisions` to how often
    it was emitted. `late` counts events that came after their span was final. `frontier`: spans that end at or before
    it are final. `head` is the newest event time, `last_arrival` the processing time at which something last came.
    """

    windowing: Windowing
    panes: dict[datetime, Pane] = field(default_factory=dict)
    spans: dict[datetime, str | None] = field(default_factory=dict)
    revisions: dict[datetime, int] = field(default_factory=dict)
    late: dict[datetime, int] = field(default_factory=dict)
    head: datetime | None = None
    frontier: datetime | None = None
    last_arrival: datetime | None = None

    def span(self, start: datetime) -> Span:
        """Return the span that starts at `start`."""
        return Span(start, start + self.windowing.length)

    def open_and_closed(self, pane: datetime) -> tuple[list[Span], list[Span]]:
        """Return the spans of a pane that still take events, and those that are final."""
        touching = spans.spans_of_pane(pane, self.windowing)
        closed = [span for span in touching if spans.is_closed(span, self.frontier)]
        return [span for span in touching if span not in closed], closed

    def add(self, partial: Partial, baseline_id: str | None, unpack: Unpack) -> None:
        """Add a partial to its pane; the open spans that it opens are judged by `baseline_id`."""
        for span in self.open_and_closed(partial.pane)[0]:
            self.spans.setdefault(span.start, baseline_id)
        self.panes.setdefault(partial.pane, Pane()).add(partial, unpack)

    def saw(self, head: datetime, arrived_at: datetime) -> None:
        """Remember the newest event time and that something came."""
        self.head = head if self.head is None else max(self.head, head)
        self.last_arrival = arrived_at

    def advance(self, frontier: datetime) -> None:
        """Move the frontier forward; it never moves back."""
        self.frontier = frontier if self.frontier is None else max(self.frontier, frontier)

    def follow_head(self) -> None:
        """Move the frontier to the watermark."""
        if self.head is not None:
            self.advance(spans.watermark(self.head, self.windowing))

    def due(self, *, now: datetime, caught_up_at: datetime | None) -> datetime | None:
        """Return how far the frontier may move although no later event came, or None."""
        if self.last_arrival is None:
            return None
        ended = spans.due_when_idle(
            [self.span(start) for start in self.spans],
            self.windowing,
            now=now,
            last_arrival=self.last_arrival,
            caught_up_at=caught_up_at,
        )
        return max((span.end for span in ended), default=None)

    def emit(self, key: str, touched: set[datetime]) -> list[SpanCount]:
        """Return what is new of the touched spans and of those behind the frontier; these are final and forgotten."""
        closed = {start for start in self.spans if spans.is_closed(self.span(start), self.frontier)}
        out = []
        for start in sorted(touched | closed):
            self.revisions[start] = self.revisions.get(start, 0) + 1
            out.append(self._count(key, start, final=start in closed))
        for start in closed:
            del self.spans[start], self.revisions[start]
        self.panes = {pane: content for pane, content in self.panes.items() if self.open_and_closed(pane)[0]}
        return out

    def forget_late(self, before: datetime) -> None:
        """Forget late counts of spans that start before `before`."""
        self.late = {start: count for start, count in self.late.items() if start >= before}

    def _count(self, key: str, start: datetime, *, final: bool) -> SpanCount:
        span, baseline_id = self.span(start), self.spans[start]
        members = [self.panes[pane] for pane in spans.panes_of_span(span, self.windowing) if pane in self.panes]
        return SpanCount(
            key=key,
            span=span,
            revision=self.revisions[start],
            final=final,
            baseline_id=baseline_id,
            summary=merged(members, baseline_id),
            requests=sum(pane.requests.size for pane in members),
            responses=sum(pane.responses.size for pane in members),
            # A response may lie in a later pane than its request, so all open panes are searched for it.
            joined=joined((pane.requests for pane in members), (pane.responses for pane in self.panes.values())),
            rows=sum(pane.rows for pane in members),
            duplicates=sum(pane.duplicates for pane in members),
            invalid=sum(pane.invalid for pane in members),
            clamped=sum(pane.clamped for pane in members),
        )


def closing(watched: dict[str, Watched], after: int, *, now: datetime, caught_up_at: datetime | None) -> Closing | None:
    """Return the closing that is due, over all monitors, or None."""
    found = {key: one.due(now=now, caught_up_at=caught_up_at) for key, one in watched.items()}
    frontiers = {key: frontier for key, frontier in found.items() if frontier is not None}
    return Closing(id=after, frontiers=frontiers) if frontiers else None
