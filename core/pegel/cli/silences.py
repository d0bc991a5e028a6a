"""`pegel silences`: about what no mails are sent, now and later, and who said so."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import Annotated

import typer

from pegel.alerts.silencing import Silence
from pegel.cli.console import err, say
from pegel.cli.options import HomeOption, same_home, settings_of
from pegel.cli.watched_model import opened
from pegel.report.silence_words import silenced
from pegel.store.silence_store import SilenceStore

Past = Annotated[bool, typer.Option("--all", help="Also those that are over.")]
AsJson = Annotated[bool, typer.Option("--json", help="Print them for machines.")]


def silences(*, past: Past = False, as_json: AsJson = False, home: HomeOption = None) -> None:
    """List the silences in force and those that come; exit code 1 if one cannot be read: it holds back no mail."""
    now, damaged = datetime.now(UTC), list[str]()
    with opened(settings_of(home)) as engine:
        known = SilenceStore(engine).all(now, past=past, damaged=damaged)
    if as_json:
        say(json.dumps({"silences": [_plain(one, now) for one in known], "unread": damaged}, indent=2))
    else:
        for one in known:
            say(f"{one.id}  {one.state(now)}  {silenced(one, now)}")
        if not known and not damaged:
            say(f"no silence is in force or comes; `pegel silences --all{same_home(home)}` lists those that are over")
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
