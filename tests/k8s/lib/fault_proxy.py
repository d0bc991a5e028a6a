"""A proxy before a cluster's API server that fails the calls that a test chooses, and hands all others on.

The fixture `proxy` is one before the cluster; `account.through(proxy.url)` is an account that goes through it, and
`connect(account.through(proxy.url))` makes that Airflow's `kubernetes_default`. Calls that fail are chosen by method,
path and how many such calls came before::

    proxy.fail("PATCH", "/inferenceservices/", Answer(429, retry_after_s=1), times=2)
    proxy.fail("GET", "watch=", WatchExpired(), nth=2, times=1)
    proxy.fail("*", "", Hanging())

To fail each call that a piece of code makes, one run at a time, run it once to see how many there are::

    backend.apply(spec)
    count = len(proxy.calls)
    for nth in range(1, count + 1):
        proxy.mend()
        proxy.fail_nth(nth, Dropped(carried_out=True))
        backend.apply(spec)

`calls` keeps what came, `faults` what failed and how; `mend` forgets both, and lets everything through. The proxy
speaks plain HTTP to its clients, so that it needs no certificate; headers and bodies go on as they are.
"""

from __future__ import annotations

import http.client
import json
import re
import ssl
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Protocol
from urllib.parse import urlsplit

LOOPBACK = "127.0.0.1"
PART_BYTES = 1 << 16
HOP_BY_HOP = {"connection", "keep-alive", "te", "trailer", "transfer-encoding", "upgrade", "content-length"}
"""Headers that belong to one connection and do not go on."""
REASONS = {
    400: "BadRequest",
    401: "Unauthorized",
    403: "Forbidden",
    404: "NotFound",
    409: "Conflict",
    410: "Expired",
    429: "TooManyRequests",
    500: "InternalError",
    503: "ServiceUnavailable",
    504: "Timeout",
}
"""What an API server calls a status in the body of its answer."""


@dataclass(frozen=True, slots=True)
class Call:
    """One request. `path` carries the query."""

    method: str
    path: str


class Fault(Protocol):
    """What happens to a call in place of its answer."""

    def happen(self, exchange: Exchange) -> None:
        """Answer, or fail to."""
        ...


@dataclass(frozen=True, slots=True)
class Answer:
    """Answer with an error, as an API server words it; the server hears nothing of the call."""

    status: int
    retry_after_s: int | None = None
    """Seconds in the header `Retry-After`; None sends none."""

    def happen(self, exchange: Exchange) -> None:
        """Send it."""
        headers = {} if self.retry_after_s is None else {"Retry-After": str(self.retry_after_s)}
        exchange.answer(self.status, json.dumps(status_object(self.status)).encode() + b"\n", headers)


@dataclass(frozen=True, slots=True)
class Dropped:
    """End the connection without an answer. `carried_out`: the server has done what was asked, and nobody hears."""

    carried_out: bool = False

    def happen(self, exchange: Exchange) -> None:
        """Hang up."""
        if self.carried_out:
            exchange.carry_out()
        exchange.hang_up()


@dataclass(frozen=True, slots=True)
class CutShort:
    """Hand the answer on up to `after_bytes` of its body, exclusive, and then end the connection."""

    after_bytes: int = 20

    def happen(self, exchange: Exchange) -> None:
        """Send a beginning."""
        exchange.forward(most_bytes=self.after_bytes)


@dataclass(frozen=True, slots=True)
class Hanging:
    """Take the call and say nothing, until the client gives up or the proxy ends; the server hears nothing of it."""

    def happen(self, exchange: Exchange) -> None:
        """Wait."""
        exchange.wait_for_the_end()
        exchange.hang_up()


@dataclass(frozen=True, slots=True)
class WatchExpired:
    """Answer a watch with the event that its resource version is too old: status 200, and 410 inside."""

    def happen(self, exchange: Exchange) -> None:
        """Send the one event."""
        event = {"type": "ERROR", "object": status_object(410)}
        exchange.answer(200, json.dumps(event).encode() + b"\n", {})


@dataclass
class _Rule:
    method: str
    path: re.Pattern[str]
    fault: Fault
    first: int
    last: float
    seen: int = 0

    def chooses(self, call: Call) -> bool:
        """Count the call if it is meant, and say whether it is one of those that fail."""
        if self.method not in {"*", call.method} or not self.path.search(call.path):
            return False
        self.seen += 1
        return self.first <= self.seen <= self.last


