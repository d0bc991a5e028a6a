"""uvicorn's HTTP protocol with bounds on what a stranger may hold: bytes of headers, time, connections.

::

    connection ──headers_within_s──> headers whole ──body_within_s──> body whole ──> answered ──> idle (keep-alive)
         └ another begins: the same again, from its first byte                        └ write_within_s to take all of it

A client that says it will send nothing more is answered all that it asked; then its connection ends.

Whoever is over time, or asks many things before the first is answered, is cut off without an answer; what is no HTTP is
answered and hung up on. Both are counted by kind. When there are too many connections, whoever has been sending a
request for longest is cut off, then who has been idle for longest, then who has been taking an answer for longest, then
who sends nothing more and may have hung up, then the newcomer: an honest request is there, and its answer taken, within
milliseconds, so it is never the oldest.
"""

from __future__ import annotations

import asyncio
import logging
import resource
from collections import Counter
from collections.abc import Callable, Mapping, Sized
from dataclasses import dataclass
from enum import IntEnum, StrEnum
from functools import partial
from typing import Any, ClassVar, NoReturn

import httptools
import structlog
import uvicorn
from uvicorn.protocols.http.flow_control import FlowControl
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol, RequestResponseCycle
from uvicorn.server import ServerState

from pegel_serving import door_limits

log = structlog.stdlib.get_logger(__name__)

