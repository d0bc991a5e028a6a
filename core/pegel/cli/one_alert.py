"""One alert, as commands name it and tell of it with its history: a line each for people, a document for machines."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated

import typer
from sqlalchemy import Engine

from pegel.alerts.alert import Alert
from pegel.alerts.silencing import Silence
from pegel.cli.console import say
from pegel.cli.known_names import alert_ids
from pegel.cli.listed_rows import tell_json
from pegel.errors import InvalidSpec
from pegel.report.alert_lines import alert_json, alert_line, event_json, event_line
from pegel.store.alert_history import AlertHistory
from pegel.store.alert_store import AlertStore
from pegel.store.registry import Registry
from pegel.store.silence_store import SilenceStore

AlertId = Annotated[
    str,
    typer.Argument(
        metavar="ID", help="The alert's id, or its first characters, as the mail shows.", autocompletion=alert_ids
    ),
]
Why = Annotated[str, typer.Option("--why", help="The reason; it stands on the model's page, with your account's name.")]


def refuse_no_reason(why: str) -> None:
    """Raise InvalidSpec where nobody could read later why something was done."""
    if not why.strip():
        raise InvalidSpec("--why: given nothing: expected a reason for whoever reads it later. Nothing was changed.")


def tell_alert(
    engine: Engine,
    alert: Alert,
    silences: list[Silence],
    now: datetime,
    damaged: list[str],
    *,
    as_json: bool,
    on_one_line: bool = False,
) -> None:
    """Print how an alert stands and what happened to it; for machines, a listing of one, with its `history`.

    What cannot be read is left out, why goes into `damaged`.
    """
    events = AlertHistory(engine).of(alert.id, damaged=damaged)
    if as_json:
        told = alert_json(alert, silences, now) | {"history": [event_json(event) for event in events]}
        tell_json("alerts", [told], damaged, on_one_line=on_one_line)
        return
    entries = Registry(engine).entries()
    say(alert_line(alert, silences, now, {spec.key: spec for entry in entries if (spec := entry.spec) is not None}))
    for event in events:
        say(f"  {event_line(event, now)}")


def tell_changed(engine: Engine, alert: Alert, words: str, now: datetime, *, as_json: bool) -> None:
    """Say what was done about an alert; for machines, tell the alert as it stands from now on."""
    if not as_json:
        say(words)
        return
    damaged = list[str]()
    silences = SilenceStore(engine).in_force(now, damaged=damaged)
    tell_alert(engine, AlertStore(engine).alert(alert.id), silences, now, damaged, as_json=True)
