"""What a person may do on the page: quiet one alert, or a model or a part of it, or end that. None changes judging."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Final

from pegel.errors import InvalidSpec, NotFound
from pegel.spec.names import monitor_key
from pegel.spec.outside_text import NAME_LIMIT, quoted, shown
from pegel.spec.settings import Settings
from pegel_airflow import services

DONE: Final = {
    "acknowledged": "Acknowledged. No mail about these features until then; one if others begin to drift.",
    "unacknowledged": "The acknowledgement is over. The next mail about this alert is sent as ever.",
    "resolved": "Resolved. It is over; a new finding opens another alert.",
    "silenced": "Silenced. No mail about this until then; windows are judged as before.",
    "unsilenced": "The silence is over. The next mail about what it was about is sent as ever.",
}
"""What is said after each action, by the name that travels in the address."""


def kinds() -> list[str]:
    """Return the kinds of alerts, one of which may be silenced."""
    from pegel.alerts.any_kind import ANY_KINDS

    return list(ANY_KINDS)


def acknowledge(
    settings: Settings, model: str, version: int, *, alert: str, hours: float, why: str, by: str, now: datetime
) -> None:
    """Quiet that open alert of the model version for `hours` from `now`. Raises NotFound."""
    until, key = now + timedelta(hours=hours), monitor_key(model, version)
    alerts = services.stores(settings).alerts
    alerts.acknowledge(alert, until, shown(why), by=shown(by, NAME_LIMIT), now=now, key=key)


def unacknowledge(settings: Settings, model: str, version: int, *, alert: str, by: str, now: datetime) -> None:
    """Let mails about that open alert of the model version be sent again. Raises NotFound."""
    alerts = services.stores(settings).alerts
    alerts.end_acknowledgement(alert, by=shown(by, NAME_LIMIT), now=now, key=monitor_key(model, version))


def silence(
    settings: Settings,
    model: str,
    version: int,
    *,
    about: Mapping[str, str],
    hours: float,
    why: str,
    by: str,
    now: datetime,
) -> None:
    """Quiet a model version for `hours` from `now`; of `about`, what is not empty narrows that.

    Raises NotFound, and InvalidSpec for a kind that there is not.
    """
    from pegel.alerts.any_kind import any_kind
    from pegel.alerts.health_kind import HealthKind
    from pegel.alerts.matcher import Matcher
    from pegel.alerts.silencing import Silence
    from pegel.spec.nearest import with_stop

    kind, feature = about["kind"], about["feature"]
    try:
        named = any_kind(kind) if kind else None
    except ValueError as error:
        raise InvalidSpec(f"kind: {with_stop(error)} Nothing was changed.") from error
    if isinstance(named, HealthKind) and feature:
        raise InvalidSpec(f"kind: expected {named} without a feature, of which it has none. Nothing was changed.")
    matcher = Matcher(model=model, version=version, feature=feature or None, kind=named)
    stores, until = services.stores(settings), now + timedelta(hours=hours)
    if stores.registry.entry(model, version) is None:
        key = quoted(monitor_key(model, version))
        raise NotFound(f"no monitor for {key} is registered: nothing was silenced.")
    said = Silence(about=matcher, until=until, why=shown(why), by=shown(by, NAME_LIMIT), said_at=now)
    stores.silences.say(said)


def unsilence(settings: Settings, model: str, version: int, *, silence: int, by: str, now: datetime) -> None:
    """End a silence that is about the model version. Raises NotFound."""
    services.stores(settings).silences.end(silence, shown(by, NAME_LIMIT), now, of=(model, version))
