"""What a person may do on the page: quiet one alert, or a whole model. Neither changes what is judged."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Final

from pegel.spec.settings import Settings
from pegel_airflow import services

TOLD: Final = {
    "acknowledged": "Acknowledged. No mail about these features until then; one if others begin to drift.",
    "silenced": "Silenced. No mail about this model until then; windows are judged as before.",
}
"""What is said after each action, by the name that travels in the address."""


def acknowledge(settings: Settings, alert: str, hours: float, why: str, now: datetime) -> None:
    """Quiet the alert whose id starts with `alert` for `hours` from `now`. Raises NotFound."""
    services.stores(settings).alerts.acknowledge(alert, now + timedelta(hours=hours), why)


def silence(settings: Settings, model: str, version: int, *, hours: float, why: str, now: datetime) -> None:
    """Quiet a model version for `hours` from `now`."""
    services.stores(settings).alerts.silence(model, version, now + timedelta(hours=hours), why, now)
