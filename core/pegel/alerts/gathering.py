"""Which mails go out together: what is due to one address at once is one message, and a pause follows it. Pure.

A bad deploy changes two hundred models in the same minute; whoever is woken by it is woken once. That something is
over, or still goes on, wakes nobody: it waits for a while for news that does, and goes with them.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta


@dataclass(frozen=True, slots=True)
class WantedMail:
    """A mail that is due. `is_urgent`: whether it is news that a person must see now."""

    addresses: tuple[str, ...]
    is_urgent: bool


@dataclass(frozen=True, slots=True)
class Addressee:
    """What is known of an address: when it was sent its last message, and since when something waits for company."""

    sent_at: datetime | None = None
    waiting_since: datetime | None = None


@dataclass(frozen=True, slots=True)
class Gathered:
    """What goes out now. `messages`: by address the places of the mails that one message tells, in their order.

    `waiting`: by address, until when it is left alone. `begin_to_wait`: those of which it was not known yet that
    something waits for company.
    """

    messages: Mapping[str, tuple[int, ...]]
    waiting: Mapping[str, datetime]
    begin_to_wait: frozenset[str] = frozenset()


def gathered(
    due: Sequence[WantedMail],
    known: Mapping[str, Addressee],
    *,
    now: datetime,
    pause: timedelta,
    patience: timedelta = timedelta(0),
) -> Gathered:
    """Return which of the mails that are due go out now, as which messages.

    Args:
        due: The mails that are due.
        known: What is known of their addresses.
        now: The present instant.
        pause: How long an address is left alone after a message. A last message that is dated ahead of `now`, by a
            clock that was wrong, holds back nothing; neither does something that waits since then.
        patience: How long what is not urgent waits for a message that is.

    >>> noon = datetime(2026, 11, 3, 12)
    >>> both = [WantedMail(("ada", "bob"), True), WantedMail(("ada",), True)]
    >>> gathered(both, {"bob": Addressee(noon)}, now=noon + timedelta(minutes=1), pause=timedelta(minutes=5)).messages
    {'ada': (0, 1)}
    """
    own: dict[str, list[int]] = {}
    for place, mail in enumerate(due):
        for address in mail.addresses:
            own.setdefault(address, []).append(place)
    messages: dict[str, tuple[int, ...]] = {}
    waiting: dict[str, datetime] = {}
    begin_to_wait = set[str]()
    for address, places in own.items():
        of = known.get(address, Addressee())
        if of.sent_at is not None and of.sent_at <= now < of.sent_at + pause:
            waiting[address] = of.sent_at + pause
        elif any(due[place].is_urgent for place in places) or _has_waited(of, now, patience):
            messages[address] = tuple(places)
        else:
            if of.waiting_since is None:
                begin_to_wait.add(address)
            waiting[address] = (of.waiting_since or now) + patience
    return Gathered(messages, waiting, frozenset(begin_to_wait))


def _has_waited(of: Addressee, now: datetime, patience: timedelta) -> bool:
    if not patience:
        return True
    return of.waiting_since is not None and not of.waiting_since <= now < of.waiting_since + patience
