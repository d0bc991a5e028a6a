"""What goes into the window manager and what comes out of it, as values."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from pegel.data.spans import Span
from pegel.spec.monitor_spec import Windowing
from pegel.stats.summary import Summary
from pegel.stream.ledger import InvalidCount, LedgerCount
from pegel.stream.partial import Ids, Partial


@dataclass(frozen=True, slots=True)
class Monitored:
    """What the manager must know of one monitor: how its time is cut and which baseline is current (None: none yet)."""

    windowing: Windowing
    baseline_id: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Batch:
    """Partial summaries that arrived together. `id` grows from batch to batch; `arrived_at` is processing time."""

    id: int
    arrived_at: datetime
    monitors: Mapping[str, Monitored]
    partials: tuple[Partial, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Closing:
    """Spans that are final because nothing more comes: per monitor, those that end at or before an instant."""

    id: int
    """The batch after which this happened."""
    frontiers: Mapping[str, datetime]


Entry = Batch | Closing


@dataclass(frozen=True, slots=True)
class Repeated:
    """Copies found in a batch.

    `known`: identities seen in an earlier batch, by monitor and pane. `split`: whether two partials of the batch itself
    hold the same event.
    """

    known: Mapping[tuple[str, datetime], Ids]
    split: bool

    def __bool__(self) -> bool:
        return self.split or bool(self.known)


@dataclass(frozen=True, slots=True, kw_only=True)
class SpanCount:
    """One span of one monitor as it stands. `summary` is None without a baseline, and is only to be read."""

    key: str
    span: Span
    revision: int
    final: bool
    baseline_id: str | None
    summary: Summary | None
    requests: int
    responses: int
    joined: int
    rows: int
    duplicates: int
    invalid: int
    clamped: int


@dataclass(slots=True)
class Emissions:
    """What is new after one entry. Counts are absolute for their key, so writing them twice changes nothing.

    `ledger` and `invalid` are keyed by monitor, minute and (the latter) kind; `outliers` pairs a monitor's key with a
    row; `late` counts the events of a span that have come after it was final.
    """

    spans: list[SpanCount] = field(default_factory=list)
    ledger: dict[tuple[str, datetime], LedgerCount] = field(default_factory=dict)
    invalid: dict[tuple[str, datetime, str], InvalidCount] = field(default_factory=dict)
    outliers: list[tuple[str, dict[str, Any]]] = field(default_factory=list)
    late: dict[tuple[str, Span], int] = field(default_factory=dict)
