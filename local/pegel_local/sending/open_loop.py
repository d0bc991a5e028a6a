"""Requests sent at a rate that does not wait for answers, and what came of them."""

from __future__ import annotations

import asyncio
import math
import socket
import ssl
import time
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any

import httpx
import numpy as np

from pegel.data import wire
from pegel.data.columns import Role
from pegel.data.decoding import count_rows
from pegel.data.server_answers import words_of
from pegel.errors import InvalidPayload
from pegel.spec.outside_text import quoted, shown

UNDER_WAY = 256
"""Requests without an answer, at most; the next one waits, and is late."""
WITHIN_S = 30.0
"""For an answer, and for all that are still to come when the last request is sent."""
LATE_S = 0.5
"""What is due before the end of the time to send in may still be sent so long after it."""
NO_ANSWER = "no answer"
NO_PREDICTION = "no prediction"
"""What an answer counts as that says it is one, by its status, and holds none: a page of HTML, or an empty list."""
MOST_SAID = 300
"""Characters of what a server says of a request that it does not answer."""
_PERCENTILES = {"p50": 50, "p95": 95, "p99": 99, "max": 100}


@dataclass(frozen=True, slots=True)
class Request:
    """What is sent: a body of JSON, whether its row was changed, and its `Ce-Id`, if it is to have one."""

    body: bytes
    changed: bool = False
    identity: str = ""


@dataclass
class AnswerCounts:
    """What came of the requests so far.

    `statuses`: those of HTTP, as text, `NO_ANSWER` and `NO_PREDICTION`.
    `latencies_ms`: of what was answered, from when the request was due, so what waits here counts, too. `said`: the
    first words of a server for each status that is no answer. `behind_s`: how late the latest of all was sent.
    `unsent`: how many were due and not sent. `seconds`: until the last answer; `sending_s`: from the first request to
    the last one.
    """

    sent: int = 0
    changed: int = 0
    statuses: Counter[str] = field(default_factory=Counter)
    latencies_ms: list[float] = field(default_factory=list)
    said: dict[str, str] = field(default_factory=dict)
    seconds: float = 0.0
    sending_s: float = 0.0
    behind_s: float = 0.0
    unsent: int = 0

    @property
    def answered(self) -> int:
        """Return how many requests were answered with a prediction, and status 200 to 299."""
        return self._of("2")

    @property
    def refused(self) -> int:
        """Return how many were refused as wrong: 400 to 499."""
        return self._of("4")

    @property
    def under_way(self) -> int:
        """Return how many had neither an answer nor a failure at the end."""
        return self.sent - self.statuses.total()

    @property
    def failed(self) -> int:
        """Return how many failed otherwise, or were not answered in time."""
        return self.statuses.total() - self.answered - self.refused

    @property
    def rate(self) -> float | None:
        """Return how many requests were sent a second; None where there were less than two."""
        return (self.sent - 1) / self.sending_s if self.sent > 1 else None

    def percentiles_ms(self) -> dict[str, float]:
        """Return `p50`, `p95`, `p99` and `max` of the latencies; nothing if nothing was answered."""
        if not self.latencies_ms:
            return {}
        values = np.percentile(self.latencies_ms, [*_PERCENTILES.values()])
        return {name: round(float(value), 1) for name, value in zip(_PERCENTILES, values, strict=True)}

    def to_json(self) -> dict[str, Any]:
        """Return plain JSON."""
        names = ("sent", "unsent", "changed", "answered", "refused", "failed", "under_way")
        counts = {name: getattr(self, name) for name in names}
        return counts | {
            "statuses": dict(self.statuses),
            "said": self.said,
            "latency_ms": self.percentiles_ms(),
            "seconds": round(self.seconds, 3),
            "behind_s": round(self.behind_s, 3),
            "rate": None if self.rate is None else round(self.rate, 1),
        }

    def _of(self, first: str) -> int:
        return sum(count for status, count in self.statuses.items() if status.startswith(first))


