"""Small requests come in one piece: those are answered at once, without a task, a scope and messages for each.

A request whose headers and body came together is given to a plain function. One that comes in parts, the second of
those that came together, one that asks for an end of its connection, and whatever the function does not take, goes
the usual way: uvicorn's, with a task of the application.
"""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Callable
from http import HTTPStatus
from typing import Any, ClassVar

import structlog

from pegel_serving.bounded_http import BoundedProtocol, ConnectionLimits, ConnectionStage

log = structlog.stdlib.get_logger(__name__)

Headers = list[tuple[bytes, bytes]]
Respond = Callable[[bytes], None]
"""Sends an answer, see `response`; to be called once, now or later, by the thread of the loop."""
TakeWhole = Callable[[Headers, bytes, Respond], bool]
"""Takes headers (names in small letters) and body of a POST; False: it is to go the usual way."""


def response(status: int, headers: Headers, body: bytes = b"") -> bytes:
    """Return an answer as it is sent; its length is added."""
    lines = [b"HTTP/1.1 %d %b" % (status, HTTPStatus(status).phrase.encode()), b"content-length: %d" % len(body)]
    lines += [b"%b: %b" % pair for pair in headers]
    return b"\r\n".join([*lines, b"", body])


class _WholeRequest:
    """A request that is being answered, in the place where uvicorn keeps its own kind of one."""

    __slots__ = ("_protocol", "disconnected", "keep_alive", "message_event", "more_body", "response_complete")

    def __init__(self, protocol: WholeRequestProtocol, nobody: asyncio.Event) -> None:
        """Begin with a request that is whole. `nobody` is an event for which nobody waits."""
        self._protocol, self.message_event = protocol, nobody
        self.disconnected = self.more_body = self.response_complete = False
        self.keep_alive = True

    def respond(self, answer: bytes) -> None:
        """Send the answer, unless the client is gone."""
        if self.response_complete:
            return
        self.response_complete = True
        transport = self._protocol.transport
        if not self.disconnected and not transport.is_closing():
            transport.write(answer if self.keep_alive else answer.replace(b"\r\n", b"\r\nconnection: close\r\n", 1))
            if not self.keep_alive:
                transport.close()
        self._protocol.on_whole_response()


class WholeRequestProtocol(BoundedProtocol):
    """One connection, see the module. `take_whole` is that of the process."""

    take_whole: ClassVar[TakeWhole]

    def __init__(self, *args: Any, **named: Any) -> None:
        """Begin before the first byte."""
        super().__init__(*args, **named)
        self._nobody = asyncio.Event()
        self._parts: list[bytes] = []
        self._may_be_whole = False
        """Whether nothing of the present data was taken at once: one client does not hold up the others."""
        self._is_held_back = False
        """Whether the application does not know yet of the request that is being parsed."""

    def data_received(self, data: bytes) -> None:
        """Parse what came; a request that is not whole by then goes the usual way."""
        self._may_be_whole = True
        super().data_received(data)
        self._go_usual_way()

    def on_body(self, body: bytes) -> None:
        """Pass on a part of a body, or keep it."""
        if self._is_held_back:
            self._unread = 0
            self._parts.append(body)
        else:
            super().on_body(body)

    def on_message_complete(self) -> None:
        """Give away a request that came whole."""
        if self._is_held_back and self._takes():
            return
        self._go_usual_way()
        super().on_message_complete()

    def send_400_response(self, msg: str) -> None:
        """Let the application see a request whose body turned out to be unreadable as one without its client."""
        self._go_usual_way()
        super().send_400_response(msg)

    def on_whole_response(self) -> None:
        """Be idle, which ends by `cut_overdue`: a timer of its own for each request costs more than it says."""
        if self.pipeline or self._receiving or self._sent_all or self.transport.is_closing():
            self.on_response_complete()
        else:
            self.server_state.total_requests += 1
            self._enter(ConnectionStage.IDLE, self.limits.idle_s)

    def _begin_request(self) -> None:
        parser = self.parser
        self._is_held_back = (
            self._may_be_whole
            and parser.get_method() == b"POST"
            and getattr(self.cycle, "response_complete", True)  # there is none before the first
            and parser.get_http_version() == "1.1"
            and parser.should_keep_alive()
            and not any((parser.should_upgrade(), self.flow.write_paused, self.expect_100_continue))
        )
        if self._is_held_back:
            self._may_be_whole, self._parts = False, []
        else:
            super()._begin_request()

    def _takes(self) -> bool:
        """Say whether the request was taken, which may have answered it."""
        request: Any = _WholeRequest(self, self._nobody)
        self.cycle = self._running = request
        self._receiving = self._head_whole = False
        self._enter(ConnectionStage.ANSWERING, None)
        try:
            is_taken = type(self).take_whole(self.headers, b"".join(self._parts), request.respond)
        except Exception:  # as uvicorn does with what an application raises
            log.exception("a request failed")
            request.respond(response(500, []))
            is_taken = True
        if is_taken:
            self._is_held_back = False
        else:
            request.response_complete = True
        return is_taken

    def _go_usual_way(self) -> None:
        if self._is_held_back:
            self._is_held_back = False
            super()._begin_request()
            for part in self._parts:
                super().on_body(part)


def bounded_whole(limits: ConnectionLimits, ends: Counter[str], take: TakeWhole) -> type[WholeRequestProtocol]:
    """Return the protocol under these limits, see `bounded_http.bounded`, with what takes whole requests."""
    of_class = {"limits": limits, "ends": ends, "take_whole": staticmethod(take)}
    return type("LimitedWholeRequestProtocol", (WholeRequestProtocol,), of_class)
