"""Connections of a proxy to its model server: kept for a moment, and given up before the server does."""

from __future__ import annotations

import structlog

from pegel.data.server_answers import REDIRECTS
from pegel.spec.outside_text import shown
from pegel_serving import door_limits
from pegel_serving.http_client import AnswerHead, CallFailed, Headers, HttpClient, Take

log = structlog.stdlib.get_logger(__name__)


class Redirected(Exception):
    """An answer that leads elsewhere; the text is what the client is told."""


class Upstream:
    """The model server at a base address."""

    def __init__(self, base_url: str, *, answers_within_s: float) -> None:
        """Open nothing yet."""

        def client(kept_s: float) -> HttpClient:
            return HttpClient(
                base_url,
                connections=door_limits.SERVER_CONNECTIONS,
                kept_s=kept_s,
                silent_s=answers_within_s,
                read_ahead_bytes=door_limits.READ_AHEAD_BYTES,
            )

        self._client, self._fresh = client(door_limits.SERVER_IDLE_S), client(0)
        self.repeated = 0
        """Calls that were sent a second time, because the server had closed the connection of the first."""

    async def close(self) -> None:
        """Close all connections."""
        await self._client.close()
        await self._fresh.close()

    async def send(self, method: str, target: bytes, headers: Headers, body: bytes, take: Take) -> AnswerHead:
        """Return the head of the server's answer when all of it is there; `take` is given the parts of its body.

        Where the server closes a connection that waited for its next call before any of the answer came, the call is
        sent once more, on a new connection: a server may do so at the very moment at which the connection is used. It
        has seldom begun with such a call, and a prediction changes nothing: asked twice, it is the same. What fails on
        a new connection is not repeated: there the call itself may be why.

        Raises CallFailed when no whole answer comes, Redirected when it leads elsewhere, and what `take` raises.
        """
        try:
            answer = await self._client.call(method, target, headers, body, take)
        except CallFailed as failure:
            if not failure.is_stale:
                raise
            self.repeated += 1
            answer = await self._fresh.call(method, target, headers, body, take)
        # An answer of 304 leads nowhere: the client has what it asks for.
        place = answer.header(b"location") if answer.status in REDIRECTS else None
        if place is not None:
            raise _redirected(answer.status, place)
        return answer


def _redirected(status: int, place: bytes) -> Redirected:
    # The client is not told where: the place may be inside a network of which it knows nothing, and around the proxy.
    log.warning("model server leads elsewhere", status=status, location=shown(place.decode("latin-1")))
    return Redirected(
        f"the model server answers {status} and leads elsewhere, which is not followed; the endpoint needs "
        "the address of the server itself"
    )
