"""What one task saw of one model in one pane: small enough to travel, complete enough to be added up."""

from __future__ import annotations

from dataclasses import asdict, dataclass, field
from datetime import datetime
from typing import Any

import numpy as np
from numpy.typing import NDArray

from pegel.data.instants import from_us
from pegel.stream import packing
from pegel.stream.outcomes import Outcomes

Ids = NDArray[np.uint64]
"""Identities of events, see `pegel.data.events.identities`; each at most once."""
Seconds = NDArray[np.uint32]
"""Instants in whole seconds since the epoch."""
RowCounts = NDArray[np.uint32]
"""Rows of events; 0 where nobody looked at them."""
RESPONSE = np.uint64(1)
"""The bit, and the number of bits, in which the identities of a request and its response differ."""


KEY_OF_NOBODY = ""
"""Stands for the monitor's key where no monitor answers to a record."""


SAMPLE_LIMIT = 500
"""Characters of an unreadable record, its reason included, that are kept to look at."""


def no_ids() -> Ids:
    """Return no identities."""
    return np.empty(0, dtype=np.uint64)


def no_seconds() -> Seconds:
    """Return no instants."""
    return np.empty(0, dtype=np.uint32)


def no_counts() -> RowCounts:
    """Return no counts of rows."""
    return np.empty(0, dtype=np.uint32)


def answers_among(responses: Ids, rejected: Ids) -> Ids:
    """Return the identities of all responses, the unreadable ones among the rejected events behind the others."""
    return np.concatenate([responses, rejected[rejected & RESPONSE == RESPONSE]])


def rows_of_answers(answers: Ids, answered_rows: RowCounts) -> RowCounts:
    """Return the rows of what `answers_among` returns: of the unreadable ones nobody knows them."""
    return np.concatenate([answered_rows, np.zeros(answers.size - answered_rows.size, dtype=np.uint32)])


@dataclass(frozen=True, slots=True)
class OutlierReason:
    """One feature's part in an outlier's score. `value`: as JSON can hold it; an infinite number as text."""

    feature: str
    value: float | str | None
    part: float


@dataclass(frozen=True, slots=True)
class OutlyingEvent:
    """One outlying row of one request. `reasons`: at most three features, worst first."""

    event_id: str
    row: int
    event_time_us: int
    score: float
    cutoff: float
    reasons: tuple[OutlierReason, ...]

    def to_json(self) -> dict[str, Any]:
        """Return plain JSON, the inverse of `from_json`."""
        return asdict(self)

    @classmethod
    def from_json(cls, data: dict[str, Any]) -> OutlyingEvent:
        """Read what `to_json` wrote."""
        return cls(**data | {"reasons": tuple(OutlierReason(**reason) for reason in data["reasons"])})


@dataclass(kw_only=True, slots=True)
class Partial:
    """What one task saw of one model in one pane.

    `key` is the monitor's key; empty for events that no monitor answers to. `summaries` holds packed summaries by
    baseline id: usually one, two while spans of an older and of a newer baseline overlap, none without a baseline;
    `damaged` says by baseline id why there is none. `requests`, `responses`, `empty` (either kind without a row, which
    asks or answers nothing) and `rejected` (unreadable events and drop notices) are disjoint; `asked_at` says when each
    of the requests was made, `asked_rows` and `answered_rows` how many rows each request and response has. `minutes`
    and `invalid` are by minute of event time in microseconds since the epoch; `invalid` maps (minute, kind) to a count
    and a sample.
    """

    key: str
    pane_us: int
    head_us: int | None = None
    """Newest event time seen among those that were not in the future when they were counted; None: all were."""
    summaries: dict[str, bytes] = field(default_factory=dict)
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
    unreadable: int = 0
    minutes: dict[int, Outcomes] = field(default_factory=dict)
    invalid: dict[tuple[int, str], tuple[int, str]] = field(default_factory=dict)
    outliers: list[OutlyingEvent] = field(default_factory=list)

    @property
    def pane(self) -> datetime:
        """Return the start of the pane."""
        return from_us(self.pane_us)

    @property
    def ids(self) -> Ids:
        """Return the identities of all events in here."""
        return np.concatenate([self.requests, self.responses, self.empty, self.rejected])

    @property
    def has_responses(self) -> bool:
        """Say whether any response is among the events, unreadable and empty ones included."""
        others = np.concatenate([self.empty, self.rejected])
        return bool(answers_among(self.responses, others).size)

    def saw(self, head_us: int | None) -> None:
        """Remember the newest event time; None: there is none to go by."""
        if head_us is not None:
            self.head_us = head_us if self.head_us is None else max(self.head_us, head_us)

    def to_bytes(self) -> bytes:
        """Return everything packed, the inverse of `from_bytes`."""
        value = {
            "key": self.key,
            "pane_us": self.pane_us,
            "head_us": self.head_us,
            "baselines": list(self.summaries),
            "damaged": self.damaged,
            "rows": self.rows,
            "duplicates": self.duplicates,
            "clamped": self.clamped,
            "unreadable": self.unreadable,
            "minutes": [(minute, *count.by_name().values()) for minute, count in self.minutes.items()],
            "invalid": [(minute, kind, *counted) for (minute, kind), counted in self.invalid.items()],
            "outliers": [outlier.to_json() for outlier in self.outliers],
        }
        events = (self.requests, self.asked_at, self.asked_rows, self.responses, self.answered_rows)
        arrays = (*events, self.empty, self.rejected)
        return packing.pack(value, (*(array.tobytes() for array in arrays), *self.summaries.values()))

    @classmethod
    def from_bytes(cls, data: bytes) -> Partial:
        """Read what `to_bytes` wrote. Raises ValueError for anything else."""
        value, (requests, asked_at, asked_rows, responses, answered_rows, empty, rejected, *summaries) = packing.unpack(
            data
        )
        return cls(
            key=value["key"],
            pane_us=value["pane_us"],
            head_us=value["head_us"],
            summaries=dict(zip(value["baselines"], summaries, strict=True)),
            damaged=value["damaged"],
            requests=np.frombuffer(requests, dtype=np.uint64),
            asked_at=np.frombuffer(asked_at, dtype=np.uint32),
            asked_rows=np.frombuffer(asked_rows, dtype=np.uint32),
            responses=np.frombuffer(responses, dtype=np.uint64),
            answered_rows=np.frombuffer(answered_rows, dtype=np.uint32),
            empty=np.frombuffer(empty, dtype=np.uint64),
            rejected=np.frombuffer(rejected, dtype=np.uint64),
            rows=value["rows"],
            duplicates=value["duplicates"],
            clamped=value["clamped"],
            unreadable=value["unreadable"],
            minutes={minute: Outcomes(*counts) for minute, *counts in value["minutes"]},
            invalid={(minute, kind): (count, sample) for minute, kind, count, sample in value["invalid"]},
            outliers=[OutlyingEvent.from_json(item) for item in value["outliers"]],
        )
