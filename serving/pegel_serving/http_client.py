"""Calls to one HTTP server: whole bodies out, parts of an answer in.

Nothing is followed, decoded or remembered, and nothing is repeated: what failed is told in a way by which the caller
can judge whether to ask again.
"""

from __future__ import annotations

import socket
from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum
from functools import cached_property
from types import SimpleNamespace

import aiohttp
from yarl import URL

_HEADER_BYTES = 65_536
"""Of the status line of an answer, and of each of its headers."""
_FINAL = 200
"""From this status on an answer is one; smaller ones are words before it."""
_ADDED = ("accept", "accept-encoding", "content-type", "user-agent")
"""What the library would say for whoever does not say it."""

Headers = list[tuple[bytes, bytes]]
Take = Callable[[bytes], None]
"""Given each part of an answer's body when it comes; what it raises ends the call."""


class Why(StrEnum):
    """How a call ended without a whole answer."""

    NOT_CONNECTED = "not_connected"
    BROKEN_OFF = "broken_off"
    """The server closed the connection."""
    SILENT = "silent"
    """Nothing came for too long, or no connection became free."""
    UNREADABLE = "unreadable"
    """What came is no HTTP."""


class CallFailed(Exception):
    """A call without a whole answer. `is_stale`: on a connection used before, and nothing came of the answer."""

    def __init__(self, why: Why, *, is_stale: bool = False) -> None:
        """Remember how it ended."""
        super().__init__(why.value)
        self.why, self.is_stale = why, is_stale


@dataclass(frozen=True, slots=True)
class AnswerHead:
    """Status and headers of an answer; its body goes to whoever asked."""

    status: int
    headers: Headers

    def header(self, name: bytes) -> bytes | None:
        """Return a header by its name in small letters; None when it is not there."""
        return next((value for given, value in self.headers if given.lower() == name), None)


class HttpClient:
    """Calls to the server at one base address."""

    def __init__(
        self,
        base_url: str,
        *,
        connections: int,
        kept_s: float,
        silent_s: float,
        read_ahead_bytes: int | None = None,
    ) -> None:
        """Open nothing yet; at most so many connections, each kept `kept_s` after its last call; 0: for one call only.

        A call ends when nothing comes for `silent_s`. `read_ahead_bytes` bounds the system's buffer of a connection.
        A server behind TLS is trusted as the machine trusts it.
        """
        self._base = base_url.rstrip("/")
        self._connections, self._kept_s, self._silent_s = connections, kept_s, silent_s
        self._read_ahead_bytes = read_ahead_bytes

    async def close(self) -> None:
        """Close all connections."""
        if "_session" in self.__dict__:
            await self._session.close()

    async def call(self, method: str, target: bytes, headers: Headers, body: bytes, take: Take) -> AnswerHead:
        """Make a call to `target` below the base address. Raises CallFailed, and what `take` raises."""
        connection = SimpleNamespace(is_reused=False)
        head: AnswerHead | None = None
        try:
            async with self._session.request(
                method,
                URL(self._base + target.decode("ascii"), encoded=True),
                data=body or None,
                headers=[(name.decode("latin-1"), _text(value)) for name, value in headers],
                allow_redirects=False,
                trace_request_ctx=connection,
            ) as answer:
                head = AnswerHead(answer.status, list(answer.raw_headers))
                if head.status < _FINAL:
                    answer.close()
                    raise CallFailed(Why.UNREADABLE)
                async for part in answer.content.iter_any():
                    take(part)
        except aiohttp.ClientConnectorError as error:
            raise CallFailed(Why.NOT_CONNECTED) from error
        except TimeoutError as error:
            raise CallFailed(Why.SILENT) from error
        except (aiohttp.ServerDisconnectedError, aiohttp.ClientOSError, aiohttp.ClientPayloadError) as error:
            raise CallFailed(Why.BROKEN_OFF, is_stale=head is None and connection.is_reused) from error
        except aiohttp.ClientError as error:
            raise CallFailed(Why.UNREADABLE) from error
        return head

    @cached_property
    def _session(self) -> aiohttp.ClientSession:
        # Made by the first call: it belongs to the loop that is running then.
        kept = {"force_close": True} if self._kept_s == 0 else {"keepalive_timeout": self._kept_s}
        return aiohttp.ClientSession(
            connector=aiohttp.TCPConnector(limit=self._connections, socket_factory=self._socket, **kept),
            timeout=aiohttp.ClientTimeout(total=None, connect=self._silent_s, sock_read=self._silent_s),
            auto_decompress=False,
            skip_auto_headers=_ADDED,
            cookie_jar=aiohttp.DummyCookieJar(),
            max_line_size=_HEADER_BYTES,
            max_field_size=_HEADER_BYTES,
            trace_configs=[_reuse_noted()],
        )

    def _socket(self, place: aiohttp.AddrInfoType) -> socket.socket:
        family, kind, protocol, _, _ = place
        opened = socket.socket(family, kind, protocol)
        if self._read_ahead_bytes is not None:
            opened.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, self._read_ahead_bytes)
        return opened


def _reuse_noted() -> aiohttp.TraceConfig:
    """Return what notes of each call whether its connection was used before."""

    async def note(_session: aiohttp.ClientSession, call: SimpleNamespace, _about: object) -> None:
        call.trace_request_ctx.is_reused = True

    config = aiohttp.TraceConfig()
    config.on_connection_reuseconn.append(note)
    return config


def _text(value: bytes) -> str:
    """Return a header's value for a library that writes UTF-8: its bytes go out as they came, Latin-1 in UTF-8."""
    try:
        return value.decode()
    except UnicodeDecodeError:
        return value.decode("latin-1")
