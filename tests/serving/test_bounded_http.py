"""Slow, large and many clients on real sockets: each is cut off within its bound, and an honest one is answered."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from threading import Thread
from typing import Any

import httpx
import pytest
import uvicorn
from processes import wait_until

from pegel_serving import http_service
from pegel_serving.bounded_http import ConnectionLimits

HEAD = b"POST / HTTP/1.1\r\nhost: x\r\n"
LATE = b"GET /late HTTP/1.1\r\nhost: x\r\n\r\n"
SHORT = b"GET /short HTTP/1.1\r\nhost: x\r\n\r\n"


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


@contextmanager
def listening(limits: ConnectionLimits) -> Iterator[tuple[str, int]]:
    """Serve `echo` in a thread."""
    listener = http_service.bind("127.0.0.1", 0)
    server = http_service.AnnouncingServer(http_service.config(echo, limits), "echo", lambda: "")
    thread = Thread(target=lambda: asyncio.run(uvicorn.Server.serve(server, sockets=[listener])))
    thread.start()
    assert wait_until(lambda: server.started)
    try:
        yield listener.getsockname()[:2]
    finally:
        server.should_exit = True
        thread.join()


def answered(address: tuple[str, int]) -> int:
    """Return the status an honest client gets."""
    return httpx.post(f"http://{address[0]}:{address[1]}/", content=b"{}", trust_env=False).status_code


def everything(client: socket.socket) -> bytes:
    """Return what the other side says until it hangs up."""
    client.settimeout(10)
    said = b""
    try:
        while part := client.recv(1 << 16):
            said += part
    except ConnectionError:
        pass
    return said


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
    with listening(limits) as address, ExitStack() as stack:
        clients = [stack.enter_context(socket.create_connection(address)) for _ in beginnings]
        for client, said in zip(clients, beginnings, strict=True):
            client.sendall(said)

        assert 200 == answered(address)
        assert [True] * len(clients) == [ended(client) for client in clients]


def test_who_does_not_read_is_cut_off() -> None:
    """An answer that nobody takes is not kept for ever."""
    with (
        listening(ConnectionLimits(write_within_s=0.2)) as address,
        socket.socket() as client,
    ):
        client.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        client.connect(address)
        client.sendall((HEAD + b"\r\n") * 20)
        cut = wait_until(lambda: not _is_open(client), within_s=10)

        assert cut
        assert 200 == answered(address)


def _is_open(client: socket.socket) -> bool:
    """Say whether the other side still takes what is sent, without reading what it says."""
    try:
        client.send(b"P", socket.MSG_DONTWAIT)
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
    with listening(ConnectionLimits()) as address, socket.create_connection(address) as client:
        client.sendall(said)

        assert b"HTTP/1.1 431 " == client.recv(13)


def test_who_asks_many_things_at_once_is_cut_off() -> None:
    """One request is answered while eight wait; more of them do not become memory."""
    with listening(ConnectionLimits()) as address:
        with socket.create_connection(address) as client:
            client.sendall(SHORT * 5000)
            said = everything(client)

        assert 9 >= said.count(b"HTTP/1.1 200")
        assert 200 == answered(address)


def test_requests_that_wait_are_answered_before_more_are_read() -> None:
    """Nine at once, and eight more while those are being answered: all are answered, one after the other."""
    with listening(ConnectionLimits(idle_s=1)) as address, socket.create_connection(address) as client:
        client.sendall(LATE * 9)
        first = client.recv(1 << 16)
        client.sendall(LATE * 8)

        assert 17 == (first + everything(client)).count(b"HTTP/1.1 200")


def test_however_many_stall_an_honest_client_is_answered() -> None:
    """Beyond the bound of connections, whoever has been sending for longest makes room."""
    with listening(ConnectionLimits(connections=20)) as address, ExitStack() as stack:
        for _ in range(100):
            client = stack.enter_context(socket.create_connection(address))
            client.sendall(HEAD + b"content-length: 10\r\n\r\nhalf")

        assert [200] * 5 == [answered(address) for _ in range(5)]


def test_who_is_idle_makes_room_for_who_comes() -> None:
    """Connections that are kept open after an answer are no reason to refuse somebody."""
    with listening(ConnectionLimits(connections=5)) as address, ExitStack() as stack:
        base = f"http://{address[0]}:{address[1]}/"
        clients = [stack.enter_context(httpx.Client(trust_env=False)) for _ in range(10)]

        assert [200] * 20 == [client.post(base).status_code for client in clients * 2]
