"""Which mail is due, read off the state of an alert, and the state once that mail is accepted."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime

from pegel.alerts.alert import Alert, Mail, MailKind
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
    it ends: neither repetition nor end is told, but a further feature is.
    """
    acknowledged = alert.acknowledged_until is not None and now < alert.acknowledged_until
    kind = None if quiet else _kind(alert, is_over=is_over, now=now, spec=spec)
    if acknowledged and kind is not None:
        kind = MailKind.GROWN if _unknown(alert) else None
    if is_over and kind in {None, MailKind.OVER}:
        alert = replace(alert, over_at=now)
    if kind is None:
        return alert, None
    new = _unknown(alert) if acknowledged else tuple(name for name in alert.names if name not in alert.mailed_features)
    mailed = replace(
        alert,
        mailed_at=now,
        # Whoever was told at an earlier try knows only what there was then; the rest is news to all.
        mailed_features=alert.told_features or alert.names,
        mailed_end=alert.last_end,
        told=(),
        told_features=(),
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
    )
    return mailed, mail


def _unknown(alert: Alert) -> tuple[str, ...]:
    """Return the features that neither a mail told nor a person acknowledged."""
    known = {*alert.mailed_features, *alert.acknowledged_features}
    return tuple(name for name in alert.names if name not in known)


def _kind(alert: Alert, *, is_over: bool, now: datetime, spec: MonitorSpec) -> MailKind | None:
    if alert.mailed_at is None:
        return MailKind.OPENED
    if set(alert.names) - set(alert.mailed_features):
        return MailKind.GROWN
    if is_over:
        return MailKind.OVER
    more_drift = alert.mailed_end is None or alert.last_end > alert.mailed_end
    if more_drift and now - alert.mailed_at >= spec.alerts.repeat_after:
        return MailKind.REPEATED
    return None
