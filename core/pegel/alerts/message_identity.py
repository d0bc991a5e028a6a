"""By what mail programs know a message: one that is sent again has the same id, and an alert's mails are one thread.

A crash between an accepted mail and its record repeats it; servers and mail programs drop a second message of one id
(RFC 5322, 3.6.4). So an id is made of what is told to whom, and of nothing that differs at the second try.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from pegel.alerts.alert import Alert
from pegel.alerts.health import HealthAlert

_DOMAIN = "pegel.invalid"
_DIGITS = 32


@dataclass(frozen=True, slots=True)
class MailIdentity:
    """Which mail it is. `thread`: what all mails about the same trouble share; `ordinal`: which of them it is."""

    thread: str
    ordinal: str

    @classmethod
    def of_alert(cls, before: Alert, ordinal: str = "", *, is_over: bool = False) -> MailIdentity:
        """Return that of the next mail about an alert, as the alert is before it, or of the one with an `ordinal`.

        The mail that it is over is another one than that which was due just before, and had reached some.
        """
        return cls(f"alert {before.id}", ordinal or ("over" if is_over else _after(before.mailed_at)))

    @classmethod
    def of_health(cls, before: HealthAlert) -> MailIdentity:
        """Return that of the next mail about the watching itself, as what is wrong is known before it."""
        thread = f"health {before.kind.value} {before.about} since {before.since.isoformat()}"
        return cls(thread, _after(before.mailed_at))


def message_id(mails: Sequence[MailIdentity], recipient: str) -> str:
    """Return the Message-ID of a message to one address that tells these mails, in whatever order."""
    told = sorted(f"{mail.thread} {mail.ordinal}" for mail in mails)
    return _id("\n".join([*told, recipient]))


def thread_id(mails: Sequence[MailIdentity], recipient: str) -> str | None:
    """Return what `References` says, so that mails about the same trouble stand together; None if it is several.

    No message has this id: mail programs join what refers to the same one, whether they have it or not.
    """
    threads = {mail.thread for mail in mails}
    return _id(f"thread {threads.pop()}\n{recipient}") if len(threads) == 1 else None


def short_id(mails: Sequence[MailIdentity], addressee: str) -> str:
    """Return by what a chat or a pager knows a message that tells these mails, as `message_id` does for mail."""
    return message_id(mails, addressee).strip("<>").partition("@")[0]


def short_thread(mail: MailIdentity, addressee: str) -> str:
    """Return what all messages about the same trouble to one addressee share: PagerDuty makes them one incident."""
    return _id(f"thread {mail.thread}\n{addressee}").strip("<>").partition("@")[0]


def _after(mailed_at: datetime | None) -> str:
    return "first" if mailed_at is None else f"after {mailed_at.isoformat()}"


def _id(text: str) -> str:
    return f"<{hashlib.sha256(text.encode()).hexdigest()[:_DIGITS]}@{_DOMAIN}>"
