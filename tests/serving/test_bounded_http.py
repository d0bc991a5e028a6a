"""Slow, large and many clients on real sockets: each is cut off within its bound, and an honest one is answered."""

from __future__ import annotations

import asyncio
import socket
import time
from collections import Counter
from contextlib import ExitStack
from typing import Any

import httpx
import pytest
from listening import everything, listening, slow_reader
from waiting import wait_until

from pegel_serving.bounded_http import ConnectionEnd, ConnectionLimits

HEAD = b"POST / HTTP/1.1\r\nhost: x\r\n"
LATE = b"GET /late HTTP/1.1\r\nhost: x\r\n\r\n"
SHORT = b"GET /short HTTP/1.1\r\nhost: x\r\n\r\n"
LARGE = HEAD + b"\r\n"
CHUNKED = HEAD + b"transfer-encoding: chunked\r\n\r\n"


async def echo(scope: Any, receive: Any, send: Any) -> None:
    """Answer with a megabyte, or on `/short` and, after a moment, `/late` with a byte, once the body is whole."""
    if scope["type"] == "lifespan":
        await receive()
        await send({"type": "lifespan.startup.complete"})
        await receive()
        await send({"type": "lifespan.shutdown.complete"})
        return
    while (await receive()).get("more_body", False):
        pass
    size = 1_000_000 if scope["path"] == "/" else 1
    await asyncio.sleep(0.05 if scope["path"] == "/late" else 0)
    await send({"type": "http.response.start", "status": 200, "headers": [(b"content-length", b"%d" % size)]})
    await send({"type": "http.response.body", "body": bytes(size)})


class Recording:
    """The same application, which remembers what it was asked for."""

    def __init__(self) -> None:
        """Begin without having been asked."""
        self.paths: list[str] = []

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        """Answer as `echo` does."""
        self.paths += [scope["path"]] if scope["type"] == "http" else []
        await echo(scope, receive, send)


def answered(address: tuple[str, int]) -> int:
    """Return the status an honest client gets."""
    return httpx.post(f"http://{address[0]}:{address[1]}/", content=b"{}", trust_env=False).status_code


def ended(client: socket.socket) -> bool:
    """Say whether the other side hung up, and read what it said before."""
    client.settimeout(10)
    try:
        while client.recv(1 << 16):
            pass
    except ConnectionError:
        return True
    except TimeoutError:
        return False
    return True


def test_who_stalls_is_cut_off() -> None:
    """Wherever a request stops, its connection ends within its time, and others are answered meanwhile."""
    beginnings = [
        b"",
        b"POST / HT",
        HEAD,
        HEAD + b"x-endless: ",
        HEAD + b"content-length: 10\r\n\r\n",
        HEAD + b"content-length: 10\r\n\r\nhalf",
        HEAD + b"transfer-encoding: chunked\r\n\r\n5\r\nab",
        SHORT + b"GET / HT",
        SHORT + HEAD + b"content-length: 10\r\n\r\nhalf",
        SHORT + b"\r\n",
    ]
    limits = ConnectionLimits(headers_within_s=0.2, body_within_s=-1.8, idle_s=0)
    with listening(echo, limits) as address, ExitStack() as stack:
        clients = [stack.enter_context(socket.create_connection(address)) for _ in beginnings]
        for client, said in zip(clients, beginnings, strict=True):
            client.sendall(said)

        assert 200 == answered(address)
        assert [True] * len(clients) == [ended(client) for client in clients]


def test_who_does_not_read_is_cut_off() -> None:
    """An answer that nobody takes is not kept for ever."""
    ends: Counter[str] = Counter()
    with listening(echo, ConnectionLimits(write_within_s=0.2), ends) as address, slow_reader(address) as client:
        client.sendall(LARGE)
        cut = wait_until(lambda: not _is_open(client), within_s=10)

        assert (True, {ConnectionEnd.OVER_TIME: 1}) == (cut, ends)
        assert 200 == answered(address)


def test_who_reads_a_byte_at_a_time_is_cut_off() -> None:
    """However steadily: an answer has a time in all, after which its connection ends."""
    ends: Counter[str] = Counter()
    with listening(echo, ConnectionLimits(write_within_s=0.2), ends) as address, slow_reader(address) as client:
        client.sendall(LARGE)
        client.settimeout(10)

        assert wait_until(lambda: len(client.recv(1)) == 1 and ends[ConnectionEnd.OVER_TIME] == 1, within_s=10)
        assert 200 == answered(address)


