"""What happened to an alert, read off how it was and how it is. Pure."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime

from pegel.alerts.alert import Alert, Mail
from pegel.alerts.alert_event import AlertEvent, AlertEventKind


def happened(
    alert: Alert,
    kind: AlertEventKind,
    at: datetime,
    *,
    by: str = "",
    why: str = "",
    until: datetime | None = None,
    features: Iterable[str] = (),
    mail: str = "",
    recipients: Iterable[str] = (),
    silences: Iterable[int] = (),
) -> AlertEvent:
    """Return an event of an alert; what does not belong to its kind is left out."""
    return AlertEvent(
        alert=alert.id,
        model=alert.model,
        version=alert.version,
        kind=kind,
        at=at,
        by=by,
        why=why,
        until=until,
        features=tuple(features),
        mail=mail,
        recipients=tuple(recipients),
        silences=tuple(silences),
    )


def grown(before: Alert | None, after: Alert, at: datetime) -> list[AlertEvent]:
    """Return that an alert was opened, or which features joined it since `before` and that its severity rose."""
    if before is None:
        return [happened(after, AlertEventKind.OPENED, at, features=after.names)]
    joined = [name for name in after.names if name not in before.names]
    events = [happened(after, AlertEventKind.GROWN, at, features=joined)] if joined else []
    if after.severity.worse_than(before.severity):
        rose = f"{after.severity}, it was {before.severity}"
        events.append(happened(after, AlertEventKind.MORE_SEVERE, at, why=rose))
    return events


def ended(before: Alert | None, after: Alert, at: datetime) -> list[AlertEvent]:
    """Return what of an alert silences hold back by now, and that it is over."""
    events = []
    if after.held_back and (before is None or (before.held_back, before.held_by) != (after.held_back, after.held_by)):
        events.append(happened(after, AlertEventKind.HELD_BACK, at, mail=after.held_back, silences=after.held_by))
    if after.over_at is not None and (before is None or before.over_at is None):
        events.append(happened(after, AlertEventKind.OVER, at))
    return events


def mail_events(mail: Mail, alert: Alert, at: datetime, recipients: Iterable[str]) -> tuple[AlertEvent, ...]:
    """Return who has a mail now, or that nobody will, `alert` being as it is saved; nothing where it is tried again."""
    told, about = tuple(recipients), mail.new_features or tuple(mail.grown) or mail.alert.names
    kind = mail.kind.value
    if told:
        return (happened(alert, AlertEventKind.MAILED, at, recipients=told, features=about, mail=kind),)
    if alert.mail_failed and alert.mailed_at == at:
        return (happened(alert, AlertEventKind.NOT_MAILED, at, why=alert.mail_failed, features=about, mail=kind),)
    return ()
