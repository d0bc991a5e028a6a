"""Reading bodies that strangers send: each bounded in bytes and in time, all of them together in bytes."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, MutableMapping
from dataclasses import dataclass, field
from enum import Enum
from typing import Any

Receive = Callable[[], Awaitable[MutableMapping[str, Any]]]


class BodyEnd(Enum):
    """How the reading of a body ended; the values are reasons under which it is counted."""

    WHOLE = "whole"
    TOO_LARGE = "too_large"
    DISCONNECTED = "client_disconnected"
    SLOW = "too_slow"
    NO_ROOM = "busy"


@dataclass(slots=True, eq=False)
class _Reading:
    """A body that is being read."""

    ends_at: float
    """When its time is over, by the clock of the loop."""
    deadline: asyncio.Timeout
    parts: list[bytes] = field(default_factory=list)
    size: int = 0
    ended: BodyEnd | None = None
    """Why it was ended before it was whole."""

    def end(self, why: BodyEnd) -> None:
        """Let its task end at the next turn of the loop, unless it is about to."""
        if self.ended is None:
            self.ended = why
            self.deadline.reschedule(0)  # a deadline that has passed


class BodyReader:
    """Reads the bodies of one process.

    When all that are being read hold more than `together_bytes`, the one that has been read for longest is given up:
    honest clients send a body within milliseconds, so it is never theirs for the sake of somebody who stalls.
    """

    def __init__(self, *, together_bytes: int, within_s: float) -> None:
        """Begin with nothing being read. A body that does not come at once may take `within_s`."""
        self._together_bytes, self._within_s = together_bytes, within_s
        self._readings: dict[_Reading, None] = {}
        """All of them, in the order in which they began."""
        self._incomplete: dict[_Reading, None] = {}
        """Those of which a part came, in that order."""
        self._held = 0
        self._timer: asyncio.TimerHandle | None = None
        """One for all: nearly every body is there at once, and a timer for each costs more than its reading."""

    async def read(self, receive: Receive, limit: int) -> tuple[bytes, BodyEnd]:
        """Return the body up to `limit` bytes, inclusive, and how the reading ended. The time begins at once."""
        reading = _Reading(asyncio.get_running_loop().time() + self._within_s, asyncio.timeout(None))
        try:
            async with reading.deadline:
                self._begin(reading)
                ended = await self._read_on(receive, reading, limit)
        except TimeoutError:
            ended = reading.ended or BodyEnd.SLOW
        finally:
            self._readings.pop(reading, None)
            self._incomplete.pop(reading, None)
            self._held -= reading.size
        return b"".join(reading.parts)[:limit], ended

    async def _read_on(self, receive: Receive, reading: _Reading, limit: int) -> BodyEnd:
        while reading.size <= limit:
            message = await receive()
            if message["type"] == "http.disconnect":
                return BodyEnd.DISCONNECTED
            part = message.get("body", b"")
            reading.parts.append(part)
            reading.size += len(part)
            self._held += len(part)
            if not message.get("more_body", False):
                return BodyEnd.WHOLE if reading.size <= limit else BodyEnd.TOO_LARGE
            self._incomplete[reading] = None
            self._make_room()
        return BodyEnd.TOO_LARGE

    def _make_room(self) -> None:
        """Give up bodies that have been read for longest while all hold too much."""
        excess = self._held - self._together_bytes
        for other in self._incomplete:
            if excess <= 0:
                break
            other.end(BodyEnd.NO_ROOM)  # one whose own time has run out ends for that
            excess -= other.size

    def _begin(self, reading: _Reading) -> None:
        self._readings[reading] = None
        if self._timer is None:
            self._timer = asyncio.get_running_loop().call_at(reading.ends_at, self._end_overdue)

    def _end_overdue(self) -> None:
        """End what is over its time; come back when the next one will be."""
        loop = asyncio.get_running_loop()
        self._timer = None
        for reading in self._readings:
            if reading.ends_at > loop.time():
                self._timer = loop.call_at(reading.ends_at, self._end_overdue)
                break
            reading.end(BodyEnd.SLOW)