def test_who_takes_an_answer_slowly_makes_room_for_who_comes() -> None:
    """Beyond the bound of connections, whoever has been taking an answer for longest is cut off for the newcomer."""
    ends: Counter[str] = Counter()
    with listening(echo, ConnectionLimits(connections=3), ends) as address, ExitStack() as stack:
        clients = [stack.enter_context(slow_reader(address)) for _ in range(3)]
        for client in clients:
            client.sendall(LARGE)
            assert b"H" == client.recv(1)
            time.sleep(0.005)  # the loop's clock counts milliseconds

        assert [200] * 3 == [answered(address) for _ in range(3)]
        assert wait_until(lambda: [False, True, True] == [_is_open(client) for client in clients])
    assert [ConnectionEnd.MADE_ROOM] == list(ends)


def _is_open(client: socket.socket) -> bool:
    """Say whether the other side still takes what is sent, without reading what it says; true once after it hung up.

    Between two requests an empty line means nothing.
    """
    try:
        client.send(b"\r\n", socket.MSG_DONTWAIT)
    except BlockingIOError:
        return True
    except OSError:
        return False
    return True


@pytest.mark.parametrize(
    "said",
    [
        HEAD + b"ce-id: " + b"x" * 20_000 + b"\r\n\r\n",
        HEAD + b"ce-id: " + b"x" * 20_000,
        HEAD + b"".join(b"x-%d: 1\r\n" % number for number in range(3000)),
        b"POST /" + b"x" * 20_000 + b" HTTP/1.1\r\n\r\n",
    ],
    ids=["a long value", "an endless value", "many", "a long path"],
)
def test_headers_are_bounded_together(said: bytes) -> None:
    """More than 16 KiB are answered 431, whole or not."""
    with listening(echo, ConnectionLimits()) as address, socket.create_connection(address) as client:
        client.sendall(said)

        assert b"HTTP/1.1 431 " == client.recv(13)


@pytest.mark.parametrize(
    ("said", "status", "end"),
    [
        (b"nonsense\r\n\r\n", b"400", ConnectionEnd.NO_HTTP),
        (HEAD + b"a header without a colon\r\n\r\n", b"400", ConnectionEnd.NO_HTTP),
        (HEAD + b"content-length: 5\r\ntransfer-encoding: chunked\r\n\r\n", b"400", ConnectionEnd.NO_HTTP),
        (CHUNKED + b"many\r\n", b"400", ConnectionEnd.BAD_BODY),
        (CHUNKED + b"1\r\nxyz\r\n", b"400", ConnectionEnd.BAD_BODY),
        (CHUNKED + b"0\r\na trailer without a colon\r\n\r\n", b"400", ConnectionEnd.BAD_BODY),
        (CHUNKED + b"0\r\n" + b"x: 1\r\n" * 10_000 + b"\r\n", b"431", ConnectionEnd.HEADERS_TOO_LARGE),
        (CHUNKED + b"0\r\nx: " + b"1" * 300_000, b"431", ConnectionEnd.HEADERS_TOO_LARGE),
        (CHUNKED + b"1;" + b"x" * 300_000, b"431", ConnectionEnd.HEADERS_TOO_LARGE),
        (HEAD + b"transfer-encoding: gzip, chunked\r\n\r\n", b"501", ConnectionEnd.TRANSFER_ENCODING),
        (HEAD + b"transfer-encoding: gzip\r\n\r\n", b"501", ConnectionEnd.TRANSFER_ENCODING),
        (
            HEAD + b"transfer-encoding: gzip\r\ntransfer-encoding: chunked\r\n\r\n",
            b"501",
            ConnectionEnd.TRANSFER_ENCODING,
        ),
    ],
)
def test_what_the_server_itself_refuses_is_answered_and_counted_by_kind(
    said: bytes, status: bytes, end: ConnectionEnd
) -> None:
    """With a status and a sentence, and the connection ends: the application never saw it, or not all of it."""
    ends: Counter[str] = Counter()
    with listening(echo, ConnectionLimits(), ends) as address, socket.create_connection(address) as client:
        client.sendall(said)
        head, _, sentence = everything(client).partition(b"\r\n\r\n")

    assert (b"HTTP/1.1 " + status, {end: 1}) == (head[:12], ends)
    assert sentence.endswith(b"\n")


async def late_headers(scope: Any, receive: Any, send: Any) -> None:
    """Answer with the names of the headers, once the body is whole."""
    if scope["type"] == "lifespan":
        await echo(scope, receive, send)
        return
    while (await receive()).get("more_body", False):
        pass
    body = b" ".join(name for name, _ in scope["headers"])
    await send({"type": "http.response.start", "status": 200, "headers": [(b"content-length", b"%d" % len(body))]})
    await send({"type": "http.response.body", "body": body})


