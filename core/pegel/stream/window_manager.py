"""The window manager: a fold over what happened, so that the same history gives the same windows after any crash.

What happened is a sequence of two kinds of entry: a `Batch` of partial summaries, and a `Closing` of spans that ended
while the source was silent. Nothing else changes the state, no clock is read, and `apply` says what is new since the
entry before.

::

    events      . .. .  |  .. . .    .|. .           lateness L
    spans       [ span 1 )[ span 2    )[ span 3
    head                          ^ head - L >= end of span 1: span 1 is final, later rows for it are late
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import datetime

import numpy as np

from pegel.data.instants import DAY, EPOCH
from pegel.stream.entries import Batch, Closing, Emissions, Entry, Monitored, Repeated
from pegel.stream.ledger import Ledger
from pegel.stream.monitor_windows import Watched, closing
from pegel.stream.panes import Unpack
from pegel.stream.partial import Ids, Partial, no_ids


class WindowManager:
    """Windows of all monitors of a group."""

    def __init__(self, unpack: Unpack) -> None:
        """Start with nothing."""
        self._unpack = unpack
        self.watched: dict[str, Watched] = {}
        self.ledger = Ledger()
        self.last_batch = -1

    @property
    def head(self) -> datetime | None:
        """Return the newest event time seen."""
        return self.ledger.head

    def apply(self, entry: Entry) -> Emissions:
        """Take in one entry of the history and return what is new."""
        self.ledger.settle()
        out = self._take(entry) if isinstance(entry, Batch) else self._close(entry)
        if self.head is not None:
            for watched in self.watched.values():
                watched.forget_late(self.head - DAY)
        out.ledger = {key: self.ledger.minutes[key] for key in sorted(self.ledger.changed)}
        out.invalid = {key: self.ledger.invalid[key] for key in sorted(self.ledger.changed_invalid)}
        return out

    def repeated(self, partials: Iterable[Partial]) -> Repeated:
        """Return which events of a batch were seen before, here or in another of its partials.

        Copies of an event have its event time, so each pane is searched alone. What falls into a closed pane is late,
        whether a copy or not, and is not searched.
        """
        found: dict[tuple[str, datetime], Ids] = {}
        arrived: dict[tuple[str, datetime], Ids] = {}
        split = False
        for partial in partials:
            where, ids = (partial.key, partial.pane), partial.ids
            split = split or np.intersect1d(ids, arrived.get(where, no_ids())).size > 0
            arrived[where] = np.concatenate([arrived.get(where, no_ids()), ids])
        for where, ids in arrived.items():
            again = np.intersect1d(ids, self._ids(*where))
            if again.size:
                found[where] = again
        return Repeated(found, split)

    def due(self, *, now: datetime, caught_up_at: datetime | None) -> Closing | None:
        """Return the closing that is due although no later event came, or None. Changes nothing.

        `caught_up_at` is when the source was last known to be read to its very end; None while it lags.
        """
        return closing(self.watched, self.last_batch, now=now, caught_up_at=caught_up_at)

    def pinned(self, key: str) -> Mapping[datetime, str | None]:
        """Return the open spans of a monitor by start, each with the baseline it is judged by."""
        watched = self.watched.get(key)
        return dict(watched.spans) if watched else {}

    def _ids(self, key: str, pane: datetime) -> Ids:
        watched = self.watched.get(key)
        found = watched.panes.get(pane) if watched else None
        return no_ids() if found is None else found.ids

    def _take(self, batch: Batch) -> Emissions:
        self.last_batch = batch.id
        out = Emissions()
        self._adopt(batch.monitors, out)
        touched: dict[str, set[datetime]] = {}
        for partial in batch.partials:
            if partial.key in self.watched:
                touched.setdefault(partial.key, set()).update(self._add(partial, batch, out))
            else:
                # Nobody watches it: all its events are invalid or dropped, there is nothing to judge.
                self.ledger.book(partial, late=False)
        for key, watched in self.watched.items():
            watched.follow_head()
            out.spans += watched.emit(key, touched.get(key, set()))
        return out

    def _close(self, entry: Closing) -> Emissions:
        out = Emissions()
        for key, frontier in entry.frontiers.items():
            self.watched[key].advance(frontier)
            out.spans += self.watched[key].emit(key, set())
        return out

    def _adopt(self, monitors: Mapping[str, Monitored], out: Emissions) -> None:
        """Begin to watch new monitors, drop those that are gone, and cut short the spans of a changed windowing."""
        for key in set(self.watched) - set(monitors):
            del self.watched[key]
            self.ledger.forget(key)
        for key, monitored in monitors.items():
            watched = self.watched.get(key)
            if watched is not None and watched.windowing != monitored.windowing:
                watched.advance(max((watched.span(start).end for start in watched.spans), default=EPOCH))
                out.spans += watched.emit(key, set())
                watched = None
            if watched is None:
                self.watched[key] = Watched(monitored.windowing)

    def _add(self, partial: Partial, batch: Batch, out: Emissions) -> set[datetime]:
        """Add one partial and return the starts of the open spans it touched."""
        watched = self.watched[partial.key]
        watched.saw(partial.head, batch.arrived_at)
        open_spans, closed = watched.open_and_closed(partial.pane)
        readable = sum(count.valid for count in partial.minutes.values())
        for span in closed if readable else []:
            watched.late[span.start] = watched.late.get(span.start, 0) + readable
            out.late[partial.key, span] = watched.late[span.start]
        self.ledger.book(partial, late=not open_spans)
        if open_spans:
            watched.add(partial, batch.monitors[partial.key].baseline_id, self._unpack)
            out.outliers += [(partial.key, outlier) for outlier in partial.outliers]
        return {span.start for span in open_spans}
