"""Alert: findings that wait become alerts, and those that a person must see now become mails.

Mail accepted, then alert and place saved: a crash between the two repeats a mail, it never loses one.
"""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING

from pegel.errors import TemporaryError
from pegel.spec.settings import Settings
from pegel_airflow import doors
from pegel_airflow.mailbox import Mailbox

if TYPE_CHECKING:
    from pegel.alerts.alert import Change


def drain(settings: Settings) -> str:
    """Take in what waits, send what is due and return what happened, one line per monitor that changed.

    One monitor whose mail is refused does not hold up the others. Raises Unavailable after all had their
    turn, so that the task fails and what was refused is tried again.
    """
    from pegel.alerts.update import update

    stores = doors.stores(settings)
    now = datetime.now(UTC)
    inbox = stores.alerts.inbox(now)
    changes = update(inbox.alerts, inbox.findings, inbox.windows, now, stores.registry.list(), silences=inbox.silences)
    lines: list[str] = []
    failures: list[TemporaryError] = []
    with Mailbox(settings) as mailbox:
        for change in changes:
            try:
                _deliver(mailbox, change)
            except TemporaryError as error:
                failures.append(error)
                continue
            stores.alerts.save(change)
            lines.append(_words(change))
    if failures:
        raise failures[0]
    return "\n".join(lines) or "nothing waits"


def _deliver(mailbox: Mailbox, change: Change) -> None:
    if change.mail is not None:
        mailbox.send(change.mail)


def _words(change: Change) -> str:
    if change.mail is not None:
        return f"{change.key}: {change.mail.kind.value}, mailed to {', '.join(change.mail.spec.alerts.emails)}"
    return f"{change.key}: taken in, nothing new to tell"
