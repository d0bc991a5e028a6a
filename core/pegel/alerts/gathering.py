"""Which mails go out together: what is due to one address at once is one message, and a pause follows it. Pure.

A bad deploy changes two hundred models in the same minute; whoever is woken by it is woken once.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta


@dataclass(frozen=True, slots=True)
class Gathered:
    """What goes out now. `messages`: by address the places of the mails that one message tells, in their order.

    `waiting`: by address, until when it is left alone.
    """

    messages: Mapping[str, tuple[int, ...]]
    waiting: Mapping[str, datetime]


def gathered(
    due: Sequence[Sequence[str]], last: Mapping[str, datetime], *, now: datetime, pause: timedelta
) -> Gathered:
    """Return which of the mails that are due go out now, as which messages.

    Args:
        due: The addresses of each mail that is due.
        last: When an address was sent its last message.
        now: The present instant.
        pause: How long an address is left alone after a message. A last message that is dated ahead of `now`, by a
            clock that was wrong, holds back nothing.

    >>> noon = datetime(2026, 11, 3, 12)
    >>> both = [("ada", "bob"), ("ada",)]
    >>> gathered(both, {"bob": noon}, now=noon + timedelta(minutes=1), pause=timedelta(minutes=5)).messages
    {'ada': (0, 1)}
    """
    messages: dict[str, list[int]] = {}
    waiting: dict[str, datetime] = {}
    for place, addresses in enumerate(due):
        for address in addresses:
            sent = last.get(address)
            if sent is not None and sent <= now < sent + pause:
                waiting[address] = sent + pause
            else:
                messages.setdefault(address, []).append(place)
    return Gathered({address: tuple(places) for address, places in messages.items()}, waiting)
