"""How much the inference logger takes, and whether it loses anything: `python -m benchmarks.logger.run [--ack broker]`.

Run it with the serving environment's interpreter. A real broker, the logger's process, and five connections that post
events one after the other, as the five workers of KServe's agent do. Prints one JSON line: events a second, the CPU
time the logger's process took per event, and how many ids are missing on the topic or came twice.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from urllib.parse import urlsplit

import psutil
from benchmarks.page import put, when
from confluent_kafka import Consumer, TopicPartition
from confluent_kafka.admin import AdminClient
from confluent_kafka.cimpl import NewTopic

from pegel.data import wire
from pegel.spec import names
from pegel_local.kafka.broker import Broker
from pegel_local.machine import paths
from pegel_serving.cloudevent import EndpointOrigin, LoggedBody, headers, now_ns

CONNECTIONS = 5
TOPIC = names.inference_topic("bench")
BODY = json.dumps({"instances": [["AA", -3.0, 14.0, 733.0, 2.0]] * 20}).encode()


def message(event_id: str) -> bytes:
    """Return one event as an HTTP/1.1 request."""
    at = now_ns()
    event = LoggedBody(type=wire.REQUEST_TYPE, event_id=event_id, at_ns=at, content_type="application/json", body=BODY)
    origin = EndpointOrigin(name="bench-v1", namespace="bench", source="bench")
    head = "".join(f"{name}: {value}\r\n" for name, value in headers(event, origin, recorded_ns=at).items())
    return f"POST / HTTP/1.1\r\nHost: bench\r\nContent-Length: {len(BODY)}\r\n{head}\r\n".encode() + BODY


async def post(url: str, ids: list[str]) -> None:
    """Post one event per id over one connection. Raises RuntimeError on any answer but 200."""
    address = urlsplit(url)
    reader, writer = await asyncio.open_connection(address.hostname, address.port)
    for event_id in ids:
        writer.write(message(event_id))
        head = await reader.readuntil(b"\r\n\r\n")
        if not head.startswith(b"HTTP/1.1 200"):
            raise RuntimeError(head.decode())
    writer.close()


async def flood(url: str, ids: list[str]) -> float:
    """Post all ids and return the seconds it took."""
    began = time.perf_counter()
    await asyncio.gather(*(post(url, ids[start::CONNECTIONS]) for start in range(CONNECTIONS)))
    return time.perf_counter() - began


def keys(address: str) -> list[str]:
    """Return the keys of all records on the topic."""
    consumer = Consumer({"bootstrap.servers": address, "group.id": "bench"})
    _, end = consumer.get_watermark_offsets(TopicPartition(TOPIC, 0), timeout=10)
    consumer.assign([TopicPartition(TOPIC, 0, 0)])
    found: list[str] = []
    while len(found) < end:
        found += [str((record.key() or b"").decode()) for record in consumer.consume(10_000, timeout=1.0)]
    consumer.close()
    return found


def measure(broker: Broker, folder: Path, options: argparse.Namespace) -> dict[str, object]:
    """Start a logger, post the events, stop it and count."""
    admin = AdminClient({"bootstrap.servers": broker.address})
    for created in admin.create_topics([NewTopic(TOPIC, 1, 1)]).values():
        created.result(timeout=20)
    flat = ("--kafka", broker.address, "--spool", str(folder / "spool"), "--ack", options.ack)
    logger = subprocess.Popen([sys.executable, "-m", "pegel_serving.logger", *flat], stdout=subprocess.PIPE)
    try:
        assert logger.stdout is not None
        url = json.loads(logger.stdout.readline())["url"]
        process = psutil.Process(logger.pid)
        asyncio.run(flood(url, [f"warm-{number}" for number in range(1000)]))
        before = process.cpu_times()
        ids = [f"event-{number}" for number in range(options.events)]
        seconds = asyncio.run(flood(url, ids))
        after = process.cpu_times()
        memory = process.memory_info().rss
    finally:
        logger.terminate()
        logger.wait(30)
    found = keys(broker.address)
    cpu = after.user + after.system - before.user - before.system
    return {
        "ack": options.ack,
        "events": options.events,
        "body_bytes": len(BODY),
        "events_per_s": round(options.events / seconds),
        "cpu_us_per_event": round(1e6 * cpu / options.events, 1),
        "rss_mib": round(memory / 2**20),
        "missing": len(set(ids) - set(found)),
        "doubled": len(found) - len(set(found)),
    }


def section(measured: dict[str, object]) -> str:
    """Return the result as a table."""
    lines = [f"| {name.replace('_', ' ')} | {value} |" for name, value in measured.items()]
    command = f"`python -m benchmarks.logger.run --ack {measured['ack']}`"
    return f"Run on {when()} by {command}.\n\n| acknowledged by | {measured['ack']} |\n|---|---|\n" + "\n".join(
        lines[1:]
    )


def main() -> None:
    """Measure once and print the result."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--events", type=int, default=50_000)
    parser.add_argument("--ack", choices=("enqueue", "broker"), default="enqueue")
    parser.add_argument("--write", type=Path)
    options = parser.parse_args()
    with (
        tempfile.TemporaryDirectory() as folder,
        Broker(Path(folder) / "broker", paths.checkout().jars("broker")) as broker,
    ):
        measured = measure(broker, Path(folder), options)
    print(json.dumps(measured))
    if options.write:
        put(options.write, f"logger {options.ack}", section(measured))


if __name__ == "__main__":
    main()
