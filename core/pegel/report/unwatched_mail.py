"""The words of a mail about a group that nobody watches."""

from __future__ import annotations

from datetime import datetime

from pegel.alerts.alert import MailKind
from pegel.alerts.unwatched import UnwatchedMail
from pegel.reconcile.actions import PastAction
from pegel.report import words
from pegel.report.mail_message import Rendered
from pegel.report.progress import ago
from pegel.spec.outside_text import LONGEST_SENTENCE, shown


def unwatched_words(mail: UnwatchedMail, last: PastAction | None, *, page_url: str, now: datetime) -> Rendered:
    """Return subject and plain text; `last`: what reconciling did last about the group's driver, if anything."""
    named, since = words.several(mail.models), words.moment(mail.since, now)
    are, models = ("is", f"model {named}") if len(mail.models) == 1 else ("are", f"models {', '.join(mail.models)}")
    if mail.kind is MailKind.OVER:
        lines = [
            f"The {models} {are} watched again; nobody did since {since} UTC.",
            "What came meanwhile is read now, and its windows are judged.",
            "",
            f"Look      {page_url}",
        ]
        return _plain(f"[pegel] {named}: watched again (not watched since {since} UTC)", lines)
    still = "still " if mail.kind is MailKind.REPEATED else ""
    lines = [
        f"The {models} {are} {still}not watched: {shown(mail.reason, LONGEST_SENTENCE)}.",
        f"Since {since} UTC no window of {'it' if len(mail.models) == 1 else 'them'} says anything of the present.",
        "Requests are answered and logged all the same, and read once a driver watches again.",
        "",
        *(
            []
            if last is None
            else [f"Reconciling: {last.kind} {ago(last.at, now)}: {shown(last.reason, LONGEST_SENTENCE)}"]
        ),
        f"Where     driver of the group {mail.group}; its log and what it waits for: pegel status",
        f"Look      {page_url}",
        f'Quiet it  pegel silence {mail.models[0]} --hours 8 --why "..."',
    ]
    return _plain(f"[pegel] {named}: {still}not watched (since {since} UTC)", lines)


def _plain(subject: str, lines: list[str]) -> Rendered:
    return Rendered(subject=subject, text="\n".join(lines) + "\n", html=None, picture=None)
