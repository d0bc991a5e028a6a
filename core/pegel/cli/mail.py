"""`pegel mail`: the newest mail in the mail box of a local system."""

from __future__ import annotations

import time
from email.message import EmailMessage
from pathlib import Path
from typing import Annotated

import typer

from pegel.cli.console import say
from pegel.cli.options import HomeOption, home_of, same_home
from pegel.errors import NotFound
from pegel.report.kept_mail import newest, plain_text, read
from pegel.spec.outside_text import NAME_LIMIT, quoted, shown

WAIT_S = 300.0
LOOK_EVERY_S = 0.5
About = Annotated[str | None, typer.Argument(metavar="[MODEL]", help="Its name; else of any model.")]
SubjectOption = Annotated[
    str | None, typer.Option(metavar="TEXT", help="The newest whose subject has this text, in capitals or not.")
]
WaitOption = Annotated[bool, typer.Option("--wait", help="If there is none yet, wait for it, at most five minutes.")]


def mail(
    model: About = None, *, subject: SubjectOption = None, wait: WaitOption = False, home: HomeOption = None
) -> None:
    """Print the newest mail that a local system has sent: its mail box keeps them, none leaves the machine."""
    box = home_of(home) / "mail"
    kept = _within(box, model, subject, WAIT_S if wait else 0.0)
    if kept is None:
        about = "" if model is None else f" about {shown(model, NAME_LIMIT)}"
        about += "" if subject is None else f" with {quoted(subject)} in its subject"
        raise NotFound(
            f"no mail{about} in {shown(str(box))}. One is sent when a model drifts; how the models are says "
            f"`pegel status{same_home(home)}`."
        )
    message = read(kept)
    heads = [f"{name}: {str(message[name]).strip()}" for name in ("Subject", "To", "Date") if name in message]
    has_picture = any(part.get_content_maintype() == "image" for part in message.walk())
    whole = "with its picture" if has_picture else "as it was sent"
    say("\n".join([*heads, "", plain_text(message), "", f"{whole}: {kept}"]))


def _within(box: Path, model: str | None, subject: str | None, seconds: float) -> Path | None:
    """Return the newest mail about a model and with a subject, or any, looking for so long. Each is read once."""
    deadline, seen = time.monotonic() + seconds, frozenset[Path]()
    while True:
        # Listed before they are read: what comes meanwhile is read the next time.
        listed = frozenset(box.glob("*.eml"))
        kept = newest(box, lambda message: _is_wanted(message, model, subject), unwanted=seen)
        if kept is not None or time.monotonic() > deadline:
            return kept
        seen = listed
        time.sleep(LOOK_EVERY_S)


def _is_wanted(message: EmailMessage, model: str | None, subject: str | None) -> bool:
    said = subject is None or subject.casefold() in str(message["Subject"]).casefold()
    return said and (model is None or _is_about(message, model))


def _is_about(message: EmailMessage, model: str) -> bool:
    """Say whether a mail names a model, as its subject or the address of the model's page does."""
    return f" {model} v" in str(message["Subject"]) or f"/models/{model}/" in plain_text(message)
