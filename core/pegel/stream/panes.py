"""One pane of one model: everything that arrived for it so far, added up."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from datetime import datetime

import numpy as np
from numpy.typing import NDArray

from pegel.data.instants import to_us
from pegel.stats.summary import Summary
from pegel.stream.partial import (
    RESPONSE,
    Ids,
    Partial,
    RowCounts,
    Seconds,
    answers_among,
    no_counts,
    no_ids,
    no_seconds,
    rows_of_answers,
)

Unpack = Callable[[str, bytes], Summary]
"""`unpack(baseline_id, data)` returns a packed summary under the layout of that baseline."""


@dataclass(slots=True)
class Pane:
    """Everything that arrived for one pane so far. `damaged`: why there is no summary by some baselines."""

    summaries: dict[str, Summary] = field(default_factory=dict)
    damaged: dict[str, str] = field(default_factory=dict)
    requests: Ids = field(default_factory=no_ids)
    asked_at: Seconds = field(default_factory=no_seconds)
    asked_rows: RowCounts = field(default_factory=no_counts)
    responses: Ids = field(default_factory=no_ids)
    answered_rows: RowCounts = field(default_factory=no_counts)
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
        self.asked_rows = np.concatenate([self.asked_rows, partial.asked_rows])
        self.add_responses(partial.responses, partial.answered_rows)
        self.empty = np.concatenate([self.empty, partial.empty])
        self.rejected = np.concatenate([self.rejected, partial.rejected])
        self.rows += partial.rows
        self.duplicates += partial.duplicates
        self.clamped += partial.clamped
        self.invalid += partial.unreadable

    def add_responses(self, responses: Ids, answered_rows: RowCounts) -> None:
        """Add responses, each with its rows."""
        self.responses = np.concatenate([self.responses, responses])
        self.answered_rows = np.concatenate([self.answered_rows, answered_rows])

    def to_partial(self, key: str, start: datetime) -> Partial:
        """Return the pane as the one partial that would have filled it; its records are booked already."""
        return Partial(
            key=key,
            pane_us=to_us(start),
            summaries={baseline_id: summary.to_bytes() for baseline_id, summary in self.summaries.items()},
            damaged=dict(self.damaged),
            requests=self.requests,
            asked_at=self.asked_at,
            asked_rows=self.asked_rows,
            responses=self.responses,
            answered_rows=self.answered_rows,
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


@dataclass(frozen=True, slots=True)
class AnsweredEvents:
    """Events that have a response, sorted by what a request and its response share, with the rows of each response."""

    events: Ids
    rows: RowCounts

    @classmethod
    def of(cls, panes: Iterable[Pane]) -> AnsweredEvents:
        """Return those with a response in one of the panes, an unreadable one included; for `joined`."""
        events, rows = [no_ids()], [no_counts()]
        for pane in panes:
            answers = answers_among(pane.responses, pane.rejected)
            events.append(answers >> RESPONSE)
            rows.append(rows_of_answers(answers, pane.answered_rows))
        together = np.concatenate(events)
        order = np.argsort(together, kind="stable")
        return cls(together[order], np.concatenate(rows)[order])

    def rows_for(self, requests: Ids) -> NDArray[np.int64]:
        """Return of each request the rows of its response: 0 where nobody looked at them, -1 where it has none."""
        asked = requests >> RESPONSE
        before, after = (np.searchsorted(self.events, asked, side=side) for side in ("left", "right"))
        rows = np.full(asked.size, -1, dtype=np.int64)
        has = after > before
        rows[has] = self.rows[before[has]]
        return rows


def are_answered(asked_rows: RowCounts, answered_rows: NDArray[np.int64]) -> NDArray[np.bool_]:
    """Return of each request whether it is answered: by a response with as many rows as itself.

    `answered_rows` are those that `AnsweredEvents.rows_for` returns. Nobody knows which row a prediction belongs to
    where there are more or fewer of them. Rows that nobody looked at, of the request or the response, are taken to fit.
    """
    fits = (answered_rows == asked_rows) | (asked_rows == 0)
    answered: NDArray[np.bool_] = (answered_rows == 0) | ((answered_rows > 0) & fits)
    return answered


def are_misfits(asked_rows: RowCounts, answered_rows: NDArray[np.int64]) -> NDArray[np.bool_]:
    """Return of each request whether its answer is a misfit: a response with another number of rows."""
    misfits: NDArray[np.bool_] = (answered_rows >= 0) & ~are_answered(asked_rows, answered_rows)
    return misfits


def joined(panes: Iterable[Pane], answered: AnsweredEvents) -> int:
    """Count the requests in the panes that are answered: see `are_answered`."""
    return sum(int(are_answered(pane.asked_rows, answered.rows_for(pane.requests)).sum()) for pane in panes)


def misfit_events(panes: Iterable[Pane], answered: AnsweredEvents) -> Ids:
    """Return what the requests in the panes share with their responses, of those whose answer is a misfit."""
    misfits = [no_ids()]
    for pane in panes:
        chosen = are_misfits(pane.asked_rows, answered.rows_for(pane.requests))
        misfits.append(pane.requests[chosen] >> RESPONSE)
    return np.concatenate(misfits)


def responses_among(panes: Iterable[Pane], events: Ids) -> int:
    """Count the readable responses in the panes that belong to some events."""
    return sum(int(np.isin(pane.responses >> RESPONSE, events).sum()) for pane in panes)


def merged(panes: Iterable[Pane], baseline_id: str | None) -> Summary | None:
    """Return the panes' summaries under one baseline, added up; None when there is none."""
    if baseline_id is None:
        return None
    parts = [pane.summaries[baseline_id] for pane in panes if baseline_id in pane.summaries]
    if len(parts) <= 1:
        return parts[0] if parts else None
    return Summary.total(parts)
