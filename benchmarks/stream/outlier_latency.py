"""How soon an outlier is told: `python -m benchmarks.stream.outlier_latency [--rates 1000 2000] [--seconds 30]`.

Run it with the Spark environment's interpreter. A real broker, a real driver on `local[2]` with three partitions, and
an open loop: requests with their answers are sent when they are due, whatever is behind, in JSON as the inference
logger writes them. One in twenty is an outlier. Latency is from the instant at which a request was due, which its id
carries, to the message on the outliers' topic in this process. Windows are of 15 s with a lateness of 6 s; how old a
provisional window is when it can be read, and a final one after its end, is measured beside it. Prints one JSON line
for each way of telling and each rate.
"""

from __future__ import annotations

import argparse
import json
import os
import tempfile
import threading
import time
from collections.abc import Mapping, Sequence
from contextlib import closing, suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import numpy as np
import orjson
from benchmarks.page import put, when
from benchmarks.stream.scene import Logger, Rows, Scene, scene, spent, wait
from confluent_kafka import Consumer, TopicPartition

from pegel.spec import names
from pegel.spec.monitor_spec import MonitorSpec
from pegel.store.results import Results
from pegel.testing.samples import sample_spec

ROWS = Rows(4, 0)
FAR_OUT = (b'{"instances":[[50.0,-50.0,60.0,-60.0]]}', b'{"predictions":[100.0]}')
ONE_IN = 20
WARM_S = 8
WITHIN_S = 30.0
LENGTH, LATENESS = timedelta(seconds=15), timedelta(seconds=6)
WAYS = ("standard", "realtime")
GOALS_MS = {"standard": (400, 1_000), "realtime": (25, 150)}
"""Wanted at most, in milliseconds: p75 and p99."""
PROVISIONAL_GOAL_MS = 600
"""Wanted at most of a provisional window, in milliseconds: p75."""
SHARES = (50, 75, 95, 99, 100)
NAMED = "p50 / p75 / p95 / p99 / max"


@dataclass(slots=True)
class Listener:
    """Hears what is told on the outliers' topic; `delays_s` by phase, of each message once."""

    address: str
    delays_s: dict[str, list[float]] = field(default_factory=dict)
    twice: int = 0
    _seen: set[str] = field(default_factory=set)
    _stop: threading.Event = field(default_factory=threading.Event)

    def run(self) -> None:
        """Listen until asked to stop."""
        consumer = Consumer(
            {"bootstrap.servers": self.address, "group.id": "listener", "enable.auto.commit": False, "log_level": 0}
        )
        consumer.assign([TopicPartition(names.outliers_topic("default"), 0, 0)])
        with closing(consumer):
            while not self._stop.is_set():
                message = consumer.poll(0.2)
                if message is not None and message.error() is None:
                    self._take(str(orjson.loads(message.value() or b"{}")["event_id"]), time.time())

    def stop(self) -> None:
        """Ask it to stop."""
        self._stop.set()

    def _take(self, event_id: str, now: float) -> None:
        phase, due, number = event_id.split("|")
        if int(number) % ONE_IN:
            return  # one of the few ordinary rows that score above the cut-off
        self.twice += event_id in self._seen
        if event_id not in self._seen:
            self._seen.add(event_id)
            self.delays_s.setdefault(phase, []).append(now - float(due))


@dataclass(slots=True)
class Watcher:
    """Looks at the windows of the results database; notes when each revision could be read first."""

    results: Results
    spec: MonitorSpec
    begin_s: float = 0.0
    rate: float = 1.0
    """Since when so many requests a second were due."""
    provisional_s: list[float] = field(default_factory=list)
    """How old the newest request counted in a provisional window was when its row could be read."""
    final_s: list[float] = field(default_factory=list)
    """How long after a window's end its final row could be read."""
    _seen: set[tuple[datetime, int]] = field(default_factory=set)
    _stop: threading.Event = field(default_factory=threading.Event)

    def run(self) -> None:
        """Look until asked to stop."""
        while not self._stop.wait(0.05):
            for row in self.results.windows(self.spec.model.name, self.spec.model.version, limit=3):
                if (row.span.start, row.revision) in self._seen:
                    continue
                self._seen.add((row.span.start, row.revision))
                now = datetime.now(UTC)
                if row.span.start.timestamp() < self.begin_s:
                    continue
                if row.final:
                    self.final_s.append((now - row.span.end).total_seconds())
                elif row.requests:
                    newest = row.span.start.timestamp() + (row.requests - 1) / self.rate
                    self.provisional_s.append(now.timestamp() - newest)

    def phase(self, rate: float) -> None:
        """Forget what was seen: from now on so many requests a second are due."""
        self.begin_s, self.rate = time.time(), rate
        self.provisional_s.clear()
        self.final_s.clear()

    def stop(self) -> None:
        """Ask it to stop."""
        self._stop.set()


def send(here: Scene, spec: MonitorSpec, phase: str, rate: int, seconds: float) -> int:
    """Send requests and their answers, so many pairs a second, each when it is due; return how many are outliers."""
    logger = Logger(here.broker.address, spec, linger_ms=2)
    ordinary = list(ROWS.bodies(10_000))
    begin, outliers = time.time(), 0
    for number in range(round(rate * seconds)):
        due = begin + number / rate
        while (left := due - time.time()) > 0:
            time.sleep(min(left, 0.001))
        far = number % ONE_IN == 0
        outliers += far
        bodies = FAR_OUT if far else ordinary[number % len(ordinary)]
        logger.send_one(f"{phase}|{due:.6f}|{number}", *bodies, datetime.fromtimestamp(due, UTC))
    logger.flush()
    return outliers


