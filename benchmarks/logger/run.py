"""How much the inference logger takes, how fast, and whether it loses anything: `python -m benchmarks.logger.run`.

Run it with the serving environment's interpreter. A real broker, the logger's process, and five connections that post
events one after the other, as the five workers of KServe's agent do: first as fast as they are answered, then
`--rate` a second. In turns with it, in the same run, its floors: plain uvicorn with an application that does nothing,
and the Kafka client alone with as many events on their way. Prints what was wanted and a table; how far it is goes to
standard error.

`--ack broker`: an event is answered when the broker has it. `answered_from_disk` counts those for which it was too
slow (50 ms), and `spooled` those that went to the spool: with either, it is not the broker that was measured.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from statistics import fmean, quantiles

import httpx
import psutil
from benchmarks.logger import floors
from benchmarks.logger.posting import BODY, NAMESPACE, Load, Posted, post
from benchmarks.page import put, when
from confluent_kafka import Consumer, TopicPartition
from confluent_kafka.admin import AdminClient
from confluent_kafka.cimpl import NewTopic

from pegel.spec import names
from pegel_local.kafka.broker import Broker
from pegel_local.machine import paths
from pegel_serving.logger.__main__ import LINGER_MS
from pegel_serving.logger.producer import KafkaSettings

CONNECTIONS = 5
REACHED = 0.95
"""From this part of a rate on it counts as reached."""
WANTED = {
    "enqueue": "Wanted at most: 83 us of CPU per event as fast as it answers, p99 3 ms at 2,000 a second.",
    "broker": "Wanted: 2,000 events a second at least, p99 10 ms at most.",
}
"""By the mode of acknowledging."""
ROUNDS = 3
TOPIC = names.inference_topic(NAMESPACE)
FLOOR_TOPIC = "floor"
Figures = dict[str, float]


@contextmanager
def serving(*command: str) -> Iterator[tuple[str, psutil.Process]]:
    """Run a service; yield its address and its process."""
    process = subprocess.Popen([sys.executable, "-m", *command], stdout=subprocess.PIPE)
    try:
        assert process.stdout is not None
        yield json.loads(process.stdout.readline())["url"], psutil.Process(process.pid)
    finally:
        process.terminate()
        process.wait(30)


def counted(url: str, name: str) -> float:
    """Return a counter of the logger, summed over its labels."""
    lines = httpx.get(f"{url}/metrics", trust_env=False).text.splitlines()
    return sum(float(line.rpartition(" ")[2]) for line in lines if line.startswith(f"pegel_logger_{name}"))


def warm(url: str) -> list[str]:
    """Post until nothing waits, and return the ids: a producer that just began has to be made known to the broker."""
    ids: list[str] = []
    while not ids or counted(url, "queue_events") + counted(url, "spool_events"):
        ids += post(url, Load(CONNECTIONS, 0, 1.0), f"warm-{len(ids)}").ids
        time.sleep(0.5)
    return ids


def posted_to(url: str, process: psutil.Process, load: Load, name: str) -> tuple[Posted, Figures]:
    """Post, and return what was answered, and how fast at which cost."""
    before = process.cpu_times()
    posted = post(url, load, name)
    after = process.cpu_times()
    cuts = quantiles(posted.latencies_s, n=100)
    cpu = after.user + after.system - before.user - before.system
    return posted, {
        "events_per_s": len(posted.ids) / posted.seconds,
        "cpu_us_per_event": 1e6 * cpu / len(posted.ids),
        "p50_ms": 1000 * cuts[49],
        "p99_ms": 1000 * cuts[98],
    }


def keys(address: str) -> list[str]:
    """Return the keys of all records on the logger's topic."""
    consumer = Consumer({"bootstrap.servers": address, "group.id": "bench"})
    _, end = consumer.get_watermark_offsets(TopicPartition(TOPIC, 0), timeout=10)
    consumer.assign([TopicPartition(TOPIC, 0, 0)])
    read: list[str] = []
    while len(read) < end:
        read += [str((record.key() or b"").decode()) for record in consumer.consume(10_000, timeout=1.0)]
    consumer.close()
    return read


def mean(rounds: list[Figures]) -> Figures:
    """Return each figure's mean over the rounds."""
    return {name: round(fmean(figures[name] for figures in rounds), 2) for name in rounds[0]}


