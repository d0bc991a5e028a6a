"""Sends logged bodies to the inference logger as KServe's agent does: five workers, one attempt each, never a retry.

Three differences: the queue is bounded (KServe's grows until the pod is killed), what is queued at the end is still
sent for a moment, and what the logger never saw is told to it as soon as it takes something again, for the ledger.
"""

from __future__ import annotations

import asyncio
import json
import uuid
from collections import Counter
from contextlib import suppress
from types import TracebackType
from typing import Self

import httpx
import structlog

from pegel.data import wire
from pegel_serving.cloudevent import QUEUE_FULL, UNANSWERED, EndpointOrigin, LoggedBody, headers, now_ns
from pegel_serving.http_service import cancel

log = structlog.stdlib.get_logger(__name__)

WORKERS = 5
_END_S, _TELL_S = 2.0, 1.0
"""At the end: how long to send what is queued, and then to tell what is lost."""
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
        self._sending = 0
        """Bodies on their way to the logger."""
        self.sent = 0
        """Bodies answered with 200."""
        self.lost = 0
        """Bodies that no logger will ever see."""
        self._untold: Counter[str] = Counter()
        """Of those, by reason, what the logger was not told of yet."""

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
        await asyncio.wait([waiting], timeout=_END_S)
        waiting.cancel()
        left = self._queue.qsize() + self._sending
        for worker in self._workers:
            await cancel(worker)
        self._untold[UNANSWERED] += left
        with suppress(TimeoutError):
            async with asyncio.timeout(_TELL_S):
                await self._tell()
        await self._client.aclose()
        log.info("agent stopped", sent=self.sent, lost=self.lost + left)

    def log(self, event: LoggedBody) -> None:
        """Queue a body and return at once, whatever state the logger is in."""
        size = _OVERHEAD + len(event.body)
        if self._bytes + size > self._queue_bytes:
            self._untold[QUEUE_FULL] += 1
            self._lose("queue full")
            return
        self._bytes += size
        self._queue.put_nowait(event)

    async def _work(self) -> None:
        while True:
            event = await self._queue.get()
            self._sending += 1
            try:
                await self._post(event)
            except Exception as error:  # noqa: BLE001 (a worker that ended for one event would lose all others with it)
                self._untold[UNANSWERED] += 1
                self._lose(f"{type(error).__name__}: {error}")
            finally:
                self._sending -= 1
                self._bytes -= _OVERHEAD + len(event.body)
                self._queue.task_done()

    async def _post(self, event: LoggedBody) -> None:
        try:
            status = await self._send(event)
        except httpx.HTTPError as error:
            self._untold[UNANSWERED] += 1
            self._lose(type(error).__name__)
            return
        if status != httpx.codes.OK:
            self._lose(f"answered {status}")
            return
        self.sent += 1
        await self._tell()

    async def _send(self, event: LoggedBody) -> int:
        named = headers(event, self._origin, recorded_ns=now_ns())
        raw = [(name.encode(), value.encode("latin-1")) for name, value in named.items()]
        return (await self._client.post(self._url, content=event.body, headers=raw)).status_code

    async def _tell(self) -> None:
        """Tell the logger what was lost, if anything was; what it does not take is told the next time."""
        untold, self._untold = self._untold, Counter()
        for reason, count in (+untold).items():
            notice = LoggedBody(
                type=wire.DROPPED_TYPE,
                event_id=str(uuid.uuid4()),
                at_ns=now_ns(),
                content_type=wire.JSON,
                body=json.dumps({"count": count, "reason": reason}).encode(),
            )
            with suppress(httpx.HTTPError):
                if await self._send(notice) == httpx.codes.OK:
                    continue
            self._untold[reason] += count

    def _lose(self, why: str) -> None:
        self.lost += 1
        # one line for the first of a thousand: a logger that is away would otherwise fill the disk
        if self.lost % 1000 == 1:
            log.warning("event lost", why=why, lost=self.lost)
