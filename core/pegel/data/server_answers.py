"""Answers of servers that are not ours: read within a size and a time, whatever they send, and put in words.

Made of the standard library alone, so that every room asks in the same way: the check of a spec, the look whether an
endpoint is ready, and the probe.
"""

from __future__ import annotations

import json as json_format
import socket
import ssl
from collections.abc import Iterator, Mapping
from contextlib import closing, contextmanager
from dataclasses import dataclass
from datetime import timedelta
from http import HTTPStatus
from http.client import (
    HTTP_PORT,
    HTTPS_PORT,
    HTTPConnection,
    HTTPException,
    HTTPResponse,
    HTTPSConnection,
    RemoteDisconnected,
)
from typing import Any
from urllib.parse import quote, urlsplit

from pegel.data.timed_connection import TimeLimit, connected
from pegel.data.wire import JSON
from pegel.spec.outside_text import LONGEST_SENTENCE, NAME_LIMIT, quoted, shown

ANSWERS_WITHIN = timedelta(seconds=10)
MOST_BYTES = 4 << 20
"""Of an answer's body, inclusive: more than a list of 10,000 inputs. What is behind it is not read."""
_READ_BYTES = 1 << 16
_SAID = ("error", "detail", "message")
"""Under which name servers say in JSON what is wrong: KServe's, FastAPI's, others'."""
REDIRECTS = range(300, 400)
"""Statuses of answers that may lead elsewhere, by their header `Location`."""
_PASSING = {HTTPStatus.REQUEST_TIMEOUT, HTTPStatus.TOO_EARLY, HTTPStatus.TOO_MANY_REQUESTS}


@dataclass(frozen=True, slots=True)
class ServerAnswer:
    """What a server answered: its status, its headers, and its body as it was sent.

    `is_whole` says whether all of the body is there: it may be too long, come too slowly, or end before its length. The
    names of headers are in lower case, and several of one name are one, with commas between.
    """

    status: int
    body: bytes
    headers: Mapping[str, str]
    is_whole: bool = True

    @property
    def leads_to(self) -> str:
        """Return the address to which a redirect leads; "" where the answer is none."""
        return self.headers.get("location", "") if self.status in REDIRECTS else ""


@dataclass(frozen=True, slots=True)
class NoAnswer:
    """What came instead of an answer, in words that follow the server's address: `nobody listens there`."""

    words: str


def exchange(
    method: str,
    address: str,
    *,
    json: Any = None,
    headers: Mapping[str, str] | None = None,
    within: timedelta = ANSWERS_WITHIN,
    most_bytes: int = MOST_BYTES,
    trusted: str = "",
) -> ServerAnswer | NoAnswer:
    """Ask a server once and return what it answers; of the body at most `most_bytes`, and what comes `within` a time.

    Redirects are not followed. No proxy server of the environment is gone through, and certificates are trusted as the
    machine trusts them, or those in `trusted` (PEM) alone. Compressed bodies are not asked for, and not unpacked: what
    is small here may be large then.
    Looking up the host's name is the machine's matter and may take longer: nothing is asked after that.
    """
    sent = {"accept-encoding": "identity", "connection": "close", **(headers or {})}
    body = None if json is None else json_format.dumps(json).encode()
    if body is not None:
        sent.setdefault("content-type", JSON)
    limit = TimeLimit(within)
    try:
        with _open(address, limit, trusted) as (connection, path):
            connection.request(method, path, body=body, headers=sent)
            return _read(connection.getresponse(), most_bytes, limit)
    except (OSError, HTTPException, ValueError) as error:
        return NoAnswer(_in_words(error, within, late=limit.has_cut))


def may_pass(status: int) -> bool:
    """Say whether the same question may be answered otherwise later: the server fails, or has too much to do.

    >>> [may_pass(status) for status in (200, 404, 429, 503)]
    [False, False, True, True]
    """
    return status >= HTTPStatus.INTERNAL_SERVER_ERROR or status in _PASSING


