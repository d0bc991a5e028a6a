"""What a person may do on the page: quiet one alert, or a whole model, or end that. None changes what is judged."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Final

from pegel.spec.names import monitor_key
from pegel.spec.outside_text import NAME_LIMIT, shown
from pegel.spec.settings import Settings
from pegel_airflow import services

DONE: Final = {
    "acknowledged": "Acknowledged. No mail about these features until then; one if others begin to drift.",
    "silenced": "Silenced. No mail about this model until then; windows are judged as before.",
    "heard": "The silence is over. The next mail about this model is sent as ever.",
}
"""What is said after each action, by the name that travels in the address."""


def acknowledge(
    settings: Settings, model: str, version: int, *, alert: str, hours: float, why: str, by: str, now: datetime
) -> None:
    """Quiet that open alert of the model version for `hours` from `now`. Raises NotFound."""
    services.stores(settings).alerts.acknowledge(
        alert, now + timedelta(hours=hours), shown(why), by=shown(by, NAME_LIMIT), key=monitor_key(model, version)
    )


def silence(settings: Settings, model: str, version: int, *, hours: float, why: str, by: str, now: datetime) -> None:
    """Quiet a model version for `hours` from `now`; 0 ends its silence. Raises NotFound."""
    from pegel.alerts.alert import Silence

    services.stores(settings).alerts.silence(
        Silence(
            model=model,
            version=version,
            until=now + timedelta(hours=hours),
            why=shown(why),
            by=shown(by, NAME_LIMIT),
            said_at=now,
        )
    )