def measure(folder: Path, way: str, rates: Sequence[int], seconds: float) -> list[dict[str, Any]]:
    """Return how soon outliers were told by one driver, for each rate."""
    windowing = {"length": LENGTH.total_seconds(), "lateness": LATENESS.total_seconds()}
    spec = sample_spec(windowing=windowing, watch={"outliers": way})
    with scene(folder, [(spec, ROWS.baseline(spec))]) as here:
        listener, watcher = Listener(here.broker.address), Watcher(here.results, spec)
        wait(lambda: _is_ready(here, way))
        threads = [threading.Thread(target=each.run, daemon=True) for each in (listener, watcher)]
        for thread in threads:
            thread.start()
        send(here, spec, "warm", 200, WARM_S)
        measured = [_phase(here, spec, listener, watcher, way=way, rate=rate, seconds=seconds) for rate in rates]
        listener.stop()
        watcher.stop()
        for thread in threads:
            thread.join()
        return measured


def _is_ready(here: Scene, way: str) -> bool:
    wanted = "outliers in real time" if way == "realtime" else ""
    return here.is_idle() and here.beat is not None and here.beat.note == wanted


def _phase(
    here: Scene, spec: MonitorSpec, listener: Listener, watcher: Watcher, *, way: str, rate: int, seconds: float
) -> dict[str, Any]:
    watcher.phase(rate)
    load, before, began = os.getloadavg()[0], spent(here.driver), time.monotonic()
    phase, twice = f"{way}-{rate}", listener.twice
    sent = send(here, spec, phase, rate, seconds)
    with suppress(TimeoutError):
        wait(lambda: len(listener.delays_s.get(phase, [])) >= sent, WITHIN_S)
    after, lasted = spent(here.driver), time.monotonic() - began
    delays = listener.delays_s.get(phase, [])
    return {
        "outliers": way,
        "requests_per_s": rate,
        "sent": sent,
        "told": len(delays),
        "twice": listener.twice - twice,
        "ms": _shares(delays),
        "goal_ms": dict(zip(("p75", "p99"), GOALS_MS[way], strict=True)),
        "provisional_ms": _shares(watcher.provisional_s),
        "final_after_end_ms": _shares(watcher.final_s),
        "cores": {kind: round((after[kind] - before[kind]) / lasted, 2) for kind in sorted(after)},
        "load_before": round(load, 1),
    }


def _shares(delays_s: Sequence[float]) -> dict[str, float]:
    if not delays_s:
        return {}
    named = ["max" if share == 100 else f"p{share}" for share in SHARES]
    return {
        name: round(1000 * float(np.percentile(delays_s, share)), 1) for name, share in zip(named, SHARES, strict=True)
    }


def section(measured: Sequence[dict[str, Any]]) -> str:
    """Return the results as two tables: how soon outliers were told, and how soon windows could be read."""
    kinds = " + ".join(measured[-1]["cores"])
    outliers = [
        f"| {one['outliers']} | {one['requests_per_s']:,} | {_listed(one['ms'])} "
        f"| {one['goal_ms']['p75']} / {one['goal_ms']['p99']} "
        f"| {one['told']:,} of {one['sent']:,}, {one['twice']} twice "
        f"| {' + '.join(f'{value:.2f}' for value in one['cores'].values())} | {one['load_before']} |"
        for one in measured
    ]
    windows = [
        f"| {one['outliers']} | {one['requests_per_s']:,} | {_listed(one['provisional_ms'])} | {PROVISIONAL_GOAL_MS} "
        f"| {_listed(one['final_after_end_ms'])} | {one['load_before']} |"
        for one in measured
    ]
    return "\n".join(
        [
            f"Run on {when()} by `python -m benchmarks.stream.outlier_latency`.",
            "",
            (
                f"| `watch.outliers` | requests a second | ms until told: {NAMED} | wanted at most: p75 / p99 | told "
                f"| cores: {kinds} | load of the machine before |"
            ),
            "|---|---|---|---|---|---|---|",
            *outliers,
            "",
            (
                "From when the newest request counted in a provisional window was due until its row could be read, "
                f"and from a window's end until its final row could; {LATENESS.total_seconds():g} s of it lateness:"
            ),
            "",
            (
                f"| `watch.outliers` | requests a second | ms until provisional: {NAMED} | wanted at most: p75 "
                f"| ms until final: {NAMED} | load of the machine before |"
            ),
            "|---|---|---|---|---|---|",
            *windows,
        ]
    )


def _listed(ms: Mapping[str, float]) -> str:
    return " / ".join(f"{value:,.0f}" for value in ms.values()) or "none was read"


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--ways", nargs="+", choices=WAYS, default=list(WAYS))
    parser.add_argument("--rates", nargs="+", type=int, default=[1_000, 2_000])
    parser.add_argument("--seconds", type=float, default=30.0)
    parser.add_argument("--write", type=Path)
    options = parser.parse_args()
    measured = []
    for way in options.ways:
        with tempfile.TemporaryDirectory() as folder:
            for one in measure(Path(folder), way, options.rates, options.seconds):
                print(json.dumps(one), flush=True)
                measured.append(one)
    if options.write:
        put(options.write, "outlier-latency", section(measured))


if __name__ == "__main__":
    main()
