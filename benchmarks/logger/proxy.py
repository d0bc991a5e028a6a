"""What a request costs in proxy and logger beside the model's own: `python -m benchmarks.logger.proxy`.

Run it with the serving environment's interpreter. Five clients ask one after the other, through a proxy, a model server
that does nothing but answer 20 predictions; proxy and logger log both bodies to a real broker. Prints one JSON line.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import tempfile
import time
from pathlib import Path
from statistics import quantiles

from benchmarks.logger.posting import BODY
from benchmarks.logger.run import CONNECTIONS, Figures, serving
from benchmarks.page import put, when
from confluent_kafka.admin import AdminClient
from confluent_kafka.cimpl import NewTopic
from psutil import Process

from pegel.spec import names
from pegel_local.kafka.broker import Broker
from pegel_local.machine import paths
from pegel_serving import testing
from pegel_serving.http_client import HttpClient

MODEL = "bench-v1"
_ANSWER = json.dumps({"predictions": [1.5] * 20}).encode()


def serve() -> None:
    """Serve a model that answers every request with the same predictions."""
    testing.serve(testing.answering(_ANSWER, (b"content-type", b"application/json")))


async def ask(url: str, seconds: float) -> list[float]:
    """Ask over all connections, on each one request after the other; return how long each took, in seconds."""
    client = HttpClient(url, connections=CONNECTIONS, kept_s=60.0, silent_s=30.0)
    target, headers = f"/v1/models/{MODEL}:predict".encode(), [(b"content-type", b"application/json")]
    taken: list[float] = []

    async def one_after_the_other() -> None:
        ends = time.perf_counter() + seconds
        while (began := time.perf_counter()) < ends:
            answer = await client.call("POST", target, headers, BODY, lambda _part: None)
            if answer.status != 200:
                raise RuntimeError(f"answered {answer.status}")
            taken.append(time.perf_counter() - began)

    await asyncio.gather(*(one_after_the_other() for _ in range(CONNECTIONS)))
    await client.close()
    return taken


def cpu_s(process: Process) -> float:
    """Return the CPU seconds of a process so far."""
    times = process.cpu_times()
    return float(times.user + times.system)


def measure(broker: Broker, folder: Path, seconds: float) -> Figures:
    """Measure once."""
    topic = names.inference_topic("default")
    admin = AdminClient({"bootstrap.servers": broker.address})
    admin.create_topics([NewTopic(topic, 1, 1)])[topic].result(timeout=20)
    with (
        serving("pegel_serving.logger", "--kafka", broker.address, "--spool", str(folder / "spool")) as (log, logger),
        serving("benchmarks.logger.proxy", "--serve") as (upstream, server),
        serving("pegel_serving.proxy", "--upstream", upstream, "--logger", log, "--name", MODEL) as (url, proxy),
    ):
        asyncio.run(ask(url, 1.0))
        processes = {"proxy": proxy, "logger": logger, "model_server": server}
        before = {name: cpu_s(process) for name, process in processes.items()}
        taken = asyncio.run(ask(url, seconds))
        cpu = {f"{name}_cpu_us": 1e6 * (cpu_s(one) - before[name]) / len(taken) for name, one in processes.items()}
    cuts = quantiles(taken, n=100)
    return {"requests_per_s": len(taken) / seconds, **cpu, "p50_ms": 1000 * cuts[49], "p99_ms": 1000 * cuts[98]}


def section(figures: Figures) -> str:
    """Return the result as a table."""
    lines = [
        f"Run on {when()} by `python -m benchmarks.logger.proxy`; bodies of {len(BODY)} and {len(_ANSWER)} bytes.",
        "",
        "| a request through proxy and logger | |",
        "|---|---|",
        *(f"| {name.replace('_', ' ')} | {value:.5g} |" for name, value in figures.items()),
    ]
    return "\n".join(lines)


def main() -> None:
    """Measure once and print the result."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seconds", type=float, default=10.0)
    parser.add_argument("--write", type=Path)
    parser.add_argument("--serve", action="store_true", help="be the model server, and nothing else")
    options = parser.parse_args()
    if options.serve:
        serve()
        return
    with (
        tempfile.TemporaryDirectory() as folder,
        Broker(Path(folder) / "broker", paths.checkout().jars("broker")) as broker,
    ):
        figures = measure(broker, Path(folder), options.seconds)
    print(json.dumps(figures))
    if options.write:
        put(options.write, "proxy", section(figures))


if __name__ == "__main__":
    main()
