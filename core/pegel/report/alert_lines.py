"""An alert in a line, and in plain JSON: for terminals and machines."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime
from types import MappingProxyType

from pegel.alerts.alert import Alert
from pegel.alerts.alert_event import AlertEvent
from pegel.alerts.silencing import Silence, is_in_hand, silenced_by
from pegel.report.change_words import since, so_since
from pegel.report.happened_words import about, named
from pegel.report.silence_words import event_words, quiet
from pegel.report.untold_words import Specs, not_mailed
from pegel.report.words import moment
from pegel.spec.outside_text import LONGEST_SENTENCE, NAME_LIMIT, shown

NO_SPECS: Specs = MappingProxyType({})


def alert_line(alert: Alert, silences: Sequence[Silence], now: datetime, specs: Specs = NO_SPECS) -> str:
    """Return one line: id, severity, monitor, kind and features, since when, and how it stands.

    `silences`: those in force; `specs`: those that are known.
    """
    names = ", ".join(shown(name, NAME_LIMIT) for name in alert.names)
    what = so_since(about(alert.kind, names), since(alert, now))
    return (
        f"{alert.id[:8]}  {alert.severity:<8}  {alert.key}  {what}: {'; '.join(standing(alert, silences, now, specs))}"
    )


def alert_cells(alert: Alert, silences: Sequence[Silence], now: datetime, specs: Specs = NO_SPECS) -> tuple[str, ...]:
    """Return the same as the cells of a table."""
    names = ", ".join(shown(name, NAME_LIMIT) for name in alert.names)
    stands = "; ".join(standing(alert, silences, now, specs))
    return (
        *(alert.id[:8], alert.severity.value, alert.key, alert.kind.value),
        *(named(alert.kind, names), since(alert, now).removeprefix("since "), stands),
    )


def standing(alert: Alert, silences: Sequence[Silence], now: datetime, specs: Specs = NO_SPECS) -> list[str]:
    """Return how an alert stands, in phrases: mailed, or why not yet; acknowledged, silenced, over."""
    if alert.over_at is not None:
        return [f"{'resolved' if alert.is_resolved else 'over since'} {moment(alert.over_at, now)} UTC"]
    held = [*filter(None, (acknowledged(alert, now), quiet(alert, silences, now)))]
    if alert.mail_failed:
        told = f"mailed to nobody: {shown(alert.mail_failed, LONGEST_SENTENCE)}"
    elif alert.mailed_at is None:
        told = not_mailed(alert, specs, now, is_held=is_in_hand(alert, silences, now))
    else:
        told = f"mailed {moment(alert.mailed_at, now)} UTC"
    return [told, *held]


def acknowledged(alert: Alert, now: datetime) -> str:
    """Return who acknowledged an alert until when and why, and what of it; empty where that is over or nobody did."""
    if alert.acknowledged_until is None or alert.acknowledged_until <= now:
        return ""
    by, why = shown(alert.acknowledged_by, NAME_LIMIT), shown(alert.acknowledged_why, LONGEST_SENTENCE)
    names = ", ".join(shown(name, NAME_LIMIT) for name in alert.acknowledged_features)
    part = "" if set(alert.acknowledged_features) == set(alert.names) else f" (of {names} alone)"
    return f"acknowledged by {by} until {moment(alert.acknowledged_until, now)} UTC: {why}{part}"


def event_line(event: AlertEvent, now: datetime) -> str:
    """Return one line of an alert's history."""
    return f"{moment(event.at, now)} UTC  {event_words(event, now)}"


def alert_json(alert: Alert, silences: Sequence[Silence], now: datetime) -> dict[str, object]:
    """Return an alert for machines; names and reasons are as they are stored."""
    found = silenced_by(alert, silences, now) if alert.over_at is None else {}
    known = acknowledged(alert, now) != ""
    return {
        "id": alert.id,
        "model": alert.model,
        "version": alert.version,
        "kind": alert.kind.value,
        "severity": alert.severity.value,
        "features": list(alert.names),
        "since": _written(alert.since),
        "last_end": _written(alert.last_end),
        "opened_at": _written(alert.opened_at),
        "over_at": _written(alert.over_at),
        "resolved": alert.is_resolved,
        "mailed_at": _written(alert.mailed_at),
        "mail_failed": alert.mail_failed,
        "acknowledged": {
            "until": _written(alert.acknowledged_until),
            "by": alert.acknowledged_by,
            "why": alert.acknowledged_why,
            "features": list(alert.acknowledged_features),
        }
        if known
        else None,
        "silenced": {name: list(ids) for name, ids in found.items()},
        "held_back": alert.held_back if found else "",
    }


def event_json(event: AlertEvent) -> dict[str, object]:
    """Return one event for machines."""
    return {
        "at": _written(event.at),
        "kind": event.kind.value,
        "by": event.by,
        "why": event.why,
        "until": _written(event.until),
        "features": list(event.features),
        "mail": event.mail,
        "recipients": list(event.recipients),
        "silences": list(event.silences),
    }


def _written(instant: datetime | None) -> str | None:
    return None if instant is None else instant.astimezone(UTC).isoformat()
