"""`pegel alerts --watching`: what is wrong with the watching itself, and what came and went of it."""

from __future__ import annotations

from datetime import UTC, datetime

import typer

from pegel.cli.console import err, say
from pegel.cli.listed_rows import tell_json, tell_table
from pegel.cli.watched_model import opened
from pegel.errors import InvalidSpec
from pegel.report.health_past import open_cells, open_json, past_cells, past_json
from pegel.spec.settings import Settings
from pegel.store.health_alerts import HealthAlerts

HEAD_WATCHING = ("since", "severity", "kind", "models", "why and where to look")
HEAD_PAST = ("at", "what happened", "kind", "models", "why")


def alone(*chosen: object) -> None:
    """Raise InvalidSpec where options that choose alerts of models are given, too."""
    if any(chosen):
        raise InvalidSpec("--watching: expected it alone, given what chooses alerts of models. Nothing was read.")


def tell_watching(settings: Settings, *, as_json: bool, on_one_line: bool) -> None:
    """Tell what is wrong with the watching, and the newest events of what was."""
    now, unread, damaged = datetime.now(UTC), dict[tuple[str, str], str](), list[str]()
    with opened(settings) as engine:
        kept = HealthAlerts(engine)
        known, past = kept.all(damaged=unread).values(), kept.events(damaged=damaged)
    damaged += unread.values()
    if as_json:
        told = [open_json(one) for one in known]
        history = [past_json(event) for event in past]
        tell_json("watching", told, damaged, on_one_line=on_one_line, history=history)
    else:
        tell_table(HEAD_WATCHING, [open_cells(one, now) for one in known])
        if not known:
            say("nothing is wrong with the watching")
        if past:
            tell_table(HEAD_PAST, [past_cells(event, now) for event in past])
    for reason in damaged:
        say(reason, err)
    if damaged:
        raise typer.Exit(1)
