"""`pegel silence MODEL`: no mails about a model version for some hours."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Annotated

import typer

from pegel.alerts.alert import Silence
from pegel.cli.console import say
from pegel.cli.options import HomeOption, same_home, settings_of
from pegel.cli.person import person
from pegel.cli.watched_model import ModelArgument, VersionOption, opened
from pegel.errors import InvalidSpec
from pegel.spec.limits import LONGEST_QUIET
from pegel.spec.names import monitor_key
from pegel.spec.outside_text import shown
from pegel.store.alert_store import AlertStore
from pegel.store.meant_model import watched_model

MOST_HOURS = LONGEST_QUIET / timedelta(hours=1)
Hours = Annotated[float, typer.Option("--hours", help=f"For how long from now, at most {MOST_HOURS:g}.")]
Why = Annotated[str, typer.Option("--why", help="The reason; it stands on the model's page, with your account's name.")]


def silence(
    model: ModelArgument, hours: Hours, why: Why, version: VersionOption = None, home: HomeOption = None
) -> None:
    """Send no mail about a model version for some hours; its windows are judged as before."""
    if not 0 < hours <= MOST_HOURS:
        raise InvalidSpec(
            f"--hours: given {hours:g}: expected more than 0 and at most {MOST_HOURS:g} ({LONGEST_QUIET.days} days). "
            f"Nothing was changed."
        )
    if not why.strip():
        raise InvalidSpec("--why: given nothing: expected a reason for whoever reads it later. Nothing was changed.")
    now, by = datetime.now(UTC), person()
    until = now + timedelta(hours=hours)
    with opened(settings_of(home)) as engine:
        entry = watched_model(engine, model, version, otherwise="Nothing was changed.")
        quiet = Silence(model=entry.model, version=entry.version, until=until, why=shown(why), by=by, said_at=now)
        AlertStore(engine).silence(quiet)
    key = monitor_key(entry.model, entry.version)
    say(f"{key}: no mail before {until:%Y-%m-%d %H:%M} UTC, said by {by}: {quiet.why}")
    say(f"it is judged as before; `pegel unsilence {key}{same_home(home)}` ends the silence")
