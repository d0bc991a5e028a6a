"""Bodies at the proxy: bounded as they come and as they go, never compressed; those that stall give way."""

from __future__ import annotations

import asyncio
import gzip
import time
import zlib
from collections.abc import Awaitable, Callable
from typing import Any

import pytest

from pegel_serving.body_reading import BodyEnd, BodyReader
from pegel_serving.held_bodies import BodyLimits, BodyRefused, ClientAnswer, HeldBodies, Holder


def whole(body: bytes) -> Callable[[], Awaitable[dict[str, Any]]]:
    """Return an ASGI `receive` that gives a body at once."""

    async def receive() -> dict[str, Any]:
        return {"type": "http.request", "body": body, "more_body": False}

    return receive


def stalled(*parts: bytes) -> Callable[[], Awaitable[dict[str, Any]]]:
    """Return an ASGI `receive` that gives the beginning of a body, if there is any, and then nothing."""
    rest = list(parts)

    async def receive() -> dict[str, Any]:
        if not rest:
            await asyncio.Event().wait()
        return {"type": "http.request", "body": rest.pop(), "more_body": True}

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


def hold_up() -> None:
    """Keep the loop from looking at anything for a quarter of a second."""
    time.sleep(0.25)


def test_room_is_made_while_the_time_of_others_runs_out() -> None:
    """A body that comes whole is read although all that hold too much run out of time in the same turn of the loop."""

    async def go() -> list[BodyEnd]:
        reader = BodyReader(together_bytes=2500, within_s=0.5)
        slow = [asyncio.create_task(reader.read(stalled(b"x" * 1000), 10_000)) for _ in range(2)]
        await asyncio.sleep(0.3)
        came: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        parts = [b"y" * 1000, b"y" * 1000]

        async def receive() -> dict[str, Any]:
            if len(parts) == 2:
                await came
            return {"type": "http.request", "body": parts.pop(), "more_body": bool(parts)}

        honest = asyncio.create_task(reader.read(receive, 10_000))
        await asyncio.sleep(0)
        asyncio.get_running_loop().call_later(0.15, came.set_result, None)
        hold_up()  # all of this is due when the loop looks again
        return [(await reading)[1] for reading in (*slow, honest)]

    assert [BodyEnd.SLOW, BodyEnd.SLOW, BodyEnd.WHOLE] == asyncio.run(go())


@pytest.mark.parametrize("parts", [(), (b"half",)])
def test_a_body_that_does_not_come_is_408(parts: tuple[bytes, ...]) -> None:
    """Its time begins with the headers, also when nothing of it ever comes."""
    bodies = HeldBodies(Holder(BodyLimits(body_within_s=0.05)))
    with pytest.raises(BodyRefused) as refusal:
        asyncio.run(bodies.request(stalled(*parts), ""))

    assert 408 == refusal.value.status


class Reader:
    """A client that takes what it is sent as long as `reads` is set, or until it is cut off."""

    def __init__(self) -> None:
        """Take nothing yet."""
        self.reads = asyncio.Event()
        self.pieces: list[bytes] = []
        self.is_cut_off = False

    async def send(self, message: Any) -> None:
        """Wait until it reads, as a connection does whose buffer is full."""
        await self.reads.wait()
        self.pieces.append(message.get("body", b""))

    def cut_off(self) -> None:
        """Wait for nothing more, as a connection does that is gone."""
        self.is_cut_off = True
        self.reads.set()


def answered(holder: Holder, size: int) -> tuple[Reader, asyncio.Task[None]]:
    """Begin to send an answer of `size` bytes to a client that does not read yet."""
    reader, bodies = Reader(), HeldBodies(holder)

    async def go() -> None:
        bodies.take(bytes(size))
        await bodies.send(ClientAnswer(200, [], bodies.answer()), reader.send, reader.cut_off)

    return reader, asyncio.create_task(go())


def test_an_answer_is_held_until_its_client_has_taken_it() -> None:
    """In pieces of at most 64 KiB; then there is room for the next."""

    async def go() -> tuple[list[int], list[int]]:
        holder = Holder(BodyLimits(held_bytes=200_000))
        held = []
        reader, sending = answered(holder, 200_000)
        await asyncio.sleep(0)
        held.append(holder.held)
        reader.reads.set()
        await sending
        return [*held, holder.held], [len(piece) for piece in reader.pieces]

    assert ([200_000, 0], [0, 65_536, 65_536, 65_536, 3392]) == asyncio.run(go())


def test_who_takes_an_answer_slowly_gives_way() -> None:
    """The oldest of them, as many as it takes, and none in vain: a call that would not fit all the same is 503."""

    async def go() -> tuple[list[bool], int]:
        holder = Holder(BodyLimits(held_bytes=1000))
        slow = [answered(holder, 300) for _ in range(3)]
        await asyncio.sleep(0)
        with pytest.raises(BodyRefused, match="come back later"):
            await HeldBodies(holder).request(whole(b"x" * 1001), "")
        await HeldBodies(holder).request(whole(b"x" * 500), "")
        cut_off = [reader.is_cut_off for reader, _ in slow]
        for reader, sending in slow:
            reader.reads.set()
            await sending
        return cut_off, holder.held

    assert ([True, True, False], 500) == asyncio.run(go())


def test_a_call_that_ends_lets_go_of_everything() -> None:
    """Also when its client goes away in the middle of an answer."""

    async def go() -> int:
        holder = Holder(BodyLimits())
        _, sending = answered(holder, 100_000)
        await asyncio.sleep(0)
        sending.cancel()
        await asyncio.wait([sending])
        return holder.held

    assert 0 == asyncio.run(go())
