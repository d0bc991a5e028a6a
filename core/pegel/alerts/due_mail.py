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
    later pass. `quiet` says that nobody is to be written to now; an acknowledgement says so too, until it ends.
    """
    acknowledged = alert.acknowledged_until is not None and now < alert.acknowledged_until
    kind = None if quiet or acknowledged else _kind(alert, is_over=is_over, now=now, spec=spec)
    if is_over and kind in {None, MailKind.OVER}:
        alert = replace(alert, over_at=now)
    if kind is None:
        return alert, None
    new = tuple(name for name in alert.names if name not in alert.mailed_features)
    told = replace(alert, mailed_at=now, mailed_features=alert.names, mailed_end=alert.last_end)
    since = tuple(row for row in windows if row.span.end > alert.since)
    return told, Mail(kind=kind, alert=told, spec=spec, windows=since, previous=previous, new_features=new)


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
