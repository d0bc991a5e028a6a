"""A mail that is written, and the message it becomes: plain text first, then HTML with the picture inside it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from email.message import EmailMessage
from email.utils import format_datetime, make_msgid

from markupsafe import Markup

from pegel.alerts.message_identity import MailIdentity, message_id, thread_id
from pegel.report.html import environment
from pegel.spec.outside_text import LONGEST_SENTENCE, shown

PICTURE = "picture@pegel"
"""By what the HTML of a mail names its picture."""
RULE = 72
"""Dashes between the parts of a message in plain text."""


@dataclass(frozen=True, slots=True)
class Rendered:
    """A mail ready to be sent. `picture` is a PNG that the HTML shows by its content id; None without one."""

    subject: str
    text: str
    html: str | None
    """What stands in the frame of the message; None for a mail of plain text alone."""
    picture: bytes | None


def message(
    parts: Sequence[Rendered],
    *,
    sender: str,
    recipient: str,
    now: datetime,
    subject: str = "",
    mails: Sequence[MailIdentity] = (),
) -> EmailMessage:
    """Return one message to one address: plain text first, then HTML, if any, with the pictures inside it.

    Args:
        parts: What it says, one after the other; one at least.
        sender: Whose it is.
        recipient: Whom it goes to.
        now: When it is sent.
        subject: Its own; empty: that of its only part.
        mails: Which mails it tells; sent again, it has the same Message-ID. Without any it has one of its own.

    Raises ValueError if the address cannot stand in a header.
    """
    mail = EmailMessage()
    # A header is one line: what a feature is called must not end it.
    # What looks like an encoded word (RFC 2047) in a name would be decoded, and say something else.
    mail["Subject"] = shown(subject or parts[0].subject, LONGEST_SENTENCE).replace("=?", "= ?")
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
    mail.set_content(f"\n{'-' * RULE}\n\n".join(part.text for part in parts))
    if all(part.html is None for part in parts):
        return mail
    pictures = {f"{place}.{PICTURE}": part.picture for place, part in enumerate(parts) if part.picture is not None}
    bodies = [_body(part, f"{place}.{PICTURE}") for place, part in enumerate(parts)]
    mail.add_alternative(environment().get_template("mail_frame.html.j2").render(parts=bodies), subtype="html")
    _, html = mail.iter_parts()
    for content_id, picture in pictures.items():
        html.add_related(picture, "image", "png", cid=f"<{content_id}>", filename="drift.png")
    return mail


def _body(part: Rendered, content_id: str) -> Markup:
    """Return what a part is in the frame of a message; its picture is known by `content_id` there."""
    if part.html is None:
        return Markup("<pre>{}</pre>").format(part.text)
    return Markup(part.html.replace(f"cid:{PICTURE}", f"cid:{content_id}"))  # noqa: S704  our own templates
