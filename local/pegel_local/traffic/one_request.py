"""One request over HTTP, and what came of it: of what kind the answer is, and why it is no prediction."""

from __future__ import annotations

import asyncio
import socket
import ssl
from collections.abc import Iterator, Mapping
from http import HTTPStatus
from typing import NamedTuple

import aiohttp

from pegel.data import wire
from pegel.data.columns import Role
from pegel.data.decoding import count_rows
from pegel.data.server_answers import MOST_BYTES, words_of
from pegel.errors import InvalidPayload
from pegel.spec.outside_text import NAME_LIMIT, quoted, shown
from pegel.spec.plain_numbers import how_many
from pegel_local.traffic.requests import Request
from pegel_local.traffic.timed_answers import CUT_OFF, NO_PREDICTION, NOT_IN_TIME, NOT_REACHED, TOO_LONG

MOST_SAID = 300
"""Characters of what a server says of a request that it does not answer."""
_MOST_BYTES_SAID = 1 << 16
"""Of the body of an error or a redirect, of which no more than some words are told."""


def client(connections: int, idle_s: float, headers: Mapping[str, str]) -> aiohttp.ClientSession:
    """Return a client of so many connections, each kept `idle_s` after its last request, with headers of its own.

    It has no limit of time of its own, since those of its library are whole seconds of a clock. What is compressed is
    not asked for, and not unpacked: what is small here may be large then.
    """
    return aiohttp.ClientSession(
        connector=aiohttp.TCPConnector(limit=connections, keepalive_timeout=idle_s),
        timeout=aiohttp.ClientTimeout(),
        cookie_jar=aiohttp.DummyCookieJar(),
        headers={**headers, "accept-encoding": "identity"},
        auto_decompress=False,
    )


class RequestOutcome(NamedTuple):
    """Of what kind an answer is, what the server says where it is no prediction, and under which id it was logged."""

    kind: str
    words: str
    event_id: str | None = None


async def outcome(session: aiohttp.ClientSession, address: str, request: Request, within_s: float) -> RequestOutcome:
    """Send a request and return what comes of it.

    `within_s` is for all of it, however the answer drips. Of a body no more than `MOST_BYTES` is read. Never raises
    what a server can cause.
    """
    headers = {"content-type": wire.JSON, wire.http_name(wire.HEADER_ID): request.identity}
    try:
        async with (
            asyncio.timeout(within_s),
            session.post(address, data=request.body, headers=headers, allow_redirects=False) as answer,
        ):
            is_error = not HTTPStatus.OK <= answer.status < HTTPStatus.MULTIPLE_CHOICES
            body = await _read(answer, _MOST_BYTES_SAID if is_error else MOST_BYTES)
    except (aiohttp.ClientError, OSError, ValueError) as error:
        kind, words = _failure(error, within_s)
        return RequestOutcome(kind, shown(words, MOST_SAID))
    given = answer.headers.get(wire.EVENT_ID)
    event_id = None if given is None else shown(given, NAME_LIMIT)
    if is_error:
        said = words_of(body, MOST_SAID) or shown(answer.reason or "", MOST_SAID)
        return RequestOutcome(str(answer.status), said, event_id)
    if len(body) > MOST_BYTES:
        said = f"status {answer.status} with more than {MOST_BYTES >> 20} MiB, of which no more was read"
        return RequestOutcome(TOO_LONG, said, event_id)
    return RequestOutcome(*_judged(answer.status, body, request.rows), event_id)


async def _read(answer: aiohttp.ClientResponse, most: int) -> bytes:
    """Return a body; of one that is longer than `most` bytes some more than that. What is behind it is not read."""
    body = bytearray()
    while len(body) <= most and (part := await answer.content.readany()):
        body += part
    return bytes(body)


def _judged(status: int, body: bytes, rows: int) -> tuple[str, str]:
    """Return the kind of an answer that says it is a prediction: it is one if it has a prediction for each row."""
    try:
        predictions = count_rows(body, Role.PREDICTION)
    except InvalidPayload:
        return NO_PREDICTION, f"status {status} with {quoted(body.decode(errors='replace'), MOST_SAID)}"
    if predictions != rows:
        return NO_PREDICTION, f"{predictions:,} for {how_many(rows, 'row')}"
    return str(status), ""


def _failure(error: Exception, within_s: float) -> tuple[str, str]:  # noqa: PLR0911  a sentence for each
    """Return the kind of answer that an error is, and why no answer came, as other commands say it."""
    causes = list(_causes(error))
    if isinstance(error, TimeoutError):
        return NOT_IN_TIME, f"no answer came within {within_s:g} s"
    if any(isinstance(cause, ConnectionRefusedError) for cause in causes):
        return NOT_REACHED, "nobody listens there"
    if unknown := next((cause for cause in causes if isinstance(cause, socket.gaierror)), None):
        return NOT_REACHED, f"no host is known by that name ({unknown.strerror or unknown})"
    if certificate := next((cause for cause in causes if isinstance(cause, ssl.SSLCertVerificationError)), None):
        return NOT_REACHED, f"its certificate cannot be verified ({certificate.verify_message})"
    if isinstance(error, aiohttp.ClientConnectorError):
        return NOT_REACHED, f"it cannot be reached ({error.os_error.strerror or error.os_error})"
    if isinstance(error, aiohttp.ServerDisconnectedError | OSError):
        return CUT_OFF, "it ended the connection without an answer"
    if isinstance(error, aiohttp.ClientPayloadError):
        return CUT_OFF, "its answer ended before its length"
    if isinstance(error, aiohttp.ClientResponseError):
        return CUT_OFF, f"what it answers is no HTTP ({quoted(error.message, NAME_LIMIT)})"
    return NOT_REACHED, f"the address cannot be asked ({quoted(str(error), NAME_LIMIT)})"


def _causes(error: BaseException) -> Iterator[BaseException]:
    """Yield an error and what it came of: of several addresses of a host each has its own."""
    yield error
    parts = error.exceptions if isinstance(error, BaseExceptionGroup) else ()
    for cause in (error.__cause__ or error.__context__, *parts):
        if cause is not None:
            yield from _causes(cause)
