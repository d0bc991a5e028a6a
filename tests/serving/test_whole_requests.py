"""Requests that come in one piece are answered by a function; all others, and what it declines, by the application."""

from __future__ import annotations

import asyncio
import socket
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

import pytest
from listening import Address, everything, listening
from waiting import wait_until

from pegel_serving.bounded_http import ConnectionLimits
from pegel_serving.whole_requests import Headers, Respond, response

HEAD = b"POST / HTTP/1.1\r\nhost: x\r\n"


def post(body: bytes, *more: bytes) -> bytes:
    """Return a request with a body of known length."""
    return HEAD + b"".join(line + b"\r\n" for line in more) + b"content-length: %d\r\n\r\n" % len(body) + body


@dataclass
class Door:
    """Both ways, and what came on each. `later`: the function answers after a moment."""

    whole: list[bytes] = field(default_factory=list)
    usual: list[bytes] = field(default_factory=list)
    gone: int = 0
    later: bool = False

    def take(self, headers: Headers, body: bytes, respond: Respond) -> bool:
        """Answer with the body, later if so asked; `decline` and `fail` do what they say."""
        assert b"host" == headers[0][0]
        if body == b"decline":
            return False
        if body == b"fail":
            raise ValueError(body)
        self.whole.append(body)
        if self.later:
            asyncio.get_running_loop().call_later(0.05, respond, response(200, [], b"late " + body))
        else:
            respond(response(200, [], b"whole " + body))
        return True

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        """Answer with the body that the application got."""
        if scope["type"] == "lifespan":
            await receive()
            await send({"type": "lifespan.startup.complete"})
            await receive()
            await send({"type": "lifespan.shutdown.complete"})
            return
        body = b""
        while True:
            message = await receive()
            if message["type"] == "http.disconnect":
                self.gone += 1
                return
            body += message["body"]
            if not message["more_body"]:
                break
        self.usual.append(body)
        told = b"usual " + body
        await send({"type": "http.response.start", "status": 200, "headers": [(b"content-length", b"%d" % len(told))]})
        await send({"type": "http.response.body", "body": told})


@contextmanager
def client_of(door: Door) -> Iterator[socket.socket]:
    """Serve a door, and connect to it."""
    address: Address
    with listening(door, ConnectionLimits(), take_whole=door.take) as address, socket.create_connection(address) as one:
        yield one


def answers(client: socket.socket, count: int) -> list[bytes]:
    """Return the bodies of so many answers, in order."""
    client.settimeout(10)
    stream = client.makefile("rb")
    bodies = []
    for _ in range(count):
        size = 0
        while (line := stream.readline()) not in {b"\r\n", b""}:
            name, _, value = line.partition(b":")
            size = int(value) if name.lower() == b"content-length" else size
        bodies.append(stream.read(size))
    return bodies


def test_a_request_in_one_piece_never_reaches_the_application() -> None:
    """One after the other on one connection."""
    door = Door()
    with client_of(door) as client:
        told = []
        for body in (b"a", b"", b"c" * 1000):
            client.sendall(post(body))
            told += answers(client, 1)

    assert [b"whole a", b"whole ", b"whole " + b"c" * 1000] == told
    assert [] == door.usual


@pytest.mark.parametrize("cut", [10, len(HEAD), len(post(b"abcdef")) - 6, len(post(b"abcdef")) - 3])
def test_wherever_a_request_is_cut_it_is_answered(cut: int) -> None:
    """In the application's way, where the rest of the body comes later than the headers."""
    door = Door()
    whole = post(b"abcdef")
    with client_of(door) as client:
        client.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        client.sendall(whole[:cut])
        time.sleep(0.05)
        client.sendall(whole[cut:])
        (told,) = answers(client, 1)

    came_with_headers = cut < len(whole) - 6
    assert (b"whole abcdef" if came_with_headers else b"usual abcdef") == told


def test_chunks_that_come_together_are_one_body() -> None:
    """The function sees what the application would."""
    door = Door()
    with client_of(door) as client:
        client.sendall(HEAD + b"transfer-encoding: chunked\r\n\r\n3\r\nabc\r\n2\r\nde\r\n0\r\n\r\n")
        (told,) = answers(client, 1)

    assert b"whole abcde" == told


@pytest.mark.parametrize("later", [False, True])
def test_requests_that_come_together_are_answered_in_order(later: bool) -> None:
    """The first by the function, the others wait for it and go the usual way: one client does not hold up others."""
    door = Door(later=later)
    with client_of(door) as client:
        client.sendall(post(b"a") + post(b"b") + post(b"c"))
        told = answers(client, 3)

    assert [b"late a" if later else b"whole a", b"usual b", b"usual c"] == told


@pytest.mark.parametrize(
    ("said", "told"),
    [
        (post(b"decline"), b"usual decline"),
        (post(b"a", b"connection: close"), b"usual a"),
        (post(b"a").replace(b"HTTP/1.1", b"HTTP/1.0"), b"usual a"),
        (post(b"a").replace(b"POST", b"PUT"), b"usual a"),
        (post(b"a", b"Expect: 100-Continue"), b"usual a"),
    ],
)
def test_what_is_not_usual_goes_to_the_application(said: bytes, told: bytes) -> None:
    """What the function declines, and whatever asks for more than an answer."""
    door = Door()
    with client_of(door) as client:
        client.sendall(said)
        came = answers(client, 2 if b"Expect" in said else 1)

    assert told == came[-1]
    assert [] == door.whole


def test_a_function_that_fails_is_answered_500() -> None:
    """The connection goes on, and so do others."""
    door = Door()
    with client_of(door) as client:
        client.sendall(post(b"fail"))
        client.settimeout(10)
        failed = client.recv(1000)
        client.sendall(post(b"a"))
        told = answers(client, 1)

    assert failed.startswith(b"HTTP/1.1 500 Internal Server Error\r\n")
    assert [b"whole a"] == told


def test_a_client_that_is_gone_gets_no_answer() -> None:
    """Nothing is written to its connection, and the next client is served."""
    door = Door(later=True)
    with listening(door, ConnectionLimits(), take_whole=door.take) as address:
        with socket.create_connection(address) as client:
            client.sendall(post(b"a"))
            assert wait_until(lambda: door.whole == [b"a"])
        with socket.create_connection(address) as client:
            client.sendall(post(b"b"))
            told = answers(client, 1)

    assert [b"late b"] == told


def test_who_sends_no_more_is_still_answered_late() -> None:
    """A sending side that is closed is no client that is gone."""
    door = Door(later=True)
    with client_of(door) as client:
        client.sendall(post(b"a"))
        client.shutdown(socket.SHUT_WR)
        said = everything(client)

    assert said.endswith(b"late a")
    assert b"connection: close" in said


def test_a_body_that_turns_out_unreadable_is_seen_without_its_client() -> None:
    """The application learns of it as before, and the client is told why."""
    door = Door()
    with client_of(door) as client:
        client.sendall(HEAD + b"transfer-encoding: chunked\r\n\r\n3\r\nabc\r\nnonsense\r\n")
        said = everything(client)

    assert said.startswith(b"HTTP/1.1 400")
    assert ([], 1) == (door.whole, door.gone)
