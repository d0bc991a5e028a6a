"""One pane of one model: everything that arrived for it so far, added up."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field

import numpy as np

from pegel.stats.summary import Summary
from pegel.stream.partial import Ids, Partial, no_ids

Unpack = Callable[[str, bytes], Summary]
"""`unpack(baseline_id, data)` returns a packed summary under the layout of that baseline."""


@dataclass(slots=True)
class Pane:
    """Everything that arrived for one pane so far."""

    summaries: dict[str, Summary] = field(default_factory=dict)
    requests: Ids = field(default_factory=no_ids)
    responses: Ids = field(default_factory=no_ids)
    rejected: Ids = field(default_factory=no_ids)
    rows: int = 0
    duplicates: int = 0
    clamped: int = 0
    invalid: int = 0

    @property
    def ids(self) -> Ids:
        """Return the identities of all events in here."""
        return np.concatenate([self.requests, self.responses, self.rejected])

    def add(self, partial: Partial, unpack: Unpack) -> None:
        """Add what a task saw of this pane. None of its events may be in here already."""
        for baseline_id, data in partial.summaries.items():
            summary = unpack(baseline_id, data)
            if baseline_id in self.summaries:
                self.summaries[baseline_id].merge(summary)
            else:
                self.summaries[baseline_id] = summary
        self.requests = np.concatenate([self.requests, partial.requests])
        self.responses = np.concatenate([self.responses, partial.responses])
        self.rejected = np.concatenate([self.rejected, partial.rejected])
        self.rows += partial.rows
        self.duplicates += partial.duplicates
        self.clamped += partial.clamped
        self.invalid += sum(count for count, _ in partial.invalid.values())


def joined(requests: Iterable[Ids], responses: Iterable[Ids]) -> int:
    """Count the requests whose response is there too, wherever both lie."""
    asked = np.concatenate([no_ids(), *requests]) >> np.uint64(1)
    answered = np.concatenate([no_ids(), *responses]) >> np.uint64(1)
    return int(np.isin(asked, answered).sum())


def merged(panes: Iterable[Pane], baseline_id: str | None) -> Summary | None:
    """Return the panes' summaries under one baseline, added up; None when there is none."""
    if baseline_id is None:
        return None
    found = [pane.summaries[baseline_id] for pane in panes if baseline_id in pane.summaries]
    if len(found) <= 1:
        return found[0] if found else None
    total = Summary.empty(found[0].layout)
    for summary in found:
        total.merge(summary)
    return total
