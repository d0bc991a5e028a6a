"""Who may talk to a driver's ports: the JVM and the Python that belong together, and nobody else of the machine."""

from __future__ import annotations

import socket
import struct

import psutil
import pytest
from pyspark.sql import SparkSession

pytestmark = pytest.mark.slow


def said(port: int, message: bytes) -> bytes:
    """Return what a port answers to a stranger; nothing if it hangs up."""
    with socket.create_connection(("127.0.0.1", port), timeout=10) as stranger:
        try:
            stranger.sendall(message)
            return stranger.recv(65_536)
        except ConnectionResetError:
            return b""


def rpc(body: bytes) -> bytes:
    """Return a request as Spark frames it: length, kind 3, a number, the body."""
    message = struct.pack(">bqi", 3, 7, len(body)) + body
    return struct.pack(">q", 8 + len(message)) + message


def test_every_port_is_on_the_loopback_address(spark: SparkSession) -> None:
    """Neither the JVM nor Python listens where another machine could reach it, and there is no user interface."""
    process = psutil.Process()
    listening = [
        connection.laddr.ip
        for each in (process, *process.children(recursive=True))
        for connection in each.net_connections()
        if connection.status == psutil.CONN_LISTEN
    ]

    assert {"127.0.0.1"} == {address.removeprefix("::ffff:") for address in listening}
    assert None is spark.sparkContext.uiWebUrl


def test_the_ports_of_spark_ask_for_its_secret(spark: SparkSession) -> None:
    """A request without the session's secret is refused before anything in it is read."""
    port = int(spark.sparkContext.getConf().get("spark.driver.port", "0"))
    answer = said(port, rpc(b"x" * 20))

    assert (b"Expected SaslMessage" in answer, b"EOFException" in answer) == (True, False)
