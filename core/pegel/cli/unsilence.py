"""`pegel unsilence ID`: what a silence is about is mailed again."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Annotated

import typer

from pegel.alerts.silencing import SilenceState
from pegel.cli.console import say
from pegel.cli.options import HomeOption, settings_of
from pegel.cli.person import person
from pegel.cli.watched_model import opened
from pegel.report.silence_words import silenced
from pegel.store.silence_store import SilenceStore

Number = Annotated[
    int, typer.Argument(metavar="ID", min=1, max=2**31 - 1, help="Its number, as `pegel silences` lists it.")
]


def unsilence(number: Number, home: HomeOption = None) -> None:
    """End a silence: the next mail about what it is about is sent as ever."""
    now = datetime.now(UTC)
    with opened(settings_of(home)) as engine:
        silence = SilenceStore(engine).end(number, person(), now)
    if silence.state(now) is SilenceState.PAST:
        say(f"silence {number} is over already; nothing was changed: {silenced(silence, now)}")
    else:
        say(f"silence {number} is ended; it was: {silenced(silence, now)}")
