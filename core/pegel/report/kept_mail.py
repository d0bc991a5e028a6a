"""Mails as a local system's mail box keeps them: one file each, named by the instant it was accepted."""

from __future__ import annotations

from collections.abc import Callable, Collection
from email import policy
from email.message import EmailMessage
from email.parser import BytesParser
from pathlib import Path


def newest(
    box: Path,
    wanted: Callable[[EmailMessage], bool] = lambda _message: True,
    *,
    unwanted: Collection[Path] = (),
) -> Path | None:
    """Return the mail that a box accepted last, of those wanted; None for none, or if there is no such folder.

    Those that are `unwanted` are not read.
    """
    latest_first = sorted(box.glob("[!.]*.eml"), reverse=True)
    return next((path for path in latest_first if path not in unwanted and wanted(read(path))), None)


def read(path: Path) -> EmailMessage:
    """Return a mail of the box."""
    with path.open("rb") as handle:
        return BytesParser(policy=policy.default).parse(handle)


def plain_text(message: EmailMessage) -> str:
    """Return the mail's plain text; nothing if it has none."""
    body = message.get_body(("plain",))
    return str(body.get_content()).strip() if body is not None else ""
