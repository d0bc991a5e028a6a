"""Requests and responses of one monitor, matched: which requests are answered, and by how many rows."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from pegel.stream.panes import Pane
from pegel.stream.partial import (
    RESPONSE,
    Ids,
    Instants,
    RowCounts,
    answers_among,
    no_counts,
    no_ids,
    no_instants,
    of_answers,
)


@dataclass(frozen=True, slots=True)
class AnsweredEvents:
    """Events that have a response, sorted by what a request and its response share.

    `rows` and `at`: how many rows each response has, and when it ended.
    """

    events: Ids
    rows: RowCounts
    at: Instants

    @classmethod
    def of(cls, panes: Iterable[Pane]) -> AnsweredEvents:
        """Return those with a response in one of the panes, an unreadable one included; for `joined`."""
        events, rows, at = [no_ids()], [no_counts()], [no_instants()]
        for pane in panes:
            answers = answers_among(pane.responses, pane.rejected)
            events.append(answers >> RESPONSE)
            rows.append(of_answers(answers, pane.answered_rows))
            at.append(of_answers(answers, pane.answered_at))
        together = np.concatenate(events)
        order = np.argsort(together)
        if (together[order[1:]] == together[order[:-1]]).any():
            # Of several responses the first one counts, whatever machine sorts them.
            order = np.argsort(together, kind="stable")
        return cls(together[order], np.concatenate(rows)[order], np.concatenate(at)[order])

    def rows_for(self, requests: Ids) -> NDArray[np.int64]:
        """Return of each request the rows of its response: 0 where nobody looked at them, -1 where it has none."""
        return self._of(requests, self.rows)

    def at_for(self, requests: Ids) -> Instants:
        """Return of each request when its response ended: 0 where that is not known, -1 where it has none."""
        return self._of(requests, self.at)

    def _of(self, requests: Ids, values: RowCounts | Instants) -> NDArray[np.int64]:
        asked = requests >> RESPONSE
        chosen = np.full(asked.size, -1, dtype=np.int64)
        if self.events.size:
            # Looked up in order, six times faster: what is looked at next lies nearby.
            order = np.argsort(asked)
            places = np.empty_like(order)
            places[order] = np.minimum(np.searchsorted(self.events, asked[order]), self.events.size - 1)
            has = self.events[places] == asked
            chosen[has] = values[places[has]]
        return chosen


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


class MatchedPanes:
    """Requests and responses in all panes that a monitor keeps: each is looked up once, and only if that is asked for.

    No event may be added to a pane meanwhile. A response may lie in a later pane than its request, so all are searched.
    """

    def __init__(self, panes: Mapping[datetime, Pane]) -> None:
        """Look at panes, by start."""
        self._panes = panes
        self._answered_rows: dict[datetime, NDArray[np.int64]] = {}
        self._joined: dict[datetime, int] = {}

    @cached_property
    def answered(self) -> AnsweredEvents:
        """Return the events that have a response."""
        return AnsweredEvents.of(self._panes.values())

    def joined(self, start: datetime) -> int:
        """Count the requests of a pane that are answered: see `are_answered`."""
        if start not in self._joined:
            self._joined[start] = int(are_answered(self._panes[start].asked_rows, self._rows(start)).sum())
        return self._joined[start]

    def misfits(self, starts: Iterable[datetime]) -> int:
        """Count the readable responses in some panes that are misfits, whichever pane their requests are in."""
        if not self._misfits.size:
            return 0
        responses = (self._panes[start].responses for start in starts)
        return sum(int(np.isin(own >> RESPONSE, self._misfits).sum()) for own in responses)

    @cached_property
    def _misfits(self) -> Ids:
        """What all requests whose answer is a misfit share with their responses."""
        misfits = [no_ids()]
        for start, pane in self._panes.items():
            misfits.append(pane.requests[are_misfits(pane.asked_rows, self._rows(start))] >> RESPONSE)
        return np.concatenate(misfits)

    def _rows(self, start: datetime) -> NDArray[np.int64]:
        if start not in self._answered_rows:
            self._answered_rows[start] = self.answered.rows_for(self._panes[start].requests)
        return self._answered_rows[start]
