"""Where the exporter is asked: `/metrics`, `/healthz` (is Pegel at work?), `/livez` (is this process?)."""

from __future__ import annotations

import json
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

from prometheus_client import CollectorRegistry
from prometheus_client.exposition import choose_encoder

from pegel.errors import SetupError
from pegel.exporter.facts_reader import FactsReader

QUIET_AFTER_S = 10.0
"""How long a connection may say nothing."""


class Door(ThreadingHTTPServer):
    """Answers GET, on one address, until it is shut down."""

    daemon_threads = True

    def __init__(self, reader: FactsReader, host: str, port: int) -> None:
        """Listen. Port 0: any free one. Raises SetupError if it cannot be listened on."""
        self.reader, self.registry = reader, CollectorRegistry()
        self.registry.register(reader)
        try:
            super().__init__((host, port), _Handler)
        except OSError as error:
            raise SetupError(
                f"expected a free port, given {host}:{port}: {error.strerror}. Nothing listens."
            ) from error


class _Handler(BaseHTTPRequestHandler):
    server: Door
    timeout = QUIET_AFTER_S

    def do_GET(self) -> None:
        path = self.path.partition("?")[0]
        if path == "/metrics":
            encode, content_type = choose_encoder(self.headers.get("Accept", ""))
            self._answer(HTTPStatus.OK, content_type, encode(self.server.registry))
        elif path == "/healthz":
            wrong = self.server.reader.wrong()
            status = HTTPStatus.SERVICE_UNAVAILABLE if wrong else HTTPStatus.OK
            self._answer(status, "application/json", json.dumps({"ok": not wrong, "wrong": wrong}).encode())
        elif path == "/livez":
            self._answer(HTTPStatus.OK, "text/plain", b"ok")
        else:
            self._answer(HTTPStatus.NOT_FOUND, "text/plain", b"ask /metrics, /healthz or /livez\n")

    def _answer(self, status: HTTPStatus, content_type: str, body: bytes) -> None:
        self.send_response(status)
        self.send_header("Content-Type", content_type)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002  its name in the standard library
        """Log nothing: a scrape is no news."""
