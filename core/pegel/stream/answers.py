"""Which requests had no answer: known once an endpoint would have given up on them, and counted once.

A request and its response are logged as two events of one id. A failed request is one without the other: neither the
agent of KServe nor our proxy logs an answer that is an error. A response of more or fewer predictions than the request
has rows answers it no more than none does: nobody can say of which row each of them is.

::

    pane      [ r1  r2   r3 )              r1 to r3: requests
    head                 ^ - 60 s    ^     once its oldest span closes, the pane's requests before `until` (head - 60 s)
    until            ^         ^           are settled, the others with a later head: r1 and r2 now, r3 then

Where windows overlap, a pane still takes events then. Requests that come so late are settled once its newest span
closes: their answers may be as late.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

import numpy as np
from numpy.typing import NDArray

from pegel.data.instants import EPOCH, MILLISECOND, MINUTE, earliest, from_us, latest, to_us
from pegel.spec.limits import ANSWER_WITHIN
from pegel.spec.monitor_spec import Windowing
from pegel.spec.plain_numbers import how_many
from pegel.stats.answer_latencies import Latencies
from pegel.stream.ledger_counts import InvalidCount
from pegel.stream.matched_panes import AnsweredEvents, MatchedPanes, are_answered, are_misfits
from pegel.stream.outcomes import Outcomes
from pegel.stream.panes import Pane
from pegel.stream.partial import Ids, Instants, RowCounts

OTHER_ROWS = "other_rows"
"""Kind under which responses are told that cover more or fewer rows than their requests have."""


@dataclass(slots=True)
class Settled:
    """Requests that were settled together, by minute, and the whole seconds from the first to the last of them.

    `asked_from` is inclusive, `asked_to` is not; `unanswered_from` is that of the first without an answer. None: there
    is none. `latencies`: from request to response, of those that were answered and whose times are known.
    """

    minutes: dict[datetime, Outcomes] = field(default_factory=dict)
    asked_from: datetime | None = None
    asked_to: datetime | None = None
    unanswered_from: datetime | None = None
    latencies: Latencies = field(default_factory=Latencies)
    misfits: dict[datetime, InvalidCount] = field(default_factory=dict)
    """Those of the unanswered whose answer is a misfit, by minute."""
    orphans: dict[datetime, int] = field(default_factory=dict)
    """Responses without a request in panes that are kept no longer, by minute."""
    matched: dict[datetime, Ids] = field(default_factory=dict)
    """By pane that is kept, responses in it whose requests are in panes that are not."""

    @property
    def asked(self) -> int:
        """Return how many requests these are."""
        return sum(one.asked for one in self.minutes.values())

    @property
    def unanswered(self) -> int:
        """Return how many of them had no answer."""
        return sum(one.unanswered for one in self.minutes.values())

    def add(self, pane: Pane, which: NDArray[np.bool_], answered: AnsweredEvents) -> None:
        """Add some requests of a pane, at least one: how many were answered, and after how long."""
        asked, rows, asked_at = pane.requests[which], pane.asked_rows[which], pane.asked_at[which]
        answered_rows, answered_at = answered.rows_for(asked), answered.at_for(asked)
        took, is_timed = answered_at - asked_at, answered_at > 0
        in_time = are_answered(rows, answered_rows) & (~is_timed | (took <= ANSWER_WITHIN // MILLISECOND))
        self.latencies.update(took[in_time & is_timed])
        self._book(asked_at, in_time)
        self._add_misfits(asked_at, rows, answered_rows)

    def _book(self, asked_at: Instants, answered: NDArray[np.bool_]) -> None:
        of_request = asked_at // (MINUTE // MILLISECOND)
        for minute in np.unique(of_request).tolist():
            own = of_request == minute
            booked = Outcomes(asked=int(own.sum()), unanswered=int((own & ~answered).sum()))
            self.minutes.setdefault(EPOCH + minute * MINUTE, Outcomes()).add(booked)
        self.asked_from = earliest(self.asked_from, _second(asked_at.min()))
        self.asked_to = latest(self.asked_to, _second(asked_at.max()) + timedelta(seconds=1))
        if not answered.all():
            self.unanswered_from = earliest(self.unanswered_from, _second(asked_at[~answered].min()))

    def _add_misfits(self, asked_at: Instants, asked_rows: RowCounts, answered_rows: NDArray[np.int64]) -> None:
        for at in np.flatnonzero(are_misfits(asked_rows, answered_rows)).tolist():
            minute = EPOCH + int(asked_at[at]) // (MINUTE // MILLISECOND) * MINUTE
            sample = f"an answer covers {answered_rows[at]} of {how_many(int(asked_rows[at]), 'row')}"
            self.misfits.setdefault(minute, InvalidCount(sample=sample)).count += 1


@dataclass(slots=True)
class Answers:
    """How far a monitor's requests are settled: that is, found answered or not.

    `logged`: whether a response of the endpoint was ever seen, a probe's included. Without one nobody can tell an
    endpoint that always fails from one that logs its requests alone. `asked`: whether a request was. Settled are the
    requests before `until` in panes whose oldest span ends at or before `frontier`; None: none are. `in_time`: of such
    panes, how many requests were there when the first of them were settled; the others, behind these, were late.
    """

    logged: bool = False
    asked: bool = False
    until: datetime | None = None
    frontier: datetime | None = None
    in_time: Mapping[datetime, int] = field(default_factory=dict)

    def settle(
        self,
        panes: Mapping[datetime, Pane],
        windowing: Windowing,
        matched: MatchedPanes,
        *,
        frontier: datetime,
        until: datetime,
    ) -> Settled:
        """Settle requests before `until` in panes of which spans end at or before `frontier`.

        Neither instant moves back. Each request in a pane is counted once.
        """
        until, frontier = latest(self.until, until), latest(self.frontier, frontier)
        if (until, frontier) == (self.until, self.frontier):
            return Settled()
        before, after = _Reach(windowing, self.frontier, self.until), _Reach(windowing, frontier, until)
        in_time = {
            start: self.in_time.get(start, 0 if before.takes(start) else pane.requests.size)
            for start, pane in panes.items()
            if after.takes(start)
        }
        chosen = {
            start: after.of(start, panes[start], count) & ~before.of(start, panes[start], count)
            for start, count in in_time.items()
        }
        self.until, self.frontier, self.in_time = until, frontier, in_time
        settled = Settled()
        for start, requests in chosen.items():
            if requests.any():
                settled.add(panes[start], requests, matched.answered)
        return settled

    def is_over(self, pane: datetime, windowing: Windowing) -> bool:
        """Say whether all requests are settled that a pane ever has."""
        if self.until is None or self.frontier is None:
            return False
        return pane + windowing.step <= self.until and pane + windowing.length <= self.frontier

    def are_due(self, panes: Iterable[datetime], windowing: Windowing, *, frontier: datetime) -> bool:
        """Say whether settling all requests before `frontier` would settle more than before in one of the panes."""
        ended = [pane for pane in panes if pane + windowing.step <= frontier]
        if self.until is None or self.frontier is None:
            return bool(ended)
        if any(pane + windowing.step > self.until for pane in ended):
            return True
        return any(self.frontier < pane + windowing.length <= frontier for pane in ended)

    def to_json(self) -> dict[str, Any]:
        """Return plain JSON, the inverse of `from_json`."""
        instants = {"until": self.until, "frontier": self.frontier}
        seen = {"logged": self.logged, "asked": self.asked}
        in_time = [[to_us(start), count] for start, count in self.in_time.items()]
        return seen | {name: None if at is None else to_us(at) for name, at in instants.items()} | {"in_time": in_time}

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> Answers:
        """Read what `to_json` wrote."""
        until, frontier = (None if data[name] is None else from_us(data[name]) for name in ("until", "frontier"))
        in_time = {from_us(start): count for start, count in data["in_time"]}
        return cls(data["logged"], data["asked"], until, frontier, in_time)


@dataclass(frozen=True, slots=True)
class _Reach:
    """Which requests are settled at a `frontier` and an `until`; none before there are such."""

    windowing: Windowing
    frontier: datetime | None
    until: datetime | None

    def takes(self, pane: datetime) -> bool:
        """Say whether requests of a pane may be settled: of its spans the oldest is final."""
        if self.frontier is None or self.until is None:
            return False
        return pane + self.windowing.step <= self.frontier and pane < self.until

    def of(self, start: datetime, pane: Pane, in_time: int) -> NDArray[np.bool_]:
        """Return which requests of a pane are settled: those that were `in_time`, and all once no more can come."""
        settled = np.zeros(pane.requests.size, dtype=np.bool_)
        if self.frontier is not None and self.until is not None and self.takes(start):
            ready = settled.size if start + self.windowing.length <= self.frontier else in_time
            settled[:ready] = pane.asked_at[:ready] < (self.until - EPOCH) / MILLISECOND
        return settled


def _second(at: np.int64) -> datetime:
    """Return the whole second at or before an instant."""
    return EPOCH + timedelta(seconds=int(at) // 1_000)