async def send(
    address: str,
    requests: Iterable[Request],
    *,
    rate: float,
    counts: AnswerCounts,
    progress: Callable[[int], None] = lambda _sent: None,
    under_way: int = UNDER_WAY,
    seconds: float = math.inf,
    answers_within_s: float = WITHIN_S,
) -> None:
    """Send requests, `rate` a second, and wait for the answers; `counts` is kept up to date.

    A slow answer does not slow the requests behind it, up to `under_way` of them. After `seconds` nothing more is sent,
    and answers are waited for `answers_within_s` longer. Failures are counted, never raised.
    """
    room = asyncio.Semaphore(under_way)
    limits = httpx.Limits(max_connections=under_way, max_keepalive_connections=under_way)
    tasks: set[asyncio.Task[None]] = set()
    trusted = ssl.create_default_context()
    async with httpx.AsyncClient(limits=limits, timeout=WITHIN_S, trust_env=False, verify=trusted) as client:
        began = time.monotonic()
        try:
            for number, request in enumerate(requests):
                due = began + number / rate
                await asyncio.sleep(max(0.0, due - time.monotonic()))
                if not await _has_room(room, began + seconds + LATE_S):
                    break
                counts.behind_s = max(counts.behind_s, time.monotonic() - due)
                counts.sent += 1
                counts.sending_s = time.monotonic() - began
                counts.changed += request.changed
                progress(counts.sent)
                task = asyncio.create_task(_send_one(client, address, request, due, counts))
                tasks.add(task)
                task.add_done_callback(tasks.discard)
                task.add_done_callback(lambda _: room.release())
            with suppress(TimeoutError):
                async with asyncio.timeout(answers_within_s):
                    await asyncio.gather(*tasks)
        finally:
            counts.seconds = time.monotonic() - began
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


async def _send_one(
    client: httpx.AsyncClient, address: str, request: Request, due: float, counts: AnswerCounts
) -> None:
    headers = {"content-type": wire.JSON}
    if request.identity:
        headers[wire.http_name(wire.HEADER_ID)] = request.identity
    try:
        answer = await client.post(address, content=request.body, headers=headers)
    except (httpx.HTTPError, httpx.InvalidURL, UnicodeError) as error:
        counts.statuses[NO_ANSWER] += 1
        counts.said.setdefault(NO_ANSWER, shown(_in_words(error), MOST_SAID))
        return
    status = str(answer.status_code)
    if answer.is_success and _has_prediction(answer.content):
        counts.statuses[status] += 1
        counts.latencies_ms.append(1000 * (time.monotonic() - due))
    elif answer.is_success:
        counts.statuses[NO_PREDICTION] += 1
        counts.said.setdefault(NO_PREDICTION, f"status {status} with {quoted(answer.text, MOST_SAID)}")
    else:
        counts.statuses[status] += 1
        counts.said.setdefault(status, words_of(answer.content, MOST_SAID) or answer.reason_phrase)


def _has_prediction(body: bytes) -> bool:
    try:
        return count_rows(body, Role.PREDICTION) > 0
    except InvalidPayload:
        return False


def _in_words(error: Exception) -> str:
    """Return why no answer came, as other commands say it where they do."""
    causes = list(_causes(error))
    if any(isinstance(cause, ConnectionRefusedError) for cause in causes):
        return "nobody listens there"
    if unknown := next((cause for cause in causes if isinstance(cause, socket.gaierror)), None):
        return f"no host is known by that name ({unknown.strerror or unknown})"
    if isinstance(error, httpx.TimeoutException):
        return f"no answer came within {WITHIN_S:g} s"
    return f"{type(error).__name__}: {error}".removesuffix(": ")


def _causes(error: BaseException) -> Iterator[BaseException]:
    """Yield an error and what it came of: of several addresses of a host each has its own."""
    yield error
    parts = error.exceptions if isinstance(error, BaseExceptionGroup) else ()
    for cause in (error.__cause__ or error.__context__, *parts):
        if cause is not None:
            yield from _causes(cause)
