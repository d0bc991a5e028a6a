"""What one batch of a group leaves in the results database, all of it in one transaction or none.

The offsets read up to travel with everything that came of the records: whoever continues after a crash, on any machine,
reads offsets, open panes and states from the database and goes on exactly there.

Counts of arrivals, ledger, invalid input and late events are what this commit adds; the store adds them to what is
there. So nobody has to remember what was counted before.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from pegel.data.spans import Span
from pegel.judge.findings import Finding
from pegel.stream.attribution_rows import AttributionRow, RowsOfWindow
from pegel.stream.result_rows import InvalidRow, LedgerRow, OutlierRow, WindowRow


@dataclass(frozen=True, slots=True, kw_only=True)
class ReadRange:
    """Records of one partition that were read: offsets from `start` (inclusive) to `end` (exclusive).

    `topic_id` is the broker's id of the topic, so that a topic made again under the same name is told apart; None where
    the broker gives none. `records` may be less than `end - start`: compaction and transactions leave holes.
    """

    topic: str
    partition: int
    start: int
    end: int
    records: int
    topic_id: str | None = None

    def is_of_another(self, topic_id: str | None) -> bool:
        """Say whether a topic is another one under the same name. A broker that gives no ids leaves that unknown."""
        return self.topic_id is not None and topic_id is not None and self.topic_id != topic_id


@dataclass(frozen=True, slots=True, kw_only=True)
class Gap:
    """Offsets from `start` (inclusive) to `end` (exclusive) that nobody will ever read, and why.

    An empty one stands for records of which nobody knows how many they were.
    """

    topic: str
    partition: int
    start: int
    end: int
    reason: str
    at: datetime

    @property
    def is_unknown(self) -> bool:
        """Say whether it is not known how many records are missing."""
        return self.start == self.end


@dataclass(frozen=True, slots=True, kw_only=True)
class SetAside:
    """One record that killed whoever read it: its address, so that it can be fetched and looked at."""

    topic: str
    partition: int
    offset: int
    size_bytes: int
    reason: str
    at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class ArrivalRow:
    """Records that arrived in one partition with one minute of event time, counted before anything looks into them.

    Key: group, topic, partition, minute. The minute is that under which the ledger books the record.
    """

    topic: str
    partition: int
    minute: datetime
    records: int


@dataclass(frozen=True, slots=True, kw_only=True)
class PanePart:
    """What one batch added to one open pane, packed. With `whole`, it takes the place of all parts before it."""

    model: str
    version: int
    pane: datetime
    data: bytes
    whole: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class DamagedState:
    """A stored row of one monitor that nobody can read, and why.

    `part`: its number if it holds parts of a pane; `change`: if it is in the journal of the last commits.
    """

    model: str
    version: int
    reason: str
    part: int | None = None
    change: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class MonitorState:
    """Open spans, frontier and heads of one monitor as plain JSON; its charts after its last final span.

    In a commit, `charts` None leaves the stored charts as they are; restored, None says that there are none yet.
    `remembered`: rows of the windows before, packed, by name; in a commit those that are new, and `forgotten` the names
    of those that are needed no more.
    """

    model: str
    version: int
    windows: dict[str, Any]
    charts: dict[str, Any] | None = None
    remembered: dict[str, bytes] = field(default_factory=dict)
    forgotten: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class MonitorFailure:
    """One monitor that could not be watched or judged: since when, why, and how many windows that has cost so far.

    Key: group, model, version, since; a later commit replaces reason and count.
    """

    model: str
    version: int
    since: datetime
    reason: str
    windows_lost: int


@dataclass(frozen=True, slots=True, kw_only=True)
class LateCount:
    """How many more events came for a span after it was final. Only the row's count of late events changes."""

    model: str
    version: int
    span: Span
    late: int


@dataclass(slots=True, kw_only=True)
class Commit:
    """Everything that one batch, or one closing of silent spans, leaves. `states`, `failures`: only what changed."""

    read: list[ReadRange] = field(default_factory=list)
    gaps: list[Gap] = field(default_factory=list)
    set_aside: list[SetAside] = field(default_factory=list)
    arrivals: list[ArrivalRow] = field(default_factory=list)
    windows: list[WindowRow] = field(default_factory=list)
    findings: list[Finding] = field(default_factory=list)
    attributions: list[AttributionRow] = field(default_factory=list)
    of_attributions: list[Finding] = field(default_factory=list)
    """On explained rows, which are in windows of their own."""
    learned: list[RowsOfWindow] = field(default_factory=list)
    """Explained rows of which a baseline is learned."""
    extremes: list[Finding] = field(default_factory=list)
    """About single events, which belong to no window."""
    late: list[LateCount] = field(default_factory=list)
    outliers: list[OutlierRow] = field(default_factory=list)
    ledger: list[LedgerRow] = field(default_factory=list)
    invalid: list[InvalidRow] = field(default_factory=list)
    pane_parts: list[PanePart] = field(default_factory=list)
    closed_panes: list[tuple[str, int, datetime]] = field(default_factory=list)
    damaged_parts: list[int] = field(default_factory=list)
    """Parts of panes that nobody can read, by number: they go."""
    damaged_changes: list[int] = field(default_factory=list)
    """The same of the last commits: rows of the journal."""
    states: list[MonitorState] = field(default_factory=list)
    failures: list[MonitorFailure] = field(default_factory=list)
    recovered: list[tuple[str, int]] = field(default_factory=list)
    """Monitors whose failure is over."""
    gone: list[tuple[str, int]] = field(default_factory=list)
    """Monitors that the group watches no more: their open panes and state go, their results stay."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Claim:
    """The right of one driver to write for its group, until a later claim takes it away.

    `deaths`: how many drivers of the group ended since its last commit while they read, the writer of that commit
    included. One that released its claim ended cleanly, and one that had not begun to read no record has ended.
    """

    group: str
    generation: int
    token: str
    deaths: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Restored:
    """What a driver finds when it starts. Pane parts are in the order in which they were written.

    What cannot be read is in `damaged`: one row is its own monitor's affair, not the group's.
    """

    offsets: dict[tuple[str, int], ReadRange]
    """By topic and partition: the last range read, whose `end` is where to go on."""
    states: list[MonitorState]
    pane_parts: list[PanePart]
    failures: list[MonitorFailure]
    damaged: list[DamagedState] = field(default_factory=list)
