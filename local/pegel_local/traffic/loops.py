"""Requests sent in an open or a closed loop, each answer timed from when its request was due."""

from __future__ import annotations

import asyncio
import math
import time
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import TypeAlias

import aiohttp

from pegel_local.traffic.one_request import client, outcome
from pegel_local.traffic.requests import Request
from pegel_local.traffic.timed_answers import NOT_REACHED, AnswerCounts, TimedAnswer

UNDER_WAY = 256
"""Requests of an open loop without an answer, at most; the next one waits, and is late."""
WITHIN_S = 30.0
"""For an answer to be whole, from when its request was sent; so all are settled so long after the last one."""
LATE_S = 0.5
"""What is due before the end of the time to send in may still be sent so long after it."""
IDLE_S = 3.0
"""A connection without a request is kept so long: less than servers do, so that none hangs up on a new request."""
PAUSE_S = 0.1
"""Of a connection of a closed loop that could not be opened: a closed port answers at once, for ever."""
Progress: TypeAlias = Callable[[int, float], None]
"""Is told how many requests are sent, and the seconds since the first."""


@dataclass(frozen=True, slots=True)
class OpenLoop:
    """`rate` requests a second, whether answers come or not, up to `under_way` without one.

    The rate says when each is due.
    """

    rate: float
    under_way: int = UNDER_WAY


@dataclass(frozen=True, slots=True)
class ClosedLoop:
    """So many connections, each of which asks again when it is answered: then a request is due."""

    connections: int


Loop: TypeAlias = OpenLoop | ClosedLoop


async def send(
    address: str,
    requests: Iterable[Request],
    loop: Loop,
    counts: AnswerCounts,
    *,
    seconds: float = math.inf,
    progress: Progress = lambda _sent, _seconds: None,
    settled: Callable[[TimedAnswer], None] = lambda _answer: None,
    within_s: float = WITHIN_S,
    headers: Mapping[str, str] = MappingProxyType({}),
) -> None:
    """Send requests and wait for the answers; `counts` is kept up to date, `settled` is told each answer as it comes.

    `headers` go with each request, beside its id and the kind of its body.
    A slow answer does not slow the requests behind it in an open loop. After `seconds` nothing more is sent. A request
    has failed when its answer is not whole `within_s` after it was sent, so an interrupt alone leaves any without an
    outcome. Failures are counted, never raised; `settled` is not to raise any.
    """
    connections = loop.under_way if isinstance(loop, OpenLoop) else loop.connections
    async with client(connections, IDLE_S, headers) as session:
        sender = _Sender(session, address, within_s=within_s, counts=counts, progress=progress, settled=settled)
        try:
            if isinstance(loop, OpenLoop):
                await _open(sender, requests, loop, seconds)
            else:
                await _closed(sender, requests, loop, seconds)
        finally:
            counts.seconds = time.monotonic() - sender.began


async def _open(sender: _Sender, requests: Iterable[Request], loop: OpenLoop, seconds: float) -> None:
    room, tasks = asyncio.Semaphore(loop.under_way), set[asyncio.Task[str]]()
    try:
        for number, request in enumerate(requests):
            due = sender.began + number / loop.rate
            await asyncio.sleep(max(0.0, due - time.monotonic()))
            sender.counts.crowded += room.locked()
            if not await _has_room(room, sender.began + seconds + LATE_S):
                break
            task = asyncio.create_task(sender.ask(request, due))
            tasks.add(task)
            task.add_done_callback(tasks.discard)
            task.add_done_callback(lambda _: room.release())
        await asyncio.gather(*tasks)
    finally:
        for task in tasks:
            task.cancel()


async def _closed(sender: _Sender, requests: Iterable[Request], loop: ClosedLoop, seconds: float) -> None:
    left, ends = iter(requests), sender.began + seconds

    async def connection() -> None:
        while (due := time.monotonic()) < ends and (request := next(left, None)) is not None:
            if await sender.ask(request, due) == NOT_REACHED:
                await asyncio.sleep(PAUSE_S)

    tasks = {asyncio.create_task(connection()) for _ in range(loop.connections)}
    try:
        await asyncio.gather(*tasks)
    finally:
        for task in tasks:
            task.cancel()


async def _has_room(room: asyncio.Semaphore, ends: float) -> bool:
    """Take room for a request; say whether there was some before `ends`, a time of the monotonic clock."""
    left = ends - time.monotonic()
    if left <= 0:
        return False
    try:
        # `wait_for` may swallow an interrupt (Python 3.11)
        async with asyncio.timeout(left if math.isfinite(left) else None):
            await room.acquire()
    except TimeoutError:
        return False
    return True


class _Sender:
    """Asks, times and counts. Times are of the monotonic clock."""

    def __init__(
        self,
        session: aiohttp.ClientSession,
        address: str,
        *,
        within_s: float,
        counts: AnswerCounts,
        progress: Progress,
        settled: Callable[[TimedAnswer], None],
    ) -> None:
        self.counts = counts
        self.began = time.monotonic()
        self._since_1970 = time.time() - self.began
        self._session = session
        self._address = address
        self._within_s = within_s
        self._progress = progress
        self._settled = settled

    async def ask(self, request: Request, due: float) -> str:
        """Send a request that was due at a time, and count what comes of it; return the kind of its answer."""
        now = time.monotonic()
        late_s, at = now - due, due + self._since_1970
        self.counts.count_sent(request, due=at, late_s=late_s, since_s=now - self.began)
        self._progress(self.counts.sent, now - self.began)
        kind, words, event_id = await outcome(self._session, self._address, request, self._within_s)
        ms = 1000 * (time.monotonic() - due) if kind[0].isdigit() else None
        answer = TimedAnswer(request, at, 1000 * late_s, kind, ms, event_id)
        self.counts.count_answer(answer, words)
        self._settled(answer)
        return kind