def test_a_trailer_is_no_header() -> None:
    """What was judged by its headers stays as it was when the body ends."""
    said = b"POST / HTTP/1.1\r\nconnection: close\r\ntransfer-encoding: chunked\r\n\r\n"
    with listening(late_headers, ConnectionLimits()) as address, socket.create_connection(address) as client:
        client.sendall(said + b"2\r\n{}\r\n0\r\ncontent-encoding: gzip\r\n\r\n")

        assert b"connection transfer-encoding" == everything(client).partition(b"\r\n\r\n")[2]


@pytest.mark.parametrize(("asked", "seen", "answers"), [(9, 9, 9), (10, 1, 0), (12, 1, 0)])
def test_who_asks_many_things_at_once_is_cut_off(asked: int, seen: int, answers: int) -> None:
    """One request is answered while eight wait; one more, and those that wait are never seen, nor is any answered."""
    ends: Counter[str] = Counter()
    app = Recording()
    with listening(app, ConnectionLimits(idle_s=1), ends) as address, socket.create_connection(address) as client:
        client.sendall(LATE * asked)
        said = everything(client)

    assert (seen, answers) == (len(app.paths), said.count(b"HTTP/1.1 200"))
    assert ({} if asked == seen else {ConnectionEnd.TOO_MANY_REQUESTS: 1}) == ends


def test_however_many_are_asked_at_once_an_honest_client_is_answered() -> None:
    """Thousands of requests of one connection do not become memory, nor do others wait for them."""
    with listening(echo, ConnectionLimits()) as address:
        with socket.create_connection(address) as client:
            client.sendall(SHORT * 5000)

            assert ended(client)
        assert 200 == answered(address)


def test_a_request_that_is_being_answered_is_seen_whatever_comes_behind_it() -> None:
    """What is no HTTP ends the connection: the request before it loses its answer, not its place with the others."""
    ends: Counter[str] = Counter()
    app = Recording()
    with listening(app, ConnectionLimits(), ends) as address, socket.create_connection(address) as client:
        client.sendall(LATE + b"nonsense\r\n\r\n")
        said = everything(client)

    assert (["/late"], b"HTTP/1.1 400", {ConnectionEnd.NO_HTTP: 1}) == (app.paths, said[:12], ends)


def test_each_connection_is_counted_once() -> None:
    """Who is hung up on and then does not take what is still to be sent is cut off, and counted under the first."""
    ends: Counter[str] = Counter()
    with (
        listening(echo, ConnectionLimits(write_within_s=0.2), ends) as address,
        slow_reader(address) as client,
    ):
        client.sendall(LARGE)
        assert b"H" == client.recv(1)
        client.sendall(b"nonsense\r\n\r\n")
        assert wait_until(lambda: ends.total() > 0)
        cut = wait_until(lambda: not _is_open(client), within_s=10)

    assert (True, {ConnectionEnd.NO_HTTP: 1}) == (cut, ends)


def test_requests_that_wait_are_answered_before_more_are_read() -> None:
    """Nine at once, and eight more while those are being answered: all are answered, one after the other."""
    with listening(echo, ConnectionLimits(idle_s=1)) as address, socket.create_connection(address) as client:
        client.sendall(LATE * 9)
        first = client.recv(1 << 16)
        client.sendall(LATE * 8)

        assert 17 == (first + everything(client)).count(b"HTTP/1.1 200")


def test_however_many_stall_an_honest_client_is_answered() -> None:
    """Beyond the bound of connections, whoever has been sending for longest makes room."""
    with listening(echo, ConnectionLimits(connections=20)) as address, ExitStack() as stack:
        for _ in range(100):
            client = stack.enter_context(socket.create_connection(address))
            client.sendall(HEAD + b"content-length: 10\r\n\r\nhalf")

        assert [200] * 5 == [answered(address) for _ in range(5)]


def test_who_is_idle_makes_room_for_who_comes() -> None:
    """Connections that are kept open after an answer are no reason to refuse somebody."""
    with listening(echo, ConnectionLimits(connections=5)) as address, ExitStack() as stack:
        base = f"http://{address[0]}:{address[1]}/"
        clients = [stack.enter_context(httpx.Client(trust_env=False)) for _ in range(10)]

        assert [200] * 20 == [client.post(base).status_code for client in clients * 2]
