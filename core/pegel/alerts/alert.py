"""The words of alerting: an alert, what a mail is about, what changes in one pass."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from enum import StrEnum

from pegel.alerts.alert_event import AlertEvent
from pegel.alerts.alert_kind import AlertKind
from pegel.alerts.magnitude import Magnitude
from pegel.alerts.severity import Severity
from pegel.judge.change_interval import ChangeInterval
from pegel.judge.findings import Finding
from pegel.spec import names
from pegel.spec.alert_routes import is_pager
from pegel.spec.monitor_spec import MonitorSpec
from pegel.stream.result_rows import WindowRow


class MailKind(StrEnum):
    """Why a mail is sent."""

    OPENED = "opened"
    GROWN = "grown"
    REPEATED = "repeated"
    OVER = "over"

    @property
    def is_news(self) -> bool:
        """Say whether it tells what nobody was told: that something goes on, or is over, wakes nobody."""
        return self in {MailKind.OPENED, MailKind.GROWN}


@dataclass(frozen=True, slots=True, kw_only=True)
class AlertFeature:
    """What a finding is about, a feature or a kind of odd events; `windows` counts those that had a finding about it.

    `feature`: its name, of a feature in a segment with where: `delay in airline=AA`.
    """

    feature: str
    since: datetime
    finding: Finding
    """The newest one."""
    windows: int = 1
    unbroken_since: datetime
    """Since when windows had a finding about it without a calm one in between."""
    began: ChangeInterval | None = None
    """Between which instants its change began, if a chart found it; None where nothing is known of that."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Alert:
    """What a person must know about one model version and one kind of trouble, from the first window on.

    `id` is that of the finding that opened it, so one id serves to explain and to acknowledge.
    """

    id: str
    model: str
    version: int
    opened_at: datetime
    since: datetime
    """Start of the first window with a finding, in event time."""
    last_end: datetime
    """End of the last window with a finding so far, in event time."""
    features: tuple[AlertFeature, ...]
    """In order of appearance."""
    severity: Severity = Severity.WARNING
    """The worst that it was since it was opened."""
    over_at: datetime | None = None
    """When it was over; None while it is open."""
    is_resolved: bool = False
    """Whether a person closed it: what comes afterwards is news."""
    mailed_at: datetime | None = None
    """When the last mail was accepted; None before the first."""
    mailed_magnitudes: Mapping[str, Magnitude] = field(default_factory=dict)
    """How large what each feature has was that mails told, as the last one told it."""
    mailed_severity: Severity | None = None
    """How bad it was as the last mail told it; None before the first."""
    known_to: tuple[str, ...] = ()
    """Addressees that were told of it."""
    missed: Mapping[str, str] = field(default_factory=dict)
    """By addressee that could not be reached while others were told: by what its message is known, see
    `pegel.alerts.message_identity`."""
    mailed_end: datetime | None = None
    """`last_end` as the last mail told it."""
    to_end: tuple[str, ...] = ()
    """Pagers that are not told yet that it is over, where nobody else is to be told so."""
    told: tuple[str, ...] = ()
    """Addresses that have the mail which is due, while others are still to be tried again."""
    told_over: bool = False
    """Whether that mail says that it is over."""
    told_magnitudes: Mapping[str, Magnitude] = field(default_factory=dict)
    """What that mail told them."""
    mail_failed: str = ""
    """Why the last mail reached nobody; empty if it reached somebody."""
    acknowledged_until: datetime | None = None
    acknowledged_why: str = ""
    acknowledged_by: str = ""
    """Who said so: the name under which that person logged in."""
    acknowledged_features: tuple[str, ...] = ()
    """What was acknowledged; a further feature is news all the same."""
    held_back: str = ""
    """Which mail silences hold back, the value of a `MailKind`; empty where none is due, or none is held back."""
    held_by: tuple[int, ...] = ()
    """Ids of the silences that do."""
    paged: tuple[datetime, ...] = ()
    """Of an alert about a single event: when mails about such were due, of this alert and of those before it."""

    @property
    def key(self) -> str:
        """Return the key of the monitor, e.g. `delays/1`."""
        return names.monitor_key(self.model, self.version)

    @property
    def names(self) -> tuple[str, ...]:
        """Return the names of the features, in order of appearance."""
        return tuple(feature.feature for feature in self.features)

    @property
    def kind(self) -> AlertKind:
        """Return what it is about."""
        return AlertKind.of(self.features[0].finding)

    def is_acknowledged(self, now: datetime) -> bool:
        """Say whether somebody has acknowledged it until after `now`."""
        return self.acknowledged_until is not None and now < self.acknowledged_until

    def closed(self, at: datetime, *, is_resolved: bool = False) -> Alert:
        """Return it as it is over without a mail; a pager is told all the same, whose incident would go on."""
        to_end = tuple(address for address in (*self.known_to, *self.told) if is_pager(address))
        return replace(self, over_at=at, is_resolved=is_resolved, to_end=to_end)

    @property
    def magnitudes(self) -> dict[str, Magnitude]:
        """Return how large what each feature has is, by its newest finding."""
        return {feature.feature: Magnitude.of(feature.finding) for feature in self.features}


@dataclass(frozen=True, slots=True, kw_only=True)
class DispatchFailure:
    """Something about a model version that nobody was told, and why: a refused address, a finding that is damaged.

    `first_at` and `at` are the first and the last time it happened, `times` how often.
    """

    model: str
    version: int
    reason: str
    first_at: datetime
    at: datetime
    times: int

    @property
    def key(self) -> str:
        """Return the key of the monitor, e.g. `delays/1`."""
        return names.monitor_key(self.model, self.version)


@dataclass(frozen=True, slots=True, kw_only=True)
class Mail:
    """Everything a mail tells."""

    kind: MailKind
    alert: Alert
    spec: MonitorSpec
    recipients: tuple[str, ...]
    """Those of the spec's addresses that do not have this mail yet."""
    windows: tuple[WindowRow, ...]
    """The newest of the final windows since the alert began, in order of time."""
    previous: Alert | None
    """The alert of this kind before this one; None for a model's first."""
    new_features: tuple[str, ...] = ()
    """What earlier mails about this alert did not tell."""
    grown: Mapping[str, Magnitude] = field(default_factory=dict)
    """What has grown since the last mail, as large as that one told it."""
    ordinal: str = ""
    """Of a mail that others have: by what it is known, see `pegel.alerts.message_identity`; empty for the next one."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Change:
    """What one pass makes of one kind of trouble of a monitor: send `mail` (if any), then save `alert`.

    All changes of a monitor, and its `cursor`, are saved in one transaction.

    A crash between the two repeats the mail; it never loses it.
    """

    key: str
    alert: Alert | None
    """As it is once `mail` is with everybody; None if there is none."""
    mail: Mail | None
    cursor: int | None
    """The `seq` of the monitor's newest finding taken in, of whichever kind; None when there was none."""
    at: datetime
    """The instant of the pass."""
    unmailed: Alert | None = None
    """As the alert is as long as somebody does not have `mail`; None without a mail."""
    events: tuple[AlertEvent, ...] = ()
    """What became of `mail`, for the alert's history; what happened to the alert itself is read off it."""
