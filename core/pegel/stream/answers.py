"""Which requests had no answer: known once an endpoint would have given up on them, and counted once.

A request and its response are logged as two events of one id. A failed request is one without the other: neither the
agent of KServe nor our proxy logs an answer that is an error.

::

    pane      [ r1  r2   r3 )              r1 to r3: requests
    head                 ^ - 60 s    ^     once its spans close, the pane's requests before `until` (head - 60 s) are
    until            ^         ^           settled, the others with a later head: r1 and r2 now, r3 then
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

import numpy as np
from numpy.typing import NDArray

from pegel.data.instants import EPOCH, MINUTE, from_us, to_us
from pegel.stream.outcomes import Outcomes
from pegel.stream.panes import Pane, answered_events, has_answer

ANSWER_WITHIN = timedelta(seconds=60)
"""How long an answer is waited for, in event time: as long as our endpoints let a model take, and longer than anybody
who waits for a prediction does. An answer that takes longer counts as missing."""


@dataclass(slots=True)
class Answers:
    """How far a monitor's requests are settled: that is, found answered or not.

    `logged`: whether a response of the endpoint was ever seen, a probe's included. Without one nobody can tell an
    endpoint that always fails from one that logs its requests alone. `asked`: whether a request was. Settled are the
    requests before `until` in panes that end at or before `frontier`; None: none are.
    """

    logged: bool = False
    asked: bool = False
    until: datetime | None = None
    frontier: datetime | None = None

    def settle(
        self, panes: Mapping[datetime, Pane], step: timedelta, *, frontier: datetime, until: datetime
    ) -> dict[datetime, Outcomes]:
        """Settle requests before `until` in panes, each `step` long, that end at or before `frontier`.

        Returns how many were asked and how many of them had no answer, by minute. Neither instant moves back. Each
        request is counted once; one that comes after its pane was settled is not counted.
        """
        until, frontier = _later(until, self.until), _later(frontier, self.frontier)
        if (until, frontier) == (self.until, self.frontier):
            return {}
        asked = {start: self._between(start + step, pane, until) for start, pane in panes.items()}
        due = {start: chosen for start, chosen in asked.items() if start + step <= frontier and chosen.any()}
        self.until, self.frontier = until, frontier
        answered = answered_events(panes.values() if due else ())
        minutes: dict[datetime, Outcomes] = {}
        for start, chosen in due.items():
            pane = panes[start]
            _count(minutes, pane.asked_at[chosen], has_answer(pane.requests[chosen], answered))
        return minutes

    def to_json(self) -> dict[str, Any]:
        """Return plain JSON, the inverse of `from_json`."""
        instants = {"until": self.until, "frontier": self.frontier}
        seen = {"logged": self.logged, "asked": self.asked}
        return seen | {name: None if at is None else to_us(at) for name, at in instants.items()}

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> Answers:
        """Read what `to_json` wrote."""
        until, frontier = (None if data[name] is None else from_us(data[name]) for name in ("until", "frontier"))
        return cls(data["logged"], data["asked"], until, frontier)

    def _between(self, end: datetime, pane: Pane, until: datetime) -> NDArray[np.bool_]:
        """Return which requests of a pane were made before `until` and are not settled yet."""
        chosen: NDArray[np.bool_] = pane.asked_at < until.timestamp()
        if self.until is not None and self.frontier is not None and end <= self.frontier:
            chosen &= pane.asked_at >= self.until.timestamp()
        return chosen


def _count(minutes: dict[datetime, Outcomes], asked_at: NDArray[np.uint32], answered: NDArray[np.bool_]) -> None:
    of_request = asked_at // int(MINUTE.total_seconds())
    for minute in np.unique(of_request).tolist():
        own = of_request == minute
        booked = Outcomes(asked=int(own.sum()), unanswered=int((own & ~answered).sum()))
        minutes.setdefault(EPOCH + minute * MINUTE, Outcomes()).add(booked)


def _later(instant: datetime, other: datetime | None) -> datetime:
    return instant if other is None else max(instant, other)
