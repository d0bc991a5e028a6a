"""Bodies that the proxy holds whole, because both sides of a call are logged whole: bounded one by one and together.

An answer is held until its client has taken it, so a client that is slow to read is bounded like one that is slow to
send.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, MutableMapping
from dataclasses import dataclass
from typing import Any

from pegel_serving import door_limits
from pegel_serving.body_reading import BodyEnd, BodyReader, Receive

Send = Callable[[MutableMapping[str, Any]], Awaitable[None]]
PLAIN = frozenset({"", "identity"})
"""Content encodings that pass: our model server reads no compressed body, and one that it cannot read would be logged
as a request."""


@dataclass(frozen=True, slots=True, kw_only=True)
class BodyLimits:
    """Bounds of what the proxy holds, all inclusive; the reasons are in `door_limits`."""

    request_bytes: int = door_limits.BODY_BYTES
    """Of one request; more is answered 413."""
    answer_bytes: int = door_limits.BODY_BYTES * door_limits.ANSWERS_PER_REQUEST
    """Of one answer; more is answered 502."""
    reading_bytes: int = door_limits.READING_BYTES
    """Of all requests that are being read at the same time; beyond, the slowest is answered 503."""
    held_bytes: int = door_limits.HELD_BYTES
    """Of all bodies at the same time; beyond, who has been taking an answer for longest is cut off, or it is 503."""
    body_within_s: float = door_limits.BODY_WITHIN_S
    """How long a request's body may take; then 408."""
    answer_within_s: float = 60.0
    """How long the model server may stay silent; then 502."""


@dataclass(frozen=True, slots=True)
class ClientAnswer:
    """What a client is told."""

    status: int
    headers: list[tuple[bytes, bytes]]
    body: bytes


class BodyRefused(Exception):
    """A body that is not forwarded, with the status to answer."""

    def __init__(self, status: int, message: str) -> None:
        """Remember what the client is told."""
        super().__init__(message)
        self.status = status


class ClientGone(Exception):
    """The client went away before its request was whole."""


class Holder:
    """The bodies that a proxy reads and holds.

    When it holds too much, whoever has been taking an answer for longest is cut off: honest clients take theirs within
    milliseconds. What a request or the model server's answer needs is never taken from another call's work.
    """

    def __init__(self, limits: BodyLimits) -> None:
        """Begin with nothing held."""
        self.limits = limits
        self.held = 0
        """Bytes held now."""
        self._taken: dict[HeldBodies, Callable[[], None]] = {}
        """Answers that clients are taking, oldest first, and what cuts each client off."""
        self.reader = BodyReader(together_bytes=limits.reading_bytes, within_s=limits.body_within_s)

    def hold(self, size: int) -> None:
        """Count bytes that are held; negative when they are let go. Raises BodyRefused when there is no room."""
        if size > 0:
            self._make_room(size)
        self.held += size

    def _make_room(self, size: int) -> None:
        """Cut off as many of the slowest clients as it takes; none if that would not be enough. Raises BodyRefused."""
        excess = self.held + size - self.limits.held_bytes
        if excess > sum([bodies.size for bodies in self._taken]):
            raise BodyRefused(503, f"calls may hold {self.limits.held_bytes} bytes together; come back later")
        for bodies, cut_off in list(self._taken.items()):
            if excess <= 0:
                return
            excess -= bodies.size
            cut_off()
            bodies.release()

    def begin_taking(self, bodies: HeldBodies, cut_off: Callable[[], None]) -> None:
        """Remember whose client is taking an answer from now on."""
        self._taken[bodies] = cut_off

    def end_taking(self, bodies: HeldBodies) -> None:
        """Forget it."""
        self._taken.pop(bodies, None)


class HeldBodies:
    """The bodies that one call holds: its request, then its answer until the client has taken it."""

    def __init__(self, holder: Holder) -> None:
        """Hold nothing yet."""
        self._holder = holder
        self.size = 0
        """Bytes held now."""
        self._answer: bytes | bytearray = b""

    async def request(self, receive: Receive, encoding: str) -> bytes:
        """Return a request's body whole, as it came. Raises BodyRefused, and ClientGone when nobody waits any more."""
        limits = self._holder.limits
        if encoding.strip().lower() not in PLAIN:
            raise BodyRefused(415, "the model server reads no compressed body; send it without Content-Encoding")
        body, ended = await self._holder.reader.read(receive, limits.request_bytes)
        if ended is BodyEnd.DISCONNECTED:
            raise ClientGone
        if ended is BodyEnd.TOO_LARGE:
            raise BodyRefused(413, f"a request may hold {limits.request_bytes} bytes; this one holds more")
        if ended is BodyEnd.SLOW:
            raise BodyRefused(408, f"a body may take {limits.body_within_s:g} s")
        if ended is BodyEnd.NO_ROOM:
            raise BodyRefused(503, "too many bodies are being read; come back later")
        self._hold(len(body))
        return body

    def take(self, part: bytes) -> None:
        """Hold a part of an answer's body. Raises BodyRefused."""
        limit = self._holder.limits.answer_bytes
        size = len(self._answer) + len(part)
        if size > limit:
            raise BodyRefused(502, f"an answer may hold {limit} bytes; this one holds more and ends here")
        self._hold(len(part))
        if not self._answer:
            self._answer = part  # most answers come in one part, and are copied no more
        elif isinstance(self._answer, bytes):
            # one growing block: thousands of small ones would leave holes in the process's memory when they are joined
            self._answer = bytearray(self._answer + part)
        else:
            self._answer += part

    def answer(self) -> bytes:
        """Return the answer's body, which is whole; the request is let go."""
        body, self._answer = bytes(self._answer), b""
        self._hold(len(body) - self.size)
        return body

    async def send(self, answer: ClientAnswer, send: Send, cut_off: Callable[[], None]) -> None:
        """Send an answer in pieces, each when the connection has room for it, and let go of it when all are sent.

        While others need the room, it may be taken away by `cut_off`, which ends the connection.
        """
        body = answer.body
        self._holder.begin_taking(self, cut_off)
        try:
            await send({"type": "http.response.start", "status": answer.status, "headers": answer.headers})
            for at in range(0, max(len(body), 1), door_limits.PIECE_BYTES):
                end = at + door_limits.PIECE_BYTES
                await send({"type": "http.response.body", "body": body[at:end], "more_body": end < len(body)})
        finally:
            self.release()

    def release(self) -> None:
        """Let go of everything."""
        self._holder.end_taking(self)
        self._hold(-self.size)

    def _hold(self, size: int) -> None:
        self._holder.hold(size)
        self.size += size
