"""The HTTP door: a bare ASGI application, because answering within a millisecond keeps the model's pod alive."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable, MutableMapping
from contextlib import suppress
from dataclasses import asdict, dataclass
from typing import Any, Literal

import orjson
import structlog
from cachetools import LRUCache
from prometheus_client import CONTENT_TYPE_LATEST

from pegel.data import wire
from pegel.spec.limits import WEDGED_AFTER
from pegel_serving import door_limits
from pegel_serving.body_reading import BodyEnd, BodyReader, Receive
from pegel_serving.cloudevent import AGENT_REASONS
from pegel_serving.http_service import cancel
from pegel_serving.logger.admit import NOTICE, Envelope, Headers, Refused, open_envelope, record_headers
from pegel_serving.logger.dead_letters import KEPT_BYTES, dead_letter
from pegel_serving.logger.drops import read_notice
from pegel_serving.logger.kafka_record import KafkaRecord
from pegel_serving.logger.metrics import Metrics
from pegel_serving.logger.pipeline import Fate, Pipeline

log = structlog.stdlib.get_logger(__name__)

Scope = MutableMapping[str, Any]
Send = Callable[[MutableMapping[str, Any]], Awaitable[None]]

LETTERS_BELOW = 1000
"""Dead letters are only sent while fewer events than this are on their way."""
RECENT = 100_000
"""Identities remembered to count duplicates: 8 bytes each, and Python's overhead of about 200."""
_PREDICTOR = wire.PREDICTOR.encode()
_PLAIN = b"text/plain; charset=utf-8"


@dataclass(frozen=True, slots=True, kw_only=True)
class DoorSettings:
    """Bounds of one request, and what an answer of 200 promises."""

    ack: Literal["enqueue", "broker"] = "enqueue"
    """`enqueue`: accepted in memory or on disk. `broker`: acknowledged by the broker or on disk."""
    ack_timeout_s: float = 0.05
    """With `broker`: how long an answer may wait before the event goes to disk as well."""
    max_body_bytes: int = door_limits.BODY_BYTES
    max_header_bytes: int = door_limits.HEADER_BYTES
    reading_bytes: int = door_limits.READING_BYTES
    body_within_s: float = door_limits.BODY_WITHIN_S
    retry_after_s: int = 5
    stuck_s: float = WEDGED_AFTER.total_seconds()
    """`/readyz` fails when something waits and the broker took nothing for so long."""
    idle_s: float = 1.0
    """Longest pause of the pump."""
    flush_s: float = 4.0
    """At the end: how long to try the broker before the rest goes to disk."""


