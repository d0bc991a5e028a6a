"""The HTTPS server in front of a project: it asks for the key, and may be made to fail as others do."""

from __future__ import annotations

import json
import ssl
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from enum import StrEnum
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any, cast
from urllib.parse import parse_qs, unquote, urlsplit

from pegel.testing.hopsworks.contents import Contents
from pegel.testing.hopsworks.rest_routes import BAD_KEY, Reply, answer, refused

PREFIX = "/hopsworks-api/api"


class Fault(StrEnum):
    """What goes wrong with every request."""

    BUSY = "busy"
    """429, with what it says when to come back."""
    BROKEN = "broken"
    """500, with a page instead of JSON."""
    TORN = "torn"
    """An answer that ends in the middle of what it says is its size."""
    SILENT = "silent"
    """It never answers, as long as it runs."""


@dataclass(slots=True)
class HopsworksServer:
    """Answers at `https://127.0.0.1:<port>` to whoever has the key. `certificate`: the server's key and certificate."""

    certificate: Path
    contents: Contents
    key: str = "a-key.of-a-test"
    fault: Fault | None = None
    port: int = 0
    asked: list[str] = field(default_factory=list)
    """Requests in their order: method and path with its query, behind the prefix."""
    _ended: threading.Event = field(default_factory=threading.Event)

    @property
    def address(self) -> str:
        """Return host and port."""
        return f"127.0.0.1:{self.port}"

    @contextmanager
    def running(self) -> Iterator[HopsworksServer]:
        """Answer until the block ends."""
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(self.certificate)
        with _Server(("127.0.0.1", 0), _Handler) as server:
            server.hopsworks = self
            # Shaking hands is for the thread of the connection: one that says nothing holds up nobody else.
            server.socket = context.wrap_socket(server.socket, server_side=True, do_handshake_on_connect=False)
            self.port = server.server_address[1]
            thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)
            thread.start()
            try:
                yield self
            finally:
                self._ended.set()
                server.shutdown()
                thread.join()

    def reply(self, method: str, target: str, authorization: str, body: bytes) -> Reply:
        """Answer one request."""
        self.asked.append(f"{method} {unquote(target.removeprefix(PREFIX))}")
        if self.fault is Fault.SILENT:
            self._ended.wait()
        if self.fault is Fault.BUSY:
            return refused(429, 0, "Too many requests.")
        if authorization not in {f"ApiKey {self.key}", self.key}:
            return refused(401, BAD_KEY, "Could not verify API key.")
        url = urlsplit(target)
        sent: Any = json.loads(body) if body else None
        return answer(self.contents, method, unquote(url.path).removeprefix(PREFIX), parse_qs(url.query), sent)


class _Server(ThreadingHTTPServer):
    hopsworks: HopsworksServer
    daemon_threads = True

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Say nothing of clients that do not trust the certificate, or are gone."""


def _authorization(headers: Any) -> str:
    """Return how a request says who it is: of the online store by a header of its own."""
    return str(headers.get("Authorization") or headers.get("X-API-KEY") or "")


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    timeout = 30

    def _answer(self) -> None:
        server = cast("_Server", self.server).hopsworks
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        reply = server.reply(self.command, self.path, _authorization(self.headers), body)
        if server.fault is Fault.BROKEN:
            self._send(500, b"<html><body>It is broken.</body></html>", "text/html")
            return
        if server.fault is Fault.TORN:
            self._tear()
            return
        self._send(reply.status, b"" if reply.data is None else json.dumps(reply.data).encode(), "application/json")

    def _send(self, status: int, body: bytes, kind: str) -> None:
        self.send_response(status)
        if status == 429:  # noqa: PLR2004  the status itself
            self.send_header("Retry-After", "7")
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def _tear(self) -> None:
        self.send_response(200)
        self.send_header("Content-Type", "application/json")
        self.send_header("Transfer-Encoding", "chunked")
        self.end_headers()
        self.wfile.write(b"40\r\n{")
        self.close_connection = True

    do_GET = do_POST = do_PUT = do_DELETE = _answer  # noqa: N815  the names that the base class looks for

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002  the base class's name
        """Say nothing; `asked` has them."""