@dataclass
class FaultProxy:
    """Where it listens, what came, and what fails. Begin one by `fault_proxy`."""

    server: str
    """Address of the API server, https or http."""
    trust: ssl.SSLContext | None
    url: str = ""
    """Its own address, plain http."""
    calls: list[Call] = field(default_factory=list)
    """Every call in the order in which they came, those that failed included."""
    faults: list[tuple[Call, Fault]] = field(default_factory=list)
    """Calls that failed, and how."""
    ended: threading.Event = field(default_factory=threading.Event)
    _rules: list[_Rule] = field(default_factory=list)
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def fail(self, method: str, path: str, fault: Fault, *, nth: int = 1, times: float = float("inf")) -> None:
        """Fail calls of a method ("*": any) whose path, query included, has a match of the pattern `path`.

        `nth`: the first of them that fails, counted from 1 and from now on; `times`: how many fail from there on.
        """
        with self._lock:
            self._rules.append(_Rule(method, re.compile(path), fault, nth, nth + times - 1))

    def fail_nth(self, nth: int, fault: Fault) -> None:
        """Fail the nth call from now on, whatever it is, counted from 1; and only that."""
        self.fail("*", "", fault, nth=nth, times=1)

    def mend(self) -> None:
        """Let everything through again, and forget what came."""
        with self._lock:
            self._rules.clear()
            self.calls.clear()
            self.faults.clear()

    def fault_of(self, call: Call) -> Fault | None:
        """Write a call down, and return what is to happen to it; None: nothing."""
        with self._lock:
            self.calls.append(call)
            chosen = [rule.fault for rule in self._rules if rule.chooses(call)]
            if not chosen:
                return None
            self.faults.append((call, chosen[0]))
            return chosen[0]


@contextmanager
def fault_proxy(server: str, trust: ssl.SSLContext | None = None) -> Iterator[FaultProxy]:
    """Run a proxy before the API server at the address `server`, whose certificate `trust` knows."""
    proxy = FaultProxy(server, trust)

    class Handler(Exchange):
        front = proxy

    listening = ThreadingHTTPServer((LOOPBACK, 0), Handler)
    listening.daemon_threads = True
    thread = threading.Thread(daemon=True, target=listening.serve_forever, args=(0.01,))
    thread.start()
    proxy.url = f"http://{LOOPBACK}:{listening.server_port}"
    try:
        yield proxy
    finally:
        proxy.ended.set()
        listening.shutdown()
        thread.join()
        listening.server_close()


def status_object(status: int) -> dict[str, object]:
    """Return the body of an API server's error."""
    return {
        "kind": "Status",
        "apiVersion": "v1",
        "metadata": {},
        "status": "Failure",
        "message": f"the fault proxy answers {status}",
        "reason": REASONS.get(status, "Unknown"),
        "code": status,
    }


class Exchange(BaseHTTPRequestHandler):
    """One connection of a client; each request of it goes on in a connection of its own."""

    protocol_version = "HTTP/1.1"
    front: FaultProxy

    def _exchange(self) -> None:
        self._body = self.rfile.read(int(self.headers.get("content-length") or 0))
        fault = self.front.fault_of(Call(self.command, self.path))
        try:
            if fault is None:
                self.forward()
            else:
                fault.happen(self)
        except (OSError, http.client.HTTPException):
            # The server went away, or the client did: then so does the connection of the other.
            self.hang_up()

    do_GET = do_POST = do_PUT = do_PATCH = do_DELETE = _exchange  # noqa: N815 - the server's names

    def answer(self, status: int, body: bytes, headers: dict[str, str]) -> None:
        """Answer with JSON in place of the server."""
        self.send_response(status)
        for name, value in ({"Content-Type": "application/json", "Content-Length": str(len(body))} | headers).items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(body)

    def carry_out(self) -> None:
        """Let the server do what was asked, and keep its answer from the client."""
        connection, answer = self._ask()
        answer.read()
        connection.close()

    def hang_up(self) -> None:
        """End the connection."""
        self.close_connection = True

    def wait_for_the_end(self) -> None:
        """Wait until the client hangs up or the proxy ends."""
        self.connection.settimeout(0.05)
        while not self.front.ended.is_set():
            try:
                if not self.connection.recv(1):
                    return
            except TimeoutError:
                continue

    def forward(self, *, most_bytes: float = float("inf")) -> None:
        """Hand the call on and its answer back, as it comes; end the connection before the byte `most_bytes`."""
        connection, answer = self._ask()
        try:
            self._hand_back(answer, most_bytes)
        finally:
            connection.close()

    def _ask(self) -> tuple[http.client.HTTPConnection, http.client.HTTPResponse]:
        target = urlsplit(self.front.server)
        connection: http.client.HTTPConnection
        if target.scheme == "https":
            connection = http.client.HTTPSConnection(target.netloc, context=self.front.trust)
        else:
            connection = http.client.HTTPConnection(target.netloc)
        kept = {name: value for name, value in self.headers.items() if name.lower() not in {*HOP_BY_HOP, "host"}}
        connection.request(self.command, self.path, self._body or None, kept)
        return connection, connection.getresponse()

    def _hand_back(self, answer: http.client.HTTPResponse, most_bytes: float) -> None:
        self.send_response_only(answer.status, answer.reason)
        for name, value in answer.getheaders():
            if name.lower() not in HOP_BY_HOP:
                self.send_header(name, value)
        self.send_header("Transfer-Encoding", "chunked")
        self.end_headers()
        while part := answer.read1(PART_BYTES):
            if len(part) >= most_bytes:
                self._send_part(part[: int(most_bytes)])
                self.hang_up()
                return
            self._send_part(part)
            most_bytes -= len(part)
        self.wfile.write(b"0\r\n\r\n")

    def _send_part(self, part: bytes) -> None:
        if part:
            self.wfile.write(b"%x\r\n%s\r\n" % (len(part), part))
            self.wfile.flush()

    def log_message(self, *_arguments: object) -> None:
        """Stay quiet."""
