"""Sends logged bodies to the inference logger as KServe's agent does: five workers, one attempt each, never a retry.

Two differences, both in favour of the machine it runs on: the queue is bounded (KServe's grows until the pod is
killed), and what is queued at the end is still sent for a moment.
"""

from __future__ import annotations

import asyncio
from types import TracebackType
from typing import Self

import httpx
import structlog

from pegel_serving.cloudevent import EndpointOrigin, LoggedBody, headers, now_ns
from pegel_serving.http_service import cancel

log = structlog.stdlib.get_logger(__name__)

WORKERS = 5
_OVERHEAD = 2048
"""Bytes of the Python objects around a waiting body."""


class Agent:
    """A queue and its workers. Use it as an async context manager."""

    def __init__(
        self, url: str, origin: EndpointOrigin, *, queue_bytes: int = 64 << 20, timeout_s: float = 10.0
    ) -> None:
        """Log to `url`; the bodies that wait or are being sent hold at most `queue_bytes`."""
        self._url, self._origin, self._timeout_s = url, origin, timeout_s
        self._queue: asyncio.Queue[LoggedBody] = asyncio.Queue()
        self._queue_bytes, self._bytes = queue_bytes, 0
        self._workers: list[asyncio.Task[None]] = []
        self.sent = 0
        """Bodies answered with 200."""
        self.lost = 0
        """Bodies that no logger will ever see."""

    async def __aenter__(self) -> Self:
        """Start the workers."""
        limits = httpx.Limits(max_connections=WORKERS, max_keepalive_connections=WORKERS)
        self._client = httpx.AsyncClient(limits=limits, timeout=self._timeout_s, trust_env=False)
        self._workers = [asyncio.create_task(self._work()) for _ in range(WORKERS)]
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Send what is queued, for two seconds at most, then end."""
        waiting = asyncio.ensure_future(self._queue.join())
        await asyncio.wait([waiting], timeout=2.0)
        waiting.cancel()
        for worker in self._workers:
            await cancel(worker)
        await self._client.aclose()
        log.info("agent stopped", sent=self.sent, lost=self.lost + self._queue.qsize())

    def log(self, event: LoggedBody) -> None:
        """Queue a body and return at once, whatever state the logger is in."""
        size = _OVERHEAD + len(event.body)
        if self._bytes + size > self._queue_bytes:
            self._lose("queue full")
            return
        self._bytes += size
        self._queue.put_nowait(event)

    async def _work(self) -> None:
        while True:
            event = await self._queue.get()
            try:
                await self._post(event)
            except Exception as error:  # noqa: BLE001 (a worker that ended for one event would lose all others with it)
                self._lose(f"{type(error).__name__}: {error}")
            finally:
                self._bytes -= _OVERHEAD + len(event.body)
                self._queue.task_done()

    async def _post(self, event: LoggedBody) -> None:
        named = headers(event, self._origin, recorded_ns=now_ns())
        raw = [(name.encode(), value.encode("latin-1")) for name, value in named.items()]
        try:
            answer = await self._client.post(self._url, content=event.body, headers=raw)
        except httpx.HTTPError as error:
            self._lose(type(error).__name__)
            return
        if answer.status_code == httpx.codes.OK:
            self.sent += 1
        else:
            self._lose(f"answered {answer.status_code}")

    def _lose(self, why: str) -> None:
        self.lost += 1
        # one line for the first of a thousand: a logger that is away would otherwise fill the disk
        if self.lost % 1000 == 1:
            log.warning("event lost", why=why, lost=self.lost)
