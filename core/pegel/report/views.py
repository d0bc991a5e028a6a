"""What a page shows, ready to be put into a template: words and SVG, no more decisions to take."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime

from pegel.alerts.alert import Alert, DispatchFailure
from pegel.alerts.alert_event import AlertEvent
from pegel.alerts.severity import Severity
from pegel.alerts.silencing import Silence
from pegel.data.spans import Span
from pegel.judge.findings import Verdict
from pegel.reconcile.actions import PastAction
from pegel.report.attribution_view import AttributionView
from pegel.report.data_quality import QualityView
from pegel.report.feature_choice import FeatureChoice
from pegel.report.finding_groups import FindingGroups
from pegel.report.performance_view import PerformanceView
from pegel.report.range_view import RangeView
from pegel.report.span_calendar import Calendar
from pegel.report.untold_words import Specs
from pegel.stream.commit import Gap, MonitorFailure, SetAside
from pegel.stream.outcomes import REPLACED, Outcomes
from pegel.stream.result_rows import InvalidRow, LedgerRow, MinuteBalance, OutlierRow, WindowRow


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
    """How many values of the windows shown against how many of the baseline; where not judged, also how few."""
    further: list[str]
    """What else changed, in words: `what` is the worst."""
    odd: str
    """What came instead of values in the windows shown, by kind: `3 nulls, 1 unparseable`; empty if nothing did."""
    chart: str
    """SVG: baseline as outline, the windows shown filled."""
    numbers: list[tuple[str, str, str]] = field(default_factory=list)
    """Of each bar of the picture what it is of, its share of the baseline and of the windows shown."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SegmentView:
    """One part of the rows, by its newest final row."""

    name: str
    query: str
    """The name as it stands in an address."""
    span: Span
    rows: int
    verdict: Verdict
    verdict_words: str
    what: str
    """What changed most, or why it was not judged, in words; or empty."""
    is_finding: bool
    """Whether it is a finding of its own: what the whole tells is none of its segments."""


