"""The window manager: a fold over what happened, so that the same history gives the same windows after any crash.

What happened is a sequence of batches of partial summaries, and of closings of spans that ended while the source was
silent. Nothing else changes the state, no clock is read, and both say what is new.

::

    events      . .. .  |  .. . .    .|. .           lateness L
    spans       [ span 1 )[ span 2    )[ span 3
    head                          ^ head - L >= end of span 1: span 1 is final, later rows for it are late;
                                    where a partition lags, its newest event stands in place of the head
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from datetime import datetime, timedelta
from itertools import islice

import numpy as np

from pegel.data.instants import EPOCH, from_us, to_us
from pegel.data.spans import Span, floor, spans_of_pane
from pegel.judge.event_counts import EventCounts
from pegel.spec.limits import ANSWER_WITHIN, OLDEST_RECORD
from pegel.spec.monitor_spec import Windowing
from pegel.spec.names import is_explained_key
from pegel.stream.answers import OTHER_ROWS
from pegel.stream.entries import Emissions, IdleClosing, LostSpan, PartialBatch, RepeatedEvents
from pegel.stream.known_events import KnownEvents
from pegel.stream.ledger_counts import InvalidCount, book, reasons
from pegel.stream.matched_panes import MatchedPanes
from pegel.stream.monitor_windows import MonitorWindows, SegmentsOf
from pegel.stream.outcomes import Outcomes
from pegel.stream.panes import Pane, Unpack
from pegel.stream.partial import KEY_OF_NOBODY, Ids, Partial

MOST_PROVISIONAL = 10
"""Provisional spans that one batch judges; each costs milliseconds. Where more have changed, those that have waited
longest come first: many models, or many slides, are told less often instead of holding up the batches of all."""
WORTH_TELLING = 1 / 64
"""By which part of its events a provisional span must have grown to be told again while others come: matching requests
and answers takes time in proportion to all of them."""
QUIET = timedelta(seconds=2)
"""How long nothing has to come before those that still wait are told without a batch."""


class WindowManager:
    """Windows of all monitors of a group."""

    def __init__(self, unpack: Unpack, segments_of: SegmentsOf | None = None) -> None:
        """Start with nothing; without `segments_of`, rows have no segments."""
        self._unpack = unpack
        self._segments_of = segments_of
        self.monitors: dict[str, MonitorWindows] = {}
        self.lost_panes: dict[str, datetime] = {}
        """The newest stored pane of each monitor whose open windows nobody can read."""
        self._untold: dict[tuple[str, datetime], None] = {}
        """Open spans, by monitor and start, that changed since they were told last; the first of these come first."""
        self._told: dict[tuple[str, datetime], int] = {}
        """How many events these had when they were told last."""

    @property
    def head(self) -> datetime | None:
        """Return the newest event time seen."""
        return max((windows.head for windows in self.monitors.values() if windows.head is not None), default=None)

    def apply(self, batch: PartialBatch) -> Emissions:
        """Take in one batch and return what is new."""
        out = Emissions()
        self._adopt(batch, out)
        self._make_room(batch)
        touched: dict[str, set[datetime]] = {}
        group = EventCounts()
        for partial in batch.partials:
            if partial.key in batch.monitors:
                touched.setdefault(partial.key, set()).update(self._add(partial, batch, out, group))
            else:
                # Nobody watches it, or nobody can read how: there is nothing to judge but that.
                booked = book(partial, out.ledger, out.invalid, late=False)
                group.group_received += booked.received
                if partial.key == KEY_OF_NOBODY:
                    odd = {"nobody": booked.invalid + booked.set_aside, "nobody_dropped": booked.dropped}
                    group.add(odd, {"nobody": reasons(partial)})
        self._move_heads(batch)
        self._tell_speakers(group, batch, out)
        for key in batch.answering & self.monitors.keys():
            self.monitors[key].answers.logged = True
            out.changed.add(key)
        of_rows = {key: starts for key, starts in touched.items() if not batch.monitors[key].is_explained}
        self._untold |= {(key, start): None for key, starts in of_rows.items() for start in sorted(starts)}
        told = self._told_now()
        for key, windows in self.monitors.items():
            if key in touched and self._segments_of is not None:
                windows.meet(self._segments_of)
            matched = MatchedPanes(windows.panes)
            reached = windows.reached(batch.held_at.get(key))
            if reached is not None:
                windows.follow(reached)
                self._settle(key, reached - ANSWER_WITHIN, batch.arrived_at, matched, out)
            self._emit(key, matched, out, touched=touched.get(key, set()), told=told.get(key, set()))
        return out

    def close(self, closing: IdleClosing) -> Emissions:
        """Make spans final because nothing more comes, and return what is new."""
        out = Emissions()
        for key, frontier in closing.frontiers.items():
            self.monitors[key].advance(frontier)
        told = self._told_now(is_quiet=True) if closing.is_quiet else {}
        for key in sorted(closing.frontiers.keys() | closing.settled.keys() | told.keys()):
            matched = MatchedPanes(self.monitors[key].panes)
            if key in closing.settled:
                self._settle(key, closing.settled[key], closing.at, matched, out)
            self._emit(key, matched, out, told=told.get(key, set()))
            out.changed.add(key)
        for key, span in closing.silent.items():
            out.spans.append(self.monitors[key].tell_silent(key, span))
            out.changed.add(key)
        return out

    def restore_pane(self, partial: Partial) -> None:
        """Add a stored part to its pane; nothing is new by that."""
        windows = self.monitors.get(partial.key)
        if windows is not None:
            pane = windows.panes.setdefault(partial.pane, Pane())
            pane.add(partial, self._unpack)
            pane.parts += 1

    def damage_pane(self, key: str, start: datetime, reason: str) -> None:
        """Note that a stored part of a pane cannot be read: no span that it belongs to can be told."""
        windows = self.monitors[key]
        pane = windows.panes.setdefault(start, Pane())
        pane.parts += 1
        pane.damaged |= {baseline: reason for baseline in windows.spans.values() if baseline is not None}

    def forget_what_was_told(self) -> None:
        """Let every open span wait to be told: of a state that was restored nobody knows what its last rows said.

        What had met before meets again: of an answer that waited, its pane keeps the rows, not that they were counted.
        """
        if self._segments_of is not None:
            for windows in self.monitors.values():
                windows.meet(self._segments_of)
        of_rows = {key: windows for key, windows in self.monitors.items() if not is_explained_key(key)}
        self._untold = {(key, start): None for key, windows in of_rows.items() for start in sorted(windows.spans)}

    def repeated(self, partials: Iterable[Partial]) -> RepeatedEvents:
        """Return which events of a batch were seen before, here or in another of its partials.

        Copies of an event have its event time, so each pane is searched alone. What falls into a closed pane is late,
        whether a copy or not, and is not searched.
        """
        known: dict[tuple[str, datetime], Ids] = {}
        arrived: dict[tuple[str, datetime], Ids] = {}
        split = False
        for partial in partials:
            where, ids = (partial.key, partial.pane), partial.ids
            before = arrived.get(where)
            split = split or (before is not None and np.intersect1d(ids, before).size > 0)
            arrived[where] = ids if before is None else np.concatenate([before, ids])
        for where, ids in arrived.items():
            again = self._known(*where).among(ids)
            if again.size:
                known[where] = again
        return RepeatedEvents(known, split)

    def due(
        self, *, now: datetime, caught_up_at: datetime | None, unreadable: Collection[str] = ()
    ) -> IdleClosing | None:
        """Return the closing that is due although no later event came, or None. Changes nothing.

        `caught_up_at` is when the source was last known to be read to its very end; None while it lags. Of monitors in
        `unreadable` nothing is due.
        """
        due = {
            key: windows.due(caught_up_at=caught_up_at)
            for key, windows in self.monitors.items()
            if key not in unreadable
        }
        frontiers = {key: frontier for key, frontier in due.items() if frontier is not None}
        telling = {key: self.monitors[key].silent_span(now) for key in due}
        silent = {key: span for key, span in telling.items() if span is not None}
        settling = {
            key: self.monitors[key].settled_when_idle(
                caught_up_at=caught_up_at, frontier=frontier or self.frontier(key)
            )
            for key, frontier in due.items()
        }
        settled = {key: until for key, until in settling.items() if until is not None}
        arrivals = [windows.last_arrival for windows in self.monitors.values() if windows.last_arrival is not None]
        is_quiet = bool(self._untold and arrivals) and now - max(arrivals) >= QUIET
        if not (frontiers or settled or silent or is_quiet):
            return None
        return IdleClosing(at=now, frontiers=frontiers, settled=settled, silent=silent, is_quiet=is_quiet)

    def open_spans(self, key: str, windowing: Windowing) -> Mapping[datetime, str | None]:
        """Return the spans of a monitor that stay open under a windowing, by start, with the baseline of each."""
        windows = self.monitors.get(key)
        return dict(windows.spans) if windows and windows.has_spans_of(windowing) else {}

    def frontier(self, key: str) -> datetime | None:
        """Return the instant of a monitor at or before which every span that ends is final; None: none is."""
        windows = self.monitors.get(key)
        return windows.frontier if windows else None

    def _make_room(self, batch: PartialBatch) -> None:
        """Bound the open spans of each monitor: what a batch brings for older ones is late."""
        panes: dict[str, set[datetime]] = {}
        for partial in batch.partials:
            if partial.key in batch.monitors:
                panes.setdefault(partial.key, set()).add(partial.pane)
        for key, own in panes.items():
            self.monitors[key].make_room(own)

    def _move_heads(self, batch: PartialBatch) -> None:
        """Move the head of each monitor to its newest event, and to the present at most.

        Events dated in the future say nothing of how far the stream has come: where there are others, these say it. A
        backlog would be late as a whole for the sake of one wrong clock. Where there are only such, it is the present.
        Where nothing but notices of losses came, nothing is known of how far the stream is.
        """
        heads: dict[str, list[datetime]] = {}
        for partial in batch.partials:
            if partial.key in batch.monitors and (partial.has_ahead or partial.head_us is not None):
                own = heads.setdefault(partial.key, [])
                own += [] if partial.head_us is None else [from_us(partial.head_us)]
        for key, own in heads.items():
            self.monitors[key].saw(max(own, default=batch.arrived_at), batch.arrived_at)

    def _tell_speakers(self, group: EventCounts, batch: PartialBatch, out: Emissions) -> None:
        """Give the events of the group to the monitors with whose own they are judged."""
        if not group.group_received:
            return
        for key in (key for key, model in batch.monitors.items() if model.speaks_for_group):
            events = self.monitors[key].events_at(batch.arrived_at, odd=any(group.odd.values()))
            events.group_received += group.group_received
            events.add(group.odd, group.reasons)
            out.changed.add(key)

    def _known(self, key: str, start: datetime) -> KnownEvents:
        windows = self.monitors.get(key)
        # A closed pane is kept until its requests are settled; what falls into it is late.
        pane = windows.panes.get(start) if windows and windows.open_and_closed(start)[0] else None
        return KnownEvents() if pane is None else pane.known

    def _settle(self, key: str, until: datetime, at: datetime, matched: MatchedPanes, out: Emissions) -> None:
        settled = self.monitors[key].settle(until, at, matched)
        for minute, booked in settled.minutes.items():
            out.ledger.setdefault((key, minute), Outcomes()).add(booked)
        for minute, misfits in settled.misfits.items():
            told = out.invalid.setdefault((key, minute, OTHER_ROWS), InvalidCount(sample=misfits.sample))
            told.count += misfits.count
        for minute, orphans in settled.orphans.items():
            out.ledger.setdefault((key, minute), Outcomes()).orphans += orphans
        for start, responses in settled.matched.items():
            noted = Partial(key=key, pane_us=to_us(start), matched=responses)
            out.touched.setdefault((key, start), []).append(noted)

    def _told_now(self, *, is_quiet: bool = False) -> dict[str, set[datetime]]:
        """Return the provisional spans whose turn it is to be told, by monitor."""
        own = self.monitors
        self._untold = {(key, at): None for key, at in self._untold if key in own and at in own[key].spans}
        self._told = {where: events for where, events in self._told.items() if where[0] in own}
        waiting = (where for where in self._untold if is_quiet or self._has_grown(*where))
        told: dict[str, set[datetime]] = {}
        for key, start in islice(waiting, MOST_PROVISIONAL):
            told.setdefault(key, set()).add(start)
        return told

    def _has_grown(self, key: str, start: datetime) -> bool:
        told = self._told.get((key, start), 0)
        return self.monitors[key].events_in(start) - told >= told * WORTH_TELLING

    def _emit(
        self,
        key: str,
        matched: MatchedPanes,
        out: Emissions,
        *,
        touched: Collection[datetime] = (),
        told: Collection[datetime] = (),
    ) -> None:
        windows = self.monitors[key]
        for emitted in windows.emit(key, matched, touched=touched, told=told):
            where = (key, emitted.span.start)
            self._untold.pop(where, None)
            if emitted.final:
                self._told.pop(where, None)
            else:
                self._told[where] = windows.events_in(emitted.span.start)
            if isinstance(emitted, LostSpan):
                out.lost.append(emitted)
            else:
                out.spans.append(emitted)
        for start in windows.drop_closed_panes():
            out.touched.pop((key, start), None)
            out.closed_panes.append((key, start))

    def _adopt(self, batch: PartialBatch, out: Emissions) -> None:
        """Begin to watch new monitors, drop those that are gone, and cut short the spans of a changed windowing.

        Another lateness alone leaves every span as it is, to be closed sooner or later.
        """
        for key in sorted(set(self.monitors) - set(batch.monitors) - batch.unreadable):
            del self.monitors[key]
            out.gone.append(key)
        for key, model in batch.monitors.items():
            windows = self.monitors.get(key)
            if windows is None:
                self.monitors[key] = self._fresh(key, model.windowing, batch.arrived_at)
            elif windows.windowing != model.windowing:
                out.changed.add(key)
                if windows.has_spans_of(model.windowing):
                    windows.windowing = model.windowing
                else:
                    followers = windows.followed_by(model.windowing)
                    self._cut_short(key, out)
                    self.monitors[key] = followers

    def _fresh(self, key: str, windowing: Windowing, now: datetime) -> MonitorWindows:
        """Return windows in which nothing is open. Spans of which a part was lost stay closed: more of them is late."""
        windows = MonitorWindows(windowing, frontier=now - OLDEST_RECORD)
        lost = self.lost_panes.pop(key, None)
        if lost is not None:
            windows.advance(spans_of_pane(floor(lost, windowing.step), windowing)[-1].end)
        return windows

    def _cut_short(self, key: str, out: Emissions) -> None:
        """Make the open spans of a monitor final with what they have."""
        windows = self.monitors[key]
        windows.advance(max((windows.span(start).end for start in windows.spans), default=EPOCH))
        self._emit(key, MatchedPanes(windows.panes), out)
        out.closed_panes += [(key, start) for start in windows.panes]

    def _add(self, partial: Partial, batch: PartialBatch, out: Emissions, group: EventCounts) -> set[datetime]:
        """Add one partial, its events also to those of the group; return the starts of the open spans it touched."""
        windows = self.monitors[partial.key]
        out.changed.add(partial.key)
        open_spans, closed = windows.open_and_closed(partial.pane)
        readable = sum(count.judged for count in partial.minutes.values())
        for span in closed if readable else []:
            out.late[partial.key, span] = out.late.get((partial.key, span), 0) + readable
        booked = book(partial, out.ledger, out.invalid, late=not open_spans)
        if batch.monitors[partial.key].is_explained:
            return self._take_in(partial, open_spans, batch, out)
        group.group_received += booked.received
        odd = {name: getattr(booked, name) for name in ("invalid", "late", "duplicate", "dropped")}
        odd["ahead"], odd["failed_look_ups"] = partial.clamped, sum(booked.replaced.values())
        events = windows.events_at(batch.arrived_at, odd=any(odd.values()))
        events.received += booked.received
        events.add(odd, {"invalid": reasons(partial), "failed_look_ups": booked.replaced})
        if not open_spans and (answers := windows.add_answers(partial)) is not None:
            out.touched.setdefault((partial.key, partial.pane), []).append(answers)
        return self._take_in(partial, open_spans, batch, out)

    def _take_in(
        self, partial: Partial, open_spans: Collection[Span], batch: PartialBatch, out: Emissions
    ) -> set[datetime]:
        """Add a partial to its pane, if any span of it is open; return the starts of these."""
        windows = self.monitors[partial.key]
        if open_spans:
            windows.add(partial, open_spans, batch.monitors[partial.key].baseline_id, self._unpack)
            out.outliers += [(partial.key, outlier) for outlier in partial.outliers]
            out.touched.setdefault((partial.key, partial.pane), []).append(partial)
        return {span.start for span in open_spans}