class LoggerApp:
    """POST anywhere: one CloudEvent. GET `/livez`, `/readyz`, `/metrics`."""

    def __init__(self, pipeline: Pipeline, metrics: Metrics, settings: DoorSettings) -> None:
        """Serve one pipeline."""
        self.pipeline, self._metrics, self._settings = pipeline, metrics, settings
        # the hash of an identity, not the identity: ids come from outside and may be long
        self._recent: LRUCache[int, None] = LRUCache(RECENT)
        self._reader = BodyReader(together_bytes=settings.reading_bytes, within_s=settings.body_within_s)
        self._waiting: dict[int, asyncio.Future[None]] = {}
        self._wake = asyncio.Event()
        self._pump: asyncio.Task[None] | None = None
        self._failure = ""

    def failure(self) -> str:
        """Return why this logger can do nothing more; empty while it can. Whoever runs it ends it then."""
        return self._failure

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
        if self._failure:
            await self._later(send, b"the logger has failed and is about to end\n")
            return
        headers: list[tuple[bytes, bytes]] = scope["headers"]
        try:
            envelope = open_envelope(headers, max_header_bytes=self._settings.max_header_bytes)
        except Refused as refusal:
            body, ended = await self._reader.read(receive, KEPT_BYTES)
            if refusal.lost is not None:
                label = self._metrics.endpoint(refusal.lost.header(wire.HEADER_ENDPOINT))
                self._lose(refusal.lost, label, refusal.reason)
            self._refuse(headers, body, refusal.reason, cut=ended is not BodyEnd.WHOLE)
            await _answer(send, refusal.status, f"{refusal}\n".encode())
            return
        body, ended = await self._reader.read(receive, self._settings.max_body_bytes)
        event = envelope.event(body)
        label = self._metrics.endpoint(envelope.endpoint)
        self._metrics.received.labels(label, envelope.kind).inc()
        self._metrics.observe_lags(envelope.time_s, envelope.recorded_s)
        if envelope.replaced:
            self._metrics.replaced.labels(envelope.replaced).inc()
        if self._came_before(envelope):
            self._metrics.duplicates.labels(label).inc()
        if ended is not BodyEnd.WHOLE:
            await self._incomplete(headers, event, label, ended, send)
        elif envelope.grpc:
            # a raw protobuf frame: nothing downstream reads it, but the sender did nothing wrong
            self._lose(event, label, "grpc")
            self._refuse(headers, event.value, "grpc")
            await _answer(send, 200)
        elif envelope.kind == NOTICE:
            await self._note_losses(event, label, send)
        else:
            await self._accept(envelope, event, label, send)

    async def _note_losses(self, event: KafkaRecord, label: str, send: Send) -> None:
        """Count what an agent says it lost like our own losses; the notice itself goes no further."""
        reason, count = read_notice(event.value)
        known = reason in AGENT_REASONS and count <= door_limits.LOST_AT_ONCE and event.header(wire.HEADER_ENDPOINT)
        if not known:
            self._metrics.refused.labels("bad_notice").inc()
            await _answer(send, 400, b"a notice of losses names an endpoint, a reason of an agent and a count\n")
            return
        self._metrics.dropped.labels(label, reason).inc(count)
        self.pipeline.drops.add(event, reason)
        self._wake.set()
        await _answer(send, 200)

    async def _accept(self, envelope: Envelope, event: KafkaRecord, label: str, send: Send) -> None:
        fate, number = self.pipeline.submit(event, time.monotonic())
        self._wake.set()
        if fate is Fate.IN_FLIGHT and self._settings.ack == "broker" and not await self._landed(number):
            fate = Fate.DROPPED
        if fate is Fate.DROPPED:
            await self._later(send, b"queue and spool are full\n")
            return
        self._metrics.accepted.labels(label, envelope.kind).inc()
        await _answer(send, 200)

    async def _landed(self, number: int) -> bool:
        """Wait for the broker, but not long; then make sure of the event by writing it to disk."""
        future = self._waiting[number] = asyncio.get_running_loop().create_future()
        await asyncio.wait([future], timeout=self._settings.ack_timeout_s)
        self._waiting.pop(number, None)
        return self.pipeline.secure(number)

    def _came_before(self, envelope: Envelope) -> bool:
        """Say whether an event of this identity came shortly before, and remember it. Only counted, never dropped."""
        identity = hash((envelope.event_id, envelope.kind, envelope.component or _PREDICTOR))
        known = identity in self._recent
        self._recent[identity] = None
        return known

    async def _incomplete(self, headers: Headers, event: KafkaRecord, label: str, ended: BodyEnd, send: Send) -> None:
        """Count an event whose body did not come whole, and answer if anybody is there to read it."""
        self._lose(event, label, ended.value)
        if ended is BodyEnd.TOO_LARGE:
            self._refuse(headers, event.value, ended.value, cut=True)
            await _answer(send, 413, f"a body may hold {self._settings.max_body_bytes} bytes\n".encode())
            return
        self._metrics.refused.labels(ended.value).inc()
        if ended is BodyEnd.SLOW:
            await _answer(send, 408, f"a body may take {self._settings.body_within_s:.0f} s\n".encode())
        elif ended is BodyEnd.NO_ROOM:
            await self._later(send, b"too many bodies are being read\n")

    def _lose(self, event: KafkaRecord, label: str, reason: str) -> None:
        self._metrics.dropped.labels(label, reason).inc()
        self.pipeline.drops.add(event, reason)
        self._wake.set()

    def _refuse(self, headers: Headers, body: bytes, reason: str, *, cut: bool = False) -> None:
        self._metrics.refused.labels(reason).inc()
        # letters nobody ordered must never push events out: they only travel while the way is free
        if self.pipeline.spool.empty and self.pipeline.in_flight < LETTERS_BELOW:
            letter = dead_letter(record_headers(headers), body, reason=reason, cut=cut)
            self.pipeline.submit(letter, time.monotonic())
            self._metrics.dead.labels(reason).inc()
            self._wake.set()

    async def _later(self, send: Send, why: bytes) -> None:
        await _answer(send, 503, why, ((b"retry-after", b"%d" % self._settings.retry_after_s),))

    async def _get(self, path: str, send: Send) -> None:
        if path == "/metrics":
            await _answer(send, 200, self._metrics.render(), ((b"content-type", CONTENT_TYPE_LATEST.encode()),))
        elif path == "/livez":
            alive = self._pump is not None and not self._pump.done()
            await _answer(send, 200 if alive else 500, b"alive\n" if alive else b"the pump has stopped\n")
        elif path == "/readyz":
            problem = self._problem()
            progress = asdict(self.pipeline.progress(time.monotonic()))
            told = orjson.dumps({"ready": not problem, "problem": problem, **progress})
            await _answer(send, 503 if problem else 200, told, ((b"content-type", wire.JSON.encode()),))
        else:
            await _answer(send, 404, b"there is /livez, /readyz and /metrics\n")

    def _problem(self) -> str:
        if self._pump is None or self._failure:
            return self._failure or "not started"
        progress = self.pipeline.progress(time.monotonic())
        if self.pipeline.full:
            why = f": {progress.disk}" if progress.disk else ""
            return f"queue and spool are full{why}; events are being lost"
        if progress.stuck_s > self._settings.stuck_s:
            return f"nothing was delivered for {progress.stuck_s:.0f} s; {progress.waiting_events} events wait"
        return ""

    async def _lifespan(self, receive: Receive, send: Send) -> None:
        await receive()
        self._pump = asyncio.create_task(self._run())
        self._pump.add_done_callback(self._pump_ended)
        await send({"type": "lifespan.startup.complete"})
        await receive()
        await cancel(self._pump)
        try:
            lost = self.pipeline.close(self._settings.flush_s)
        except Exception as error:  # noqa: BLE001 (whatever it was, the process is ending and has to say so)
            self._fail("the end was not in order", error)
        else:
            if lost:
                self._fail(f"{lost} events in memory found no place on disk and are lost", None)
        await send({"type": "lifespan.shutdown.complete"})

    def _pump_ended(self, pump: asyncio.Task[None]) -> None:
        if not pump.cancelled():
            self._fail("the pump has stopped", pump.exception())

    def _fail(self, what: str, error: BaseException | None) -> None:
        self._failure = self._failure or (f"{what}: {error!r}" if error else what)
        log.critical(what, exc_info=error)

    async def _run(self) -> None:
        """Tick often while something waits, otherwise when somebody submits, and once in a while."""
        while True:
            self.pipeline.tick(time.monotonic())
            for number in [number for number in self._waiting if self.pipeline.settled(number)]:
                self._waiting.pop(number).set_result(None)
            if self.pipeline.busy:
                await asyncio.sleep(0.005)
                continue
            self._wake.clear()
            with suppress(TimeoutError):
                async with asyncio.timeout(self._settings.idle_s):
                    await self._wake.wait()


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
