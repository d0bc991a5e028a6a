"""`pegel doctor`: what is wrong with a deployment, in sentences, and the next command for each."""

from __future__ import annotations

from dataclasses import asdict
from typing import Annotated

import typer

from pegel.cli.listed_rows import JsonOption, tell_json, tell_table
from pegel.cli.options import HomeOption, settings_of
from pegel_local.doctor import broker_topics, own_machine, served_and_features, services_around, stored_state
from pegel_local.doctor.diagnosis import Check, Health, examine

CHECKS: dict[str, Check] = {
    "versions": own_machine.versions,
    "settings": own_machine.settings_agree,
    "database": stored_state.database,
    "specs": stored_state.registry,
    "broker": broker_topics.broker,
    "logger": services_around.logger,
    "airflow": services_around.airflow,
    "workflows": stored_state.workflows,
    "heartbeats": stored_state.heartbeats,
    "endpoints": served_and_features.endpoints,
    "features": served_and_features.features,
    "mail": services_around.mail,
    "archive": own_machine.archive,
    "disk": own_machine.disk,
    "clock": services_around.clocks,
}
WITHIN_S = 20.0
MARKS = {Health.OK: "ok", Health.WARNING: "~", Health.BAD: "!", Health.UNKNOWN: "?"}
HEAD = ("", "check", "what was found", "do")
Within = Annotated[float, typer.Option("--within", min=1, help="Seconds that all checks together may take.")]


def doctor(*, as_json: JsonOption = False, within: Within = WITHIN_S, home: HomeOption = None) -> None:
    """Check a deployment and say what is wrong and what to do. Exit code 1 if anything is, or could not be checked."""
    found = examine(CHECKS, settings_of(home), within_s=within)
    good = all(one.good for one in found)
    if as_json:
        tell_json("doctor", [asdict(one) for one in found], on_one_line=False, good=good)
    else:
        tell_table(HEAD, [(MARKS[one.health], one.check, one.sentence, one.remedy) for one in found])
    if not good:
        raise typer.Exit(1)
