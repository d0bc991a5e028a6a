"""An HTTP server that keeps what it is sent."""

from __future__ import annotations

import threading
import time
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

from waiting import wait_until


@dataclass
class Sink:
    """An HTTP server that keeps what it was sent and answers `status` and `body`."""

    url: str = ""
    status: int = 200
    delay_s: float = 0.0
    body: bytes = b'{"predictions": [0]}'
    headers: dict[str, str] = field(default_factory=dict)
    """Said with each answer."""
    answers: threading.Event = field(default_factory=threading.Event)
    """While it is not set, requests are taken and wait for their answer."""
    held_type: str = ""
    """Only requests of this `Ce-Type` wait; empty: all."""
    got: list[tuple[dict[str, str], bytes]] = field(default_factory=list)
    targets: list[str] = field(default_factory=list)
    """Path and query of each request, as they were sent."""

    def wait_for(self, count: int, within_s: float = 10.0) -> list[tuple[dict[str, str], bytes]]:
        """Return what came, once it is `count` requests."""
        wait_until(lambda: len(self.got) >= count, within_s=within_s)
        return list(self.got)


def listen(kept: Sink) -> ThreadingHTTPServer:
    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["content-length"]))
            kept.targets.append(self.path)
            kept.got.append((dict(self.headers.items()), body))
            time.sleep(kept.delay_s)
            if kept.held_type in {"", self.headers["ce-type"]}:
                kept.answers.wait(60)
            self.send_response(kept.status)
            self.send_header("content-length", str(len(kept.body)))
            for name, value in kept.headers.items():
                self.send_header(name, value)
            self.end_headers()
            self.wfile.write(kept.body)

        def log_message(self, *_: object) -> None:
            """Stay quiet."""

    kept.answers.set()
    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    kept.url = f"http://127.0.0.1:{server.server_address[1]}/"
    return server
