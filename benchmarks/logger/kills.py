"""What SIGKILL costs: `python -m benchmarks.logger.kills [--kills 10] [--rate 1000] [--ack broker]`.

Events are posted over five connections, the logger is killed in the middle of them, and started again on the same
spool, again and again. Prints one JSON line: how many events were answered 200, how many of them are not on the topic,
and how many came twice.
"""

from __future__ import annotations

import argparse
import json
import random
import subprocess
import sys
import tempfile
import threading
from pathlib import Path

from benchmarks.logger.posting import Load, post_until_gone
from benchmarks.logger.run import CONNECTIONS, TOPIC, keys, warm
from confluent_kafka.admin import AdminClient
from confluent_kafka.cimpl import NewTopic

from pegel_local.kafka.broker import Broker
from pegel_local.machine import paths


def begin(broker: Broker, folder: Path, ack: str) -> tuple[subprocess.Popen[bytes], str]:
    """Start a logger; return its process and its address."""
    flat = ("--kafka", broker.address, "--spool", str(folder / "spool"), "--ack", ack)
    process = subprocess.Popen([sys.executable, "-m", "pegel_serving.logger", *flat], stdout=subprocess.PIPE)
    assert process.stdout is not None
    return process, json.loads(process.stdout.readline())["url"]


def measure(broker: Broker, folder: Path, options: argparse.Namespace) -> dict[str, float]:
    """Kill as often as asked, let a last logger send what is left, and count."""
    admin = AdminClient({"bootstrap.servers": broker.address})
    admin.create_topics([NewTopic(TOPIC, 1, 1)])[TOPIC].result(timeout=20)
    taken: list[str] = []
    for number in range(options.kills):
        process, url = begin(broker, folder, options.ack)
        # nobody knows at which step it is hit
        threading.Timer(1.5 + random.random(), process.kill).start()  # noqa: S311
        taken += post_until_gone(url, Load(CONNECTIONS, options.rate, 60.0), f"kill-{number}").ids
        process.wait()
    process, url = begin(broker, folder, options.ack)
    warm(url)
    process.terminate()
    process.wait()
    read = keys(broker.address)
    lost, doubled = len(set(taken) - set(read)), len(read) - len(set(read))
    return {"kills": options.kills, "answered": len(taken), "lost": lost, "came_twice": doubled}


def main() -> None:
    """Measure once and print the result."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--kills", type=int, default=10)
    parser.add_argument("--rate", type=float, default=1000.0)
    parser.add_argument("--ack", choices=("enqueue", "broker"), default="enqueue")
    options = parser.parse_args()
    with (
        tempfile.TemporaryDirectory() as folder,
        Broker(Path(folder) / "broker", paths.checkout().jars("broker")) as broker,
    ):
        print(json.dumps({"ack": options.ack, **measure(broker, Path(folder), options)}))


if __name__ == "__main__":
    main()
