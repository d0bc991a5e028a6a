"""`pegel unsilence MODEL`: mails about a model version are sent again."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime

from pegel.cli.console import say
from pegel.cli.options import HomeOption, settings_of
from pegel.cli.person import person
from pegel.cli.watched_model import ModelArgument, VersionOption, opened
from pegel.spec.names import monitor_key
from pegel.spec.outside_text import shown
from pegel.store.alert_store import AlertStore
from pegel.store.meant_model import watched_model


def unsilence(model: ModelArgument, version: VersionOption = None, home: HomeOption = None) -> None:
    """End the silence about a model version: the next mail about it is sent as ever."""
    now, by = datetime.now(UTC), person()
    with opened(settings_of(home)) as engine:
        entry = watched_model(engine, model, version, otherwise="Nothing was changed.")
        store = AlertStore(engine)
        in_force = store.silences(now, entry.model, entry.version)
        for silence in in_force:
            store.silence(replace(silence, until=now, why="it was ended", by=by, said_at=now))
    key = monitor_key(entry.model, entry.version)
    if not in_force:
        say(f"{key}: no silence is in force; nothing was changed")
    for silence in in_force:
        until = f"{silence.until:%Y-%m-%d %H:%M} UTC"
        say(f"{key}: mails are sent again; {shown(silence.by)} had silenced it until {until}: {shown(silence.why)}")
