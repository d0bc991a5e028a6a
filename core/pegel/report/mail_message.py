"""A mail that is written, and the message it becomes: plain text first, then HTML with the picture inside it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from email.message import EmailMessage
from email.utils import format_datetime, make_msgid

from pegel.alerts.message_identity import MailIdentity, message_id, thread_id
from pegel.spec.outside_text import LONGEST_SENTENCE, shown

PICTURE = "picture@pegel"


@dataclass(frozen=True, slots=True)
class Rendered:
    """A mail ready to be sent. `picture` is a PNG that the HTML shows by its content id; None without one."""

    subject: str
    text: str
    html: str | None
    """None for a mail of plain text alone."""
    picture: bytes | None


def message(
    rendered: Rendered, *, sender: str, recipient: str, now: datetime, mails: Sequence[MailIdentity] = ()
) -> EmailMessage:
    """Return one message to one address: plain text first, then HTML, if any, with the picture inside it.

    `mails`: which mails it tells; sent again, it has the same Message-ID. Without any it has one of its own.

    Raises ValueError if the address cannot stand in a header.
    """
    mail = EmailMessage()
    # A header is one line: what a feature is called must not end it.
    mail["Subject"] = shown(rendered.subject, LONGEST_SENTENCE)
    mail["From"] = sender
    mail["To"] = recipient
    mail["Date"] = format_datetime(now)
    mail["Message-ID"] = message_id(mails, recipient) if mails else make_msgid(domain="pegel.invalid")
    thread = thread_id(mails, recipient)
    if thread is not None:
        mail["In-Reply-To"] = thread
        mail["References"] = thread
    # Mail programs show what a machine sent as such, and out-of-office replies stay away.
    mail["Auto-Submitted"] = "auto-generated"
    mail.set_content(rendered.text)
    if rendered.html is None:
        return mail
    mail.add_alternative(rendered.html, subtype="html")
    if rendered.picture is not None:
        _, html = mail.iter_parts()
        html.add_related(rendered.picture, "image", "png", cid=f"<{PICTURE}>", filename="drift.png")
    return mail
