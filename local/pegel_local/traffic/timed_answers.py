"""What came of requests: one by one, and counted."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from pegel.stats.answer_latencies import Latencies
from pegel_local.traffic.requests import Request

NOT_REACHED = "not reached"
"""No connection: nobody listens there, or no host has that name."""
NOT_IN_TIME = "not in time"
CUT_OFF = "cut off"
"""The connection ended before the answer did, or what came is no HTTP."""
NO_PREDICTION = "no prediction"
"""What an answer counts as that says it is one, by its status, and is none: a page of HTML, or one row for ten."""
TOO_LONG = "too long"
"""An answer of which no more was read: none of a model is so long."""
_RANKS = {"p50": 0.5, "p95": 0.95, "p99": 0.99}
_US = 1_000
"""Microseconds of a millisecond."""


@dataclass(frozen=True, slots=True)
class TimedAnswer:
    """What came of one request: `kind` is its HTTP status as text, or one of the kinds above.

    `due` is when it was to be sent, in seconds since 1970; `late_ms` how much later it was sent; `ms` how long after
    `due` its answer was whole, None if there was none. `event_id`: under which the endpoint's proxy has logged it, None
    where nobody says so.
    """

    request: Request
    due: float
    late_ms: float
    kind: str
    ms: float | None
    event_id: str | None = None

    def to_json(self) -> dict[str, Any]:
        """Return plain JSON."""
        return {
            "id": self.request.identity,
            "event_id": self.event_id,
            "due": datetime.fromtimestamp(self.due, UTC).isoformat(),
            "late_ms": round(self.late_ms, 3),
            "ms": None if self.ms is None else round(self.ms, 3),
            "answer": self.kind,
            "changed": self.request.changed,
            "outliers": self.request.outliers,
            "copy": self.request.is_copy,
        }


@dataclass
class AnswerCounts:
    """What came of the requests so far.

    `changed` and `outliers` count rows, `copies` requests that repeat the one before; `changes_from` is when the
    first of these was due. `kinds`: how many answers of each kind of `TimedAnswer`. `latencies_us`: of what was
    answered, from when the request was due, so that what waits here counts, too; `longest_ms` is the longest of
    them. `said`: the first words of a server for each kind that is no prediction. `behind_s`: how late the latest of
    all was sent; `crowded`: how many waited because too many before them had no answer. `unsent`: how many were due
    and not sent. `seconds`: until the last answer; `sending_s`: from the first request to the last one.
    """

    sent: int = 0
    changed: int = 0
    outliers: int = 0
    copies: int = 0
    changes_from: datetime | None = None
    kinds: Counter[str] = field(default_factory=Counter)
    latencies_us: Latencies = field(default_factory=Latencies)
    longest_ms: float = 0.0
    said: dict[str, str] = field(default_factory=dict)
    seconds: float = 0.0
    sending_s: float = 0.0
    behind_s: float = 0.0
    crowded: int = 0
    unsent: int = 0

    def count_sent(self, request: Request, *, due: float, late_s: float, since_s: float) -> None:
        """Count a request that is sent now, `late_s` after it was due and `since_s` after the first."""
        self.sent += 1
        self.changed += request.changed
        self.outliers += len(request.outliers)
        self.copies += request.is_copy
        self.behind_s = max(self.behind_s, late_s)
        self.sending_s = since_s
        if self.changes_from is None and (request.changed or request.outliers or request.is_copy):
            self.changes_from = datetime.fromtimestamp(due, UTC)

    def count_answer(self, answer: TimedAnswer, words: str) -> None:
        """Count what came of a request; `words` of the server are kept once for each kind that is no prediction."""
        self.kinds[answer.kind] += 1
        if answer.kind.startswith("2") and answer.ms is not None:
            self.latencies_us.count(round(_US * answer.ms))
            self.longest_ms = max(self.longest_ms, answer.ms)
        else:
            self.said.setdefault(answer.kind, words)

    @property
    def answered(self) -> int:
        """Return how many requests were answered with a prediction, and status 200 to 299."""
        return self._of("2")

    @property
    def refused(self) -> int:
        """Return how many were refused as wrong: 400 to 499."""
        return self._of("4")

    @property
    def under_way(self) -> int:
        """Return how many had neither an answer nor a failure at the end."""
        return self.sent - self.kinds.total()

    @property
    def failed(self) -> int:
        """Return how many failed otherwise, or were not answered in time."""
        return self.kinds.total() - self.answered - self.refused

    @property
    def rate(self) -> float | None:
        """Return how many requests were sent a second; None where there were less than two."""
        return (self.sent - 1) / self.sending_s if self.sent > 1 and self.sending_s else None

    def percentiles_ms(self) -> dict[str, float]:
        """Return `p50`, `p95`, `p99` and `max` of the latencies; nothing if nothing was answered.

        The longest is exact, the others are within 0.8 % and a microsecond; all are rounded to 10 us.
        """
        found = {name: self.latencies_us.quantile(rank) for name, rank in _RANKS.items()}
        # The middle of the last cell may lie beyond what is in it.
        times = {name: min(us / _US, self.longest_ms) for name, us in found.items() if us is not None}
        return {name: round(ms, 2) for name, ms in (times | {"max": self.longest_ms}).items()} if times else {}

    def to_json(self) -> dict[str, Any]:
        """Return plain JSON."""
        names = ("sent", "unsent", "answered", "refused", "failed", "under_way", "changed", "outliers", "copies")
        counts = {name: getattr(self, name) for name in names}
        return counts | {
            "changes_from": None if self.changes_from is None else self.changes_from.isoformat(),
            "answers": dict(self.kinds),
            "said": self.said,
            "latency_ms": self.percentiles_ms(),
            "seconds": round(self.seconds, 3),
            "behind_s": round(self.behind_s, 3),
            "crowded": self.crowded,
            "rate": None if self.rate is None else round(self.rate, 1),
        }

    def _of(self, first: str) -> int:
        return sum(count for kind, count in self.kinds.items() if kind.startswith(first))
