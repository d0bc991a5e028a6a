"""`pegel mail`: the newest mail in the mail box of a local system."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Annotated

import typer

from pegel.cli.console import say
from pegel.cli.options import HomeOption, home_of, same_home
from pegel.errors import NotFound
from pegel.report.kept_mail import newest, plain_text, read
from pegel.spec.outside_text import shown

WAIT_S = 120.0
LOOK_EVERY_S = 0.5
WaitOption = Annotated[bool, typer.Option("--wait", help="If there is none yet, wait for it, at most two minutes.")]


def mail(*, wait: WaitOption = False, home: HomeOption = None) -> None:
    """Print the newest mail that a local system has sent: its mail box keeps them, none leaves the machine."""
    box = home_of(home) / "mail"
    kept = _within(box, WAIT_S if wait else 0.0)
    if kept is None:
        raise NotFound(
            f"no mail in {shown(str(box))}. One is sent when a model drifts; `pegel status{same_home(home)}` says how "
            "the models are."
        )
    message = read(kept)
    heads = [f"{name}: {message[name]}" for name in ("Subject", "To", "Date") if name in message]
    say("\n".join([*heads, "", plain_text(message), "", f"with its picture: {kept}"]))


def _within(box: Path, seconds: float) -> Path | None:
    """Return the newest mail, looking for one for so long."""
    deadline = time.monotonic() + seconds
    while (kept := newest(box)) is None and time.monotonic() < deadline:
        time.sleep(LOOK_EVERY_S)
    return kept
