"""One pane of one model: everything that arrived for it so far, added up."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from datetime import datetime

import numpy as np

from pegel.data.instants import to_us
from pegel.stats.summary import Summary
from pegel.stream.explained_counts import ExplainedCounts
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
from pegel.stream.segment_rows import WaitingRows

EXPLAINED = "explained rows"
"""Under which is told why there are no explained rows of a pane; no baseline is called so."""
Unpack = Callable[[str, bytes], Summary]
"""`unpack(baseline_id, data)` returns a packed summary under the layout of that baseline."""


@dataclass(slots=True)
class Pane:
    """Everything that arrived for one pane so far. `damaged`: why there is no summary by some baselines.

    `segments` and `waiting` are by baseline, as those of a `Partial`.

    The fields of single events are those of a `Partial`.
    """

    summaries: dict[str, Summary] = field(default_factory=dict)
    segments: dict[str, dict[str, Summary]] = field(default_factory=dict)
    waiting: dict[str, WaitingRows] = field(default_factory=dict)
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
    explained: ExplainedCounts | None = None
    """Of explained rows, their counts."""
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
        for baseline_id in {**partial.summaries, **partial.segments, **partial.waiting}:
            self._merge(baseline_id, partial, unpack)
        for baseline_id in self.damaged:
            self.summaries.pop(baseline_id, None)
            self.segments.pop(baseline_id, None)
            self.waiting.pop(baseline_id, None)
        if partial.explained:
            self._add_explained(partial, unpack)
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
            segments={
                baseline_id: {name: summary.to_bytes() for name, summary in parts.items()}
                for baseline_id, parts in self.segments.items()
            },
            waiting={baseline_id: rows.to_bytes() for baseline_id, rows in self.waiting.items() if rows},
            damaged=dict(self.damaged),
            **{name: getattr(self, name) for name in OF_EVENTS},
            rows=self.rows,
            duplicates=self.duplicates,
            clamped=self.clamped,
            unreadable=self.invalid,
            explained=b"" if self.explained is None else self.explained.to_bytes(),
        )

    def forget_counts(self) -> None:
        """Let go of what no open span needs: all counts, and answers that wait. Requests may still be asked for."""
        self.summaries.clear()
        self.segments.clear()
        self.explained = None
        for rows in self.waiting.values():
            rows.answered.clear()

    def _add_explained(self, partial: Partial, unpack: Unpack) -> None:
        """Add explained rows; they are counted by one baseline, because their panes are in one span each."""
        try:
            counts = ExplainedCounts.from_bytes(partial.explained, unpack)
            self.explained = self.explained or ExplainedCounts(counts.baseline_id)
            self.explained.merge(counts)
        except Exception as error:  # noqa: BLE001 - a damaged part is its model's failure; its span is told as lost
            self.damaged[EXPLAINED] = f"merging explained rows: {error!r:.300}"

    def _merge(self, baseline_id: str, partial: Partial, unpack: Unpack) -> None:
        if baseline_id in self.damaged:
            return
        try:
            if baseline_id in partial.summaries:
                _add(self.summaries, baseline_id, unpack(baseline_id, partial.summaries[baseline_id]))
            own = self.segments.setdefault(baseline_id, {}) if baseline_id in partial.segments else {}
            for name, data in partial.segments.get(baseline_id, {}).items():
                _add(own, name, unpack(baseline_id, data))
            if baseline_id in partial.waiting:
                rows = WaitingRows.from_bytes(partial.waiting[baseline_id])
                self.waiting.setdefault(baseline_id, WaitingRows()).add(rows)
        except Exception as error:  # noqa: BLE001 - a model's own parts run here; its spans are told as lost, with this
            self.damaged[baseline_id] = f"merging counts: {error!r:.300}"


def _add(summaries: dict[str, Summary], name: str, summary: Summary) -> None:
    if name in summaries:
        summaries[name].merge(summary)
    else:
        summaries[name] = summary


def merged_segments(panes: Iterable[Pane], baseline_id: str | None) -> dict[str, Summary]:
    """Return the panes' summaries of each segment under one baseline, added up; those of one pane as they are."""
    parts: dict[str, list[Summary]] = {}
    for pane in panes:
        for name, summary in pane.segments.get(baseline_id or "", {}).items():
            parts.setdefault(name, []).append(summary)
    return {name: each[0] if len(each) == 1 else Summary.total(each) for name, each in parts.items()}


def merged_explained(panes: Iterable[Pane]) -> ExplainedCounts | None:
    """Return the panes' explained rows, added up; None where there are none. Raises ValueError where some are lost."""
    whole: ExplainedCounts | None = None
    for pane in panes:
        if EXPLAINED in pane.damaged:
            raise ValueError(pane.damaged[EXPLAINED])
        if pane.explained is not None:
            whole = whole or ExplainedCounts(pane.explained.baseline_id)
            whole.merge(pane.explained)
    return whole


def merged(panes: Iterable[Pane], baseline_id: str | None) -> Summary | None:
    """Return the panes' summaries under one baseline, added up; None when there is none."""
    if baseline_id is None:
        return None
    parts = [pane.summaries[baseline_id] for pane in panes if baseline_id in pane.summaries]
    if len(parts) <= 1:
        return parts[0] if parts else None
    return Summary.total(parts)
