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
from http import HTTPStatus
from types import TracebackType
from typing import Self
from urllib.parse import urlsplit, urlunsplit

import structlog

from pegel.data import wire
from pegel_serving import door_limits
from pegel_serving.cloudevent import (
    AGENT_REASONS,
    QUEUE_FULL,
    TOO_LARGE,
    UNREACHED,
    EndpointOrigin,
    LoggedBody,
    headers,
    now_ns,
)
from pegel_serving.http_client import CallFailed, HttpClient, Why
from pegel_serving.http_service import cancel

log = structlog.stdlib.get_logger(__name__)

WORKERS = 5
_TELL_S = 1.0
"""At the end: how long to tell what is lost."""
_KEPT_S = 5.0
"""How long a connection is kept between two events: shorter than our logger keeps it."""
_OVERHEAD = 2048
"""Bytes of the Python objects around a waiting body."""


class Agent:
    """A queue and its workers. Use it as an async context manager."""

    def __init__(
        self,
        url: str,
        origin: EndpointOrigin,
        *,
        body_bytes: int = door_limits.BODY_BYTES,
        queue_bytes: int = 64 << 20,
        timeout_s: float = 10.0,
        end_s: float = 5.0,
    ) -> None:
        """Log to `url`; the bodies that wait or are being sent hold at most `queue_bytes`.

        A body of more than `body_bytes`, which the logger would not take, is counted as lost and not sent. At the end,
        what is queued is sent for `end_s` at most.
        """
        scheme, host, path, query, _ = urlsplit(url)
        self._server, self._target = f"{scheme}://{host}", urlunsplit(("", "", path or "/", query, "")).encode()
        self._origin, self._timeout_s, self._end_s = origin, timeout_s, end_s
        self._queue: asyncio.Queue[LoggedBody] = asyncio.Queue()
        self._body_bytes, self._queue_bytes, self._bytes = body_bytes, queue_bytes, 0
        self._workers: list[asyncio.Task[None]] = []
        self.sent = 0
        """Bodies answered with 200."""
        self.lost = 0
        """Bodies that no logger will ever see."""
        self._untold: Counter[str] = Counter()
        """Of those, by reason, what the logger was not told of yet."""

    async def __aenter__(self) -> Self:
        """Start the workers."""
        self._client = HttpClient(self._server, connections=WORKERS, kept_s=_KEPT_S, silent_s=self._timeout_s)
        self._workers = [asyncio.create_task(self._work()) for _ in range(WORKERS)]
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Send what is queued, for a moment, then end."""
        waiting = asyncio.ensure_future(self._queue.join())
        await asyncio.wait([waiting], timeout=self._end_s)
        waiting.cancel()
        for worker in self._workers:
            await cancel(worker)
        while not self._queue.empty():
            self._queue.get_nowait()
            self._lose(UNREACHED, "the end")
        with suppress(TimeoutError):
            async with asyncio.timeout(_TELL_S):
                await self._tell()
        await self._client.close()
        log.info("agent stopped", sent=self.sent, lost=self.lost)

    def log(self, event: LoggedBody) -> None:
        """Queue a body and return at once, whatever state the logger is in."""
        size = _size(event)
        if len(event.body) > self._body_bytes:
            self._lose(TOO_LARGE, "larger than the logger takes")
        elif self._bytes + size > self._queue_bytes:
            self._lose(QUEUE_FULL, "queue full")
        else:
            self._bytes += size
            self._queue.put_nowait(event)

    async def _work(self) -> None:
        while True:
            event = await self._queue.get()
            try:
                if await self._post(event):
                    await self._tell()
            finally:
                self._bytes -= _size(event)
                self._queue.task_done()

    async def _post(self, event: LoggedBody) -> bool:
        """Send a body once, and say whether the logger took it."""
        try:
            status = await self._send(event)
        except asyncio.CancelledError:
            self._lose(wire.AGENT_UNANSWERED, "the end")
            raise
        except Exception as error:  # noqa: BLE001 (a worker that ended for one event would lose all others with it)
            # Without a connection nothing was sent; otherwise a logger that died may have taken it before.
            is_unsent = isinstance(error, CallFailed) and error.why is Why.NOT_CONNECTED
            self._lose(UNREACHED if is_unsent else wire.AGENT_UNANSWERED, f"{type(error).__name__}: {error}")
            return False
        if status != HTTPStatus.OK:
            # the logger has counted it
            self._count_lost(f"answered {status}")
            return False
        self.sent += 1
        return True

    async def _send(self, event: LoggedBody) -> int:
        named = headers(event, self._origin, recorded_ns=now_ns())
        raw = [(name.encode(), value.encode("latin-1")) for name, value in named.items()]
        return (await self._client.call("POST", self._target, raw, event.body, _ignore)).status

    async def _tell(self) -> None:
        """Tell the logger what was lost, if anything was; what it does not take is told the next time."""
        for reason in sorted(AGENT_REASONS):
            while self._untold[reason] and await self._tell_part(reason):
                pass

    async def _tell_part(self, reason: str) -> bool:
        """Tell as many losses as one notice may hold, and say whether the logger took it."""
        count, taken = min(self._untold[reason], door_limits.LOST_AT_ONCE), False
        # taken out first: other workers tell at the same time
        self._untold[reason] -= count
        notice = LoggedBody(
            type=wire.DROPPED_TYPE,
            event_id=str(uuid.uuid4()),
            at_ns=now_ns(),
            content_type=wire.JSON,
            body=json.dumps({"count": count, "reason": reason}).encode(),
        )
        try:
            taken = await self._send(notice) == HTTPStatus.OK
        except CallFailed:
            return False
        finally:
            if not taken:
                self._untold[reason] += count
        return taken

    def _lose(self, reason: str, why: str) -> None:
        """Count a body that the logger knows nothing of, for all that is known; it is told the reason."""
        self._untold[reason] += 1
        self._count_lost(why)

    def _count_lost(self, why: str) -> None:
        self.lost += 1
        # one line for the first of a thousand: a logger that is away would otherwise fill the disk
        if self.lost % 1000 == 1:
            log.warning("event lost", why=why, lost=self.lost)


def _ignore(_part: bytes) -> None:
    """Take no notice of what the logger says beside its status."""


def _size(event: LoggedBody) -> int:
    """Return about how many bytes of memory a waiting body takes."""
    copied = sum(len(name) + sum(map(len, values)) for name, values in event.metadata.items())
    return _OVERHEAD + len(event.body) + copied
