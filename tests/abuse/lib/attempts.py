"""What every abuse is made of: where to send, requests, and what came back of each."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import AsyncIterator, Callable, Iterable, Mapping
from dataclasses import dataclass, field
from random import Random

import httpx

from pegel.data import wire
from pegel_serving.cloudevent import now_ns, rfc3339

ENDPOINT = "paint-v1"
PREDICT = f"/v1/models/{ENDPOINT}:predict"
ROW = ["red", 1.0, 2.0]
AT_ONCE = 16
"""Requests of one kind under way at the same time."""


@dataclass(frozen=True)
class Doors:
    """Where the two doors listen, a proxy that lets little be held, and the broker for whoever can write past them."""

    proxy: str
    tight_proxy: str
    logger: str
    kafka: str


@dataclass
class Tried:
    """What one kind of abuse sent, by answer: an HTTP status, `cut` for a connection that ended without one."""

    kind: str
    answers: Counter[str] = field(default_factory=Counter)

    @property
    def requests(self) -> int:
        """Return how many were sent."""
        return self.answers.total()


Body = bytes | Callable[[], AsyncIterator[bytes]]
Request = tuple[str, str, list[tuple[bytes, bytes]], Body]
"""Method, address, headers, body."""


async def post(requests: Iterable[Request], tried: Tried) -> Tried:
    """Send requests, some at once, and count the answers."""
    room = asyncio.Semaphore(AT_ONCE)
    limits = httpx.Limits(max_connections=AT_ONCE)
    async with httpx.AsyncClient(timeout=60.0, trust_env=False, limits=limits) as client, asyncio.TaskGroup() as group:

        async def send(method: str, url: str, headers: list[tuple[bytes, bytes]], body: Body) -> None:
            content = body if isinstance(body, bytes) else body()
            try:
                answer = await client.request(method, url, headers=headers, content=content)
                tried.answers[str(answer.status_code)] += 1
            except (httpx.TransportError, httpx.InvalidURL):
                tried.answers["cut"] += 1
            finally:
                room.release()

        for request in requests:
            await room.acquire()
            group.create_task(send(*request))
    return tried


def event(changes: Mapping[str, bytes | None]) -> list[tuple[bytes, bytes]]:
    """Return the headers of an ordinary request of the honest endpoint, with some changed or (None) left out."""
    named: dict[str, bytes | None] = {
        wire.HEADER_ID: b"abuse",
        wire.HEADER_TYPE: wire.REQUEST_TYPE.encode(),
        wire.HEADER_SOURCE: b"stranger",
        wire.HEADER_SPEC_VERSION: b"1.0",
        wire.HEADER_TIME: rfc3339(now_ns()).encode(),
        wire.HEADER_NAMESPACE: b"default",
        wire.HEADER_ENDPOINT: ENDPOINT.encode(),
        wire.HEADER_CONTENT_TYPE: b"application/json",
        **changes,
    }
    return [(wire.http_name(name).encode(), value) for name, value in named.items() if value is not None]


def text(rng: Random, longest: int, alphabet: bytes = b"abz-019._/ A%\xe9\xff\t{}") -> bytes:
    """Draw bytes of up to `longest`, mostly short; a header can carry all of them."""
    size = rng.choice([1, 8, 62, 63, 64, 100, 300, 600, longest])
    return bytes(rng.choice(alphabet) for _ in range(min(size, longest))).strip() or b"x"
