"""`pegel silences`: about what no mails are sent, now and later, and who said so."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Annotated

import typer

from pegel.alerts.silencing import Silence
from pegel.cli.console import err, say
from pegel.cli.listed_rows import JsonOption, tell_json, tell_table
from pegel.cli.options import HomeOption, same_home, settings_of
from pegel.cli.watched_model import opened
from pegel.report.silence_words import silenced
from pegel.store.silence_store import SilenceStore

Past = Annotated[bool, typer.Option("--all", help="Also those that are over.")]
HEAD = ("id", "state", "what is silenced")


def silences(*, past: Past = False, as_json: JsonOption = False, home: HomeOption = None) -> None:
    """List the silences in force and those that come; exit code 1 if one cannot be read: it holds back no mail."""
    now, damaged = datetime.now(UTC), list[str]()
    with opened(settings_of(home)) as engine:
        known = SilenceStore(engine).all(now, past=past, damaged=damaged)
    if as_json:
        tell_json("silences", [_plain(one, now) for one in known], damaged, on_one_line=False)
    else:
        tell_table(HEAD, [(str(one.id), one.state(now).value, silenced(one, now)) for one in known])
        if not known and not damaged:
            over = f"; `pegel silences --all{same_home(home)}` lists those that are over"
            say("no silence was ever said" if past else f"no silence is in force or comes{over}")
    for reason in damaged:
        say(f"{reason} It holds back no mail.", err)
    if damaged:
        raise typer.Exit(1)


def _plain(silence: Silence, now: datetime) -> dict[str, object]:
    about = silence.about
    instants = {name: getattr(silence, name) for name in ("since", "until", "said_at", "ended_at")}
    return {
        "id": silence.id,
        "state": silence.state(now).value,
        "about": {
            "model": about.model,
            "version": about.version,
            "segment": about.segment,
            "feature": about.feature,
            "kind": about.kind,
        },
        "every": None if silence.every is None else str(silence.every),
        **{name: None if instant is None else instant.isoformat() for name, instant in instants.items()},
        "by": silence.by,
        "why": silence.why,
        "ended_by": silence.ended_by,
    }
