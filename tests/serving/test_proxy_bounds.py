"""What a model server or a client can do to the proxy: break off, send too much, send odd letters."""

from __future__ import annotations

import asyncio
import socket
import threading
from collections.abc import Callable, Iterable, Iterator

import httpx
import pytest
import sinks
from starlette.applications import Starlette

from pegel.data import wire
from pegel_serving.agent import Agent
from pegel_serving.cloudevent import EndpointOrigin, LoggedBody
from pegel_serving.proxy import BodyLimits, build

ORIGIN = EndpointOrigin(name="paint-v1", namespace="shop", source="test")
NOBODY = "http://127.0.0.1:9/"


@pytest.fixture
def answering() -> Iterator[Callable[[bytes], str]]:
    """Servers that say the given bytes to whoever asks, and hang up."""
    listeners: list[socket.socket] = []
    threads: list[threading.Thread] = []

    def begin(said: bytes) -> str:
        listener = socket.create_server(("127.0.0.1", 0))
        listeners.append(listener)

        def serve() -> None:
            while True:
                try:
                    connection, _ = listener.accept()
                except OSError:
                    return
                with connection:
                    connection.recv(1 << 16)
                    connection.sendall(said)

        threads.append(threading.Thread(target=serve))
        threads[-1].start()
        return f"http://127.0.0.1:{listener.getsockname()[1]}"

    yield begin
    for listener in listeners:
        listener.shutdown(socket.SHUT_RDWR)
        listener.close()
    for thread in threads:
        thread.join()


def ask(app: Starlette, *bodies: bytes, ids: Iterable[bytes] = ()) -> list[httpx.Response]:
    """Post bodies one after the other, each with an id if there are any."""

    async def go() -> list[httpx.Response]:
        transport = httpx.ASGITransport(app)
        async with (
            app.router.lifespan_context(app),
            httpx.AsyncClient(transport=transport, base_url="http://proxy") as client,
        ):
            headers = [[(b"ce-id", event_id)] for event_id in ids] or [[]] * len(bodies)
            return [
                await client.post("/v1/models/paint-v1:predict", content=body, headers=named)
                for body, named in zip(bodies, headers, strict=True)
            ]

    return asyncio.run(go())


def whole(body: bytes) -> bytes:
    """Return an HTTP answer."""
    return b"HTTP/1.1 200 OK\r\ncontent-length: %d\r\n\r\n" % len(body) + body


@pytest.mark.parametrize(
    "said",
    [
        b"HTTP/1.1 200 OK\r\ncontent-length: 100\r\n\r\nhalf",
        b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n5\r\nabc",
        b"not HTTP at all\r\n\r\n",
        b"",
    ],
)
def test_an_answer_that_breaks_off_is_502(answering: Callable[[bytes], str], sink: sinks.Sink, said: bytes) -> None:
    """Whatever the model server says instead of a whole answer, and no response is logged."""
    (answer,) = ask(build(answering(said), sink.url, ORIGIN, (), BodyLimits()), b"{}")

    assert (502, {"error": "the model server does not answer"}) == (answer.status_code, answer.json())
    assert [wire.REQUEST_TYPE] == [headers["Ce-Type"] for headers, _ in sink.got]


@pytest.mark.parametrize(
    ("limits", "status"),
    [
        (BodyLimits(request_bytes=99), 413),
        (BodyLimits(answer_bytes=99), 502),
        (BodyLimits(held_bytes=199), 503),
        (BodyLimits(request_bytes=100, answer_bytes=100, held_bytes=200), 200),
    ],
)
def test_bodies_are_bounded(answering: Callable[[bytes], str], limits: BodyLimits, status: int) -> None:
    """Each on its side, and all of them together; a body of exactly the bound passes, twice in a row."""
    answers = ask(build(answering(whole(b"y" * 100)), NOBODY, ORIGIN, (), limits), b"x" * 100, b"x" * 100)

    assert [status, status] == [answer.status_code for answer in answers]


def test_an_id_of_any_letters_is_logged(answering: Callable[[bytes], str], sink: sinks.Sink) -> None:
    """More of them than there are workers: what a client may send, the logger gets."""
    given = [b"caf\xe9 %d" % number for number in range(10)]
    ask(build(answering(whole(b"{}")), sink.url, ORIGIN, (), BodyLimits()), *[b"{}"] * 10, ids=given)
    ids = sorted({headers["Ce-Id"] for headers, _ in sink.wait_for(20)})

    assert [f"caf\xe9 {number}" for number in range(10)] == ids


def test_no_event_ends_a_worker(sink: sinks.Sink) -> None:
    """What cannot be sent at all is counted as lost, and the next events are sent."""

    async def go() -> tuple[int, int]:
        async with Agent(sink.url, ORIGIN) as agent:
            for event_id in [*["\N{SNOWMAN}"] * 10, "plain"]:
                agent.log(LoggedBody(type=wire.REQUEST_TYPE, event_id=event_id, at_ns=0, content_type="", body=b"{}"))
        return agent.sent, agent.lost

    assert (1, 10) == asyncio.run(go())


def test_waiting_bodies_are_bounded_by_bytes(sink: sinks.Sink) -> None:
    """Behind a logger that does not answer, the rest is counted as lost."""
    sink.answers.clear()

    async def go() -> int:
        async with Agent(sink.url, ORIGIN, queue_bytes=50_000) as agent:
            for number in range(10):
                agent.log(
                    LoggedBody(
                        type=wire.REQUEST_TYPE, event_id=f"{number}", at_ns=0, content_type="", body=b"x" * 10_000
                    )
                )
            lost = agent.lost
            sink.answers.set()
        return lost

    assert 6 == asyncio.run(go())
