"""Asks a broker for its metadata: the answer lists brokers that take records.

Only unfenced brokers are listed, so a port that is open while the broker still starts does not count as healthy. The
wire format is kafka-python's; the connection is ours, because its clients try again on their own, log each failure and
leave a socket behind where a port answers before the broker does.
"""

from __future__ import annotations

import socket
import time

from kafka.errors import KafkaError
from kafka.protocol.metadata import MetadataRequest
from kafka.protocol.parser import KafkaProtocol

from pegel_local.machine.ports import LOOPBACK

MOST_BYTES = 1 << 20
"""More than any answer of one broker; whatever announces more is none."""
PART_BYTES = 1 << 16


def broker_takes_records(port: int, timeout_s: float = 2.0) -> bool:
    """Say within about `timeout_s` whether the broker on `port` answers and counts itself among those in service."""
    deadline = time.monotonic() + timeout_s
    protocol = KafkaProtocol(client_id="pegel-probe", receive_message_max_bytes=MOST_BYTES)
    # For no topic at all: that still names every broker.
    protocol.send_request(MetadataRequest(version=4, topics=[], allow_auto_topic_creation=False))
    try:
        with socket.create_connection((LOOPBACK, port), timeout=timeout_s) as connection:
            connection.sendall(protocol.send_bytes())
            while time.monotonic() < deadline and (part := connection.recv(PART_BYTES)):
                for _, answer in protocol.receive_bytes(part):
                    return any(each.port == port for each in answer.brokers)
    except (OSError, KafkaError, ValueError):
        # Nothing listens, or something that is no broker.
        return False
    return False
