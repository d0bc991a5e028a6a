"""A request and its answer put together, whichever comes first; an answer that does not come is done without.

::

    r1 ----- a1             joined when a1 comes
       r2 ------------- |   explained without its answer when the topic was read for 60 s more
          a3 ---------- |   given up then: nobody knows its features

What is waited for is reading, and no time that records tell: one of them that is dated ahead, or old ones that a logger
had kept among those of now, would say of every other that its time is over.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Iterator
from dataclasses import dataclass, field
from hashlib import blake2b
from typing import Final

from pegel.spec.limits import ANSWER_WITHIN
from pegel.stream.wire_records import Address

WAITS_S: Final = ANSWER_WITHIN.total_seconds()
REMEMBERED: Final = 20_000
"""Events that are done, by which copies and late halves are known."""
OVERHEAD: Final = 1_024
"""Bytes of the objects around what was sent."""


@dataclass(frozen=True, slots=True, kw_only=True)
class EventHalf:
    """A request or an answer. `time_ms`: the record's timestamp; `time`: when the request came, as its header says."""

    endpoint: str
    event_id: bytes
    hashed: int
    is_request: bool
    address: Address
    offset: int
    time_ms: int
    body: bytes
    time: bytes = b""

    @property
    def size(self) -> int:
        """Return the bytes that it takes, about."""
        return OVERHEAD + len(self.body) + len(self.event_id) + len(self.time)

    @property
    def key(self) -> tuple[str, bytes]:
        """Return by what it is known: of its id a digest, because whoever sends it says how long an id is."""
        return self.endpoint, blake2b(self.event_id, digest_size=16).digest()


@dataclass(frozen=True, slots=True)
class WholeEvent:
    """A request with its answer, if it has one."""

    request: EventHalf
    answer: EventHalf | None

    @property
    def halves(self) -> list[EventHalf]:
        """Return what it is made of."""
        return [self.request, *([] if self.answer is None else [self.answer])]

    @property
    def size(self) -> int:
        """Return the bytes that it takes, about."""
        return sum(half.size for half in self.halves)


@dataclass(slots=True)
class HalfJoin:
    """Holds halves until the other ones come. `most_bytes`: beyond that the oldest are no longer waited with."""

    most_bytes: int
    late: int = 0
    """Halves, copies too, of events that were done before they came."""
    alone: int = 0
    """Answers without a request."""
    size: int = 0
    _waiting: OrderedDict[tuple[str, bytes], tuple[EventHalf, float]] = field(default_factory=OrderedDict)
    _done: OrderedDict[tuple[str, bytes], None] = field(default_factory=OrderedDict)

    def take(self, half: EventHalf, now_s: float) -> tuple[WholeEvent | None, list[EventHalf]]:
        """Return the event that a half completes, if it does, and the halves of nothing that are to be let go.

        `now_s`: for how long the topic has been read.
        """
        key = half.key
        if key in self._done:
            self.late += 1
            return None, [half]
        known = self._waiting.get(key)
        if known is None:
            self._waiting[key] = (half, now_s)
            self.size += half.size
            return None, []
        if known[0].is_request == half.is_request:
            self.late += 1
            return None, [half]
        self._end(key)
        pair = (half, known[0]) if half.is_request else (known[0], half)
        return WholeEvent(*pair), []

    def overdue(self, now_s: float) -> Iterator[WholeEvent | EventHalf]:
        """Yield what is waited with no longer: requests as events without an answer, and answers of nothing.

        To be asked after each half that was taken: it is for too many bytes, too, the oldest halves first.
        """
        while self._waiting:
            key, (half, since_s) = next(iter(self._waiting.items()))
            if now_s - since_s <= WAITS_S and self.size <= self.most_bytes:
                return
            self._end(key)
            if half.is_request:
                yield WholeEvent(half, None)
            else:
                self.alone += 1
                yield half

    def forget(self, address: Address) -> None:
        """Drop what a partition brought that another reader has now."""
        for key in [key for key, (half, _) in self._waiting.items() if half.address == address]:
            self.size -= self._waiting.pop(key)[0].size

    def _end(self, key: tuple[str, bytes]) -> None:
        self.size -= self._waiting.pop(key)[0].size
        self._done[key] = None
        while len(self._done) > REMEMBERED:
            self._done.popitem(last=False)
