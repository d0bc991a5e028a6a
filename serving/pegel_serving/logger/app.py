"""The HTTP door: a bare ASGI application, because answering within a millisecond keeps the model's pod alive."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable, MutableMapping
from dataclasses import dataclass
from typing import Any, Literal

import structlog
from prometheus_client import CONTENT_TYPE_LATEST

from pegel_serving.logger.admit import Envelope, Refused, dead_letter, open_envelope
from pegel_serving.logger.logged_event import Event
from pegel_serving.logger.metrics import Metrics, Recent
from pegel_serving.logger.pipeline import Fate, Pipeline
from pegel_serving.serve import cancel

log = structlog.stdlib.get_logger(__name__)

Scope = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[MutableMapping[str, Any]]]
Send = Callable[[MutableMapping[str, Any]], Awaitable[None]]

LETTERS_BELOW = 1000
"""Dead letters are only sent while fewer events than this are on their way."""
_PLAIN = b"text/plain; charset=utf-8"


@dataclass(frozen=True, slots=True, kw_only=True)
class DoorSettings:
    """Bounds of one request, and what an answer of 200 promises."""

    ack: Literal["enqueue", "broker"] = "enqueue"
    """`enqueue`: accepted in memory or on disk. `broker`: acknowledged by the broker or on disk."""
    ack_timeout_s: float = 0.05
    """With `broker`: how long an answer may wait before the event goes to disk as well."""
    max_body_bytes: int = 1_000_000
    max_header_bytes: int = 16_384
    kept_bytes: int = 65_536
    """How much of an oversized body a dead letter keeps."""
    retry_after_s: int = 5
    stuck_s: float = 300.0
    """`/readyz` fails when something waits and nothing was delivered for so long."""
    flush_s: float = 5.0
    """At the end: how long to try the broker before the rest goes to disk."""


class LoggerApp:
    """POST anywhere: one CloudEvent. GET `/livez`, `/readyz`, `/metrics`."""

    def __init__(self, pipeline: Pipeline, metrics: Metrics, settings: DoorSettings) -> None:
        """Serve one pipeline."""
        self._pipeline, self._metrics, self._settings = pipeline, metrics, settings
        self._recent = Recent()
        self._waiting: dict[int, asyncio.Future[None]] = {}
        self._wake = asyncio.Event()
        self._pump: asyncio.Task[None] | None = None

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Handle one ASGI connection."""
        if scope["type"] == "lifespan":
            await self._lifespan(receive, send)
        elif scope["method"] == "POST":
            await self._post(scope, receive, send)
        elif scope["method"] == "GET":
            await self._get(scope["path"], send)
        else:
            await _answer(send, 405, b"POST an event, or GET /livez, /readyz or /metrics\n")

    async def _post(self, scope: Scope, receive: Receive, send: Send) -> None:
        headers: list[tuple[bytes, bytes]] = scope["headers"]
        try:
            envelope = open_envelope(headers, max_header_bytes=self._settings.max_header_bytes)
        except Refused as refusal:
            body, _ = await _read(receive, self._settings.kept_bytes)
            self._refuse(headers, body, refusal.reason, truncated=False)
            await _answer(send, refusal.status, f"{refusal}\n".encode())
            return
        body, whole = await _read(receive, self._settings.max_body_bytes)
        event = envelope.event(body)
        label = self._metrics.endpoint(envelope.endpoint)
        self._metrics.received.labels(label, envelope.kind).inc()
        self._metrics.observe_lags(envelope.time_s, envelope.recorded_s)
        if self._recent.seen((envelope.event_id, envelope.kind)):
            self._metrics.duplicates.labels(label).inc()
        if not whole:
            self._set_aside(headers, event, label, "too_large")
            await _answer(send, 413, f"a body may hold {self._settings.max_body_bytes} bytes\n".encode())
        elif envelope.grpc:
            # a raw protobuf frame: nothing downstream reads it, but the sender did nothing wrong
            self._set_aside(headers, event, label, "grpc")
            await _answer(send, 200)
        else:
            await self._accept(envelope, event, label, send)

    async def _accept(self, envelope: Envelope, event: Event, label: str, send: Send) -> None:
        fate, number = self._pipeline.submit(event, time.monotonic())
        self._wake.set()
        if fate is Fate.IN_FLIGHT and self._settings.ack == "broker" and not await self._landed(number):
            fate = Fate.DROPPED
        if fate is Fate.DROPPED:
            await _answer(
                send, 503, b"queue and spool are full\n", ((b"retry-after", b"%d" % self._settings.retry_after_s),)
            )
            return
        self._metrics.accepted.labels(label, envelope.kind).inc()
        await _answer(send, 200)

    async def _landed(self, number: int) -> bool:
        """Wait for the broker, but not long; then make sure of the event by writing it to disk."""
        future = self._waiting[number] = asyncio.get_running_loop().create_future()
        await asyncio.wait([future], timeout=self._settings.ack_timeout_s)
        self._waiting.pop(number, None)
        return self._pipeline.secure(number)

    def _set_aside(self, headers: list[tuple[bytes, bytes]], event: Event, label: str, reason: str) -> None:
        self._metrics.dropped.labels(label, reason).inc()
        self._pipeline.drops.add(event, reason)
        self._refuse(headers, event.value, reason, truncated=reason == "too_large")
        self._wake.set()

    def _refuse(self, headers: list[tuple[bytes, bytes]], body: bytes, reason: str, *, truncated: bool) -> None:
        self._metrics.refused.labels(reason).inc()
        # letters nobody ordered must never push events out: they only travel while the way is free
        if self._pipeline.spool.empty and self._pipeline.in_flight < LETTERS_BELOW:
            letter = dead_letter(headers, body[: self._settings.kept_bytes], reason=reason, truncated=truncated)
            self._pipeline.submit(letter, time.monotonic())
            self._metrics.dead.labels(reason).inc()
            self._wake.set()

    async def _get(self, path: str, send: Send) -> None:
        if path == "/metrics":
            await _answer(send, 200, self._metrics.render(), ((b"content-type", CONTENT_TYPE_LATEST.encode()),))
        elif path == "/livez":
            alive = self._pump is not None and not self._pump.done()
            await _answer(send, 200 if alive else 500, b"alive\n" if alive else b"the pump has stopped\n")
        elif path == "/readyz":
            problem = self._problem()
            await _answer(send, 503 if problem else 200, f"{problem or 'ready'}\n".encode())
        else:
            await _answer(send, 404, b"there is /livez, /readyz and /metrics\n")

    def _problem(self) -> str:
        if self._pipeline.full:
            return "queue and spool are full: events are being lost"
        stuck = self._pipeline.stuck_for(time.monotonic())
        if stuck > self._settings.stuck_s:
            return f"nothing was delivered for {stuck:.0f} s although {self._pipeline.spool.records} events wait"
        return ""

    async def _lifespan(self, receive: Receive, send: Send) -> None:
        await receive()
        self._pump = asyncio.create_task(self._run())
        await send({"type": "lifespan.startup.complete"})
        await receive()
        await cancel(self._pump)
        self._pipeline.close(self._settings.flush_s)
        await send({"type": "lifespan.shutdown.complete"})

    async def _run(self) -> None:
        """Tick often while something waits, otherwise when somebody submits, and once in a while."""
        while True:
            self._pipeline.tick(time.monotonic())
            for number in [number for number in self._waiting if self._pipeline.settled(number)]:
                self._waiting.pop(number).set_result(None)
            if self._pipeline.busy:
                await asyncio.sleep(0.005)
                continue
            self._wake.clear()
            await asyncio.wait([asyncio.ensure_future(self._wake.wait())], timeout=1.0)


async def _read(receive: Receive, limit: int) -> tuple[bytes, bool]:
    """Return the body up to `limit` bytes, and whether that is all of it."""
    parts, size = [], 0
    while True:
        message = await receive()
        part: bytes = message.get("body", b"")
        parts.append(part)
        size += len(part)
        if size > limit:
            return b"".join(parts)[:limit], False
        if not message.get("more_body", False):
            return b"".join(parts), message["type"] != "http.disconnect"


async def _answer(send: Send, status: int, body: bytes = b"", headers: tuple[tuple[bytes, bytes], ...] = ()) -> None:
    named = {name for name, _ in headers}
    typed = () if b"content-type" in named or not body else ((b"content-type", _PLAIN),)
    await send(
        {
            "type": "http.response.start",
            "status": status,
            "headers": [(b"content-length", b"%d" % len(body)), *typed, *headers],
        }
    )
    await send({"type": "http.response.body", "body": body})
