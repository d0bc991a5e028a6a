"""What the results database holds, as values: one dataclass per kind of row.

Every instant is timezone-aware and in UTC. Each row carries its key: writing it twice changes nothing.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import Any

from pegel.data.spans import Span
from pegel.judge.findings import Verdict
from pegel.spec import names
from pegel.stats.answer_latencies import Latencies
from pegel.stream.outcomes import Outcomes

NOBODY = ("", 0)
"""Model and version under which records are booked that no monitor answers to."""


class Origin(StrEnum):
    """Who wrote a result. A reader sees a span's highest revision; of two with the same, that of the batch job."""

    STREAM = "stream"
    BATCH = "batch"


@dataclass(frozen=True, slots=True, kw_only=True)
class WindowRow:
    """One span of one monitor as summarised and judged. Key: model, version, segment, span, revision, origin.

    `segment` names a part of the rows, `""` all of them. A row that is not `final` is kept without its `summary` and
    its `judgement`.

    `requests`, `responses` and `joined` count events; `rows`, `late`, `duplicates`, `invalid` and `clamped` count what
    their names say in the unit of the stream that wrote them. `latencies` are those of the answers to requests that
    were settled when the window was final, most of them made in the windows before; `orphans` counts responses of which
    it was known by then that they have no request. `judgement` holds the feature verdicts as plain JSON, `remarks` the
    little that a model's state says beside the verdict, see `pegel.judge.remarks`.
    """

    model: str
    version: int
    span: Span
    revision: int
    final: bool
    requests: int
    responses: int
    joined: int
    rows: int
    late: int
    duplicates: int
    invalid: int
    clamped: int
    verdict: Verdict
    summary: bytes
    baseline_id: str | None
    layout_hash: str | None
    spec_fingerprint: str
    code_version: str
    judgement: dict[str, Any]
    emitted_at: datetime
    remarks: dict[str, Any] = field(default_factory=dict)
    orphans: int = 0
    latencies: Latencies = field(default_factory=Latencies)
    segment: str = ""
    origin: Origin = Origin.STREAM

    @property
    def key(self) -> str:
        """Return the key of the monitor, e.g. `delays/1`."""
        return names.monitor_key(self.model, self.version)


@dataclass(frozen=True, slots=True, kw_only=True)
class Tally:
    """How many windows drifted, of how many, and how many rows all of these have."""

    drifting: int
    windows: int
    rows: int


@dataclass(frozen=True, slots=True, kw_only=True)
class OutlierRow:
    """One outlying row of one event. Key: model, version, event id, row; no segment, because a row is told once.

    The id of an event that another component than the predictor logged says so: `e1 (transformer)`.

    `p_value`: how large a part of unchanged rows scores at least so, as far as training can tell.
    `reasons` lists at most three features, worst first, each as `{"feature", "value", "part"}`; values finer than any
    of training come first, with `"finer": true`. `record`: topic,
    partition and offset of the request; None of a row of a table. `made`: what the model made of the row, see
    `pegel.store.made_of_outliers`, which writes it; None where that is not known yet.
    """

    model: str
    version: int
    event_id: str
    row: int
    event_time: datetime
    score: float
    cutoff: float
    p_value: float
    reasons: list[dict[str, Any]]
    origin: Origin = Origin.STREAM
    record: list[Any] | None = None
    made: dict[str, Any] | None = None


@dataclass(slots=True, kw_only=True)
class LedgerRow(Outcomes):
    """Where one event-time minute's records went, in records. Key: group, model, version, minute.

    In a `Commit` the counts are what it adds; read back they are the sums. What arrived on the topics is counted apart,
    see `ArrivalRow`: over all models of a group (and the row of nobody's records), in each minute,
    arrived = judged + late + invalid + duplicate + set_aside + probe + elsewhere + notice. `dropped` never arrived: it
    is what the logger's notices say.
    """

    model: str
    version: int
    minute: datetime

    @property
    def arrived(self) -> int:
        """Return the records on the topics that this row accounts for."""
        return self.received - self.dropped + self.probe + self.elsewhere + self.notice


@dataclass(frozen=True, slots=True, kw_only=True)
class MinuteBalance:
    """One minute of a group: the records that arrived on its topics, and those that its ledger accounts for."""

    group: str
    minute: datetime
    arrived: int
    accounted: int

    @property
    def difference(self) -> int:
        """Return how many records arrived and are accounted for nowhere; below 0, how many are counted twice."""
        return self.arrived - self.accounted


@dataclass(frozen=True, slots=True, kw_only=True)
class InvalidRow:
    """How many records of one minute could not be used, by kind. Key: model, version, minute, kind.

    In a `Commit` the count is what it adds, and a sample is kept only if there is none yet.
    """

    model: str
    version: int
    minute: datetime
    kind: str
    count: int
    sample: str
    """Why one of them cannot be used, and its beginning: at most `SAMPLE_LIMIT` characters."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Heartbeat:
    """What a streaming driver says about itself. Key: group; a driver of an older generation is not heard.

    `specs` and `baselines` map a monitor's key to the spec fingerprint and the baseline id in effect.
    """

    group: str
    generation: int
    fingerprint: str
    """The *state* fingerprint of the job document that the driver was started with."""
    batch_id: int
    """How many batches this driver has committed."""
    lag: int
    """Messages on the topics that the driver has not read yet."""
    event_time_head: datetime | None
    """Newest event time seen; None before the first event."""
    at: datetime
    started_at: datetime
    pid: int
    progressed_at: datetime | None = None
    """When the stream last did something: a batch committed, or the source seen to be read to its end."""
    state: str = "running"
    """`starting`, `running` or `stopped`."""
    doing: str = ""
    """What the driver is at, in a few words for people; empty: not told."""
    missing: str = ""
    """What is missing that is not the driver's own, and since when, in words; empty: nothing."""
    error: str | None = None
    note: str = ""
    """What people should know of how it works, in words; empty: nothing."""
    specs: dict[str, str] = field(default_factory=dict)
    baselines: dict[str, str] = field(default_factory=dict)
