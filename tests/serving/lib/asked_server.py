"""An endpoint that a test answers for: it keeps the headers that it was sent."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any


class AskedServer(ThreadingHTTPServer):
    """Answers each row with what `predict` makes of it, or all of them with what a test says."""

    def __init__(self, predict: Callable[[Any], Any]) -> None:
        """Listen on a free port."""
        super().__init__(("127.0.0.1", 0), _Asked)
        self.predict = predict
        self.headers: list[dict[str, str]] = []
        self.says: bytes | None = None
        self.status = 200


class _Asked(BaseHTTPRequestHandler):
    def do_POST(self) -> None:
        server: Any = self.server
        server.headers.append({name.lower(): value for name, value in self.headers.items()})
        rows = json.loads(self.rfile.read(int(self.headers["Content-Length"])))["instances"]
        told = json.dumps({"predictions": [server.predict(row) for row in rows]}).encode()
        body = server.says if server.says is not None else told
        self.send_response(server.status)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002  the library's name
        """Say nothing."""


@contextmanager
def asked_server(predict: Callable[[Any], Any]) -> Iterator[AskedServer]:
    """Run a server that answers predictions."""
    server = AskedServer(predict)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True)
    thread.start()
    yield server
    server.shutdown()
    thread.join()
    server.server_close()
