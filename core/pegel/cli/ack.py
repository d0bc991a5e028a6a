"""`pegel ack ID`: no further mails about what one alert has by now, for a while; `--end` ends that."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Annotated

import typer

from pegel.alerts.alert import Alert
from pegel.alerts.quiet_times import instant
from pegel.cli.listed_rows import JsonOption
from pegel.cli.one_alert import AlertId, Why, refuse_no_reason, tell_changed
from pegel.cli.options import HomeOption, settings_of
from pegel.cli.person import person
from pegel.cli.watched_model import opened
from pegel.errors import InvalidSpec
from pegel.spec.outside_text import NAME_LIMIT, shown
from pegel.store.alert_store import AlertStore

Until = Annotated[
    str | None, typer.Option("--until", help="`09:00` (UTC, the next one), an ISO 8601 instant, or `4h`, `30m`.")
]
End = Annotated[bool, typer.Option("--end", help="End an acknowledgement: mails about it are sent again as ever.")]


def ack(  # noqa: PLR0917  options are named on the command line
    alert: AlertId,
    until: Until = None,
    why: Why = "",
    end: End = False,
    as_json: JsonOption = False,
    home: HomeOption = None,
) -> None:
    """Acknowledge an alert: it stays open, but no mail about its features is sent before the given time."""
    now = datetime.now(UTC)
    if end:
        if until is not None:
            raise InvalidSpec("--end: expected no --until with it. Nothing was changed.")
        with opened(settings_of(home)) as engine:
            known = AlertStore(engine).end_acknowledgement(alert, by=person(), now=now)
            tell_changed(engine, known, _ended(known), now, as_json=as_json)
        return
    if until is None:
        raise InvalidSpec("--until: given nothing: expected e.g. 09:00 or 4h, or --end. Nothing was changed.")
    until_then = instant(until, now)
    refuse_no_reason(why)
    with opened(settings_of(home)) as engine:
        known = AlertStore(engine).acknowledge(alert, until_then, shown(why), by=person(), now=now)
        words = f"no mail about {_names(known)} before {until_then:%Y-%m-%d %H:%M} UTC; one if others join"
        tell_changed(engine, known, f"{known.key}: {words}", now, as_json=as_json)


def _ended(alert: Alert) -> str:
    if alert.acknowledged_until is None:
        return f"{alert.key}: it is not acknowledged; nothing was changed"
    by, why = shown(alert.acknowledged_by, NAME_LIMIT), shown(alert.acknowledged_why)
    return f"{alert.key}: mails about {_names(alert)} are sent again; {by} had acknowledged it: {why}"


def _names(alert: Alert) -> str:
    return ", ".join(shown(name, NAME_LIMIT) for name in alert.names)
