"""What a page shows, ready to be put into a template: words and SVG, no more decisions to take."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime

from pegel.alerts.alert import Alert
from pegel.judge.findings import Finding, Verdict
from pegel.reconcile.actions import PastAction
from pegel.stream.result_rows import InvalidRow, LedgerRow, OutlierRow, WindowRow


@dataclass(frozen=True, slots=True, kw_only=True)
class FeatureView:
    """One field of a model against its baseline."""

    name: str
    role: str
    unit: str | None
    verdict: Verdict
    verdict_words: str
    what: str
    """What changed, or why it was not judged, in words."""
    effect: str
    p_value: str
    threshold: str
    rows: str
    """How many values of the windows shown against how many of the baseline."""
    odd: str
    """What came instead of values in the windows shown, by kind: `3 nulls, 1 unparseable`; empty if nothing did."""
    chart: str
    """SVG: baseline as outline, the windows shown filled."""


@dataclass(frozen=True, slots=True, kw_only=True)
class LedgerView:
    """The ledger of the minutes shown, added up."""

    received: int
    judged: int
    late: int
    invalid: int
    duplicate: int
    dropped: int

    @property
    def open(self) -> int:
        """Return events in spans that are still open; 0 means that the ledger closes."""
        return self.received - self.judged - self.late - self.invalid - self.duplicate - self.dropped

    @classmethod
    def of(cls, rows: list[LedgerRow]) -> LedgerView:
        """Add up minutes."""
        names = ("received", "judged", "late", "invalid", "duplicate", "dropped")
        return cls(**{name: sum(getattr(row, name) for row in rows) for name in names})


@dataclass(frozen=True, slots=True, kw_only=True)
class StateView:
    """How a monitor is, in words; `level` is one of `ok`, `warn`, `bad`, `idle` and never the only carrier."""

    words: str
    level: str


@dataclass(frozen=True, slots=True, kw_only=True)
class ModelRow:
    """One model version in a list of them."""

    name: str
    version: int
    state: StateView
    last_window: str
    """When the last final window ended and how long ago, in words."""
    requests: str
    """SVG: requests per window, oldest left."""
    open_alerts: int
    false_alarms: str
    """Expected against allowed, in words."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ModelView:
    """One model version in full."""

    row: ModelRow
    made_at: datetime
    baseline: str
    """Which baseline is in force, in words."""
    notes: list[str]
    """What is not looked for, and why, as the newest judged window says."""
    timeline: str
    """SVG."""
    features: list[FeatureView]
    """Worst first."""
    ledger: LedgerView
    windows: list[WindowRow] = field(default_factory=list)
    """Newest first."""
    findings: list[Finding] = field(default_factory=list)
    """Newest first, of final windows."""
    alerts: list[Alert] = field(default_factory=list)
    outliers: list[OutlierRow] = field(default_factory=list)
    invalid: list[InvalidRow] = field(default_factory=list)
    actions: list[PastAction] = field(default_factory=list)
    """What the reconciler did, newest first."""
