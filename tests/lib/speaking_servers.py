"""Servers of a few lines that do to each connection what a test wants: what they say need be no HTTP."""

from __future__ import annotations

import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager

Serve = Callable[[socket.socket], None]
Speaking = Callable[..., int]
"""`begin(serve, requests)` begins a server and returns its port; in the list, if there is one, it keeps requests."""
_ACCEPTED_WITHIN_S = 20.0


def saying(said: bytes) -> Serve:
    """Say the same to everybody and hang up."""
    return lambda connection: connection.sendall(said)


@contextmanager
def speaking_servers() -> Iterator[Speaking]:
    """Begin servers that serve each connection once its request is there, and end them all."""
    listeners: list[socket.socket] = []
    threads: list[threading.Thread] = []

    def begin(serve: Serve, requests: list[bytes] | None = None) -> int:
        listener = socket.create_server(("127.0.0.1", 0))
        listeners.append(listener)
        came = [] if requests is None else requests

        def take() -> None:
            while True:
                try:
                    connection, _ = listener.accept()
                except OSError:
                    return
                with connection:
                    try:
                        came.append(connection.recv(1 << 16))
                        serve(connection)
                    except OSError:
                        continue

        threads.append(threading.Thread(daemon=True, target=take))
        threads[-1].start()
        return int(listener.getsockname()[1])

    try:
        yield begin
    finally:
        for listener in listeners:
            listener.shutdown(socket.SHUT_RDWR)
            listener.close()
        for thread in threads:
            thread.join()


@contextmanager
def restarted_server() -> Iterator[str]:
    """Run a server that ends its first connection without an answer and answers the second; its address."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        listener.settimeout(_ACCEPTED_WITHIN_S)

        def restart() -> None:
            listener.accept()[0].close()
            connection, _ = listener.accept()
            with connection:
                connection.recv(1 << 16)
                connection.sendall(b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\n{}")

        thread = threading.Thread(daemon=True, target=restart)
        thread.start()
        yield f"http://127.0.0.1:{listener.getsockname()[1]}"
        thread.join()
