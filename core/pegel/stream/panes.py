"""One pane of one model: everything that arrived for it so far, added up."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from datetime import datetime

import numpy as np

from pegel.data.instants import to_us
from pegel.stats.summary import Summary
from pegel.stream.known_events import KnownEvents
from pegel.stream.partial import (
    OF_EVENTS,
    Ids,
    Instants,
    Partial,
    RowCounts,
    no_counts,
    no_ids,
    no_instants,
)

Unpack = Callable[[str, bytes], Summary]
"""`unpack(baseline_id, data)` returns a packed summary under the layout of that baseline."""


@dataclass(slots=True)
class Pane:
    """Everything that arrived for one pane so far. `damaged`: why there is no summary by some baselines.

    The fields of single events are those of a `Partial`.
    """

    summaries: dict[str, Summary] = field(default_factory=dict)
    damaged: dict[str, str] = field(default_factory=dict)
    requests: Ids = field(default_factory=no_ids)
    asked_at: Instants = field(default_factory=no_instants)
    asked_rows: RowCounts = field(default_factory=no_counts)
    responses: Ids = field(default_factory=no_ids)
    answered_at: Instants = field(default_factory=no_instants)
    answered_rows: RowCounts = field(default_factory=no_counts)
    empty: Ids = field(default_factory=no_ids)
    rejected: Ids = field(default_factory=no_ids)
    matched: Ids = field(default_factory=no_ids)
    rows: int = 0
    duplicates: int = 0
    clamped: int = 0
    invalid: int = 0
    parts: int = 0
    """How many parts the database holds of it."""
    known: KnownEvents = field(default_factory=KnownEvents)
    """All events in here, to be searched for copies."""

    @property
    def events(self) -> int:
        """Return how many events are in here."""
        return self.requests.size + self.responses.size + self.empty.size + self.rejected.size

    def add(self, partial: Partial, unpack: Unpack) -> None:
        """Add what a task saw of this pane. None of its events may be in here already."""
        self.damaged |= partial.damaged
        for baseline_id, data in partial.summaries.items():
            self._merge(baseline_id, data, unpack)
        for baseline_id in self.damaged:
            self.summaries.pop(baseline_id, None)
        self.add_events(partial)
        self.rows += partial.rows
        self.duplicates += partial.duplicates
        self.clamped += partial.clamped
        self.invalid += partial.unreadable

    def add_events(self, partial: Partial) -> None:
        """Add the single events of a partial, and nothing of their counts."""
        for name in OF_EVENTS:
            setattr(self, name, np.concatenate([getattr(self, name), getattr(partial, name)]))
        self.known.add(partial.ids)

    def to_partial(self, key: str, start: datetime) -> Partial:
        """Return the pane as the one partial that would have filled it; its records are booked already."""
        return Partial(
            key=key,
            pane_us=to_us(start),
            summaries={baseline_id: summary.to_bytes() for baseline_id, summary in self.summaries.items()},
            damaged=dict(self.damaged),
            **{name: getattr(self, name) for name in OF_EVENTS},
            rows=self.rows,
            duplicates=self.duplicates,
            clamped=self.clamped,
            unreadable=self.invalid,
        )

    def _merge(self, baseline_id: str, data: bytes, unpack: Unpack) -> None:
        if baseline_id in self.damaged:
            return
        try:
            summary = unpack(baseline_id, data)
            if baseline_id in self.summaries:
                self.summaries[baseline_id].merge(summary)
            else:
                self.summaries[baseline_id] = summary
        except Exception as error:  # noqa: BLE001 - a model's own parts run here; its spans are told as lost, with this
            self.damaged[baseline_id] = f"merging counts: {error!r:.300}"


def merged(panes: Iterable[Pane], baseline_id: str | None) -> Summary | None:
    """Return the panes' summaries under one baseline, added up; None when there is none."""
    if baseline_id is None:
        return None
    parts = [pane.summaries[baseline_id] for pane in panes if baseline_id in pane.summaries]
    if len(parts) <= 1:
        return parts[0] if parts else None
    return Summary.total(parts)
