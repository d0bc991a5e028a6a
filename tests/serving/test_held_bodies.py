"""Bodies at the proxy: bounded as they come, never compressed; those that stall give way."""

from __future__ import annotations

import asyncio
import gzip
import zlib
from collections.abc import Awaitable, Callable
from typing import Any

import pytest

from pegel_serving.body_reading import BodyEnd, BodyReader
from pegel_serving.held_bodies import BodyLimits, BodyRefused, HeldBodies, Holder


def whole(body: bytes) -> Callable[[], Awaitable[dict[str, Any]]]:
    """Return an ASGI `receive` that gives a body at once."""

    async def receive() -> dict[str, Any]:
        return {"type": "http.request", "body": body, "more_body": False}

    return receive


def stalled(body: bytes) -> Callable[[], Awaitable[dict[str, Any]]]:
    """Return an ASGI `receive` that gives the beginning of a body, and then nothing."""
    parts = [body]

    async def receive() -> dict[str, Any]:
        if not parts:
            await asyncio.Event().wait()
        return {"type": "http.request", "body": parts.pop(), "more_body": True}

    return receive


def status(body: bytes, encoding: str, **limits: Any) -> int:
    """Return the status for a body, 200 when it passes unchanged."""
    try:
        passed = asyncio.run(HeldBodies(Holder(BodyLimits(**limits))).request(whole(body), encoding))
    except BodyRefused as refusal:
        return refusal.status
    return 200 if passed == body else 500


@pytest.mark.parametrize(
    ("body", "encoding", "expected"),
    [
        (b"x" * 1000, "", 200),
        (b"x" * 1001, "", 413),
        (gzip.compress(b"x" * 500), "gzip", 415),
        (gzip.compress(b"x" * 500), " GZip ", 415),
        (zlib.compress(b"x" * 500), "deflate", 415),
        (gzip.compress(b"x" * 500), "", 200),
        (b"", "gzip", 415),
        (b"{}", "br", 415),
        (b"{}", "gzip, gzip", 415),
        (b"{}", "identity", 200),
        (b"{}", " Identity ", 200),
    ],
)
def test_a_body_is_bounded_and_not_compressed(body: bytes, encoding: str, expected: int) -> None:
    """The bound is inclusive; whatever a client declares as compressed the model server could not read."""
    assert expected == status(body, encoding, request_bytes=1000)


def test_who_stalls_gives_way_to_who_sends() -> None:
    """When all unfinished bodies hold too much, the oldest is given up, and one that comes whole is read."""

    async def go() -> tuple[list[BodyEnd], tuple[bytes, BodyEnd]]:
        reader = BodyReader(together_bytes=2500, within_s=60.0)
        slow = [asyncio.create_task(reader.read(stalled(b"x" * 1000), 10_000)) for _ in range(3)]
        await asyncio.sleep(0.01)
        honest = await reader.read(whole(b"y" * 2000), 10_000)
        done, pending = await asyncio.wait(slow, timeout=0.1)
        for task in pending:
            task.cancel()
        return [task.result()[1] for task in done], honest

    assert ([BodyEnd.NO_ROOM], (b"y" * 2000, BodyEnd.WHOLE)) == asyncio.run(go())
