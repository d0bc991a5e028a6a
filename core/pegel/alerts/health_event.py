"""What happened to what is wrong with the watching: one line of its history."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from pegel.alerts.health_kind import HealthKind
from pegel.alerts.severity import Severity


class HealthEventKind(StrEnum):
    """What happened."""

    OPENED = "opened"
    GROWN = "grown"
    """Further models are concerned."""
    OVER = "over"


@dataclass(frozen=True, slots=True, kw_only=True)
class HealthEvent:
    """One event. `since`: when it was first seen to be so; `models`: keys of those that are concerned by then."""

    kind: HealthKind
    about: str
    models: tuple[str, ...]
    event: HealthEventKind
    at: datetime
    since: datetime
    severity: Severity
    reason: str