def measure(broker: Broker, folder: Path, options: argparse.Namespace) -> dict[str, Figures]:
    """Measure the logger and its floors in turns, each of `ROUNDS` times."""
    admin = AdminClient({"bootstrap.servers": broker.address})
    for created in admin.create_topics([NewTopic(topic, 1, 1) for topic in (TOPIC, FLOOR_TOPIC)]).values():
        created.result(timeout=20)
    settings = KafkaSettings(servers=broker.address, linger_ms=LINGER_MS[options.ack])
    closed = Load(CONNECTIONS, 0, options.seconds / ROUNDS)
    paced = Load(CONNECTIONS, options.rate, options.seconds / ROUNDS)
    names_of_rows = ("logger", "logger_paced", "nothing", "kafka_client", "kafka_client_paced")
    measured: dict[str, list[Figures]] = {name: [] for name in names_of_rows}
    flat = ("--kafka", broker.address, "--spool", str(folder / "spool"), "--ack", options.ack)
    with (
        serving("pegel_serving.logger", *flat) as (url, process),
        serving("benchmarks.logger.floors") as (idle_url, idle),
    ):
        ids = warm(url)
        spooled, from_disk = counted(url, "events_spooled_total"), counted(url, "answered_from_disk_total")
        for number in range(ROUNDS):
            print(f"round {number + 1} of {ROUNDS}, {5 * closed.seconds:.0f} s", file=sys.stderr, flush=True)
            for name, load in (("logger", closed), ("logger_paced", paced)):
                posted, figures = posted_to(url, process, load, f"{name}-{number}")
                measured[name].append(figures)
                ids += posted.ids
            measured["nothing"].append(posted_to(idle_url, idle, closed, "floor")[1])
            in_flight = CONNECTIONS if options.ack == "broker" else 1000
            for name, rate in (("kafka_client", 0.0), ("kafka_client_paced", options.rate)):
                measured[name].append(
                    floors.produce(settings, FLOOR_TOPIC, BODY, seconds=closed.seconds, in_flight=in_flight, rate=rate)
                )
        told = {
            "spooled": counted(url, "events_spooled_total") - spooled,
            "answered_from_disk": counted(url, "answered_from_disk_total") - from_disk,
            "rss_mib": round(process.memory_info().rss / 2**20),
        }
    read = keys(broker.address)
    told |= {"events": len(ids), "missing": len(set(ids) - set(read)), "doubled": len(read) - len(set(read))}
    return {name: mean(rounds) for name, rounds in measured.items()} | {"in_all": told}


def asked(rate: float, figures: Figures) -> str:
    """Return how many events a second were asked for, and that they were not reached where they were not."""
    reached = figures["events_per_s"] >= REACHED * rate
    return f"{rate:g} a second" if reached else f"{rate:g} a second asked for and not reached"


def section(measured: dict[str, Figures], options: argparse.Namespace) -> str:
    """Return the result as tables."""
    command = f"`python -m benchmarks.logger.run --ack {options.ack}`"
    rows = {
        "logger": "the logger, as fast as it answers",
        "logger_paced": f"the logger, {asked(options.rate, measured['logger_paced'])}",
        "nothing": "plain uvicorn that does nothing with an event",
        "kafka_client": "the Kafka client alone",
        "kafka_client_paced": f"the Kafka client alone, {asked(options.rate, measured['kafka_client_paced'])}",
    }
    lines = [
        f"Run on {when()} by {command}; bodies of {len(BODY)} bytes. {WANTED[options.ack]}",
        "",
        f"| ack={options.ack} | events/s | CPU us/event | p50 ms | p99 ms |",
        "|---|---|---|---|---|",
        *(
            f"| {text} | {' | '.join(f'{value:.5g}' for value in measured[name].values())} |"
            for name, text in rows.items()
        ),
        "",
        "| in all | |",
        "|---|---|",
        *(f"| {name.replace('_', ' ')} | {value:.0f} |" for name, value in measured["in_all"].items()),
    ]
    return "\n".join(lines)


def main() -> None:
    """Measure once and print the result."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--ack", choices=("enqueue", "broker"), default="enqueue")
    parser.add_argument("--seconds", type=float, default=15.0, help="of each of the five")
    parser.add_argument("--rate", type=float, default=2000.0, help="events a second of the paced part")
    parser.add_argument("--write", type=Path)
    options = parser.parse_args()
    with (
        tempfile.TemporaryDirectory() as folder,
        Broker(Path(folder) / "broker", paths.checkout().jars("broker")) as broker,
    ):
        measured = measure(broker, Path(folder), options)
    print(section(measured, options))
    if options.write:
        put(options.write, f"logger {options.ack}", section(measured, options))


if __name__ == "__main__":
    main()
