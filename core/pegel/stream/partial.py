"""What one task saw of one model in one pane: small enough to travel, complete enough to be added up."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

import numpy as np
import orjson
from numpy.typing import NDArray

from pegel.data.instants import from_us, to_us

Ids = NDArray[np.uint64]
"""Identities of events, see `pegel.data.events.identity`; each at most once."""


def no_ids() -> Ids:
    """Return no identities."""
    return np.empty(0, dtype=np.uint64)


@dataclass(slots=True)
class MinuteCount:
    """Events of one minute of event time, by what became of them so far."""

    valid: int = 0
    invalid: int = 0
    duplicate: int = 0
    dropped: int = 0


@dataclass(kw_only=True, slots=True)
class Partial:
    """What one task saw of one model in one pane.

    `key` is the monitor's key; empty for events that no monitor answers to. `summaries` holds packed summaries by
    baseline id: usually one, two while spans of an older and of a newer baseline overlap, none without a baseline.
    `requests`, `responses` and `rejected` (unreadable events and drop notices) are disjoint. `minutes` and `invalid`
    are by minute of event time in microseconds since the epoch; `invalid` maps (minute, kind) to a count and a sample.
    """

    key: str
    pane: datetime
    head: datetime
    """Newest event time seen."""
    summaries: dict[str, bytes] = field(default_factory=dict)
    requests: Ids = field(default_factory=no_ids)
    responses: Ids = field(default_factory=no_ids)
    rejected: Ids = field(default_factory=no_ids)
    rows: int = 0
    duplicates: int = 0
    clamped: int = 0
    minutes: dict[int, MinuteCount] = field(default_factory=dict)
    invalid: dict[tuple[int, str], tuple[int, str]] = field(default_factory=dict)
    outliers: list[dict[str, Any]] = field(default_factory=list)

    @property
    def ids(self) -> Ids:
        """Return the identities of all events in here."""
        return np.concatenate([self.requests, self.responses, self.rejected])

    def to_record(self) -> dict[str, Any]:
        """Return plain values for a file or a wire, the inverse of `from_record`."""
        detail = {
            "rows": self.rows,
            "duplicates": self.duplicates,
            "clamped": self.clamped,
            "minutes": [
                (minute, count.valid, count.invalid, count.duplicate, count.dropped)
                for minute, count in self.minutes.items()
            ],
            "invalid": [(minute, kind, *value) for (minute, kind), value in self.invalid.items()],
            "outliers": self.outliers,
        }
        return {
            "key": self.key,
            "pane_us": to_us(self.pane),
            "head_us": to_us(self.head),
            "baseline_ids": list(self.summaries),
            "summaries": list(self.summaries.values()),
            "requests": self.requests.tobytes(),
            "responses": self.responses.tobytes(),
            "rejected": self.rejected.tobytes(),
            "detail": orjson.dumps(detail, option=orjson.OPT_SERIALIZE_NUMPY),
        }

    @classmethod
    def from_record(cls, record: dict[str, Any]) -> Partial:
        """Build a partial from what `to_record` returned."""
        detail = orjson.loads(record["detail"])
        return cls(
            key=record["key"],
            pane=from_us(record["pane_us"]),
            head=from_us(record["head_us"]),
            summaries=dict(zip(record["baseline_ids"], record["summaries"], strict=True)),
            requests=np.frombuffer(record["requests"], dtype=np.uint64),
            responses=np.frombuffer(record["responses"], dtype=np.uint64),
            rejected=np.frombuffer(record["rejected"], dtype=np.uint64),
            rows=detail["rows"],
            duplicates=detail["duplicates"],
            clamped=detail["clamped"],
            minutes={minute: MinuteCount(*counts) for minute, *counts in detail["minutes"]},
            invalid={(minute, kind): (count, sample) for minute, kind, count, sample in detail["invalid"]},
            outliers=detail["outliers"],
        )
