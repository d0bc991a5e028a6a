"""Only a broker that takes records counts as healthy."""

from __future__ import annotations

import logging
import socket
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from kafka.protocol.metadata import MetadataResponse

from pegel_local.kafka.broker import Broker
from pegel_local.kafka.broker_probe import broker_takes_records
from pegel_local.machine.paths import checkout
from pegel_local.machine.ports import LOOPBACK, free_ports


@contextmanager
def listening(answer: bytes | None) -> Iterator[int]:
    """Listen on a port; answer each connection with the given bytes and close it, or with None accept and be silent."""
    with socket.create_server((LOOPBACK, 0)) as server:
        stopped = threading.Event()

        def serve() -> None:
            while True:
                connection, _ = server.accept()
                with connection:
                    if stopped.is_set():
                        return
                    if answer is None:
                        stopped.wait(30)
                        return
                    connection.sendall(answer)

        thread = threading.Thread(target=serve)
        thread.start()
        port = server.getsockname()[1]
        yield port
        stopped.set()
        socket.create_connection((LOOPBACK, port)).close()
        thread.join()


def metadata(brokers: int, correlation_id: int = 1) -> bytes:
    """Return an answer that lists so many brokers."""
    broker = MetadataResponse.MetadataResponseBroker
    listed = [broker(node_id=node, host=LOOPBACK, port=9092, rack=None) for node in range(brokers)]
    answer = MetadataResponse(
        version=4, throttle_time_ms=0, brokers=listed, cluster_id=None, controller_id=0, topics=[]
    )
    answer.with_header(correlation_id=correlation_id)
    return bytes(answer.encode(framed=True, header=True))


def test_a_broker_in_service_is_healthy() -> None:
    """An answer that lists a broker is that of a broker in service."""
    with listening(metadata(1)) as port:
        assert broker_takes_records(port)


@pytest.mark.parametrize(
    "answer",
    [metadata(0), metadata(1, 99), metadata(1)[:6], b"HTTP/1.1 400 Bad Request\r\n\r\n", b"", None],
    ids=["fenced", "another question's answer", "cut off", "another protocol", "closed", "silent"],
)
def test_what_is_no_broker_is_not_healthy(answer: bytes | None) -> None:
    """A fenced broker, something else on the port, half an answer or none is not healthy, and the answer comes soon."""
    with listening(answer) as port:
        began = time.monotonic()
        healthy = broker_takes_records(port, timeout_s=0.5)
        took_s = time.monotonic() - began

    assert not healthy
    assert took_s < 5


def test_a_closed_port_is_not_healthy() -> None:
    """Nothing that listens, nothing that is healthy."""
    (port,) = free_ports(1)

    assert not broker_takes_records(port)


@pytest.mark.slow
def test_a_broker_is_healthy_until_it_is_killed(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    """A real broker counts as healthy once it is in service, no longer once it is gone, and leaves nothing outside."""
    with caplog.at_level(logging.WARNING), Broker(tmp_path / "broker", checkout().jars("broker")) as broker:
        before, identity = broker.healthy(), broker.process
        assert identity is not None
        words = Path(f"/proc/{identity.pid}/cmdline").read_text(encoding="utf-8").split("\0")
        counters = list(Path("/tmp").glob(f"hsperfdata_*/{identity.pid}"))  # noqa: S108  where every JVM keeps them
        broker.kill()
        after = broker.healthy()

    assert (True, False) == (before, after)
    assert [] == caplog.messages
    # Killed, it could clean up nothing: so nothing of it may stand in the system's temporary folder at any time.
    assert ([], True) == (counters, f"-Djava.io.tmpdir={broker.folder / 'scratch'}" in words)
