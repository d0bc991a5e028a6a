"""Posts events as the workers of an agent do: over a few connections, one event after the other on each."""

from __future__ import annotations

import asyncio
import json
import time
from contextlib import suppress
from dataclasses import dataclass, field
from urllib.parse import urlsplit

from pegel.data import wire
from pegel_serving.cloudevent import EndpointOrigin, LoggedBody, headers, now_ns

BODY = json.dumps({"instances": [["AA", -3.0, 14.0, 733.0, 2.0]] * 20}).encode()
NAMESPACE = "bench"


@dataclass(frozen=True)
class Load:
    """How events are posted: `rate` a second on all connections together, 0 for as many as are answered."""

    connections: int
    rate: float
    seconds: float


@dataclass
class Posted:
    """What was answered 200, and how long each answer took."""

    ids: list[str] = field(default_factory=list)
    latencies_s: list[float] = field(default_factory=list)
    seconds: float = 0.0


def message(event_id: str) -> bytes:
    """Return one event as an HTTP/1.1 request."""
    at = now_ns()
    event = LoggedBody(type=wire.REQUEST_TYPE, event_id=event_id, at_ns=at, content_type="application/json", body=BODY)
    origin = EndpointOrigin(name="bench-v1", namespace=NAMESPACE, source="bench")
    head = "".join(f"{name}: {value}\r\n" for name, value in headers(event, origin, recorded_ns=at).items())
    return f"POST / HTTP/1.1\r\nHost: bench\r\nContent-Length: {len(BODY)}\r\n{head}\r\n".encode() + BODY


def post(url: str, load: Load, name: str) -> Posted:
    """Post events whose ids begin with `name`. Raises RuntimeError on any answer but 200."""
    return asyncio.run(_post(url, load, name))


def post_until_gone(url: str, load: Load, name: str) -> Posted:
    """Post as `post` does until the server is gone, and return what it had answered."""
    posted = Posted()

    async def on_one(place: int) -> None:
        with suppress(OSError, asyncio.IncompleteReadError):
            await _post_on_one(url, load, f"{name}-{place}", time.perf_counter(), posted)

    async def on_all() -> None:
        await asyncio.gather(*(on_one(place) for place in range(load.connections)))

    asyncio.run(on_all())
    return posted


async def _post(url: str, load: Load, name: str) -> Posted:
    posted, began = Posted(), time.perf_counter()
    await asyncio.gather(
        *(_post_on_one(url, load, f"{name}-{place}", began, posted) for place in range(load.connections))
    )
    posted.seconds = time.perf_counter() - began
    return posted


async def _post_on_one(url: str, load: Load, name: str, began: float, posted: Posted) -> None:
    address = urlsplit(url)
    reader, writer = await asyncio.open_connection(address.hostname, address.port)
    pause, number = load.connections / load.rate if load.rate else 0.0, 0
    while (due := max(time.perf_counter(), began + number * pause)) - began < load.seconds:
        await asyncio.sleep(due - time.perf_counter())
        event_id = f"{name}-{number}"
        request, sent = message(event_id), time.perf_counter()
        writer.write(request)
        head = await reader.readuntil(b"\r\n\r\n")
        if not head.startswith(b"HTTP/1.1 200"):
            raise RuntimeError(head.decode())
        # behind its time, an event counts from the moment at which it was due
        posted.latencies_s.append(time.perf_counter() - (began + number * pause if pause else sent))
        posted.ids.append(event_id)
        number += 1
    writer.close()
