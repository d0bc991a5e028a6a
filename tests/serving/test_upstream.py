"""Connections to a model server that closes them when it likes: no honest call is lost, none is sent without need."""

from __future__ import annotations

import asyncio
import socket
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from types import MappingProxyType

from pegel_serving.http_client import CallFailed
from pegel_serving.upstream import Upstream

ANSWER = b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok"
TARGET = b"/v1/models/paint-v1:predict"


class Closing:
    """A server that answers so many calls on each connection, and closes it on the next: read, and not answered."""

    def __init__(self, answers: int, begins: bytes = b"") -> None:
        """Say `begins` before closing."""
        self.answers, self.begins = answers, begins
        self.calls: list[int] = []
        """The number of each call on its own connection, in the order in which they came."""

    def serve(self, listener: socket.socket) -> None:
        """Take connections one after the other until the listener is shut down."""
        while True:
            try:
                connection, _ = listener.accept()
            except OSError:
                return
            threading.Thread(target=self._take, args=(connection,), daemon=True).start()

    def _take(self, connection: socket.socket) -> None:
        with connection:
            number = 0
            while connection.recv(1 << 16):
                number += 1
                self.calls.append(number)
                if number > self.answers:
                    connection.sendall(self.begins)
                    return
                connection.sendall(ANSWER)


@contextmanager
def running(server: Closing) -> Iterator[str]:
    """Run the server; its address."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        thread = threading.Thread(daemon=True, target=server.serve, args=(listener,))
        thread.start()
        yield f"http://127.0.0.1:{listener.getsockname()[1]}"
        listener.shutdown(socket.SHUT_RDWR)
        thread.join()


async def one(upstream: Upstream, pause_s: float = 0.0) -> str:
    """Make a call after a pause; what came of it: a body, or why there is none."""
    await asyncio.sleep(pause_s)
    parts: list[bytes] = []
    try:
        await upstream.send("POST", TARGET, [], b"", parts.append)
    except CallFailed as failure:
        return failure.why
    return b"".join(parts).decode()


def asked(address: str, calls: int, pauses: Mapping[int, float] = MappingProxyType({})) -> list[str]:
    """Make calls one after the other, before some a pause in seconds; what came of each: see `one`."""

    async def go() -> list[str]:
        upstream = Upstream(address, answers_within_s=5.0)
        try:
            return [await one(upstream, pauses.get(at, 0.0)) for at in range(calls)]
        finally:
            await upstream.close()

    return asyncio.run(go())


def test_a_call_on_a_connection_that_is_just_being_closed_is_sent_again() -> None:
    """A server that closes connections in the moment of their second use answers every call, on a new connection."""
    server = Closing(answers=1)
    with running(server) as address:
        answers = asked(address, calls=4)

    assert ["ok"] * 4 == answers
    # The second goes out twice, and its new connection is not kept; so does the fourth.
    assert [1, 2, 1, 1, 2, 1] == server.calls


def test_what_fails_on_a_new_connection_is_not_repeated() -> None:
    """A call at which a server hangs up at once may be why it does: it is sent once."""
    server = Closing(answers=0)
    with running(server) as address:
        answers = asked(address, calls=2)

    assert (["broken_off"] * 2, [1, 1]) == (answers, server.calls)


def test_an_answer_that_breaks_off_is_not_repeated() -> None:
    """Once an answer's head is there, the call was carried out; what lacks of its body is lost."""
    server = Closing(answers=1, begins=b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\n")
    with running(server) as address:
        answers = asked(address, calls=2)

    assert (["ok", "broken_off"], [1, 2]) == (answers, server.calls)


def test_a_connection_that_was_idle_is_given_up_before_a_usual_server_does() -> None:
    """A call right after another goes over its connection; one that comes 1.2 s later, over a new one."""
    server = Closing(answers=10)
    with running(server) as address:
        asked(address, calls=3, pauses={2: 1.2})

    assert [1, 2, 1] == server.calls
