"""What one task saw of one model in one pane: small enough to travel, complete enough to be added up."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from datetime import datetime
from typing import Any, TypeVar

import numpy as np
from numpy.typing import NDArray

from pegel.data.instants import from_us
from pegel.stream import packing
from pegel.stream.outcomes import Outcomes

Ids = NDArray[np.uint64]
"""Identities of events, see `pegel.data.events.identities`; each at most once."""
Instants = NDArray[np.int64]
"""Instants in whole milliseconds since the epoch, as fine as a record's own timestamp; 0 where not known."""
RowCounts = NDArray[np.uint32]
"""Rows of events; 0 where nobody looked at them."""
Number = TypeVar("Number", np.uint32, np.int64)
RESPONSE = np.uint64(1)
"""The bit, and the number of bits, in which the identities of a request and its response differ."""


KEY_OF_NOBODY = ""
"""Stands for the monitor's key where no monitor answers to a record."""


SAMPLE_LIMIT = 500
"""Characters of an unreadable record, its reason included, that are kept to look at."""


def no_ids() -> Ids:
    """Return no identities."""
    return np.empty(0, dtype=np.uint64)


def no_instants() -> Instants:
    """Return no instants."""
    return np.empty(0, dtype=np.int64)


def no_counts() -> RowCounts:
    """Return no counts of rows."""
    return np.empty(0, dtype=np.uint32)


def answers_among(responses: Ids, rejected: Ids) -> Ids:
    """Return the identities of all responses, the unreadable ones among the rejected events behind the others."""
    return np.concatenate([responses, rejected[rejected & RESPONSE == RESPONSE]])


def of_answers(answers: Ids, known: NDArray[Number]) -> NDArray[Number]:
    """Return the rows or instants of what `answers_among` returns; 0 for the unreadable ones, which have none."""
    return np.concatenate([known, np.zeros(answers.size - known.size, dtype=known.dtype)])


@dataclass(frozen=True, slots=True)
class OutlierReason:
    """One feature's part in an outlier's score. `value`: as JSON can hold it; an infinite number as text.

    `finer`: whether the value lies beside every step in which the feature was measured in training.
    """

    feature: str
    value: float | str | None
    part: float
    finer: bool = False

    def to_json(self) -> dict[str, Any]:
        """Return what is told of it; whether it is finer only where it is."""
        told = {"feature": self.feature, "value": self.value, "part": self.part}
        return told | {"finer": True} if self.finer else told


@dataclass(frozen=True, slots=True)
class OutlyingEvent:
    """One outlying row of one request. `reasons`: at most three features, worst first.

    `p_value`: how large a part of unchanged rows scores at least so, by the baseline of that id. `record`: topic,
    partition and offset of the request; None of a row of a table.
    """

    event_id: str
    row: int
    event_time_us: int
    score: float
    cutoff: float
    p_value: float
    baseline_id: str
    reasons: tuple[OutlierReason, ...]
    record: tuple[str, int, int] | None = None

    def to_json(self) -> dict[str, Any]:
        """Return plain JSON, the inverse of `from_json`."""
        return asdict(self)

    @classmethod
    def from_json(cls, data: dict[str, Any]) -> OutlyingEvent:
        """Read what `to_json` wrote."""
        reasons = tuple(OutlierReason(**reason) for reason in data["reasons"])
        return cls(**data | {"reasons": reasons, "record": data["record"] and tuple(data["record"])})


OF_EVENTS: Mapping[str, type[np.generic]] = {
    "requests": np.uint64,
    "asked_at": np.int64,
    "asked_rows": np.uint32,
    "responses": np.uint64,
    "answered_at": np.int64,
    "answered_rows": np.uint32,
    "empty": np.uint64,
    "rejected": np.uint64,
    "matched": np.uint64,
}
"""The fields that hold single events, with their types, in the order in which they are packed."""


