"""What looking features up adds to a prediction: `python -m benchmarks.online.transformer`.

Run it with the serving environment's interpreter. A client sends `--rate` requests a second, each when it is due and
over a connection of its own if need be, in turns to a predictor that does nothing but answer and to a transformer
before it, which looks `--entities` entities up in a local store. A request's time begins when it was due. Prints one
JSON line.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import random
import tempfile
import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path
from statistics import median, quantiles

from benchmarks.logger.run import Figures, serving
from benchmarks.page import put, when
from psutil import Process

from pegel.data.entity_keys import entity_key
from pegel.online.local_store import LocalOnlineStore
from pegel.online.online_store import FeatureVector
from pegel_serving import testing
from pegel_serving.http_client import HttpClient

MODEL = "bench-v1"
FEATURES = 20
WANTED_MS = 5.0
"""Of the 99th percentile, more than without a transformer."""
_ANSWER = json.dumps({"predictions": [1.5]}).encode()
_ROW = {f"f{number}": number + 0.5 for number in range(FEATURES)}
_ONLINE = {"source": "local://bench", "keys": ["entity"], "features": list(_ROW)}
_WARM_S = 2.0
Bodies = Callable[[], bytes]


def serve() -> None:
    """Serve a model that answers every request with the same prediction."""
    testing.serve(testing.answering(_ANSWER, (b"content-type", b"application/json")))


def vectors(entities: int) -> Iterator[tuple[str, FeatureVector]]:
    """Yield so many entities with 20 numbers each."""
    now = datetime.now(UTC)
    for number in range(entities):
        yield entity_key([number]), FeatureVector({name: value + number for name, value in _ROW.items()}, now)


def whole_row() -> bytes:
    """Return a request that states all features."""
    return json.dumps({"instances": [_ROW]}).encode()


def some_entity(entities: int) -> bytes:
    """Return a request that names an entity."""
    return json.dumps({"instances": [{"entity": random.randrange(entities)}]}).encode()  # noqa: S311  no secret


async def ask(url: str, rate: float, seconds: float, body: Bodies) -> list[float]:
    """Send requests when they are due; return how long after that each was answered, in seconds."""
    client = HttpClient(url, connections=100, kept_s=4.0, silent_s=30.0)
    target, headers = f"/v1/models/{MODEL}:predict".encode(), [(b"content-type", b"application/json")]
    taken: list[float] = []

    async def one(due: float) -> None:
        answer = await client.call("POST", target, headers, body(), lambda _part: None)
        if answer.status != 200:
            raise RuntimeError(f"answered {answer.status}")
        taken.append(time.perf_counter() - due)

    begin = time.perf_counter()
    async with asyncio.TaskGroup() as group:
        for number in range(round(rate * seconds)):
            due = begin + number / rate
            await asyncio.sleep(max(0.0, due - time.perf_counter()))
            group.create_task(one(due))
    await client.close()
    return taken


def percentiles(taken: list[float]) -> tuple[float, float]:
    """Return p50 and p99 in milliseconds."""
    cuts = quantiles(taken, n=100)
    return 1000 * cuts[49], 1000 * cuts[98]


def cpu_s(process: Process) -> float:
    """Return the CPU seconds of a process so far."""
    times = process.cpu_times()
    return float(times.user + times.system)


def measure(folder: Path, options: argparse.Namespace) -> Figures:
    """Measure in turns, and return the medians of the turns."""
    LocalOnlineStore(folder / "online.db", "bench").load(vectors(options.entities))
    told = ("--online", json.dumps(_ONLINE), "--model_name", MODEL, "--home", str(folder))
    alone, through, cpu = [], [], []
    with (
        serving("benchmarks.online.transformer", "--serve") as (predictor, _),
        serving("pegel_serving.transformer", *told, "--predictor_host", predictor) as (url, process),
    ):
        asyncio.run(ask(url, options.rate, _WARM_S, lambda: some_entity(options.entities)))
        for _ in range(options.turns):
            alone.append(percentiles(asyncio.run(ask(predictor, options.rate, options.seconds, whole_row))))
            before = cpu_s(process)
            taken = asyncio.run(ask(url, options.rate, options.seconds, lambda: some_entity(options.entities)))
            cpu.append(1e6 * (cpu_s(process) - before) / len(taken))
            through.append(percentiles(taken))
    p50, p99 = (median(turn[at] for turn in through) for at in (0, 1))
    p50_alone, p99_alone = (median(turn[at] for turn in alone) for at in (0, 1))
    return {
        "predictor_p50_ms": p50_alone,
        "predictor_p99_ms": p99_alone,
        "transformer_p50_ms": p50,
        "transformer_p99_ms": p99,
        "overhead_p50_ms": p50 - p50_alone,
        "overhead_p99_ms": p99 - p99_alone,
        "transformer_cpu_us": median(cpu),
    }


def section(figures: Figures, options: argparse.Namespace) -> str:
    """Return the result as a table."""
    setting = (
        f"{options.rate:g} requests a second, one of {options.entities:,} entities each, {FEATURES} features of a "
        f"local store; medians of {options.turns} turns of {options.seconds:g} s"
    )
    kept = "missed" if figures["overhead_p99_ms"] > WANTED_MS else "kept"
    lines = [
        f"Run on {when()} by `python -m benchmarks.online.transformer`: {setting}.",
        f"Wanted: p99 at most {WANTED_MS:g} ms more than that of the predictor alone: {kept}.",
        "",
        "| a request through the transformer | |",
        "|---|---|",
        *(f"| {name.replace('_', ' ')} | {value:.4g} |" for name, value in figures.items()),
    ]
    return "\n".join(lines)


def main() -> None:
    """Measure and print the result."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rate", type=float, default=500.0, help="requests a second")
    parser.add_argument("--seconds", type=float, default=10.0, help="of each turn")
    parser.add_argument("--turns", type=int, default=3)
    parser.add_argument("--entities", type=int, default=100_000)
    parser.add_argument("--write", type=Path)
    parser.add_argument("--serve", action="store_true", help="be the predictor, and nothing else")
    options = parser.parse_args()
    if options.serve:
        serve()
        return
    with tempfile.TemporaryDirectory() as folder:
        figures = measure(Path(folder), options)
    print(json.dumps(figures))
    if options.write:
        put(options.write, "transformer", section(figures, options))


if __name__ == "__main__":
    main()
