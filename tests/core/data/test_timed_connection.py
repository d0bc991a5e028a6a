"""How long connecting may take where a server has several addresses."""

from __future__ import annotations

import socket
from collections.abc import Iterator
from contextlib import ExitStack
from datetime import timedelta

import pytest

from pegel.data.timed_connection import SocketAddress, TimeLimit, connected


def of(listener: socket.socket) -> SocketAddress:
    """Return the address of a listener."""
    host, port = listener.getsockname()
    return socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0]


@pytest.fixture
def silent() -> Iterator[SocketAddress]:
    """An address that neither takes a connection nor refuses it: those that wait there are as many as may."""
    with ExitStack() as opened:
        listener = opened.enter_context(socket.create_server(("127.0.0.1", 0), backlog=0))
        for _ in range(4):
            waiting = opened.enter_context(socket.socket())
            waiting.setblocking(False)
            waiting.connect_ex(listener.getsockname())
        yield of(listener)


@pytest.fixture
def listening() -> Iterator[SocketAddress]:
    """An address that takes connections."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        yield of(listener)


def test_an_address_without_answer_leaves_time_for_the_next(silent: SocketAddress, listening: SocketAddress) -> None:
    """Of two addresses the first has half of the time, so a server that the second leads to is reached."""
    limit = TimeLimit(timedelta(seconds=1))
    with connected([silent, listening], limit) as opened:
        reached = opened.getpeername()

    assert listening[4] == reached
    assert limit.seconds_left() > 0


def test_connecting_ends_with_the_time(silent: SocketAddress) -> None:
    """However many addresses there are, all of them together have no more than the time."""
    limit = TimeLimit(timedelta(seconds=0.3))
    with pytest.raises(TimeoutError):
        connected([silent] * 5, limit)
    with pytest.raises(TimeoutError):
        limit.seconds_left()
