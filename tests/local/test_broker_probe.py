"""Only a broker that takes records counts as healthy."""

from __future__ import annotations

import socket
import struct
import threading
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from pegel_local.kafka.broker_probe import CORRELATION, broker_takes_records
from pegel_local.machine.ports import LOOPBACK, free_ports


@contextmanager
def answering(answer: bytes) -> Iterator[int]:
    """Listen on a port and answer the first request with the given bytes."""
    with socket.create_server((LOOPBACK, 0)) as server:

        def serve() -> None:
            connection, _ = server.accept()
            with connection:
                connection.recv(1024)
                connection.sendall(answer)

        thread = threading.Thread(target=serve)
        thread.start()
        yield server.getsockname()[1]
        thread.join()


def metadata(brokers: int, correlation: int = CORRELATION) -> bytes:
    """Return the beginning of a metadata answer that lists so many brokers."""
    body = struct.pack(">iii", correlation, 0, brokers)
    return struct.pack(">i", len(body)) + body


@pytest.mark.parametrize(
    ("answer", "healthy"),
    [
        (metadata(1), True),
        (metadata(0), False),
        (metadata(1, correlation=99), False),
        (metadata(1)[:6], False),
        (b"HTTP/1.1 400 Bad Request\r\n", False),
        (b"", False),
    ],
    ids=["in service", "fenced", "another question's answer", "cut off", "another protocol", "closed"],
)
def test_only_a_broker_in_service_is_healthy(answer: bytes, healthy: bool) -> None:
    """A fenced broker, half an answer, or something else on the port is not healthy."""
    with answering(answer) as port:
        assert healthy is broker_takes_records(port)


def test_a_closed_port_is_not_healthy() -> None:
    """Nothing that listens, nothing that is healthy."""
    (port,) = free_ports(1)

    assert not broker_takes_records(port)
