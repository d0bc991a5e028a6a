"""What a person may do on the page of all alerts: the same as the command line, with the same words for times."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime

from pegel.errors import InvalidSpec
from pegel.spec.outside_text import NAME_LIMIT, shown
from pegel.spec.settings import Settings
from pegel_airflow import services


def acknowledge(settings: Settings, alert: str, *, until: str, why: str, by: str, now: datetime) -> None:
    """Quiet an open alert until what `until` says. Raises InvalidSpec, NotFound."""
    from pegel.alerts.quiet_times import instant

    end, alerts = instant(until, now, option="until"), services.stores(settings).alerts
    alerts.acknowledge(alert, end, shown(why), by=shown(by, NAME_LIMIT), now=now)


def unacknowledge(settings: Settings, alert: str, *, by: str, now: datetime) -> None:
    """Let mails about an open alert be sent again. Raises NotFound."""
    services.stores(settings).alerts.end_acknowledgement(alert, by=shown(by, NAME_LIMIT), now=now)


def resolve(settings: Settings, alert: str, *, why: str, by: str, now: datetime) -> None:
    """Close an alert. Raises NotFound."""
    services.stores(settings).alerts.resolve(alert, now, by=shown(by, NAME_LIMIT), why=shown(why))


def silence(
    settings: Settings,
    *,
    about: Mapping[str, str],
    version: int | None,
    when: Mapping[str, str],
    why: str,
    by: str,
    now: datetime,
) -> None:
    """Quiet what `about` names, when `when` says; empty texts say nothing. Raises InvalidSpec."""
    from pegel.alerts.any_kind import any_kind
    from pegel.alerts.health_kind import HealthKind
    from pegel.alerts.matcher import Matcher
    from pegel.alerts.model_pattern import model_pattern, refuse_unknown_model
    from pegel.alerts.quiet_times import NOTHING, When
    from pegel.alerts.silencing import Silence
    from pegel.spec.nearest import with_stop

    said = {name: text.strip() or None for name, text in about.items()}
    kind = said.pop("kind")
    try:
        named = None if kind is None else any_kind(kind)
    except ValueError as error:
        raise InvalidSpec(f"kind: {with_stop(error)} {NOTHING}") from error
    if isinstance(named, HealthKind) and (said["segment"], said["feature"]) != (None,) * 2:
        raise InvalidSpec(f"kind: expected {named} without segment and feature, of which it has none. {NOTHING}")
    if (version, kind, *said.values()) == (None,) * (len(said) + 2):
        raise InvalidSpec(f"expected at least one of model, version, segment, feature and kind, given none. {NOTHING}")
    name, number = model_pattern(said["model"], version, otherwise=NOTHING, lead="")
    matcher = Matcher(
        model=name,
        version=number,
        segment=said["segment"],
        feature=said["feature"],
        kind=named,
    )
    typed = {name: when[name].strip() or None for name in ("since", "until", "every")}
    asked = When(since=typed["since"], until=typed["until"], every=typed["every"], lead="")
    since, until, every = asked.read(now)
    person, reason = shown(by, NAME_LIMIT), shown(why)
    wanted = Silence(about=matcher, since=since, until=until, every=every, why=reason, by=person, said_at=now)
    if wanted.holds(now) is None and wanted.next(now) is None:
        raise InvalidSpec(f"expected a window that begins before its end, given none. {NOTHING}")
    stores = services.stores(settings)
    watched = [(entry.model, entry.version) for entry in stores.registry.entries()]
    refuse_unknown_model(matcher, watched, otherwise=NOTHING)
    stores.silences.say(wanted)


def unsilence(settings: Settings, number: int, *, by: str, now: datetime) -> None:
    """End a silence. Raises NotFound."""
    services.stores(settings).silences.end(number, shown(by, NAME_LIMIT), now)
