"""ASGI applications on real sockets, in a thread, and clients that speak to them in bytes."""

from __future__ import annotations

import socket
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from threading import Thread

from waiting import wait_until

from pegel_serving import http_service
from pegel_serving.bounded_http import ConnectionLimits
from pegel_serving.whole_requests import TakeWhole

Address = tuple[str, int]


@contextmanager
def listening(
    app: object,
    limits: ConnectionLimits,
    ends: Counter[str] | None = None,
    *,
    port: int = 0,
    take_whole: TakeWhole | None = None,
) -> Iterator[Address]:
    """Serve an application in a thread, on the loop of our processes; connections it ends are counted in `ends`."""
    listener = http_service.bind("127.0.0.1", port)
    server = http_service.AnnouncingServer(
        http_service.config(app, limits, Counter() if ends is None else ends, take_whole=take_whole),
        "test",
        lambda: "",
    )
    thread = Thread(daemon=True, target=server.run, args=([listener],))
    thread.start()
    assert wait_until(lambda: server.started)
    try:
        yield listener.getsockname()[:2]
    finally:
        server.should_exit = True
        thread.join()


def slow_reader(address: Address) -> socket.socket:
    """Connect as a client into whose buffers hardly anything fits."""
    client = socket.socket()
    client.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
    client.setsockopt(
        socket.IPPROTO_TCP, socket.TCP_MAXSEG, 536
    )  # the sender's buffer follows: it takes 100 kB, not 3 MB
    client.connect(address)
    return client


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
