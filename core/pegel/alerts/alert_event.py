"""What happened to an alert: one line of its history."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum


class AlertEventKind(StrEnum):
    """What happened."""

    OPENED = "opened"
    GROWN = "grown"
    """Further features joined it."""
    MORE_SEVERE = "more severe"
    """Its severity rose, which is mailed at once: `why` says to which, and from which."""
    HELD_BACK = "held back"
    """A mail was due, and silences held it back."""
    MAILED = "mailed"
    NOT_MAILED = "not mailed"
    """A mail was due and reached nobody."""
    ACKNOWLEDGED = "acknowledged"
    ACKNOWLEDGEMENT_ENDED = "acknowledgement ended"
    OVER = "over"
    """Nothing was found any more."""
    RESOLVED = "resolved"
    """Somebody closed it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class AlertEvent:
    """One event in the life of an alert. What does not belong to its kind is empty."""

    alert: str
    """The alert's id."""
    model: str
    version: int
    kind: AlertEventKind
    at: datetime
    by: str = ""
    """Who did it: the name under which that person logged in."""
    why: str = ""
    until: datetime | None = None
    """Until when it was acknowledged."""
    features: tuple[str, ...] = ()
    mail: str = ""
    """Which mail it was about: the value of a `MailKind`."""
    recipients: tuple[str, ...] = ()
    """Who has the mail: addresses, or names of what else was told."""
    silences: tuple[int, ...] = ()
    """Ids of the silences that held it back."""
