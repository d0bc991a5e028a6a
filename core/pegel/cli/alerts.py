"""`pegel alerts`: what is open, who knows of it, and what happened to one alert."""

from __future__ import annotations

import shlex
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated

import typer
from sqlalchemy import Engine

from pegel.alerts.alert import Alert
from pegel.alerts.model_pattern import model_pattern
from pegel.cli.console import err, say
from pegel.cli.known_names import alert_ids, model_names
from pegel.cli.list_watching import alone, tell_watching
from pegel.cli.listed_rows import JsonOption, tell_json, tell_table
from pegel.cli.look_again import WatchOption, look_or_watch
from pegel.cli.one_alert import tell_alert
from pegel.cli.options import HomeOption, same_home, settings_of
from pegel.cli.watched_model import VersionOption, opened
from pegel.errors import InvalidSpec
from pegel.notebook.naming import listed
from pegel.report.alert_lines import alert_cells, alert_json
from pegel.spec.names import monitor_key
from pegel.spec.nearest import did_you_mean
from pegel.spec.outside_text import quoted, shown
from pegel.store.alert_store import AlertStore
from pegel.store.registry import Registry
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
HEAD = ("id", "severity", "model", "kind", "about", "since", "how it stands")


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
            if alert is not None:
                one = AlertStore(engine).alert(alert)
                tell_alert(engine, one, silences, now, damaged, as_json=as_json, on_one_line=watch)
            specs = {spec.key: spec for entry in Registry(engine).entries() if (spec := entry.spec) is not None}
            known = _listed(engine, name, number, damaged, all_of_them=all_of_them) if alert is None else []
        if as_json and alert is None:
            told = [alert_json(one, silences, now) for one in known]
            tell_json("alerts", told, damaged, on_one_line=watch)
        elif alert is None:
            tell_table(HEAD, [alert_cells(one, silences, now, specs) for one in known])
            if not known and not damaged:
                say(_none(name, number, all_of_them=all_of_them, home=home))
        for reason in damaged:
            say(reason, err)
        if damaged:
            raise typer.Exit(1)

    look_or_watch(look, watch=watch, as_json=as_json)


def _refuse_both(alert: str | None, *chosen: object) -> None:
    """Raise InvalidSpec where one alert is named, and others are chosen with it."""
    if alert is not None and any(each not in {None, False} for each in chosen):
        raise InvalidSpec("expected an id alone, given options that choose alerts with it. Nothing was read.")


def _listed(
    engine: Engine, model: str | None, version: int | None, damaged: list[str], *, all_of_them: bool
) -> list[Alert]:
    """Return the alerts to be listed in their order. Raises InvalidSpec for a model that nobody knows."""
    store = AlertStore(engine)
    if all_of_them:
        known = store.alerts(model, version, limit=NEWEST, damaged=damaged)[::-1]
    else:
        found = store.open_alerts(model, version, damaged=damaged)
        known = sorted(found, key=lambda one: one.severity.rank)
    if model is not None and not known and not damaged:
        _refuse_unknown(engine, model, version)
    return known


def _refuse_unknown(engine: Engine, model: str, version: int | None) -> None:
    """Raise InvalidSpec for a model that is not watched, and of which no alert was ever opened."""
    entries = Registry(engine).entries()
    if any(entry.model == model and version in {None, entry.version} for entry in entries):
        return
    if AlertStore(engine).alerts(model, version, limit=1, damaged=[]):
        return
    keys = [monitor_key(entry.model, entry.version) for entry in entries]
    given = model if version is None else monitor_key(model, version)
    guess = did_you_mean(given, [*(entry.model for entry in entries), *keys], lead=" ")
    raise InvalidSpec(
        f"--model: expected a model that is watched or has had alerts; given {quoted(given)}; watched: "
        f"{listed(keys) or 'none'}. Nothing was read.{guess}"
    )


def _none(model: str | None, version: int | None, *, all_of_them: bool, home: Path | None) -> str:
    """Say that there is no such alert."""
    meant = "" if model is None else model if version is None else monitor_key(model, version)
    which = f" of {shown(meant)}" if meant else ""
    if all_of_them:
        return f"no alert{which} was ever opened"
    option = f" --model {shlex.quote(meant)}" if meant else ""
    return f"no alert{which} is open; `pegel alerts --all{option}{same_home(home)}` lists those that are over"
