"""What came and went of what is wrong with the watching, in lines and in plain JSON."""

from __future__ import annotations

from datetime import UTC, datetime

from pegel.alerts.health import HealthAlert
from pegel.alerts.health_event import HealthEvent
from pegel.report.health_lines import HealthLine
from pegel.report.health_mail import STATES, next_step
from pegel.report.words import moment, several
from pegel.spec.outside_text import LONGEST_SENTENCE, NAME_LIMIT, shown


def past_cells(event: HealthEvent, now: datetime) -> tuple[str, ...]:
    """Return an event as the cells of a table: when, what happened, kind, models, why."""
    models = several(event.models, 5) or shown(event.about, NAME_LIMIT)
    why = shown(event.reason, LONGEST_SENTENCE)
    return f"{moment(event.at, now)} UTC", event.event.value, event.kind.value, models, why


def past_line(event: HealthEvent, now: datetime) -> HealthLine:
    """Return an event as a line of the page of Pegel's health."""
    at, happened, _, models, why = past_cells(event, now)
    words = f"{at} {happened}: {STATES[event.kind][0]} since {moment(event.since, now)} UTC: {why}"
    return HealthLine(about=models, words=words, level="ok")


def past_json(event: HealthEvent) -> dict[str, object]:
    """Return an event for machines."""
    return {
        "kind": event.kind.value,
        "about": event.about,
        "models": list(event.models),
        "event": event.event.value,
        "at": event.at.astimezone(UTC).isoformat(),
        "since": event.since.astimezone(UTC).isoformat(),
        "severity": event.severity.value,
        "reason": event.reason,
    }


def open_cells(alert: HealthAlert, now: datetime) -> tuple[str, ...]:
    """Return what is wrong now as the cells of a table: since when, severity, kind, models, why and where to look."""
    models = several(alert.models, 5) or shown(alert.about, NAME_LIMIT)
    why = f"{shown(alert.reason, LONGEST_SENTENCE)}; {next_step(alert)}"
    return f"{moment(alert.since, now)} UTC", alert.severity.value, alert.kind.value, models, why


def open_json(alert: HealthAlert) -> dict[str, object]:
    """Return what is wrong now for machines."""
    mailed = None if alert.mailed_at is None else alert.mailed_at.astimezone(UTC).isoformat()
    return {
        "kind": alert.kind.value,
        "severity": alert.severity.value,
        "about": alert.about,
        "models": list(alert.models),
        "since": alert.since.astimezone(UTC).isoformat(),
        "mailed_at": mailed,
        "reason": alert.reason,
        "next": next_step(alert),
    }
