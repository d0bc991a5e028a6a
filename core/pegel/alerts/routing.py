"""Who is told of an alert, at once or in a digest: the routes of its spec, then those of the deployment. Pure.

The first route that fits takes an alert, unless it says `continue`. What none takes goes to `alerts.emails`.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime

from pegel.alerts.alert_kind import AlertKind
from pegel.alerts.health_kind import HealthKind
from pegel.alerts.maintenance import Maintenance
from pegel.alerts.matcher import matches
from pegel.alerts.severity import Severity
from pegel.judge.findings import Finding
from pegel.spec.alert_routes import Route
from pegel.spec.monitor_spec import MonitorSpec


@dataclass(frozen=True, slots=True)
class Told:
    """Who is told, `at_once` or `in_digest`, each addressee once.

    `possible`: whoever may be told at once of anything of the model: others, who were once, are told nothing more.
    """

    at_once: tuple[str, ...]
    in_digest: tuple[str, ...]
    possible: frozenset[str]


def told(
    spec: MonitorSpec,
    routes: Sequence[Route],
    now: datetime,
    *,
    severity: Severity,
    kind: AlertKind | HealthKind,
    findings: Iterable[Finding] = (),
) -> Told:
    """Return who is told of an alert of a spec at an instant.

    Args:
        spec: Whose alert it is; its routes come first.
        routes: Those of the deployment.
        now: The present instant; routes may have hours.
        severity: How bad it is.
        kind: What it is about.
        findings: The newest of each thing it is about; none where the watching itself is wrong.
    """
    at_once, in_digest, is_taken, own = list[str](), list[str](), False, tuple(findings)
    every = (*spec.alerts.routes, *routes)
    for route in every:
        if not _fits(route, spec, severity, kind, own) or not _is_open(route, now):
            continue
        (in_digest if route.digest else at_once).extend(route.to)
        is_taken = not route.goes_on
        if is_taken:
            break
    if not is_taken:
        waits = severity is Severity.INFO and spec.alerts.digest is not None
        (in_digest if waits else at_once).extend(spec.alerts.emails)
    first = tuple(dict.fromkeys(at_once))
    # Who is told at once needs no digest of the same.
    later = tuple(address for address in dict.fromkeys(in_digest) if address not in first)
    return Told(first, later, frozenset(addressees(spec, routes)))


def addressees(spec: MonitorSpec, routes: Sequence[Route]) -> tuple[str, ...]:
    """Return whoever may be told at once of anything of a model, each once."""
    routed = (address for route in (*spec.alerts.routes, *routes) if not route.digest for address in route.to)
    return tuple(dict.fromkeys((*spec.alerts.emails, *routed)))


def _is_open(route: Route, now: datetime) -> bool:
    return route.hours is None or Maintenance.parse(route.hours).window(now) is not None


def _fits(
    route: Route, spec: MonitorSpec, severity: Severity, kind: AlertKind | HealthKind, findings: Sequence[Finding]
) -> bool:
    if route.severity and severity.value not in route.severity:
        return False
    if route.kind and kind.value not in route.kind:
        return False
    if route.model is not None and not matches(route.model, spec.model.name):
        return False
    if route.feature is None and route.segment is None:
        return True
    return any(_is_about(route, finding) for finding in findings)


def _is_about(route: Route, finding: Finding) -> bool:
    # A single event is a part of the rows that is called as its feature is.
    segment = "" if finding.segment == finding.feature else finding.segment
    return (route.feature is None or matches(route.feature, finding.feature)) and (
        route.segment is None or matches(route.segment, segment)
    )
