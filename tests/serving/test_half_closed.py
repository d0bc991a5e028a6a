"""Clients that close their sending side behind their last request: what came whole is answered, at both doors."""

from __future__ import annotations

import asyncio
import logging
import socket
import struct
import threading
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import pytest
from listening import Address, everything, listening, slow_reader
from processes import metric
from senders import SwitchedSender
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route
from waiting import wait_until

from pegel_serving.bounded_http import ConnectionEnd, ConnectionLimits
from pegel_serving.cloudevent import EndpointOrigin
from pegel_serving.held_bodies import BodyLimits
from pegel_serving.logger.door_settings import DoorSettings
from pegel_serving.logger.http_door import LoggerApp
from pegel_serving.logger.metrics import Metrics
from pegel_serving.logger.pipeline import Limits, Pipeline
from pegel_serving.logger.spool import Spool
from pegel_serving.proxy import build

NOBODY = "http://127.0.0.1:9/"
SHORT, TALKATIVE = "/v1/models/m-v1:predict", "/v2/models/m-v1/infer"
LARGE = 1_000_000
EVENT = b"".join(
    b"%b: %b\r\n" % header
    for header in {
        b"ce-id": b"1",
        b"ce-type": b"org.kubeflow.serving.inference.request",
        b"ce-source": b"pod",
        b"ce-specversion": b"1.0",
        b"ce-namespace": b"default",
        b"ce-inferenceservicename": b"m-v1",
    }.items()
)


@dataclass(frozen=True)
class Door:
    """A listening logger or proxy, a request that it takes, and what says how many it has taken as whole."""

    address: Address
    request: bytes
    taken: Callable[[], float]


def answers(address: Address, said: bytes) -> int:
    """Say this, close the sending side, and return how many good answers come until the other side hangs up."""
    with socket.create_connection(address) as client:
        client.sendall(said)
        client.shutdown(socket.SHUT_WR)
        return everything(client).count(b"HTTP/1.1 200")


@pytest.fixture
def asked() -> list[str]:
    """Paths that the model was asked for."""
    return []


@pytest.fixture
def proxied(asked: list[str]) -> Iterator[tuple[Address, Counter[str]]]:
    """A proxy of a model that takes a moment and says much on `/v2`; and the connections that the proxy ended."""

    async def answer(request: Request) -> Response:
        asked.append(request.url.path)
        await asyncio.sleep(0.05)
        return Response(bytes(LARGE) if request.url.path == TALKATIVE else b"{}")

    server, ends = Starlette(routes=[Route("/{path:path}", answer, methods=["POST"])]), Counter[str]()
    origin = EndpointOrigin(name="m-v1", namespace="shop", source="test")
    with listening(server, ConnectionLimits()) as (host, port):
        proxy = build(f"http://{host}:{port}", NOBODY, origin, BodyLimits())
        with listening(proxy, ConnectionLimits(write_within_s=0.2), ends) as address:
            yield address, ends


@pytest.fixture
def logger(tmp_path: Path) -> Iterator[Address]:
    """A logger."""
    metrics, spool = Metrics(), Spool(tmp_path)
    app = LoggerApp(Pipeline(SwitchedSender(), spool, metrics, Limits()), metrics, DoorSettings(flush_s=0.0))
    with listening(app, ConnectionLimits(), app.connection_ends) as address:
        yield address
    spool.close()


@pytest.fixture(params=["proxy", "logger"])
def door(request: pytest.FixtureRequest, asked: list[str]) -> Door:
    """Each of the two doors."""
    if request.param == "proxy":
        return Door(request.getfixturevalue("proxied")[0], a_call(), lambda: len(asked))
    address = request.getfixturevalue("logger")
    url = f"http://{address[0]}:{address[1]}"
    return Door(
        address,
        b"POST / HTTP/1.1\r\n%bcontent-length: 2\r\n\r\n{}" % EVENT,
        lambda: metric(url, "pegel_logger_events_accepted_total"),
    )


def a_call(path: str = SHORT) -> bytes:
    """Return a call of the model."""
    return f"POST {path} HTTP/1.1\r\nhost: x\r\ncontent-length: 2\r\n\r\n{{}}".encode()


UNFINISHED = [0, 2, 40, -1]
"""Where a request is cut: it is not there, or its method, its headers or its body are not whole."""


