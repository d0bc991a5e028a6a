"""Which mail is due, read off the state of an alert, and the state once that mail is accepted."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import datetime

from pegel.alerts.alert import Alert, Mail, MailKind
from pegel.alerts.alert_kind import AlertKind
from pegel.alerts.severity import Severity
from pegel.spec.monitor_spec import MonitorSpec
from pegel.stream.result_rows import WindowRow


def due_mail(
    alert: Alert,
    *,
    is_over: bool,
    quiet: bool,
    now: datetime,
    spec: MonitorSpec,
    windows: Sequence[WindowRow],
    previous: Alert | None,
) -> tuple[Alert, Mail | None]:
    """Return the alert as it is after this pass, and the mail to send before saving it.

    An alert that nobody was told of yet, or not in full, is told before it is closed: the news of its end comes with a
    later pass. `quiet` says that nobody is to be written to now. An acknowledgement covers what was acknowledged, until
    it ends: neither repetition nor growth nor end is told, but a further feature is. An alert about a single event is
    over as soon as it is told: an event does not last.
    """
    acknowledged = alert.acknowledged_until is not None and now < alert.acknowledged_until
    kind = None if quiet else _kind(alert, is_over=is_over, now=now, spec=spec)
    if acknowledged and kind is not None:
        kind = MailKind.GROWN if _unknown(alert) else None
    if is_over and kind in {None, MailKind.OVER}:
        alert = replace(alert, over_at=now)
    if kind is None:
        return alert, None
    new = _unknown(alert) if acknowledged else _unmailed(alert)
    mailed = replace(
        alert,
        mailed_at=now,
        over_at=now if alert.kind is AlertKind.SINGLE_EVENT else alert.over_at,
        # Whoever was told at an earlier try knows only what there was then; the rest is news to all.
        mailed_severities=alert.told_severities or alert.severities,
        mailed_end=alert.last_end,
        told=(),
        told_severities={},
        mail_failed="",
    )
    recipients = tuple(address for address in spec.alerts.emails if address not in alert.told)
    if not recipients:
        return mailed, None
    since = tuple(row for row in windows if row.span.end > alert.since)
    mail = Mail(
        kind=kind,
        alert=mailed,
        spec=spec,
        recipients=recipients,
        windows=since,
        previous=previous,
        new_features=new,
        grown={} if acknowledged else _grown(alert),
    )
    return mailed, mail


def _unmailed(alert: Alert) -> tuple[str, ...]:
    """Return the features that no mail told."""
    return tuple(name for name in alert.names if name not in alert.mailed_severities)


def _unknown(alert: Alert) -> tuple[str, ...]:
    """Return the features that neither a mail told nor a person acknowledged."""
    return tuple(name for name in _unmailed(alert) if name not in alert.acknowledged_features)


def _grown(alert: Alert) -> Mapping[str, Severity]:
    """Return what has grown since the last mail that told it, as severe as it was then."""
    now, told = alert.severities, alert.mailed_severities
    return {name: told[name] for name in alert.names if name in told and now[name].grew_from(told[name])}


def _kind(alert: Alert, *, is_over: bool, now: datetime, spec: MonitorSpec) -> MailKind | None:
    if alert.mailed_at is None:
        return MailKind.OPENED
    if _unmailed(alert) or (_grown(alert) and not is_over):
        return MailKind.GROWN
    if is_over:
        return MailKind.OVER
    more = alert.mailed_end is None or alert.last_end > alert.mailed_end
    if more and now - alert.mailed_at >= spec.alerts.repeat_after:
        return MailKind.REPEATED
    return None
