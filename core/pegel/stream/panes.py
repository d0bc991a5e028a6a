"""One pane of one model: everything that arrived for it so far, added up."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from datetime import datetime

import numpy as np
from numpy.typing import NDArray

from pegel.data.instants import to_us
from pegel.stats.summary import Summary
from pegel.stream.partial import RESPONSE, Ids, Partial, Seconds, answers_among, no_ids, no_seconds

Unpack = Callable[[str, bytes], Summary]
"""`unpack(baseline_id, data)` returns a packed summary under the layout of that baseline."""


@dataclass(slots=True)
class Pane:
    """Everything that arrived for one pane so far. `damaged`: why there is no summary by some baselines."""

    summaries: dict[str, Summary] = field(default_factory=dict)
    damaged: dict[str, str] = field(default_factory=dict)
    requests: Ids = field(default_factory=no_ids)
    asked_at: Seconds = field(default_factory=no_seconds)
    responses: Ids = field(default_factory=no_ids)
    empty: Ids = field(default_factory=no_ids)
    rejected: Ids = field(default_factory=no_ids)
    rows: int = 0
    duplicates: int = 0
    clamped: int = 0
    invalid: int = 0
    parts: int = 0
    """How many parts the database holds of it."""

    @property
    def ids(self) -> Ids:
        """Return the identities of all events in here."""
        return np.concatenate([self.requests, self.responses, self.empty, self.rejected])

    def add(self, partial: Partial, unpack: Unpack) -> None:
        """Add what a task saw of this pane. None of its events may be in here already."""
        self.damaged |= partial.damaged
        for baseline_id, data in partial.summaries.items():
            self._merge(baseline_id, data, unpack)
        for baseline_id in self.damaged:
            self.summaries.pop(baseline_id, None)
        self.requests = np.concatenate([self.requests, partial.requests])
        self.asked_at = np.concatenate([self.asked_at, partial.asked_at])
        self.responses = np.concatenate([self.responses, partial.responses])
        self.empty = np.concatenate([self.empty, partial.empty])
        self.rejected = np.concatenate([self.rejected, partial.rejected])
        self.rows += partial.rows
        self.duplicates += partial.duplicates
        self.clamped += partial.clamped
        self.invalid += partial.unreadable

    def to_partial(self, key: str, start: datetime) -> Partial:
        """Return the pane as the one partial that would have filled it; its records are booked already."""
        return Partial(
            key=key,
            pane_us=to_us(start),
            summaries={baseline_id: summary.to_bytes() for baseline_id, summary in self.summaries.items()},
            damaged=dict(self.damaged),
            requests=self.requests,
            asked_at=self.asked_at,
            responses=self.responses,
            empty=self.empty,
            rejected=self.rejected,
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


def answered_events(panes: Iterable[Pane]) -> Ids:
    """Return which events have a response in one of the panes, an unreadable one included, sorted; for `joined`."""
    answers = [answers_among(pane.responses, pane.rejected) for pane in panes]
    return np.sort(np.concatenate([no_ids(), *answers]) >> RESPONSE)


def has_answer(requests: Ids, answered: Ids) -> NDArray[np.bool_]:
    """Return of each request whether its response is among the sorted `answered`."""
    asked = requests >> RESPONSE
    before, after = (np.searchsorted(answered, asked, side=side) for side in ("left", "right"))
    has: NDArray[np.bool_] = after > before
    return has


def joined(panes: Iterable[Pane], answered: Ids) -> int:
    """Count the requests in the panes whose response is among the sorted `answered`."""
    return sum(int(has_answer(pane.requests, answered).sum()) for pane in panes)


def merged(panes: Iterable[Pane], baseline_id: str | None) -> Summary | None:
    """Return the panes' summaries under one baseline, added up; None when there is none."""
    if baseline_id is None:
        return None
    parts = [pane.summaries[baseline_id] for pane in panes if baseline_id in pane.summaries]
    if len(parts) <= 1:
        return parts[0] if parts else None
    return Summary.total(parts)
