"""uvicorn's HTTP protocol with bounds on what a stranger may hold: bytes of headers, time, connections.

::

    connection ──headers_within_s──> headers whole ──body_within_s──> body whole ──> answered ──> idle (keep-alive)
         └ another begins: the same again, from its first byte                        └ write_within_s without a byte

Whoever is over time, or asks many things before the first is answered, is cut off without an answer. When there are too
many connections, whoever has been sending a request for longest is cut off, then who has been idle for longest, then
the newcomer: an honest request is there within milliseconds, so it is never the oldest.
"""

from __future__ import annotations

import asyncio
import logging
import resource
from collections.abc import Sized
from dataclasses import dataclass
from enum import IntEnum
from typing import Any

import httptools
import structlog
import uvicorn
from uvicorn.protocols.http.flow_control import FlowControl
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol
from uvicorn.server import ServerState

from pegel_serving import door_limits

log = structlog.stdlib.get_logger(__name__)

_errors = logging.getLogger("uvicorn.error.only")
_errors.setLevel(logging.ERROR)
_TOO_LARGE = b"the request line and headers are too large\n"
_ANSWER_FIRST_S = 2.0
"""The application knows the same bound and answers 408 before the connection is cut."""
_QUEUED_REQUESTS = 8
"""Of one connection, behind the one that is being answered. Clients of today send one at a time."""
_FILES_BESIDE = 512
"""Open files of a process beside its clients' connections: logs, the spool, connections of its own."""


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
    NEW = 2
    """It was taken just now."""
    ANSWERING = 3


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
    """One connection. `limits` and what was cut off are shared by all connections of a process, see `bounded`."""

    limits = ConnectionLimits()
    cut_off = refused = 0

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
        self.stage, self.since = ConnectionStage.SENDING, self.loop.time()
        self._until: float | None = self.since + self.limits.headers_within_s
        self._receiving = self._head_whole = False
        self._head_came = self._head_parsed = 0
        self._unsent, self._unsent_since = 0, self.since
        self._looked_since = -1.0

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Take the connection, and make room if there are too many."""
        super().connection_made(transport)  # type: ignore[arg-type]  # uvicorn names the one kind there is here
        self.flow = _PatientFlow(self.transport, self.pipeline)
        if len(self.connections) > self.limits.connections:
            bounded = [one for one in self.connections if isinstance(one, BoundedProtocol)]
            min(bounded, key=lambda one: (ConnectionStage.NEW if one is self else one.stage, one.since)).cut()

    def data_received(self, data: bytes) -> None:
        """Parse what came, unless the headers do not end."""
        if self.transport.is_closing():
            return
        self._head_came = 0 if self._head_whole else self._head_came + len(data)
        super().data_received(data)
        if not self._head_whole and self._head_came > self.limits.header_bytes and not self.transport.is_closing():
            self.send_400_response("")

    def on_message_begin(self) -> None:
        """Begin to wait for headers."""
        super().on_message_begin()
        self._receiving, self._head_whole, self._head_parsed = True, False, 0
        if self.stage is not ConnectionStage.ANSWERING:  # a second request may come while the first is answered
            self._enter(ConnectionStage.SENDING, self.limits.headers_within_s)

    def on_url(self, url: bytes) -> None:
        """Count the request line."""
        self._count(len(url))
        super().on_url(url)

    def on_header(self, name: bytes, value: bytes) -> None:
        """Count a header."""
        self._count(len(name) + len(value))
        super().on_header(name, value)

    def on_headers_complete(self) -> None:
        """Begin to wait for the body, unless too many requests wait already."""
        if len(self.pipeline) >= _QUEUED_REQUESTS:
            self.cut()
            raise httptools.HttpParserError("too many requests at once")
        self._head_whole, self._head_came = True, 0
        if self.stage is not ConnectionStage.ANSWERING:
            self._enter(ConnectionStage.SENDING, self.limits.body_within_s + _ANSWER_FIRST_S)
        super().on_headers_complete()

    def on_message_complete(self) -> None:
        """Wait for nothing more from the client."""
        self._receiving = self._head_whole = False
        if self.cycle.response_complete:
            self._enter(ConnectionStage.IDLE, self.limits.idle_s)
        else:
            self._enter(ConnectionStage.ANSWERING, None)
        super().on_message_complete()

    def on_response_complete(self) -> None:
        """Be idle, unless the next request, or the rest of this one, is under way already."""
        if self.stage is ConnectionStage.ANSWERING and self._receiving:
            self._enter(ConnectionStage.SENDING, self.limits.body_within_s + _ANSWER_FIRST_S)
        elif self.stage is ConnectionStage.ANSWERING and not self.pipeline:
            self._enter(ConnectionStage.IDLE, self.limits.idle_s)
        super().on_response_complete()

    def send_400_response(self, msg: str) -> None:
        """Answer what is no HTTP, or 431 when headers are too large, and hang up."""
        if self.transport.is_closing():
            return
        kind = type(self)
        kind.refused += 1
        if kind.refused % 1000 == 1:
            log.warning("no HTTP, or headers that are too large", refused=kind.refused)
        if max(self._head_came, self._head_parsed) <= self.limits.header_bytes:
            super().send_400_response(msg)
            return
        self.transport.write(
            b"HTTP/1.1 431 Request Header Fields Too Large\r\ncontent-type: text/plain; charset=utf-8\r\n"
            b"connection: close\r\ncontent-length: %d\r\n\r\n%b" % (len(_TOO_LARGE), _TOO_LARGE)
        )
        self.transport.close()

    def overdue(self, now: float) -> bool:
        """Say whether the client is over its time, by the second look in a row. To be asked about once a second.

        After a pause of this process, what the client sent meanwhile is read between the two looks.
        """
        unsent = self.transport.get_write_buffer_size()
        if unsent != self._unsent:
            self._unsent, self._unsent_since = unsent, now
        if unsent and now - self._unsent_since > self.limits.write_within_s:
            return True
        if self._until is None or now <= self._until:
            return False
        looked, self._looked_since = self._looked_since, self.since
        return looked == self.since

    def cut(self) -> None:
        """End the connection at once, whatever is still to be sent."""
        type(self).cut_off += 1
        self.connections.discard(self)
        self.transport.abort()

    def _enter(self, stage: ConnectionStage, within_s: float | None) -> None:
        self.stage, self.since = stage, self.loop.time()
        self._until = None if within_s is None else self.since + within_s

    def _count(self, size: int) -> None:
        self._head_parsed += size
        if self._head_parsed > self.limits.header_bytes:
            raise httptools.HttpParserError("headers too large")


def bounded(limits: ConnectionLimits) -> type[BoundedProtocol]:
    """Return the protocol under these limits, with a counter of its own."""
    return type("LimitedProtocol", (BoundedProtocol,), {"limits": limits, "cut_off": 0, "refused": 0})


def cut_overdue(state: ServerState, now: float) -> None:
    """Cut off every client that is over its time; `now` is the loop's time."""
    overdue = [one for one in list(state.connections) if isinstance(one, BoundedProtocol) and one.overdue(now)]
    for connection in overdue:
        connection.cut()
    if overdue:
        log.warning("clients cut off: over their time", clients=len(overdue), all=type(overdue[0]).cut_off)


def make_room_for_files(connections: int) -> None:
    """Raise this process's bound of open files, as far as the system allows, so that all connections find one."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = connections + _FILES_BESIDE
    allowed = wanted if hard == resource.RLIM_INFINITY else min(wanted, hard)
    if soft != resource.RLIM_INFINITY and soft < allowed:
        resource.setrlimit(resource.RLIMIT_NOFILE, (allowed, hard))
