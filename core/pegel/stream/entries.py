"""What goes into the window manager and what comes out of it, as values."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime

from pegel.data.spans import Span
from pegel.judge.event_counts import EventCounts
from pegel.spec.monitor_spec import Windowing
from pegel.stats.summary import Summary
from pegel.stream.explained_counts import ExplainedCounts
from pegel.stream.ledger_counts import InvalidCount
from pegel.stream.outcomes import Outcomes
from pegel.stream.partial import Ids, OutlyingEvent, Partial


@dataclass(frozen=True, slots=True)
class MonitoredModel:
    """What the manager must know of one monitor: how its time is cut and which baseline is current (None: none yet).

    `speaks_for_group`: events of no model are judged with this one's.
    """

    windowing: Windowing
    baseline_id: str | None
    speaks_for_group: bool = False
    is_explained: bool = False
    """Whether these are the explained rows of a monitor: no events of its clients, so nothing odd is told of them."""


@dataclass(frozen=True, slots=True, kw_only=True)
class PartialBatch:
    """Partial summaries that arrived together. `arrived_at` is processing time.

    `unreadable` are keys of monitors of which nobody can say whether and how they are watched: they stay as they are.
    `answering` are those whose endpoint answered a probe. `held_at`: by monitor the event time beyond which nothing is
    final yet, because partitions that lag were read no further; a monitor that is not in it is held back by none.
    """

    arrived_at: datetime
    monitors: Mapping[str, MonitoredModel]
    partials: tuple[Partial, ...]
    unreadable: frozenset[str] = frozenset()
    answering: frozenset[str] = frozenset()
    held_at: Mapping[str, datetime] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class IdleClosing:
    """Spans that are final because nothing more comes: per monitor, those that end at or before an instant.

    `settled`: by monitor, the instant before which all requests that have no answer by now will have none. `silent` are
    spans without rows, by monitor, that are there to tell of odd events. `is_quiet`: nothing came for a while, so that
    provisional spans are told which wait for that. `at` is the present.
    """

    at: datetime
    frontiers: Mapping[str, datetime]
    settled: Mapping[str, datetime] = field(default_factory=dict)
    silent: Mapping[str, Span] = field(default_factory=dict)
    is_quiet: bool = False


@dataclass(frozen=True, slots=True)
class RepeatedEvents:
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
    """One span of one monitor as it stands. `summary` is None without a baseline, and is only to be read.

    `events`: what came of events since a final span last said so; None of a span that says nothing of it. A span of
    revision 0 is there for these alone. `joined`: requests with an answer. `misfits`: of the responses of a final span
    those of more or fewer rows than their requests, which answer nothing; the requests may lie in another span.
    `logs_answers`: whether a response of the endpoint was ever seen; `logs_requests`:
    whether a request was. `segments`: of a final span, the summaries of the segments with rows, only to be read.
    `portion`: of what a window may spend of the false-alarm budget, how much this look at it may.
    """

    key: str
    span: Span
    revision: int
    final: bool
    baseline_id: str | None
    summary: Summary | None
    requests: int = 0
    responses: int = 0
    joined: int = 0
    misfits: int = 0
    rows: int = 0
    duplicates: int = 0
    invalid: int = 0
    clamped: int = 0
    logs_answers: bool = False
    logs_requests: bool = False
    events: EventCounts | None = None
    segments: Mapping[str, Summary] = field(default_factory=dict)
    portion: float = 1.0
    explained: ExplainedCounts | None = None
    """Of a final span of explained rows, their counts, only to be read."""


@dataclass(frozen=True, slots=True, kw_only=True)
class LostSpan:
    """One span that cannot be told, because something of its monitor made an exception."""

    key: str
    span: Span
    final: bool
    reason: str


@dataclass(slots=True)
class Emissions:
    """What is new after one batch or closing.

    `ledger` and `invalid` are what to add, keyed by monitor, minute and (the latter) kind; `late` counts the events
    that came for a span after it was final. `touched` are the open panes with what was added to them; `closed_panes`
    are no longer needed; `gone` are monitors that are watched no more.
    """

    spans: list[SpanCount] = field(default_factory=list)
    lost: list[LostSpan] = field(default_factory=list)
    ledger: dict[tuple[str, datetime], Outcomes] = field(default_factory=dict)
    invalid: dict[tuple[str, datetime, str], InvalidCount] = field(default_factory=dict)
    outliers: list[tuple[str, OutlyingEvent]] = field(default_factory=list)
    late: dict[tuple[str, Span], int] = field(default_factory=dict)
    touched: dict[tuple[str, datetime], list[Partial]] = field(default_factory=dict)
    closed_panes: list[tuple[str, datetime]] = field(default_factory=list)
    changed: set[str] = field(default_factory=set)
    """Monitors whose windows changed."""
    gone: list[str] = field(default_factory=list)
