"""`pegel alerts`: what is open, who knows of it, and what happened to one alert."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Annotated

import typer

from pegel.cli.console import err, say
from pegel.cli.known_names import alert_ids, model_names
from pegel.cli.list_watching import alone, tell_watching
from pegel.cli.listed_rows import JsonOption, tell_json, tell_table
from pegel.cli.look_again import WatchOption, look_or_watch
from pegel.cli.model_pattern import model_pattern
from pegel.cli.one_alert import tell_alert
from pegel.cli.options import HomeOption, same_home, settings_of
from pegel.cli.watched_model import VersionOption, opened
from pegel.errors import InvalidSpec
from pegel.report.alert_lines import alert_cells, alert_json
from pegel.store.alert_store import AlertStore
from pegel.store.silence_store import SilenceStore

NEWEST = 200
"""Alerts that are listed with `--all`."""
AlertId = Annotated[
    str | None,
    typer.Argument(
        metavar="[ID]",
        help="One alert with its history: its id, or its first characters.",
        autocompletion=alert_ids,
    ),
]
All = Annotated[bool, typer.Option("--all", help=f"Also those that are over, the {NEWEST} newest of all.")]
Model = Annotated[
    str | None,
    typer.Option("--model", help="Of one model alone: `delays`, or `delays/1`.", autocompletion=model_names),
]
Watching = Annotated[
    bool, typer.Option("--watching", help="What is wrong with the watching itself, and what came and went of it.")
]
HEAD = ("id", "severity", "model", "kind", "features", "since", "how it stands")


def alerts(  # noqa: PLR0917  options are named on the command line
    alert: AlertId = None,
    all_of_them: All = False,
    model: Model = None,
    version: VersionOption = None,
    watching: Watching = False,
    as_json: JsonOption = False,
    watch: WatchOption = False,
    home: HomeOption = None,
) -> None:
    """List the open alerts, the worst first, or tell what happened to one. Exit code 1 if one cannot be read."""
    _refuse_both(alert, model, version, all_of_them)
    name, number = model_pattern(model, version, otherwise="Nothing was read.")
    settings = settings_of(home)
    if watching:
        alone(alert, name, number, all_of_them)
        look_or_watch(lambda: tell_watching(settings, as_json=as_json, on_one_line=watch), watch=watch, as_json=as_json)
        return

    def look() -> None:
        now, damaged = datetime.now(UTC), list[str]()
        with opened(settings) as engine:
            silences = SilenceStore(engine).in_force(now, damaged=damaged)
            store = AlertStore(engine)
            if alert is not None:
                one = store.alert(alert)
                tell_alert(engine, one, silences, now, damaged, as_json=as_json, on_one_line=watch)
                known = []
            elif all_of_them:
                known = store.alerts(name, number, limit=NEWEST, damaged=damaged)[::-1]
            else:
                known = sorted(store.open_alerts(name, number, damaged=damaged), key=lambda one: one.severity.rank)
        if as_json and alert is None:
            told = [alert_json(one, silences, now) for one in known]
            tell_json("alerts", told, damaged, on_one_line=watch)
        elif alert is None:
            tell_table(HEAD, [alert_cells(one, silences, now) for one in known])
            if not known:
                say(f"no alert is open; `pegel alerts --all{same_home(home)}` lists those that are over")
        for reason in damaged:
            say(reason, err)
        if damaged:
            raise typer.Exit(1)

    look_or_watch(look, watch=watch, as_json=as_json)


def _refuse_both(alert: str | None, *chosen: object) -> None:
    """Raise InvalidSpec where one alert is named, and others are chosen with it."""
    if alert is not None and any(each not in {None, False} for each in chosen):
        raise InvalidSpec("expected an id alone, given options that choose alerts with it. Nothing was read.")