def test_what_came_whole_is_answered(door: Door) -> None:
    """One request or several at once, and whatever unfinished one stands behind them, which is not taken."""
    said = [(whole, door.request * whole + door.request[:end]) for whole in (1, 3) for end in UNFINISHED]
    answered = [answers(door.address, each) for _, each in said]

    assert [whole for whole, _ in said] == answered
    assert sum(whole for whole, _ in said) == door.taken()


def test_what_is_not_whole_ends_at_once(door: Door) -> None:
    """Long before the time that a client has for the rest, and it is not taken."""
    assert [0] * 4 == [answers(door.address, door.request[:end]) for end in UNFINISHED]
    assert 0 == door.taken()


def test_an_event_that_is_not_whole_is_counted_as_lost(logger: Address) -> None:
    """Alone or behind others that are answered."""
    event = b"POST / HTTP/1.1\r\n%bcontent-length: 2\r\n\r\n{}" % EVENT
    answered = [answers(logger, event * whole + event[:-1]) for whole in (0, 1, 3)]
    url = f"http://{logger[0]}:{logger[1]}"

    assert [0, 1, 3] == answered
    assert 3 == metric(url, "pegel_logger_events_dropped_total", reason="client_disconnected")


def test_the_last_answer_says_that_the_connection_ends(proxied: tuple[Address, Counter[str]]) -> None:
    """Whoever can still read learns that nothing more will be taken; no end is counted, the client made it."""
    address, ends = proxied
    with socket.create_connection(address) as client:
        client.sendall(a_call() * 2)
        client.shutdown(socket.SHUT_WR)
        first, last = everything(client).split(b"HTTP/1.1 200 OK")[1:]

    assert (False, True, Counter()) == (b"connection: close" in first, b"connection: close" in last, ends)


def test_a_large_answer_comes_whole(proxied: tuple[Address, Counter[str]]) -> None:
    """What still waits in the door when the answer is given is sent before the connection ends."""
    with socket.create_connection(proxied[0]) as client:
        client.sendall(a_call(TALKATIVE))
        client.shutdown(socket.SHUT_WR)

        assert LARGE == len(everything(client).partition(b"\r\n\r\n")[2])


def test_who_does_not_read_is_cut_off(proxied: tuple[Address, Counter[str]]) -> None:
    """Closing the sending side gives nobody more time to take an answer."""
    address, ends = proxied
    with slow_reader(address) as client:
        client.sendall(a_call(TALKATIVE))
        client.shutdown(socket.SHUT_WR)
        cut = wait_until(lambda: ends.total() > 0, within_s=10)

    assert (True, {ConnectionEnd.OVER_TIME: 1}) == (cut, ends)


def test_who_may_have_hung_up_makes_room_for_who_comes() -> None:
    """However many are being answered and may be gone: beyond the bound of connections, the first makes room."""
    asked: list[str] = []
    release, ends = threading.Event(), Counter[str]()

    async def answer(request: Request) -> Response:
        asked.append(request.url.path)
        await asyncio.to_thread(release.wait, 0 if request.url.path == TALKATIVE else 10)
        return Response(b"{}")

    server = Starlette(routes=[Route("/{path:path}", answer, methods=["POST"])])
    with listening(server, ConnectionLimits(connections=3), ends) as address, ExitStack() as stack:
        for number in range(3):
            client = stack.enter_context(socket.create_connection(address))
            client.sendall(a_call(f"/v1/{number}"))
            client.shutdown(socket.SHUT_WR)
            assert wait_until(partial(asked.__contains__, f"/v1/{number}"))
        answered = answers(address, a_call(TALKATIVE))
        release.set()

    assert (1, {ConnectionEnd.MADE_ROOM: 1}) == (answered, ends)


def test_who_hangs_up_leaves_no_error_behind(
    proxied: tuple[Address, Counter[str]], caplog: pytest.LogCaptureFixture
) -> None:
    """An answer whose client is gone ends there, also where requests wait behind it: the log has no traceback."""
    with caplog.at_level(logging.ERROR):
        for calls, linger in ((1, 0), (3, 0), (1, 1), (3, 1)):  # politely, or with a reset
            with slow_reader(proxied[0]) as client:
                client.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", linger, 0))
                client.sendall(a_call(TALKATIVE) * calls)
                assert b"H" == client.recv(1)
        with socket.create_connection(proxied[0]) as client:
            client.sendall(a_call().replace(b"host", b"connection: close\r\nhost"))
            answer = everything(client)

    assert b"HTTP/1.1 200 OK" == answer[:15]
    assert [] == [record.getMessage() for record in caplog.records]
