"""Only a broker that takes records counts as healthy."""

from __future__ import annotations

import logging
import socket
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from kafka.protocol.metadata import MetadataResponse

from pegel_local.kafka.broker import Broker
from pegel_local.kafka.broker_probe import broker_takes_records
from pegel_local.machine.paths import checkout
from pegel_local.machine.ports import LOOPBACK, free_ports


@contextmanager
def listening(answer: Callable[[int], bytes] | None) -> Iterator[int]:
    """Listen on a port; answer each connection with bytes made for it and close it, or with None be silent."""
    with socket.create_server((LOOPBACK, 0)) as server:
        stopped = threading.Event()
        port = server.getsockname()[1]

        def serve() -> None:
            while True:
                connection, _ = server.accept()
                with connection:
                    if stopped.is_set():
                        return
                    if answer is None:
                        stopped.wait(30)
                        return
                    connection.sendall(answer(port))

        thread = threading.Thread(daemon=True, target=serve)
        thread.start()
        try:
            yield port
        finally:
            stopped.set()
            socket.create_connection((LOOPBACK, port)).close()
            thread.join()


def metadata(*ports: int, correlation_id: int = 1) -> bytes:
    """Return an answer that lists brokers at these ports."""
    broker = MetadataResponse.MetadataResponseBroker
    listed = [broker(node_id=node, host=LOOPBACK, port=port, rack=None) for node, port in enumerate(ports)]
    answer = MetadataResponse(
        version=4, throttle_time_ms=0, brokers=listed, cluster_id=None, controller_id=0, topics=[]
    )
    answer.with_header(correlation_id=correlation_id)
    return bytes(answer.encode(framed=True, header=True))


def test_a_broker_in_service_is_healthy() -> None:
    """An answer that lists the broker asked, among others, is that of a broker in service."""
    with listening(lambda port: metadata(port - 1, port)) as port:
        assert broker_takes_records(port)


@pytest.mark.parametrize(
    "answer",
    [
        lambda _: metadata(),
        lambda port: metadata(port - 1),
        lambda port: metadata(port, correlation_id=99),
        lambda port: metadata(port)[:6],
        lambda _: b"HTTP/1.1 400 Bad Request\r\n\r\n",
        lambda _: b"",
        None,
    ],
    ids=["alone and fenced", "fenced", "another question's answer", "cut off", "another protocol", "closed", "silent"],
)
def test_what_is_no_broker_is_not_healthy(answer: Callable[[int], bytes] | None) -> None:
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
