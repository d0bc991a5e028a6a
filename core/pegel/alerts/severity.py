"""How bad an alert is, by its kind and by how large it is: whoever is told, and when, follows from it.

Sizes are those of Cohen 1988, Statistical Power Analysis for the Behavioral Sciences: a shift of 0.2 standard
deviations is small, one of 0.8 is large. Other units have the bounds that part as many rows: two normals that far apart
differ in 8 and 31 % of their rows, and so do two whose spreads differ by the factors 1.2 and 2.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from enum import StrEnum
from typing import Final

from pegel.alerts.alert_kind import AlertKind
from pegel.alerts.health_kind import HealthKind
from pegel.alerts.magnitude import Magnitude
from pegel.spec.alert_routes import SEVERITIES


class Severity(StrEnum):
    """How bad it is, the worst first: the words of Prometheus rules and of expectations."""

    CRITICAL = "critical"
    """Somebody should look now, at night too."""
    WARNING = "warning"
    """Somebody should look today."""
    INFO = "info"
    """It is good to know."""

    @property
    def rank(self) -> int:
        """Return its place, 0 for the worst."""
        return SEVERITIES.index(self.value)

    def worse_than(self, other: Severity) -> bool:
        """Say whether it is worse than another one."""
        return self.rank < other.rank


_SMALL_AND_LARGE: Final = {
    "sigma": (0.2, 0.8),
    "d": (0.2, 0.8),
    "sd ratio": (math.log(1.2), math.log(2.0)),
    "TV": (0.08, 0.31),
    "share": (0.08, 0.31),
}
"""By unit: below the first a drift is good to know, from the second on it is to be seen at once."""
_MOST_EVENTS = 0.5
"""From this share of all events on, odd events are to be seen at once: most are not answered, or not read."""
_DRIFTS = frozenset({AlertKind.DRIFT, AlertKind.LONG_SPANS})
_AT_ONCE = frozenset({AlertKind.MODEL, HealthKind.NOT_WATCHED, HealthKind.NOT_JUDGED})
"""Another model answers, or nobody watches at all."""


def severity_of(kind: AlertKind, magnitudes: Iterable[Magnitude], stated: Mapping[str, str]) -> Severity:
    """Return how bad an alert is: as its spec has `stated` for its kind, else by kind and its largest magnitude.

    >>> severity_of(AlertKind.DRIFT, [Magnitude("sigma", 0.31), Magnitude("sigma", 0.8)], {}).value
    'critical'
    >>> severity_of(AlertKind.DRIFT, [Magnitude("sigma", 0.31)], {"drift": "info"}).value
    'info'
    """
    if kind.value in stated:
        return Severity(stated[kind.value])
    if kind in _AT_ONCE:
        return Severity.CRITICAL
    return min((_by_size(kind, one) for one in magnitudes), key=lambda one: one.rank, default=Severity.WARNING)


def health_severity(kind: HealthKind, stated: Iterable[Mapping[str, str]]) -> Severity:
    """Return how bad it is that something is wrong with the watching: the worst that its models' specs have `stated`.

    A spec that states nothing of the kind says what follows from it.
    """
    usual = Severity.CRITICAL if kind in _AT_ONCE else Severity.WARNING
    said = [Severity(one[kind.value]) if kind.value in one else usual for one in stated]
    return min(said, key=lambda one: one.rank, default=usual)


def _by_size(kind: AlertKind, magnitude: Magnitude) -> Severity:
    if kind is AlertKind.EVENTS:
        return Severity.CRITICAL if magnitude.size >= _MOST_EVENTS else Severity.WARNING
    if kind not in _DRIFTS or magnitude.unit not in _SMALL_AND_LARGE:
        return Severity.WARNING
    small, large = _SMALL_AND_LARGE[magnitude.unit]
    if magnitude.size >= large:
        return Severity.CRITICAL
    return Severity.INFO if magnitude.size < small else Severity.WARNING
