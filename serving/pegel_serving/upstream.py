"""Connections of a proxy to its model server: kept for a moment, and given up before the server does."""

from __future__ import annotations

import socket
import ssl
from collections.abc import Iterable

import httpx
import structlog

from pegel.data.server_answers import REDIRECTS
from pegel.spec.outside_text import shown
from pegel_serving import door_limits

log = structlog.stdlib.get_logger(__name__)

_BROKEN_OFF = (httpx.ReadError, httpx.WriteError, httpx.CloseError, httpx.RemoteProtocolError)
"""How it shows that a server has closed a connection before its answer began."""


class Redirected(Exception):
    """An answer that leads elsewhere; the text is what the client is told."""


class Upstream:
    """The model server at a base address."""

    def __init__(self, base_url: str, *, answers_within_s: float) -> None:
        """Open nothing yet. A server behind TLS is trusted as the machine trusts it."""
        trust = ssl.create_default_context() if base_url.startswith("https:") else True

        def client(limits: httpx.Limits) -> httpx.AsyncClient:
            buffer = (socket.SOL_SOCKET, socket.SO_RCVBUF, door_limits.READ_AHEAD_BYTES)
            transport = httpx.AsyncHTTPTransport(trust_env=False, socket_options=[buffer], verify=trust, limits=limits)
            return httpx.AsyncClient(base_url=base_url, timeout=answers_within_s, trust_env=False, transport=transport)

        most = door_limits.SERVER_CONNECTIONS
        kept_s = door_limits.SERVER_IDLE_S
        self._client = client(httpx.Limits(max_connections=most, keepalive_expiry=kept_s))
        self._fresh = client(httpx.Limits(max_connections=most, max_keepalive_connections=0))
        self.repeated = 0
        """Calls that were sent a second time, because the server had closed the connection of the first."""

    async def close(self) -> None:
        """Close all connections."""
        await self._client.aclose()
        await self._fresh.aclose()

    async def send(
        self, method: str, url: httpx.URL, headers: Iterable[tuple[bytes, bytes]], body: bytes
    ) -> httpx.Response:
        """Return the head of the server's answer; whoever asks reads its body and closes it.

        Where the server closes a connection that waited for its next call before any of the answer came, the call is
        sent once more, on a new connection: a server may do so at the very moment at which the connection is used. It
        has seldom begun with such a call, and a prediction changes nothing: asked twice, it is the same. What fails on
        a new connection is not repeated: there the call itself may be why.

        Raises httpx.HTTPError when no answer comes, Redirected when it leads elsewhere.
        """
        opened: list[str] = []

        async def note(event: str, _info: object) -> None:
            if event == "connection.connect_tcp.started":
                opened.append(event)

        kept = list(headers)
        request = self._client.build_request(method, url, headers=kept, content=body, extensions={"trace": note})
        try:
            answer = await self._client.send(request, stream=True)
        except _BROKEN_OFF:
            if opened:
                raise
            self.repeated += 1
            again = self._fresh.build_request(method, url, headers=kept, content=body)
            answer = await self._fresh.send(again, stream=True)
        # An answer of 304 leads nowhere: the client has what it asks for.
        if answer.status_code not in REDIRECTS or "location" not in answer.headers:
            return answer
        await answer.aclose()
        raise _redirected(answer)


def _redirected(answer: httpx.Response) -> Redirected:
    # The client is not told where: the place may be inside a network of which it knows nothing, and around the proxy.
    log.warning("model server leads elsewhere", status=answer.status_code, location=shown(answer.headers["location"]))
    return Redirected(
        f"the model server answers {answer.status_code} and leads elsewhere, which is not followed; the endpoint needs "
        "the address of the server itself"
    )
