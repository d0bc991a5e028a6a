"""The words of alerting: an alert, what a mail is about, what changes in one pass."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from pegel.judge.findings import Finding
from pegel.spec import names
from pegel.spec.monitor_spec import MonitorSpec
from pegel.stream.result_rows import WindowRow


class MailKind(StrEnum):
    """Why a mail is sent."""

    OPENED = "opened"
    GROWN = "grown"
    REPEATED = "repeated"
    OVER = "over"


@dataclass(frozen=True, slots=True, kw_only=True)
class AlertFeature:
    """One drifting feature of an alert. `finding` is the newest one; `windows` counts the windows that had one."""

    feature: str
    since: datetime
    finding: Finding
    windows: int = 1


@dataclass(frozen=True, slots=True, kw_only=True)
class Alert:
    """What a person must know about one model version: every feature that drifts, from the first window on.

    `id` is that of the finding that opened it, so one id serves to explain and to acknowledge.
    """

    id: str
    model: str
    version: int
    opened_at: datetime
    since: datetime
    """Start of the first drifting window, in event time."""
    last_end: datetime
    """End of the last drifting window so far, in event time."""
    features: tuple[AlertFeature, ...]
    """In order of appearance."""
    over_at: datetime | None = None
    """When it was over; None while it is open."""
    mailed_at: datetime | None = None
    """When the last mail was accepted; None before the first."""
    mailed_features: tuple[str, ...] = ()
    mailed_end: datetime | None = None
    """`last_end` as the last mail told it."""
    told: tuple[str, ...] = ()
    """Addresses that have the mail which is due, while others are still to be tried again."""
    told_features: tuple[str, ...] = ()
    """What that mail told them."""
    mail_failed: str = ""
    """Why the last mail reached nobody; empty if it reached somebody."""
    acknowledged_until: datetime | None = None
    acknowledged_why: str = ""
    acknowledged_by: str = ""
    """Who said so: the name under which that person logged in."""
    acknowledged_features: tuple[str, ...] = ()
    """What was acknowledged; a further feature is news all the same."""

    @property
    def key(self) -> str:
        """Return the key of the monitor, e.g. `delays/1`."""
        return names.monitor_key(self.model, self.version)

    @property
    def names(self) -> tuple[str, ...]:
        """Return the names of the drifting features, in order of appearance."""
        return tuple(feature.feature for feature in self.features)


@dataclass(frozen=True, slots=True, kw_only=True)
class Silence:
    """No mails about a model version before `until`: planned work, a known season."""

    model: str
    version: int
    until: datetime
    why: str
    by: str
    """Who said so: the name under which that person logged in."""
    said_at: datetime


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
    """The alert before this one; None for a model's first."""
    new_features: tuple[str, ...] = ()
    """What earlier mails about this alert did not tell."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Change:
    """What one pass makes of one monitor: send `mail` (if any), then save `alert` and `cursor` in one transaction.

    A crash between the two repeats the mail; it never loses it.
    """

    key: str
    alert: Alert | None
    """As it is once `mail` is with everybody; None if the monitor has none."""
    mail: Mail | None
    cursor: int | None
    """The `seq` of the newest finding taken in; None when there was none."""
    unmailed: Alert | None = None
    """As the alert is as long as somebody does not have `mail`; None without a mail."""