@dataclass(frozen=True, slots=True, kw_only=True)
class LedgerView:
    """The ledger of the minutes shown, added up."""

    judged: int
    late: int
    invalid: int
    duplicate: int
    set_aside: int
    dropped: int
    dropped_at_most: int
    """Those of the dropped that may have been delivered all the same."""
    dropped_at_least: int
    """Those of the dropped that may stand for more than themselves."""
    asked: int
    """Requests of which it is known whether they were answered."""
    unanswered: int
    looks_up: bool
    """Whether features are looked up; the next three count the judged events in which some are replaced."""
    store_unavailable: int
    """Because the online store did not answer."""
    entity_unknown: int
    """Because it did not know the entity."""
    vector_stale: int
    """Because what it had was too old."""
    perhaps_lost: int
    """Events of the whole group, of models that nobody knows: at most so many were lost with a killed logger."""
    surely_lost: int
    """The same: at least so many were lost with files of a logger that were damaged."""
    unbalanced: list[MinuteBalance]
    """Minutes of the whole group in which not everything that arrived is accounted for, the newest first."""

    @property
    def received(self) -> int:
        """Return the events that reached the logger."""
        return self.judged + self.late + self.invalid + self.duplicate + self.set_aside + self.dropped

    @property
    def replaced(self) -> int:
        """Return the judged events with features that are not from the online store."""
        return self.store_unavailable + self.entity_unknown + self.vector_stale

    @classmethod
    def of(
        cls,
        rows: list[LedgerRow],
        balance: list[MinuteBalance],
        *,
        of_no_model: Outcomes | None = None,
        looks_up: bool = False,
    ) -> LedgerView:
        """Add up a model's minutes, and pick those in which its group's ledger does not close.

        `of_no_model`: what the group's ledger accounts to no model. Where anything was replaced it was looked up, even
        if it no longer is.
        """
        nobody = of_no_model or Outcomes()
        names = (
            "judged",
            "late",
            "invalid",
            "duplicate",
            "set_aside",
            "dropped",
            "dropped_at_most",
            "dropped_at_least",
            "asked",
            "unanswered",
            *REPLACED.values(),
        )
        sums = {name: sum(getattr(row, name) for row in rows) for name in names}
        unbalanced = [minute for minute in reversed(balance) if minute.difference]
        return cls(
            **sums,
            looks_up=looks_up or any(sums[name] for name in REPLACED.values()),
            perhaps_lost=nobody.dropped_at_most,
            surely_lost=nobody.dropped_at_least,
            unbalanced=unbalanced,
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class StateView:
    """How a monitor is, in one short line; `level` is one of `ok`, `warn`, `bad`, `idle` and never the only carrier."""

    words: str
    level: str
    further: tuple[str, ...] = ()
    """What else there is to say, a line each."""

    @property
    def whole(self) -> str:
        """Return all of it in one line."""
        return "; ".join([self.words, *self.further])


@dataclass(frozen=True, slots=True, kw_only=True)
class ModelRow:
    """One model version in a list of them."""

    name: str
    version: int
    state: StateView
    last_window: str
    """When the last final window ended and how long ago, in words."""
    answers: str
    """How long answers took of which the last final window tells, and which have no request, in words; or empty."""
    requests: str
    """SVG: requests per window, oldest left."""
    open_alerts: int
    false_alarms: str
    """Expected against allowed, in words."""
    budget: str = ""
    """How many alerts were opened in the time that the budget is said for, beside what it allows, in words."""
    owners: list[str] = field(default_factory=list)
    """Whose it is: its namespace, then who is mailed."""
    last_end: datetime | None = None
    """When the last final window ended."""
    worst: Severity | None = None
    """How bad the worst open alert is that nobody has in hand; None without one."""
    days: str = ""
    """What the newest day that was judged says; empty where there is none."""
    look: str = ""
    """Where it stands why answers are missing, in words; empty while no alert is about that."""
    silences: list[str] = field(default_factory=list)
    """Who holds back its mails until when and why, in words; the newest first."""
    notices: list[str] = field(default_factory=list)
    """What went wrong around the model without being its state: mails not told, records never read, an open ledger."""
    around: list[str] = field(default_factory=list)
    """What is wrong around all models, in words: the logger has ended."""
    is_table: bool = False
    """Whether it is only scored in batches: it has no events, no ledger, and nothing that is reconciled."""


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
    time: RangeView | None = None
    """The windows of the time that is shown, with links to other times; None on a page without links."""
    answers: str
    """How long the answers took of which the windows shown tell, and which have no request, in words; or empty."""
    features: list[FeatureView]
    """Worst first."""
    chosen: FeatureChoice[FeatureView] | None = None
    """Those of them that are asked for, in the order asked for; None on a page without links, and without features."""
    quality: QualityView | None
    """What the newest window says of the expectations; None where there are none."""
    ledger: LedgerView
    performance: PerformanceView | None = None
    """How the model does, where labels are known; None where there are none."""
    refused_labels: list[str] = field(default_factory=list)
    """What came as a label and was refused, a line for the model and one for its namespace."""
    attributions: AttributionView | None = None
    """What the model makes of its inputs; None where no prediction is to be explained."""
    calendar: Calendar = field(default_factory=Calendar)
    """Hours, days and weeks."""
    windows: list[WindowRow] = field(default_factory=list)
    """Newest first."""
    findings: FindingGroups = field(default_factory=lambda: FindingGroups(groups=[]))
    """By feature, of final windows and longer spans."""
    alerts: list[Alert] = field(default_factory=list)
    silences: list[Silence] = field(default_factory=list)
    """Those in force."""
    coming: list[Silence] = field(default_factory=list)
    """Those that will be in force."""
    specs: Specs = field(default_factory=dict)
    """The model's own spec by its key; empty where that cannot be read."""
    alert_events: dict[str, list[AlertEvent]] = field(default_factory=dict)
    """What happened to each of the alerts, by its id, oldest first."""
    outliers: list[OutlierRow] = field(default_factory=list)
    explained_via: str = ""
    """By what the model's predictions are explained, so that it is told what it made of outlying rows; empty: they are
    not."""
    invalid: list[InvalidRow] = field(default_factory=list)
    actions: list[PastAction] = field(default_factory=list)
    """What the reconciler did, newest first."""
    problems: list[str] = field(default_factory=list)
    """What of this page could not be read, and why; the rest is shown."""
    failures: list[MonitorFailure] = field(default_factory=list)
    """Why the stream does not watch or judge the model now."""
    gaps: list[Gap] = field(default_factory=list)
    """Records of the group that nobody will ever read, newest first."""
    set_aside: list[SetAside] = field(default_factory=list)
    """Records of the group that killed whoever read them, newest first."""
    untold: list[DispatchFailure] = field(default_factory=list)
    """What nobody could be told, newest first."""
    stream: str = ""
    """How far the group's driver is, or the job that reads the model's table, in words."""
    segments: list[SegmentView] = field(default_factory=list)
    """What is known of each part of the rows, the drifting ones first."""
    segment: str = ""
    """Of which part windows and features are shown; empty: of all rows."""
    archived: list[str] = field(default_factory=list)
    """What the archived rows of the newest hour or day said of the expectations, a line each."""
    skew: list[str] = field(default_factory=list)
    """What the online store served beside its table, a line for each span that was looked at, newest first."""
    baselines: list[str] = field(default_factory=list)
    """Which baselines became current, when, by whom and why, newest first; before them what waits for an answer."""