def json_of(body: bytes) -> Any:
    """Return the JSON of a body; None for any other body."""
    try:
        return json_format.loads(body)
    except (ValueError, RecursionError):
        return None


def sentence_in(body: bytes) -> str:
    """Return the sentence of a server's JSON about what is wrong; "" where there is none.

    >>> sentence_in(b'{"error": "no such column"}'), sentence_in(b"no such column")
    ('no such column', '')
    """
    content = json_of(body)
    said = next((content[key] for key in _SAID if content.get(key)), None) if isinstance(content, dict) else None
    return said if isinstance(said, str) else ""


def words_of(body: bytes, limit: int = LONGEST_SENTENCE) -> str:
    """Return what a body says in one line: the sentence in its JSON, else its text; "" for an empty one."""
    return shown(sentence_in(body) or body.decode("utf-8", "replace").strip(), limit)


@contextmanager
def _open(address: str, limit: TimeLimit, trusted: str) -> Iterator[tuple[HTTPConnection, str]]:
    """Connect to a server, and return the connection with what to ask for on it. Raises OSError, ValueError."""
    parts = urlsplit(address)
    is_tls, host = parts.scheme == "https", parts.hostname or ""
    port = parts.port or (HTTPS_PORT if is_tls else HTTP_PORT)
    path = quote(parts.path or "/", safe="/%:@!$&'()*+,;=~") + (f"?{parts.query}" if parts.query else "")
    # Reading the machine's certificates takes tens of milliseconds: many endpoints without TLS are asked at once.
    context = ssl.create_default_context(cadata=trusted or None) if is_tls else None
    connection = HTTPConnection(host, port) if context is None else HTTPSConnection(host, port, context=context)
    with connected(socket.getaddrinfo(host, port, type=socket.SOCK_STREAM), limit) as opened, limit.cutting(opened):
        opened.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        connection.sock = opened if context is None else context.wrap_socket(opened, server_hostname=host)
        with closing(connection):
            yield connection, path


def _read(answer: HTTPResponse, most_bytes: int, limit: TimeLimit) -> ServerAnswer:
    body = bytearray()
    headers: dict[str, str] = {}
    for name, value in answer.getheaders():
        headers[name.lower()] = f"{headers[name.lower()]}, {value}" if name.lower() in headers else value
    with answer:
        try:
            while len(body) <= most_bytes and (part := answer.read1(_READ_BYTES)):
                body += part
            # Whoever cuts a body off may do it without an error: by the end of the connection alone.
            is_whole = len(body) <= most_bytes and not answer.length and not limit.has_cut
        except (HTTPException, OSError):  # what came of the body by then is there
            is_whole = False
    return ServerAnswer(answer.status, bytes(body[:most_bytes]), headers, is_whole)


def _in_words(error: Exception, within: timedelta, *, late: bool) -> str:  # noqa: PLR0911  a sentence for each
    if late or isinstance(error, TimeoutError):
        return f"no answer came within {within.total_seconds():g} s"
    if isinstance(error, ssl.SSLCertVerificationError):
        return f"its certificate cannot be verified ({shown(error.verify_message)})"
    if isinstance(error, ssl.SSLError):
        return f"no TLS can be agreed on with it ({shown(error.reason or str(error))})"
    if isinstance(error, ConnectionRefusedError):
        return "nobody listens there"
    if isinstance(error, socket.gaierror):
        return f"no host is known by that name ({shown(error.strerror or str(error))})"
    if isinstance(error, RemoteDisconnected | ConnectionResetError | BrokenPipeError):
        return "it ended the connection without an answer"
    if isinstance(error, HTTPException):
        return f"what it answers is no HTTP ({quoted(str(error), NAME_LIMIT)})"
    return f"it cannot be asked ({shown(str(error) or type(error).__name__)})"
