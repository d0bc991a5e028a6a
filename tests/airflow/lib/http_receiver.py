"""What takes messages as chats and pagers do: it keeps what it accepts, and answers what it is told to answer."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any


@dataclass
class Receiver:
    """A server on a free port; `status`: what it answers next to paths that begin so, else 202."""

    port: int = 0
    status: dict[str, int] = field(default_factory=dict)
    asked: list[tuple[str, int, dict[str, Any], str]] = field(default_factory=list)
    """Path, answer, body and idempotency key of each request."""

    def kept(self, path: str) -> list[dict[str, Any]]:
        """Return what was accepted at a path, in order."""
        return [body for asked, status, body, _ in self.asked if asked == path and status < 300]

    def connection(self, path: str = "", secret: str = "") -> str:
        """Return a connection of Airflow that leads to a path, as JSON."""
        return json.dumps({"conn_type": "http", "host": f"http://127.0.0.1:{self.port}{path}", "password": secret})


@contextmanager
def running_receiver() -> Iterator[Receiver]:
    """Run a receiver."""
    receiver = Receiver()

    class Handler(BaseHTTPRequestHandler):
        """Keeps each message."""

        def do_POST(self) -> None:
            """Take a message."""
            body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
            status = next((code for path, code in receiver.status.items() if self.path.startswith(path)), 202)
            receiver.asked.append((self.path, status, body, self.headers.get("Idempotency-Key", "")))
            self.send_response(status)
            self.send_header("Content-Length", "0")
            self.end_headers()

        def log_message(self, *words: Any) -> None:
            """Say nothing."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    receiver.port = server.server_address[1]
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    yield receiver
    server.shutdown()
    thread.join()
    server.server_close()