_errors = logging.getLogger("uvicorn.error.only")
_errors.setLevel(logging.ERROR)
_ANSWER_FIRST_S = 2.0
"""The application knows the same bound and answers 408 before the connection is cut."""
_QUEUED_REQUESTS = 8
"""Of one connection, behind the one that is being answered. Clients of today send one at a time."""
_FILES_BESIDE = 512
"""Open files of a process beside its clients' connections: logs, the spool, connections of its own."""
_CUT_OFF = "cut_off"
"""Where a request's state holds what ends its connection."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ConnectionLimits:
    """Bounds of a listening process; the reasons are in `door_limits`."""

    header_bytes: int = door_limits.HEADER_BYTES
    headers_within_s: float = door_limits.HEADERS_WITHIN_S
    body_within_s: float = door_limits.BODY_WITHIN_S
    write_within_s: float = door_limits.WRITE_WITHIN_S
    idle_s: int = door_limits.IDLE_S
    connections: int = door_limits.CONNECTIONS


class ConnectionStage(IntEnum):
    """Where a connection is. When there are too many, the lowest goes first."""

    SENDING = 0
    """The client is sending a request, or has sent nothing yet."""
    IDLE = 1
    WRITING = 2
    """The client has not taken all of an answer."""
    SENT_ALL = 3
    """A request is being answered whose client will send nothing more; it may have hung up."""
    NEW = 4
    """It was taken just now."""
    ANSWERING = 5


class ConnectionEnd(StrEnum):
    """Why the door itself ended a connection.

    A request that is not whole by then the application never sees, or sees as a disconnect where its headers were
    whole. One that it is answering goes on, without its client; those that came whole and wait behind that one, it
    never sees. Who is idle, or takes an answer with nothing behind it, loses no request.
    """

    NO_HTTP = "no_http"
    """400: a request line or headers that cannot be read."""
    BAD_BODY = "bad_body"
    """400: chunks or trailers that cannot be read."""
    HEADERS_TOO_LARGE = "headers_too_large"
    """431: the request line, headers and trailers are larger together than allowed."""
    TRANSFER_ENCODING = "transfer_encoding"
    """501: another transfer encoding than chunked."""
    TOO_MANY_REQUESTS = "too_many_requests"
    """Cut off: more requests waited behind the one being answered than allowed."""
    OVER_TIME = "over_time"
    """Cut off: the client took longer than allowed to send or to read."""
    MADE_ROOM = "made_room"
    """Cut off: too many connections, or too many bytes of answers, and this client was slow or idle for longest."""


_ANSWERS = {
    ConnectionEnd.NO_HTTP: (b"400 Bad Request", b"this is no HTTP request\n"),
    ConnectionEnd.BAD_BODY: (b"400 Bad Request", b"the body's chunks or trailers cannot be read\n"),
    ConnectionEnd.HEADERS_TOO_LARGE: (
        b"431 Request Header Fields Too Large",
        b"the request line and headers are too large\n",
    ),
    ConnectionEnd.TRANSFER_ENCODING: (
        b"501 Not Implemented",
        b"of transfer encodings, chunked alone is read; send the body as it is\n",
    ),
}


class _PatientFlow(FlowControl):
    """Reads nothing more from a connection while requests of it wait for their turn."""

    def __init__(self, transport: asyncio.Transport, waiting: Sized) -> None:
        """Watch the queue of requests."""
        super().__init__(transport)
        self._waiting = waiting

    def resume_reading(self) -> None:
        """Read on, unless a request waits."""
        if not self._waiting:
            super().resume_reading()


class BoundedProtocol(HttpToolsProtocol):
    """One connection. `limits` and `ends` are shared by all connections of a process, see `bounded`."""

    limits = ConnectionLimits()
    ends: ClassVar[Counter[str]] = Counter()

    def __init__(
        self,
        config: uvicorn.Config,
        server_state: ServerState,
        app_state: dict[str, Any],
        _loop: asyncio.AbstractEventLoop | None = None,
    ) -> None:
        """Begin before the first byte."""
        super().__init__(config, server_state, app_state, _loop)
        # uvicorn says a line for each request that is none; whoever sends those could fill the disk
        self.logger = _errors
        self._stage, self.since = ConnectionStage.SENDING, self.loop.time()
        self._until: float | None = self.since + self.limits.headers_within_s
        self._receiving = self._head_whole = False
        self._running: RequestResponseCycle | None = None
        """The request that the application has; uvicorn itself knows the one that came last."""
        self._sent_all = False
        """Whether the client has closed its sending side: it asks nothing more, but may still take answers."""
        self._head_parsed = 0
        self._unread = 0
        """Bytes that came since the parser last gave away headers or a part of a body."""
        self._refusal: ConnectionEnd | None = None
        self._has_ended = False
        """Whether the door or the client ended the connection; what it still sends may take until it is cut off."""
        self._taking_since: float | None = None
        """When a part of the present answer was first seen waiting for the client."""
        self._overdue_of: tuple[float, float | None] | None = None

    @property
    def stage(self) -> ConnectionStage:
        """Say where the connection is."""
        unsent = self._stage is not ConnectionStage.SENDING and self.transport.get_write_buffer_size() > 0
        if unsent:
            return ConnectionStage.WRITING
        return ConnectionStage.SENT_ALL if self._sent_all else self._stage

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Take the connection, and make room if there are too many."""
        super().connection_made(transport)  # type: ignore[arg-type]  # uvicorn names the one kind there is here
        self.flow = _PatientFlow(self.transport, self.pipeline)
        if len(self.connections) > self.limits.connections:
            bounded = [one for one in self.connections if isinstance(one, BoundedProtocol)]
            slowest = min(bounded, key=lambda one: (ConnectionStage.NEW if one is self else one.stage, one.since))
            slowest.cut(ConnectionEnd.MADE_ROOM)

    def connection_lost(self, exc: Exception | None) -> None:
        """Let go of a connection; there is no end left to count. What is still being answered goes nowhere."""
        self._has_ended = True
        if self._running is not None:  # uvicorn disconnects the last request only, also where another is answered
            _disconnect(self._running)
        super().connection_lost(exc)

    def eof_received(self) -> bool:  # type: ignore[override]  # uvicorn keeps no connection open here
        """Go on with the requests that are whole; say whether there is one. One that is not whole is disconnected.

        Closing the sending side looks the same as hanging up: which of both it is, the next write tells.
        """
        self._sent_all = True
        if self._receiving and self._head_whole:
            _disconnect(self.cycle)
        self._receiving = self._head_whole = False
        if self._stage is not ConnectionStage.ANSWERING:
            return False
        self.cycle.keep_alive = False
        return True

    def data_received(self, data: bytes) -> None:
        """Parse what came, unless headers or trailers do not end."""
        if self.transport.is_closing():
            return
        self._unread += len(data)
        super().data_received(data)
        if self._unread > self.limits.header_bytes and not self.transport.is_closing():
            self._refusal = ConnectionEnd.HEADERS_TOO_LARGE
            self.send_400_response("")

    def on_message_begin(self) -> None:
        """Begin to wait for headers."""
        self.url, self.headers, self.expect_100_continue = b"", [], False
        self._receiving, self._head_whole, self._head_parsed = True, False, 0
        if self._stage is not ConnectionStage.ANSWERING:  # a second request may come while the first is answered
            self._enter(ConnectionStage.SENDING, self.limits.headers_within_s)

    def on_url(self, url: bytes) -> None:
        """Count the request line."""
        self._head_parsed += len(url)
        if self._head_parsed > self.limits.header_bytes:
            self._refuse(ConnectionEnd.HEADERS_TOO_LARGE)
        self.url += url

    def on_header(self, name: bytes, value: bytes) -> None:
        """Keep a header. A trailer is counted and goes no further: what was judged by the headers stays as it was."""
        if not self._head_whole:
            self.headers.append((name.lower(), value))
            return
        self._head_parsed += len(name) + len(value)
        if self._head_parsed > self.limits.header_bytes:
            self._refuse(ConnectionEnd.HEADERS_TOO_LARGE)

    def on_headers_complete(self) -> None:
        """Begin to wait for the body, unless it could not be read, or too many requests wait already."""
        encodings: list[bytes] = []
        # together, not one by one in `on_header`: what is parsed at a time is bounded by what is read at a time
        for name, value in self.headers:
            self._head_parsed += len(name) + len(value)
            if name == b"transfer-encoding":
                encodings.append(value.strip().lower())
            elif name == b"expect":
                self.expect_100_continue |= value.lower() == b"100-continue"
        if self._head_parsed > self.limits.header_bytes:
            self._refuse(ConnectionEnd.HEADERS_TOO_LARGE)
        if encodings not in ([], [b"chunked"]):
            self._refuse(ConnectionEnd.TRANSFER_ENCODING)
        if len(self.pipeline) >= _QUEUED_REQUESTS:
            self.cut(ConnectionEnd.TOO_MANY_REQUESTS)
            raise httptools.HttpParserError("too many requests at once")
        self._head_whole, self._unread = True, 0
        if self._stage is not ConnectionStage.ANSWERING:
            self._enter(ConnectionStage.SENDING, self.limits.body_within_s + _ANSWER_FIRST_S)
        self._begin_request()

    def on_body(self, body: bytes) -> None:
        """Pass on a part of a body."""
        self._unread = 0
        super().on_body(body)

    def on_message_complete(self) -> None:
        """Wait for nothing more from the client."""
        self._receiving = self._head_whole = False
        self._unread = 0
        if self.cycle.response_complete:
            self._enter(ConnectionStage.IDLE, self.limits.idle_s)
        elif self._stage is not ConnectionStage.ANSWERING:
            self._enter(ConnectionStage.ANSWERING, None)
        super().on_message_complete()

    def on_response_complete(self) -> None:
        """Be idle, unless the next request is whole, or the rest of one is under way."""
        super().on_response_complete()
        if self._has_whole_request:
            self._enter(ConnectionStage.ANSWERING, None)
        elif self._stage is ConnectionStage.ANSWERING and self._receiving:
            self._enter(ConnectionStage.SENDING, self.limits.body_within_s + _ANSWER_FIRST_S)
        elif self._stage is ConnectionStage.ANSWERING:
            self._enter(ConnectionStage.IDLE, self.limits.idle_s)
        if self._sent_all and not self.pipeline and self.cycle.disconnected:
            self.transport.close()  # the application has been given the last one, which will have no answer

    def send_400_response(self, msg: str) -> None:
        """Say in a sentence of ours why what came is not read, and hang up."""
        del msg
        if self.transport.is_closing():
            return
        end = self._refusal or (ConnectionEnd.BAD_BODY if self._head_whole else ConnectionEnd.NO_HTTP)
        status, sentence = _ANSWERS[end]
        self._count_end(end)
        self.transport.write(
            b"HTTP/1.1 %b\r\ncontent-type: text/plain; charset=utf-8\r\n"
            b"connection: close\r\ncontent-length: %d\r\n\r\n%b" % (status, len(sentence), sentence)
        )
        self.transport.close()

    def overdue(self, now: float) -> bool:
        """Say whether the client is over its time, by the second look in a row. To be asked about once a second.

        After a pause of this process, what the client sent or took meanwhile is seen between the two looks.
        """
        if not self.transport.get_write_buffer_size():
            self._taking_since = None
        elif self._taking_since is None:
            self._taking_since = now
        late_to_take = self._taking_since is not None and now - self._taking_since > self.limits.write_within_s
        late_to_send = self._until is not None and now > self._until
        before, self._overdue_of = self._overdue_of, None
        if late_to_take or late_to_send:
            self._overdue_of = (self.since, self._taking_since)
        return self._overdue_of is not None and before == self._overdue_of

    def cut(self, end: ConnectionEnd) -> None:
        """End the connection at once, whatever is still to be sent. One that has its end counted keeps that one."""
        self._count_end(end)
        self.connections.discard(self)
        self.transport.abort()

    @property
    def _has_whole_request(self) -> bool:
        """Whether the application is answering a request that came whole."""
        running = self._running
        return running is not None and not running.more_body and not running.response_complete

    def _begin_request(self) -> None:
        """Give the application a request of which the headers are whole."""
        url, headers, waits_for_word = self.url, self.headers, self.expect_100_continue
        super().on_message_begin()  # only now: a scope is made for requests that get this far
        self.scope["state"][_CUT_OFF] = partial(self.cut, ConnectionEnd.MADE_ROOM)
        self.url = url
        self.headers += headers
        self.expect_100_continue = waits_for_word
        super().on_headers_complete()

    def _start_asgi_task(self, cycle: RequestResponseCycle, app: Any) -> None:
        self._running = cycle
        super()._start_asgi_task(cycle, app)

    def _enter(self, stage: ConnectionStage, within_s: float | None) -> None:
        self._stage, self.since = stage, self.loop.time()
        self._until = None if within_s is None else self.since + within_s
        if stage is not ConnectionStage.IDLE:  # the client may still be taking the last answer
            self._taking_since = None

    def _refuse(self, end: ConnectionEnd) -> NoReturn:
        """Leave the parser; its error is answered by `send_400_response`."""
        self._refusal = end
        raise httptools.HttpParserError(end)

    def _count_end(self, end: ConnectionEnd) -> None:
        if self._has_ended:
            return
        self._has_ended = True
        self.ends[end.value] += 1
        # one line for the first of a thousand: whoever is cut off may come again for a long time
        if self.ends[end.value] % 1000 == 1:
            log.warning("connection ended by the door", why=end, ended=self.ends[end.value])


