"""The windows of one monitor: open panes and spans, and the frontier behind which everything is final."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any

import numpy as np

from pegel.data import spans
from pegel.data.instants import earliest, from_us, latest, to_us
from pegel.data.spans import Span
from pegel.errors import SetupError
from pegel.judge.event_counts import EventCounts
from pegel.spec.limits import ANSWER_WITHIN
from pegel.spec.monitor_spec import Windowing
from pegel.stats.layout import Layout
from pegel.stats.segments import Segments
from pegel.stream.answers import Answers, Settled
from pegel.stream.entries import LostSpan, SpanCount
from pegel.stream.known_events import KnownEvents
from pegel.stream.matched_panes import MatchedPanes
from pegel.stream.orphans import matched_later, orphans
from pegel.stream.panes import Pane, Unpack, merged, merged_explained, merged_segments
from pegel.stream.partial import Partial, answers_among, of_answers
from pegel.stream.segment_rows import meet

SegmentsOf = Callable[[str], tuple[Layout, Segments]]
"""Returns by baseline id in which cells rows are counted, and in which segments they lie. Raises what is wrong."""

STATE_VERSION = 7
"""Raised when open windows or their panes, written before, could no longer be read."""

MAX_OPEN_SPANS = 10_080
"""Spans of one monitor that are open at once: 7 days of minutes, so that a new monitor may read in one batch what a
quiet topic holds. Each is judged when it closes, in milliseconds: without a limit, odd times could hold up a batch."""


@dataclass(slots=True)
class MonitorWindows:
    """The windows of one monitor.

    `spans` maps the start of each open span to the baseline that was current when it opened, `revisions` to how often
    it changed. `frontier`: spans that end at or before it are final. `head` is the newest event time,
    `last_arrival` the processing time at which something last came. `cut_short` are spans that an earlier windowing
    made final before the frontier reached their end: no span may be told under their name again. `events`: what came of
    the monitor's events, by time of arrival, since a final span last took it along to be judged. `answers`: how far its
    requests are settled; until they are, closed panes are kept.
    """

    windowing: Windowing
    panes: dict[datetime, Pane] = field(default_factory=dict)
    spans: dict[datetime, str | None] = field(default_factory=dict)
    revisions: dict[datetime, int] = field(default_factory=dict)
    head: datetime | None = None
    frontier: datetime | None = None
    last_arrival: datetime | None = None
    cut_short: frozenset[Span] = frozenset()
    events: EventCounts = field(default_factory=EventCounts)
    answers: Answers = field(default_factory=Answers)

    def span(self, start: datetime) -> Span:
        """Return the span that starts at `start`."""
        return Span(start, start + self.windowing.length)

    def has_spans_of(self, windowing: Windowing) -> bool:
        """Say whether another windowing cuts time into the same spans and panes."""
        return (self.windowing.length, self.windowing.step) == (windowing.length, windowing.step)

    def followed_by(self, windowing: Windowing) -> MonitorWindows:
        """Return the windows of another windowing, for which every span that is open here is final."""
        open_spans = {self.span(start) for start in self.spans}
        return MonitorWindows(
            windowing,
            head=self.head,
            frontier=self.frontier,
            last_arrival=self.last_arrival,
            cut_short=self.cut_short | open_spans,
            events=self.events,
            # Of its panes none goes on.
            answers=replace(self.answers, in_time={}),
        )

    def open_and_closed(self, pane: datetime) -> tuple[list[Span], list[Span]]:
        """Return the spans of a pane that still take events, and those that are final; oldest first."""
        touching = spans.spans_of_pane(pane, self.windowing)
        closed = [span for span in touching if spans.is_closed(span, self.frontier) or span in self.cut_short]
        return [span for span in touching if span not in closed], closed

    def add(self, partial: Partial, open_spans: Iterable[Span], baseline_id: str | None, unpack: Unpack) -> None:
        """Add a partial to its pane, which has these open spans; those that it opens are judged by `baseline_id`."""
        for span in open_spans:
            self.spans.setdefault(span.start, baseline_id)
        self.panes.setdefault(partial.pane, Pane()).add(partial, unpack)
        self.answers.logged |= partial.has_responses
        self.answers.asked |= bool(partial.requests.size)

    def add_answers(self, partial: Partial) -> Partial | None:
        """Take the responses of a partial whose spans are final; return what was taken, None if nobody waits for it."""
        self.answers.logged |= partial.has_responses
        answers = answers_among(partial.responses, partial.rejected)
        if not answers.size or self.answers.is_over(partial.pane, self.windowing):
            return None
        taken = Partial(
            key=partial.key,
            pane_us=partial.pane_us,
            responses=answers,
            answered_at=of_answers(answers, partial.answered_at),
            answered_rows=of_answers(answers, partial.answered_rows),
        )
        self.panes.setdefault(partial.pane, Pane()).add_events(taken)
        return taken

    def meet(self, segments_of: SegmentsOf) -> None:
        """Count predictions in the segments of their requests, where both have come by now."""
        for baseline_id in {name for pane in self.panes.values() for name in pane.waiting}:
            panes = [pane for pane in self.panes.values() if baseline_id in pane.waiting]
            try:
                layout, segments = segments_of(baseline_id)
                own = [pane.segments.setdefault(baseline_id, {}) for pane in panes]
                meet([pane.waiting[baseline_id] for pane in panes], own, layout, segments)
            except Exception as error:  # noqa: BLE001 - a damaged document is its model's failure, told with its reason
                for pane in panes:
                    pane.damaged[baseline_id] = f"predictions by segment: {error!r:.300}"

    def settle(self, until: datetime, arrived_at: datetime, matched: MatchedPanes) -> Settled:
        """Settle the requests before `until`: see `Answers`. What came of them is an event that arrives now.

        Returns what to book of them: nothing of an endpoint that never logged an answer.
        """
        if self.frontier is None:
            return Settled()
        settled = self.answers.settle(self.panes, self.windowing, matched, frontier=self.frontier, until=until)
        if self.answers.asked:
            self._match(settled, arrived_at)
        if settled.asked_from is None or settled.asked_to is None:
            return settled
        if not self.answers.logged:
            self.events_at(arrived_at, odd=False).unlogged += settled.asked
            return Settled()
        events = self.events_at(arrived_at, odd=bool(settled.unanswered))
        events.asked += settled.asked
        events.asked_from = earliest(events.asked_from, settled.asked_from)
        events.asked_to = latest(events.asked_to, settled.asked_to)
        if settled.unanswered_from is not None:
            events.add({"unanswered": settled.unanswered})
            events.unanswered_from = earliest(events.unanswered_from, settled.unanswered_from)
        events.latencies.merge(settled.latencies)
        return settled

    def _match(self, settled: Settled, arrived_at: datetime) -> None:
        """Add what is known of responses whose requests, or which themselves, are in panes that are kept no longer."""
        leaving = set(self._over())
        reach = self.windowing.step + ANSWER_WITHIN
        settled.orphans = orphans(self.panes, leaving, reach)
        if settled.orphans:
            self.events_at(arrived_at, odd=False).orphans += sum(settled.orphans.values())
        settled.matched = matched_later(self.panes, leaving, reach)
        for start, responses in settled.matched.items():
            pane = self.panes[start]
            pane.matched = np.concatenate([pane.matched, responses])

    def _over(self) -> list[datetime]:
        """Return the starts of panes of which every span is final and every request settled."""
        # The newest span of a pane starts with it and ends last.
        closed = (start for start in self.panes if spans.is_closed(self.span(start), self.frontier))
        return [start for start in closed if self.answers.is_over(start, self.windowing)]

    def settled_when_idle(self, *, caught_up_at: datetime | None, frontier: datetime | None) -> datetime | None:
        """Return the instant before which all requests are settled because nothing more comes, or None.

        `frontier`: what ends at or before it is final by now.
        """
        if caught_up_at is None or self.last_arrival is None or frontier is None:
            return None
        if caught_up_at - self.last_arrival < ANSWER_WITHIN:
            return None
        return frontier if self.answers.are_due(self.panes, self.windowing, frontier=frontier) else None

    def make_room(self, panes: Iterable[datetime]) -> None:
        """Make the oldest spans final where events of these panes would open more than `MAX_OPEN_SPANS`.

        The newest stay open: those of the traffic that goes on.
        """
        starts = {span.start for pane in panes for span in self.open_and_closed(pane)[0]} | self.spans.keys()
        if len(starts) > MAX_OPEN_SPANS:
            self.advance(self.span(sorted(starts)[-MAX_OPEN_SPANS - 1]).end)

    def saw(self, head: datetime, arrived_at: datetime) -> None:
        """Remember the newest event time and that something came."""
        self.head = head if self.head is None else max(self.head, head)
        self.last_arrival = arrived_at

    def advance(self, frontier: datetime) -> None:
        """Move the frontier forward; it never moves back."""
        self.frontier = frontier if self.frontier is None else max(self.frontier, frontier)
        self.cut_short = frozenset(span for span in self.cut_short if not spans.is_closed(span, self.frontier))

    def reached(self, held_at: datetime | None) -> datetime | None:
        """Return the event time that the stream has come to; `held_at`: where a partition that lags stands, if any."""
        return self.head if self.head is None or held_at is None else min(self.head, held_at)

    def follow(self, reached: datetime) -> None:
        """Move the frontier to the watermark of an event time that every partition has come to."""
        self.advance(spans.watermark(reached, self.windowing))

    def due(self, *, caught_up_at: datetime | None) -> datetime | None:
        """Return how far the frontier may move although no later event came, or None."""
        if self.last_arrival is None:
            return None
        ended = spans.due_when_idle(
            [self.span(start) for start in self.spans],
            self.windowing,
            last_arrival=self.last_arrival,
            caught_up_at=caught_up_at,
        )
        return max((span.end for span in ended), default=None)

    def emit(
        self,
        key: str,
        matched: MatchedPanes,
        *,
        touched: Collection[datetime] = (),
        told: Collection[datetime] = (),
    ) -> list[SpanCount | LostSpan]:
        """Return what is new of the spans behind the frontier, which are final and forgotten, and of those to be told.

        `touched` are the spans that changed: each has a new revision, told or not, so that revisions are the same
        after any crash.
        """
        closed = {start for start in self.spans if spans.is_closed(self.span(start), self.frontier)}
        for start in closed.union(touched):
            self.revisions[start] = self.revisions.get(start, 0) + 1
        due = sorted(closed.union(told))
        emitted = [self._emitted(key, start, matched, final=start in closed) for start in due]
        for start in closed:
            del self.spans[start], self.revisions[start]
        return self._with_events(emitted)

    def events_at(self, arrived_at: datetime, *, odd: bool) -> EventCounts:
        """Return the counts to which events are added that came at an instant; `odd`: whether any of them is so.

        Where no span is open that would take them along, and none was odd, events that came in an earlier span of the
        clock are dropped first: weeks of others would make the share of odd ones small, and their span an old one. What
        is known of requests and answers stays whole: where traffic is rare, all are settled after their window was
        final, and the next window takes those of the last one along.
        """
        if self.events.odd:
            return self.events
        since, step = self.events.since, self.windowing.step
        if since is not None and not self.spans and spans.floor(since, step) < spans.floor(arrived_at, step):
            self.events = replace(self.events, received=0, group_received=0, since=None)
        self.events.since = arrived_at if odd else self.events.since or arrived_at
        return self.events

    def silent_span(self, now: datetime) -> Span | None:
        """Return the span without rows that has to tell of odd events, because there is no other; None: none has to.

        Events that are all late, or of no model, open no span, and somebody must hear of them all the same. It is the
        span of the time at which the first of them arrived, once that and the lateness have passed on the clock.
        """
        since = self.events.since
        if self.spans or since is None or not self.events.odd:
            return None
        span = self.span(spans.floor(since, self.windowing.step))
        return span if span.end + self.windowing.lateness <= now else None

    def tell_silent(self, key: str, span: Span) -> SpanCount:
        """Return a span without rows, with what came of events.

        Its revision is 0: should events of that time still come, its true revisions take its place.
        """
        events, self.events = self.events, EventCounts()
        return SpanCount(key=key, span=span, revision=0, final=True, baseline_id=None, summary=None, events=events)

    def drop_closed_panes(self) -> list[datetime]:
        """Forget panes of which every span is final and every request settled; return their starts."""
        over = self._over()
        for start, pane in self.panes.items():
            if spans.is_closed(self.span(start), self.frontier):
                pane.forget_counts()
                pane.known = KnownEvents()
        for start in over:
            del self.panes[start]
        return over

    def to_json(self) -> dict[str, Any]:
        """Return everything but the panes as plain JSON, the inverse of `from_json`."""
        return {
            "state_version": STATE_VERSION,
            "windowing": self.windowing.model_dump(mode="json"),
            "spans": [[to_us(start), baseline, self.revisions[start]] for start, baseline in self.spans.items()],
            "head_us": _us(self.head),
            "frontier_us": _us(self.frontier),
            "last_arrival_us": _us(self.last_arrival),
            "cut_short": sorted([to_us(span.start), to_us(span.end)] for span in self.cut_short),
            "events": self.events.to_json(),
            "answers": self.answers.to_json(),
        }

    @classmethod
    def from_json(cls, data: dict[str, Any]) -> MonitorWindows:
        """Read what `to_json` wrote. Raises SetupError for a state of another version."""
        if data.get("state_version") != STATE_VERSION:
            raise SetupError(
                f"expected open windows of state version {STATE_VERSION}, given {data.get('state_version')!r}: they "
                f"were written by another release. They cannot be continued; this model's windows begin anew."
            )
        return cls(
            windowing=Windowing.model_validate(data["windowing"]),
            spans={from_us(start): baseline for start, baseline, _ in data["spans"]},
            revisions={from_us(start): revision for start, _, revision in data["spans"]},
            head=_instant(data["head_us"]),
            frontier=_instant(data["frontier_us"]),
            last_arrival=_instant(data["last_arrival_us"]),
            cut_short=frozenset(Span(from_us(start), from_us(end)) for start, end in data["cut_short"]),
            events=EventCounts.from_json(data["events"]),
            answers=Answers.from_json(data["answers"]),
        )

    def _with_events(self, emitted: list[SpanCount | LostSpan]) -> list[SpanCount | LostSpan]:
        """Give the newest final span what came of events; with none, or a lost one, it is kept for the next."""
        for at in reversed(range(len(emitted))):
            count = emitted[at]
            if isinstance(count, SpanCount) and count.final:
                self.events.unasked = 0 if self.answers.asked else count.responses
                emitted[at] = replace(count, events=self.events)
                self.events = EventCounts()
                break
        return emitted

    def events_in(self, start: datetime) -> int:
        """Return how many events an open span has."""
        return sum(pane.events for pane in self._members(self.span(start)).values())

    def _members(self, span: Span) -> dict[datetime, Pane]:
        return {pane: self.panes[pane] for pane in spans.panes_of_span(span, self.windowing) if pane in self.panes}

    def _emitted(self, key: str, start: datetime, matched: MatchedPanes, *, final: bool) -> SpanCount | LostSpan:
        span, baseline_id = self.span(start), self.spans[start]
        members = self._members(span)
        reasons = [pane.damaged[baseline_id] for pane in members.values() if baseline_id in pane.damaged]
        if reasons:
            return LostSpan(key=key, span=span, final=final, reason=reasons[0])
        try:
            return self._count(key, span, members, baseline_id, matched, final=final)
        except Exception as error:  # noqa: BLE001 - a model's own parts run here; the span is told as lost, with this
            return LostSpan(key=key, span=span, final=final, reason=f"merging panes: {error!r:.300}")

    def _count(
        self,
        key: str,
        span: Span,
        members: dict[datetime, Pane],
        baseline_id: str | None,
        matched: MatchedPanes,
        *,
        final: bool,
    ) -> SpanCount:
        panes = members.values()
        return SpanCount(
            key=key,
            span=span,
            revision=self.revisions[span.start],
            final=final,
            baseline_id=baseline_id,
            summary=merged(panes, baseline_id),
            segments=merged_segments(panes, baseline_id) if final else {},
            requests=sum(pane.requests.size for pane in panes),
            responses=sum(pane.responses.size for pane in panes),
            joined=sum(matched.joined(start) for start in members),
            misfits=matched.misfits(members) if final else 0,
            rows=sum(pane.rows for pane in panes),
            duplicates=sum(pane.duplicates for pane in panes),
            invalid=sum(pane.invalid for pane in panes),
            clamped=sum(pane.clamped for pane in panes),
            logs_answers=self.answers.logged,
            logs_requests=self.answers.asked,
            explained=merged_explained(panes) if final else None,
        )


def _us(instant: datetime | None) -> int | None:
    return None if instant is None else to_us(instant)


def _instant(value: int | None) -> datetime | None:
    return None if value is None else from_us(value)