@dataclass(kw_only=True, slots=True)
class Partial:
    """What one task saw of one model in one pane.

    `key` is the monitor's key; empty for events that no monitor answers to. `summaries` holds packed summaries by
    baseline id: usually one, two while spans of an older and of a newer baseline overlap, none without a baseline;
    `segments` those of the segments with rows, by baseline id and segment, and `waiting` packed rows whose request or
    answer is not among those at hand, see `pegel.stream.segment_rows`. `damaged` says by baseline id why there is none.
    `requests`, `responses`, `empty` (either kind without a row, which asks or answers nothing) and `rejected`
    (unreadable events and drop notices) are disjoint; `asked_at` and `answered_at` say when each request was made and
    each response ended, `asked_rows` and `answered_rows` how many rows they have. `matched` are responses of the pane,
    from this partial or another, whose requests were in a pane that is no longer kept. `minutes` and `invalid` are by
    minute of event time in microseconds since the epoch; `invalid` maps (minute, kind) to a count and a sample.
    """

    key: str
    pane_us: int
    head_us: int | None = None
    """Newest event time among those that were not in the future when they were counted; None: there was none."""
    has_ahead: bool = False
    """Whether an event was dated in the future when it was counted."""
    summaries: dict[str, bytes] = field(default_factory=dict)
    segments: dict[str, dict[str, bytes]] = field(default_factory=dict)
    waiting: dict[str, bytes] = field(default_factory=dict)
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
    unreadable: int = 0
    minutes: dict[int, Outcomes] = field(default_factory=dict)
    invalid: dict[tuple[int, str], tuple[int, str]] = field(default_factory=dict)
    outliers: list[OutlyingEvent] = field(default_factory=list)
    explained: bytes = b""
    """Of explained rows, their packed counts, see `pegel.stream.explained_counts`."""

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

    def saw(self, times_us: NDArray[np.int64], now_us: int) -> None:
        """Remember the newest of the times of events, copies included, that is not in the future."""
        present = times_us[times_us <= now_us]
        self.has_ahead = self.has_ahead or present.size < times_us.size
        if present.size:
            head_us = int(present.max())
            self.head_us = head_us if self.head_us is None else max(self.head_us, head_us)

    def to_bytes(self) -> bytes:
        """Return everything packed, the inverse of `from_bytes`."""
        # Without names, which would be a third of what most batches add to a pane.
        value = [
            *(self.key, self.pane_us, self.head_us, self.has_ahead),
            *(list(self.summaries), self.damaged),
            *([(name, list(parts)) for name, parts in self.segments.items()], list(self.waiting)),
            *(self.rows, self.duplicates, self.clamped, self.unreadable),
            [(minute, *count.by_name().values()) for minute, count in self.minutes.items()],
            [(minute, kind, *counted) for (minute, kind), counted in self.invalid.items()],
            [outlier.to_json() for outlier in self.outliers],
            bool(self.explained),
        ]
        arrays = (getattr(self, name).tobytes() for name in OF_EVENTS)
        explained = (self.explained,) if self.explained else ()
        of_segments = (data for parts in self.segments.values() for data in parts.values())
        return packing.pack(
            value, (*arrays, *self.summaries.values(), *of_segments, *self.waiting.values(), *explained)
        )

    @classmethod
    def from_bytes(cls, data: bytes) -> Partial:
        """Read what `to_bytes` wrote. Raises ValueError for anything else."""
        value, blobs = packing.unpack(data)
        key, pane_us, head_us, has_ahead, baselines, damaged, named, waiting, *counts = value
        *counts, minutes, invalid, outliers, is_explained = counts
        rows, duplicates, clamped, unreadable = counts
        arrays, rest = blobs[: len(OF_EVENTS)], iter(blobs[len(OF_EVENTS) :])
        typed = zip(OF_EVENTS.items(), arrays, strict=True)
        events = {name: np.frombuffer(array, dtype=kind) for (name, kind), array in typed}
        return cls(
            key=key,
            pane_us=pane_us,
            head_us=head_us,
            has_ahead=has_ahead,
            summaries={baseline: next(rest) for baseline in baselines},
            segments={baseline: {part: next(rest) for part in parts} for baseline, parts in named},
            waiting={baseline: next(rest) for baseline in waiting},
            damaged=damaged,
            **events,
            rows=rows,
            duplicates=duplicates,
            clamped=clamped,
            unreadable=unreadable,
            minutes={minute: Outcomes(*each) for minute, *each in minutes},
            invalid={(minute, kind): (count, sample) for minute, kind, count, sample in invalid},
            outliers=[OutlyingEvent.from_json(item) for item in outliers],
            explained=next(rest) if is_explained else b"",
        )
