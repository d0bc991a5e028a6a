"""Calls to a server: every way in which an answer can come, end or not come, byte by byte."""

from __future__ import annotations

import asyncio
import socket
import threading
import time
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from typing import Any, TypeVar

import pytest
from speaking_servers import saying, speaking_servers

from pegel_serving.http_client import CallFailed, HttpClient, Why

Result = TypeVar("Result")
WHOLE = b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok"


def with_client(port: int, work: Callable[[HttpClient], Awaitable[Result]], **options: Any) -> Result:
    """Run a piece of work with a client of a server on this machine, and close its connections."""

    async def go() -> Result:
        given = {"connections": 5, "kept_s": 5.0, "silent_s": 5.0} | options
        of = HttpClient(f"http://127.0.0.1:{port}{given.pop('path', '')}", **given)
        try:
            return await work(of)
        finally:
            await of.close()

    return asyncio.run(go())


async def call(of: HttpClient, body: bytes = b"{}", target: bytes = b"/x") -> tuple[int, bytes] | Why:
    """Make a call; return status and body, or why there is no answer."""
    parts: list[bytes] = []
    try:
        answer = await of.call("POST", target, [], body, parts.append)
    except CallFailed as failure:
        return failure.why
    return answer.status, b"".join(parts)


@pytest.mark.parametrize(
    ("said", "expected"),
    [
        (WHOLE, (200, b"ok")),
        (b"HTTP/1.1 404 Not Found\r\ncontent-length: 0\r\n\r\n", (404, b"")),
        (b"HTTP/1.1 204 No Content\r\n\r\n", (204, b"")),
        (b"HTTP/1.1 304 Not Modified\r\ncontent-length: 9\r\n\r\n", (304, b"")),
        (b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n1\r\no\r\n1\r\nk\r\n0\r\nx: y\r\n\r\n", (200, b"ok")),
        (b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Early Hints\r\na: b\r\n\r\n" + WHOLE, (200, b"ok")),
        (b"HTTP/1.1 200 OK\r\n\r\nup to the end", (200, b"up to the end")),
        (b"HTTP/1.0 200 OK\r\n\r\nup to the end", (200, b"up to the end")),
        (WHOLE + b"HTTP/1.1 200 OK\r\ncontent-length: 4\r\n\r\nmore", (200, b"ok")),
        (WHOLE + b"nonsense", Why.UNREADABLE),
        (b"", Why.BROKEN_OFF),
        (b"HTTP/1.1 200 OK\r\ncontent-le", Why.BROKEN_OFF),
        (b"HTTP/1.1 200 OK\r\ncontent-length: 3\r\n\r\nok", Why.BROKEN_OFF),
        (b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n1\r\no\r\n", Why.BROKEN_OFF),
        (b"HTTP/1.1 100 Continue\r\n\r\n", Why.BROKEN_OFF),
        (b"HTTP/1.1 101 Switching Protocols\r\nupgrade: x\r\nconnection: upgrade\r\n\r\n", Why.UNREADABLE),
        (b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\nzz\r\n", Why.UNREADABLE),
        (b"SSH-2.0-OpenSSH_9.6\r\n", Why.UNREADABLE),
        (b"HTTP/1.1 200 OK\r\nx: " + b"a" * 70_000, Why.UNREADABLE),
    ],
)
def test_an_answer_is_whole_or_it_is_none(said: bytes, expected: tuple[int, bytes] | Why) -> None:
    """Whatever a server says before it hangs up; a second answer is no part of the first."""
    with speaking_servers() as begin:
        port = begin(saying(said))

        assert expected == with_client(port, call)


@contextmanager
def listener() -> Iterator[tuple[socket.socket, int]]:
    """Listen without ever taking a connection."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        yield server, server.getsockname()[1]


def test_a_server_that_says_nothing_is_given_up() -> None:
    """After the time in which nothing moved; so is one call that waits for the connection of another."""

    async def go(of: HttpClient) -> list[object]:
        return list(await asyncio.gather(call(of), call(of)))

    with listener() as (_, port):
        assert [Why.SILENT, Why.SILENT] == with_client(port, go, silent_s=0.2, connections=1)


def test_where_nobody_listens_there_is_no_answer() -> None:
    """It is said as such."""
    with listener() as (_, port):
        pass

    assert Why.NOT_CONNECTED == with_client(port, call)


class Recorder:
    """A server that answers each call on its connection, and keeps what it was sent, connection by connection."""

    def __init__(self, answer: bytes = WHOLE, *, hangs_up: bool = False) -> None:
        """Give the same answer to all; `hangs_up` after each, a moment later."""
        self.answer, self.hangs_up = answer, hangs_up
        self.came: list[list[bytes]] = []

    def take(self, server: socket.socket) -> None:
        """Serve until the listener is shut down."""
        while True:
            try:
                connection, _ = server.accept()
            except OSError:
                return
            self.came.append([])
            threading.Thread(target=self._talk, args=(connection, self.came[-1]), daemon=True).start()

    def _talk(self, connection: socket.socket, came: list[bytes]) -> None:
        with connection:
            while request := connection.recv(1 << 16):
                came.append(request)
                connection.sendall(self.answer)
                if self.hangs_up:
                    return


@contextmanager
def recording(recorder: Recorder) -> Iterator[int]:
    """Run a server; its port."""
    with listener() as (server, port):
        thread = threading.Thread(daemon=True, target=recorder.take, args=(server,))
        thread.start()
        try:
            yield port
        finally:
            server.shutdown(socket.SHUT_RDWR)
            thread.join()


def test_calls_one_after_the_other_share_a_connection() -> None:
    """Calls at the same time have one each, up to the bound; then they wait."""

    async def go(of: HttpClient) -> None:
        for _ in range(3):
            await call(of)
        await asyncio.gather(*(call(of) for _ in range(6)))

    recorder = Recorder()
    with recording(recorder) as port:
        with_client(port, go, connections=2)

    assert 2 == len(recorder.came)
    assert 9 == sum(map(len, recorder.came))


def test_a_connection_that_the_server_closed_is_not_used_again() -> None:
    """Its end is seen before the next call."""

    async def go(of: HttpClient) -> list[object]:
        answers: list[object] = []
        for _ in range(3):
            answers.append(await call(of))
            await asyncio.sleep(0.05)
        return answers

    recorder = Recorder(hangs_up=True)
    with recording(recorder) as port:
        assert [(200, b"ok")] * 3 == with_client(port, go)
    assert [1, 1, 1] == list(map(len, recorder.came))


def test_headers_keep_their_letters() -> None:
    """Of any alphabet, both ways: what is Latin-1 goes out in UTF-8. The target lies below the base address."""

    async def go(of: HttpClient) -> list[tuple[bytes, bytes]]:
        given = [(b"x-name", b"caf\xe9"), (b"x-name", "\u4f60".encode())]
        return (await of.call("POST", b"/a?b=%20", given, b"body", lambda _part: None)).headers

    recorder = Recorder(b"HTTP/1.1 200 OK\r\nX-Odd: \xe9\r\nX-Odd: 2\r\ncontent-length: 0\r\n\r\n")
    with recording(recorder) as port:
        told = with_client(port, go, path="/base/")

    assert [(b"X-Odd", b"\xe9"), (b"X-Odd", b"2"), (b"content-length", b"0")] == told
    assert (
        b"POST /base/a?b=%%20 HTTP/1.1\r\nHost: 127.0.0.1:%d\r\nx-name: caf\xc3\xa9\r\nx-name: \xe4\xbd\xa0\r\n"
        b"Content-Length: 4\r\n\r\nbody" % port
    ) == b"".join(recorder.came[0])


def test_what_a_taker_raises_ends_the_call() -> None:
    """As it is; the next call has its own answer."""

    async def go(of: HttpClient) -> tuple[int, bytes] | Why:
        def refuse(_part: bytes) -> None:
            raise LookupError("no room")

        with pytest.raises(LookupError, match="no room"):
            await of.call("POST", b"/", [], b"", refuse)
        return await call(of)

    recorder = Recorder()
    with recording(recorder) as port:
        assert (200, b"ok") == with_client(port, go)


def test_a_call_that_nobody_waits_for_leaves_no_connection() -> None:
    """Its answer could be taken for that of the next call."""

    async def go(of: HttpClient) -> tuple[int, bytes] | Why:
        waiting = asyncio.create_task(call(of))
        await asyncio.sleep(0.05)
        waiting.cancel()
        await asyncio.wait([waiting])
        return await call(of)

    def first_late(server: socket.socket) -> None:
        for pause in (0.2, 0.0):
            connection, _ = server.accept()
            connection.recv(1000)
            time.sleep(pause)
            threading.Thread(daemon=True, target=connection.sendall, args=(WHOLE,)).start()
            kept.append(connection)

    kept: list[socket.socket] = []
    with listener() as (server, port):
        thread = threading.Thread(daemon=True, target=first_late, args=(server,))
        thread.start()

        assert (200, b"ok") == with_client(port, go)
        thread.join()
        for connection in kept:
            connection.close()