def _disconnect(cycle: RequestResponseCycle) -> None:
    """Let the application see that its client is gone, unless it has answered."""
    if not cycle.response_complete:
        cycle.disconnected = True
        cycle.message_event.set()


def bounded(limits: ConnectionLimits, ends: Counter[str]) -> type[BoundedProtocol]:
    """Return the protocol under these limits; connections that it ends are counted in `ends` by `ConnectionEnd`."""
    return type("LimitedProtocol", (BoundedProtocol,), {"limits": limits, "ends": ends})


def cut_overdue(state: ServerState, now: float) -> None:
    """Cut off every client that is over its time; `now` is the loop's time. Who is idle loses nothing by it."""
    for one in list(state.connections):
        if not isinstance(one, BoundedProtocol) or not one.overdue(now):
            continue
        if one.stage is ConnectionStage.IDLE:
            one.transport.close()
        else:
            one.cut(ConnectionEnd.OVER_TIME)


def cutting_off(scope: Mapping[str, Any]) -> Callable[[], None]:
    """Return what ends the connection of a request at once; where no such connection is, it does nothing."""
    cut: Callable[[], None] = scope.get("state", {}).get(_CUT_OFF, lambda: None)
    return cut


def make_room_for_files(connections: int) -> None:
    """Raise this process's bound of open files, as far as the system allows, so that all connections find one."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = connections + _FILES_BESIDE
    allowed = wanted if hard == resource.RLIM_INFINITY else min(wanted, hard)
    if soft != resource.RLIM_INFINITY and soft < allowed:
        resource.setrlimit(resource.RLIMIT_NOFILE, (allowed, hard))
