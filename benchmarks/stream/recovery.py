"""How soon a killed driver has caught up: `python -m benchmarks.stream.recovery [--times 20] [--rate 200]`.

Run it with the Spark environment's interpreter. Requests with their answers are sent in an open loop, `--rate` pairs a
second, by a process of its own. Again and again the driver is killed with everything below it (SIGKILL), and its
successor is started at once. Told is how long it takes from the kill until the successor has counted something, and
until the windows hold every event but those of the last second and a half: caught up. At last requests and answers are
counted in each window and compared with what was sent in its time; late events are among those that windows lack. One
JSON line for each kill and one for all, with the floor (an interpreter, a JVM and Spark that do nothing else, in the
same run) and what is wanted. Exit code 1 if anything is missing or doubled.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
import uuid
from collections import Counter
from collections.abc import Sequence
from datetime import UTC, datetime
from itertools import cycle
from multiprocessing import get_context
from multiprocessing.synchronize import Event
from pathlib import Path
from typing import Any

import numpy as np
from benchmarks.page import put, when
from benchmarks.stream.scene import Logger, Rows, Scene, World, kill, wait, world
from benchmarks.stream.window_counts import differences

from pegel.spec.monitor_spec import MonitorSpec
from pegel.testing.samples import sample_spec

ROWS = Rows(4, 0)
BETWEEN_S = 5.0
"""From caught up to the next kill."""
BEHIND_S = 1.5
"""What was sent in the last so many seconds may be on its way still: the trigger takes one."""
QUIET_S = 10.0
"""So long nothing more is counted and nothing is left to read: what was lost or counted twice shows by then."""
LENGTH_S = 15
"""Of the windows in which events are counted."""
BEGIN = datetime(2026, 1, 1, tzinfo=UTC)
SHARES = (50, 95, 100)
WANTED_S = 10.0
"""Seconds from a kill until 19 of 20 successors have caught up, on a machine that does nothing else."""
IDLE_SPARK = """
from pegel.spec.settings import Settings
from pegel_spark import session
session.warm(session.build("floor", Settings()))
"""


def keep_sending(  # noqa: PLR0917  what a process is given
    address: str, spec: MonitorSpec, rate: float, sent: Any, stop: Event, said: Any
) -> None:
    """Send pairs until asked to stop; `sent` holds how many events were handed over.

    At last the queue `said` gets the number of pairs by the beginning of their window, in seconds since 1970.
    """
    pairs: Counter[int] = Counter()
    logger, bodies, began = Logger(address, spec), cycle(list(ROWS.bodies(10_000))), time.monotonic()
    while not stop.is_set():
        time.sleep(max(0.0, began + sent.value / (2 * rate) - time.monotonic()))
        at = datetime.now(UTC)
        logger.send_one(str(uuid.uuid4()), *next(bodies), at)
        pairs[int(at.timestamp() // LENGTH_S) * LENGTH_S] += 1
        sent.value += 2
    logger.flush()
    said.put(dict(pairs))


def kill_again_and_again(here: World, spec: MonitorSpec, sent: Any, stop: Event, options: Any) -> list[dict[str, Any]]:
    """Return what each kill cost, in seconds; at last nothing more is counted."""
    kills: list[dict[str, Any]] = []
    killed, before = 0.0, 0
    for number in range(options.times + 1):
        with here.driver(generation=number + 1) as driver:
            if number == 0:
                wait(Scene(here, driver).is_idle)
            else:
                wait(lambda: here.counted(spec) > before)  # noqa: B023  it is called at once
                first = time.monotonic() - killed
                wait(lambda: here.counted(spec) >= sent.value - 2 * options.rate * BEHIND_S)
                caught_up = time.monotonic() - killed
                kills.append({"kill": number, "first_s": round(first, 2), "caught_up_s": round(caught_up, 2)})
                print(json.dumps(kills[-1]), flush=True)
            if number < options.times:
                time.sleep(BETWEEN_S)
                before, killed = here.counted(spec), time.monotonic()
                kill(driver)
            else:
                stop.set()
                _wait_until_quiet(here, spec, number + 1)
    return kills


def _wait_until_quiet(here: World, spec: MonitorSpec, generation: int) -> None:
    """Wait until nothing is left to read and nothing more is counted."""
    before, since = -1, time.monotonic()

    def is_quiet() -> bool:
        nonlocal before, since
        counted, beat = here.counted(spec), here.beat(generation)
        if counted != before or beat is None or beat.lag:
            before, since = counted, time.monotonic()
        return time.monotonic() > since + QUIET_S

    wait(is_quiet)


def measure(folder: Path, options: argparse.Namespace) -> dict[str, Any]:
    """Kill so many drivers; return how soon the successors had caught up, and in what windows differ from the sent."""
    load, floor_s = round(os.getloadavg()[0], 1), start_of_spark_s()
    spec = sample_spec(windowing={"length": LENGTH_S, "lateness": 60})
    processes = get_context("spawn")
    sent, stop, said = processes.Value("q", 0), processes.Event(), processes.SimpleQueue()
    with world(folder, [(spec, ROWS.baseline(spec))]) as here:
        arguments = here.broker.address, spec, options.rate, sent, stop, said
        sender = processes.Process(target=keep_sending, args=arguments)
        sender.start()
        try:
            kills = kill_again_and_again(here, spec, sent, stop, options)
        finally:
            stop.set()
            sender.join(60)
        model = spec.model
        pairs = {datetime.fromtimestamp(start, UTC): count for start, count in said.get().items()}
        missing, doubled = differences(pairs, here.results.windows(model.name, model.version))
        late = here.results.ledger_total(model.name, model.version, BEGIN).late
    return {
        "kills": len(kills),
        "requests_per_s": options.rate,
        "first_s": percentiles([one["first_s"] for one in kills]),
        "caught_up_s": percentiles([one["caught_up_s"] for one in kills]),
        "floor_s": round(floor_s, 2),
        "wanted_p95_s": WANTED_S,
        "sent": sent.value,
        "missing": missing,
        "late": late,
        "doubled": doubled,
        "load_before": load,
    }


def start_of_spark_s() -> float:
    """Return how long a process takes that starts Spark and its workers, and nothing else."""
    began = time.monotonic()
    subprocess.run([sys.executable, "-c", IDLE_SPARK], check=True, stderr=subprocess.DEVNULL)
    return time.monotonic() - began


def percentiles(values: Sequence[float]) -> dict[str, float]:
    """Return p50, p95 and the largest of some numbers; nothing of none."""
    if not values:
        return {}
    return {f"p{share}": round(float(np.percentile(values, share)), 2) for share in SHARES}


def section(one: dict[str, Any]) -> str:
    """Return the result as a table."""
    rows = [f"| {name.replace('_', ' ')} | {_cell(value)} |" for name, value in one.items()]
    return f"Run on {when()} by `python -m benchmarks.stream.recovery`.\n\n| | |\n|---|---|\n" + "\n".join(rows)


def _cell(value: Any) -> str:
    return ", ".join(f"{name} {part}" for name, part in value.items()) if isinstance(value, dict) else str(value)


def main() -> int:
    """Measure and print; return 1 if an event is missing or doubled."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--times", type=int, default=20)
    parser.add_argument("--rate", type=float, default=200.0)
    parser.add_argument("--write", type=Path)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        measured = measure(Path(folder), options)
    print(json.dumps(measured), flush=True)
    if options.write:
        put(options.write, "recovery", section(measured))
    return int(measured["missing"] + measured["doubled"] > 0)


if __name__ == "__main__":
    sys.exit(main())
