"""Asks a broker for its metadata over a plain socket: the answer lists brokers that take records.

Only unfenced brokers are listed, so a port that is open while the broker still starts does not count as healthy. Wire
format: https://kafka.apache.org/protocol (Metadata, version 4).
"""

from __future__ import annotations

import socket
import struct

from pegel_local.machine.ports import LOOPBACK

METADATA, VERSION, CORRELATION = 3, 4, 7
CLIENT = b"pegel-probe"
MOST_BYTES = 1 << 20


def broker_takes_records(port: int, timeout: float = 2.0) -> bool:
    """Say whether the broker on `port` answers and counts itself among the brokers in service."""
    try:
        with socket.create_connection((LOOPBACK, port), timeout=timeout) as connection:
            connection.sendall(_request())
            return _brokers(_receive(connection)) > 0
    except OSError:
        return False


def _request() -> bytes:
    """Return a request for no topic at all (an empty list), which still answers with every broker."""
    head = struct.pack(">hhih", METADATA, VERSION, CORRELATION, len(CLIENT)) + CLIENT
    body = struct.pack(">i?", 0, False)
    return struct.pack(">i", len(head) + len(body)) + head + body


def _receive(connection: socket.socket) -> bytes:
    (size,) = struct.unpack(">i", _exactly(connection, 4))
    if not 0 <= size <= MOST_BYTES:
        # Something else listens here.
        return b""
    return _exactly(connection, size)


def _exactly(connection: socket.socket, size: int) -> bytes:
    received = b""
    while len(received) < size:
        part = connection.recv(size - len(received))
        if not part:
            raise ConnectionError("the connection was closed in the middle of an answer")
        received += part
    return received


def _brokers(answer: bytes) -> int:
    """Return how many brokers the answer lists: correlation id, throttle time, then the array's length."""
    head = struct.Struct(">iii")
    if len(answer) < head.size:
        return 0
    correlation, _, count = head.unpack_from(answer)
    return int(count) if correlation == CORRELATION else 0
