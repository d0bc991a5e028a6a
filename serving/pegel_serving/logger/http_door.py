"""The HTTP door: a bare ASGI application, because answering within a millisecond keeps the model's pod alive."""

from __future__ import annotations

import asyncio
import time
from collections import Counter
from collections.abc import Awaitable, Callable, Iterable, MutableMapping
from dataclasses import asdict
from http import HTTPStatus
from typing import Any

import orjson
from prometheus_client import CONTENT_TYPE_LATEST

from pegel.data import wire
from pegel.data.event_tracing import EventTracing
from pegel_serving.body_reading import Receive
from pegel_serving.logger.door_settings import DoorSettings
from pegel_serving.logger.event_door import TAKEN, Answer, EventDoor
from pegel_serving.logger.label_door import LabelDoor, is_of_labels
from pegel_serving.logger.metrics import Metrics
from pegel_serving.logger.pipeline import Pipeline
from pegel_serving.logger.pump import Pump
from pegel_serving.whole_requests import Respond, response

Scope = MutableMapping[str, Any]
Send = Callable[[MutableMapping[str, Any]], Awaitable[None]]

_TAKEN = response(200, [])
_PLAIN = b"text/plain; charset=utf-8"


class LoggerApp:
    """POST anywhere: one CloudEvent; to `/labels`: labels. GET `/livez`, `/readyz`, `/metrics`."""

    def __init__(
        self, pipeline: Pipeline, metrics: Metrics, settings: DoorSettings, tracing: EventTracing | None = None
    ) -> None:
        """Serve one pipeline, with spans of the events that are to be traced if there is a `tracing`."""
        self.pipeline, self._metrics, self._settings, self._tracing = pipeline, metrics, settings, tracing
        self._pump = Pump(pipeline, idle_s=settings.idle_s, prompt=settings.ack == "broker")
        self._events = EventDoor(self._pump, metrics, settings, tracing)
        self._labels = LabelDoor(self._pump, metrics, settings)
        self.connection_ends: Counter[str] = Counter()
        """Connections that the HTTP server ended by itself, see `ConnectionEnd`; for whoever runs it to count in."""
        metrics.table("connections_ended", "Connections ended by the door itself", "reason", self.connection_ends)
        if tracing is not None:
            metrics.table("traced", "Events and spans, by what became of their trace", "outcome", tracing.counts)

    def failure(self) -> str:
        """Return why this logger can do nothing more; empty while it can. Whoever runs it ends it then."""
        return self._pump.failure

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Handle one ASGI connection."""
        if scope["type"] == "lifespan":
            await self._lifespan(receive, send)
        elif scope["method"] == "POST":
            await self._post(scope, receive, send)
        elif scope["method"] == "GET":
            await self._get(scope["path"], send)
        else:
            await self._say(send, Answer(405, "POST an event or labels, or GET /livez, /readyz or /metrics"))

    def take_whole(self, headers: list[tuple[bytes, bytes]], body: bytes, respond: Respond) -> bool:
        """Take an event that came in one piece, see `whole_requests`; False: the application is to take it."""

        def say(answer: Answer) -> None:
            if answer is TAKEN:
                respond(_TAKEN)
            else:
                respond(
                    response(answer.status, [(b"content-type", _PLAIN), *self._later(answer.status)], _line(answer))
                )

        return not self._pump.failure and self._events.take_whole(headers, body, say)

    async def _post(self, scope: Scope, receive: Receive, send: Send) -> None:
        if self._pump.failure:
            await self._say(send, Answer(503, "the logger has failed and is about to end"))
        elif is_of_labels(scope["path"], scope["headers"]):
            if told := await self._labels.take(scope["path"], receive):
                await _send(send, told.status, told.body(), wire.JSON.encode(), self._later(told.status))
        elif answer := await self._events.take(scope["headers"], receive):
            await self._say(send, answer)

    async def _get(self, path: str, send: Send) -> None:
        if path == "/metrics":
            await _send(send, 200, self._metrics.render(), CONTENT_TYPE_LATEST.encode())
        elif path == "/livez":
            await self._say(send, Answer(200, "alive") if self._pump.alive else Answer(500, "the pump has stopped"))
        elif path == "/readyz":
            problem = self._problem()
            told = {
                "ready": not problem,
                "problem": problem,
                **asdict(self.pipeline.progress(time.monotonic())),
                "connections_ended": dict(self.connection_ends),
            }
            await _send(send, 503 if problem else 200, orjson.dumps(told), wire.JSON.encode())
        else:
            await self._say(send, Answer(404, "there is /livez, /readyz and /metrics"))

    async def _say(self, send: Send, answer: Answer) -> None:
        """Send a sentence as a line; where there is no room, also when to come back."""
        await _send(send, answer.status, _line(answer), _PLAIN, self._later(answer.status))

    def _later(self, status: int) -> list[tuple[bytes, bytes]]:
        """Return the header that says when to come back, where an answer of this status needs one."""
        is_later = status == HTTPStatus.SERVICE_UNAVAILABLE
        return [(b"retry-after", b"%d" % self._settings.retry_after_s)] if is_later else []

    def _problem(self) -> str:
        if not self._pump.alive:
            return self._pump.failure or "not started"
        progress = self.pipeline.progress(time.monotonic())
        if self.pipeline.full:
            why = f": {progress.disk}" if progress.disk else ""
            return f"queue and spool are full{why}; events are being lost"
        if progress.stuck_s > self._settings.stuck_s:
            return f"nothing was delivered for {progress.stuck_s:.0f} s; {progress.waiting_events} events wait"
        return ""

    async def _lifespan(self, receive: Receive, send: Send) -> None:
        await receive()
        self._pump.start()
        await send({"type": "lifespan.startup.complete"})
        await receive()
        await self._pump.stop(self._settings.flush_s)
        if self._tracing is not None:
            await asyncio.to_thread(self._tracing.close)
        await send({"type": "lifespan.shutdown.complete"})


def _line(answer: Answer) -> bytes:
    return f"{answer.sentence}\n".encode() if answer.sentence else b""


async def _send(
    send: Send, status: int, body: bytes, content_type: bytes, more: Iterable[tuple[bytes, bytes]] = ()
) -> None:
    typed = ((b"content-type", content_type),) if body else ()
    headers = [(b"content-length", b"%d" % len(body)), *typed, *more]
    await send({"type": "http.response.start", "status": status, "headers": headers})
    await send({"type": "http.response.body", "body": body})
