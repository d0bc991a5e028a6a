"""What a digest tells: which alerts opened, grew and are over since the last one, of those that need not wake anybody.

A digest is due at instants of a week, by the clocks of a place. One that is late tells what the missed ones would have.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from pegel.alerts.alert import Alert
from pegel.alerts.alert_event import AlertEvent, AlertEventKind
from pegel.alerts.due_mail import lasts
from pegel.alerts.health import PATIENCE, HealthAlert
from pegel.alerts.health_event import HealthEvent
from pegel.alerts.maintenance import last_before
from pegel.alerts.routing import told
from pegel.alerts.severity import health_severity
from pegel.alerts.silencing import Silence, silenced_by, silenced_health
from pegel.data.instants import DAY
from pegel.data.spans import Span
from pegel.spec.alert_routes import Route
from pegel.spec.monitor_spec import MonitorSpec
from pegel.spec.weekly_times import WeeklyInstant

MOST_DAYS = timedelta(days=8)
"""How far back a digest looks: a week, for those that come once in it, and what clocks skip."""


@dataclass(frozen=True, slots=True)
class Subscription:
    """Who gets digests when. `every`: as it is written in a spec."""

    address: str
    every: str


@dataclass(frozen=True, slots=True)
class DigestPart:
    """One alert of a digest, as it is now, and what happened to it in the digest's time."""

    alert: Alert
    opened: bool
    grew: bool


@dataclass(frozen=True, slots=True)
class Digest:
    """What one digest tells. `wrong`: what is wrong with the watching itself by then; `righted`: what no longer is."""

    span: Span
    parts: tuple[DigestPart, ...]
    wrong: tuple[HealthAlert, ...]
    righted: tuple[HealthEvent, ...] = ()


def subscriptions(
    specs: Iterable[MonitorSpec], routes: Sequence[Route], usual: str
) -> dict[Subscription, list[MonitorSpec]]:
    """Return who gets digests of which models; `usual`: when, where a spec does not say so."""
    found: dict[Subscription, list[MonitorSpec]] = {}
    for spec in specs:
        routed = [address for route in (*spec.alerts.routes, *routes) if route.digest for address in route.to]
        whole = spec.alerts.emails if spec.alerts.digest is not None else ()
        for address in dict.fromkeys((*routed, *whole)):
            found.setdefault(Subscription(address, spec.alerts.digest or usual), []).append(spec)
    return found


def digest_span(every: str, last: datetime | None, now: datetime) -> Span | None:
    """Return of which time a digest is due; None where the last one was sent. `last`: the end of its time.

    Whoever is new is told from the next one on. Raises ValueError for what is no time of a week.
    """
    due = last_due(every, now)
    if last is None or due <= last:
        return None
    return Span(max(last, due - MOST_DAYS), due)


def last_told(last: datetime | None, now: datetime) -> datetime | None:
    """Return until when digests have told; None where that is more than a day ahead: the clock was wrong then.

    Without, nothing would be told until then. Clocks of several machines differ by less.
    """
    return None if last is not None and last > now + DAY else last


def last_due(every: str, now: datetime) -> datetime:
    """Return the last instant at which a digest was due. Raises ValueError for what is no time of a week."""
    return last_before(WeeklyInstant.parse(every), now)


def digest(
    of: Subscription,
    span: Span,
    specs: Sequence[MonitorSpec],
    routes: Sequence[Route],
    *,
    events: Iterable[AlertEvent],
    alerts: Mapping[str, Alert],
    wrong: Iterable[HealthAlert],
    righted: Iterable[HealthEvent] = (),
    silences: Sequence[Silence],
) -> Digest:
    """Return what a digest tells.

    Args:
        of: Whose it is.
        span: Its time, the end included.
        specs: The models of which it tells.
        routes: Those of the deployment.
        events: What happened in that time.
        alerts: By id, those to which it happened.
        wrong: What is wrong with the watching itself.
        righted: What was over in that time. Of both, what did not last long enough for a mail is left out.
        silences: Those that may be in force; what is silenced as a whole is left out.
    """
    by_key = {spec.key: spec for spec in specs}
    happened: dict[str, set[AlertEventKind]] = {}
    for event in events:
        happened.setdefault(event.alert, set()).add(event.kind)
    parts = [
        DigestPart(alerts[name], AlertEventKind.OPENED in kinds, AlertEventKind.GROWN in kinds)
        for name, kinds in happened.items()
        if name in alerts and alerts[name].key in by_key
    ]
    own = [part for part in parts if _is_told(of, part.alert, by_key[part.alert.key], routes, silences, span.end)]
    going_on = [one for one in wrong if span.end - one.since >= PATIENCE[one.kind]]
    of_watching = [one for one in going_on if _is_told_of(of, one, by_key, routes, silences, span.end)]
    lasting = [one for one in righted if one.at - one.since >= PATIENCE[one.kind]]
    gone = [one for one in lasting if _is_told_of(of, one, by_key, routes, silences, span.end)]
    return Digest(span, tuple(own), tuple(of_watching), tuple(gone))


def _is_told(  # noqa: PLR0917  what one alert is asked about
    of: Subscription,
    alert: Alert,
    spec: MonitorSpec,
    routes: Sequence[Route],
    silences: Sequence[Silence],
    now: datetime,
) -> bool:
    findings = (one.finding for one in alert.features)
    # Hours are those at which it opened: the digest has its own.
    to = told(spec, routes, alert.opened_at, severity=alert.severity, kind=alert.kind, findings=findings)
    lasted = any(lasts(one, alert.kind, spec) for one in alert.features)
    return of.address in to.in_digest and lasted and len(silenced_by(alert, silences, now)) < len(alert.features)


def _is_told_of(  # noqa: PLR0917  as above
    of: Subscription,
    alert: HealthAlert | HealthEvent,
    specs: Mapping[str, MonitorSpec],
    routes: Sequence[Route],
    silences: Sequence[Silence],
    now: datetime,
) -> bool:
    of_models = [specs[key] for key in alert.models if key in specs]
    in_force = [one for one in silences if one.holds(now) is not None]
    quiet = silenced_health(alert.kind, [(spec.model.name, spec.model.version) for spec in of_models], in_force)
    own = [spec for spec in of_models if spec.key not in quiet]
    severity = health_severity(alert.kind, [spec.alerts.severity for spec in own])
    return alert.since <= now and any(
        of.address in told(spec, routes, alert.since, severity=severity, kind=alert.kind).in_digest for spec in own
    )
