"""Kinds of everything that people are told of: of what is wrong with a model, and with the watching itself."""

from __future__ import annotations

from typing import Final

from pegel.alerts.alert_kind import AlertKind
from pegel.alerts.health_kind import HealthKind
from pegel.spec.nearest import did_you_mean
from pegel.spec.outside_text import quoted

AnyKind = AlertKind | HealthKind
ANY_KINDS: Final = (*(kind.value for kind in AlertKind), *(kind.value for kind in HealthKind))


def any_kind(text: str) -> AnyKind:
    """Return the kind of this name. Raises ValueError with what was expected and the nearest name.

    >>> any_kind("drift"), any_kind("baseline old")
    (<AlertKind.DRIFT: 'drift'>, <HealthKind.BASELINE_OLD: 'baseline old'>)
    """
    if text in set(AlertKind):
        return AlertKind(text)
    if text in set(HealthKind):
        return HealthKind(text)
    guess = did_you_mean(text, ANY_KINDS, lead="; ")
    raise ValueError(f"expected one of {', '.join(ANY_KINDS)}, given {quoted(text)}{guess}")
