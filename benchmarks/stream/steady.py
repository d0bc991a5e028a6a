"""What a driver uses while it follows a steady stream: `python -m benchmarks.stream.steady [--seconds 60]`.

Run it with the Spark environment's interpreter. A real broker and a real driver on `local[2]` with three partitions;
events come in open loop, half of them requests, half their answers, in JSON. Prints one JSON line for each situation:

- `idle`: one model, no events
- `one model`: 200 events/s of 4 features
- `50 models`: 200 events/s in all
- `slides`: 500 events/s of 50 features in windows of 5 minutes that begin every 10 s, as many slides as a spec may have
"""

from __future__ import annotations

import argparse
import json
import os
import tempfile
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from itertools import cycle
from pathlib import Path
from typing import Any

import psutil
from benchmarks.page import put, when
from benchmarks.stream.scene import Logger, Rows, Scene, scene, spent, wait

from pegel.spec.monitor_spec import MAX_SLIDES
from pegel.testing.samples import sample_spec

SETTLE_S = 15.0
"""How long events come before anything is measured: the first batches load what later ones have."""
STEP_S = 0.05
LAG_EVERY_S = 1.0
ROWS = 5_000


@dataclass(frozen=True, slots=True)
class Situation:
    """What comes: `events` a second of all `models` together. Goals: cores, gigabytes, megabytes a minute."""

    name: str
    models: int
    events: int
    features: int = 4
    windowing: dict[str, int] = field(default_factory=lambda: {"length": 60, "lateness": 10})
    goals: tuple[float | None, float | None, float | None] = (None, None, None)


SITUATIONS = (
    Situation("idle", 1, 0, goals=(0.02, 0.6, None)),
    Situation("one model", 1, 200, goals=(0.15, None, None)),
    Situation("50 models", 50, 200, goals=(0.35, 0.8, 5.0)),
    Situation("slides", 1, 500, 50, {"length": MAX_SLIDES * 10, "slide": 10, "lateness": 10}),
)


class Stream:
    """Events in open loop, one model after the other."""

    def __init__(self, loggers: Sequence[Logger], rows: Rows, events_per_s: int) -> None:
        """Make the bodies beforehand, so that sending them takes little."""
        self._turns = cycle(loggers)
        self._bodies = cycle(list(rows.bodies(ROWS)))
        self._pairs_per_s = events_per_s / 2

    def run(self, seconds: float) -> Iterator[None]:
        """Send for so long; yields between steps."""
        began, sent = time.monotonic(), 0
        while (passed := time.monotonic() - began) < seconds:
            due = int(passed * self._pairs_per_s) + 1 if self._pairs_per_s else 0
            for _ in range(sent, due):
                next(self._turns).send([next(self._bodies)])
            sent = max(sent, due)
            yield
            time.sleep(STEP_S)


def measure(folder: Path, situation: Situation, seconds: float) -> dict[str, Any]:
    """Return what a situation costs, and how loaded the machine was before by others."""
    load = round(os.getloadavg()[0], 1)
    rows = Rows(situation.features, 0)
    specs = [sample_spec(f"model{number}", windowing=situation.windowing) for number in range(situation.models)]
    with scene(folder, [(spec, rows.baseline(spec)) for spec in specs]) as here:
        loggers = [Logger(here.broker.address, spec) for spec in specs]
        for logger in loggers:
            logger.send(rows.bodies(2))
            logger.flush()
        wait(lambda: all(here.counted(spec) for spec in specs) and here.is_idle())
        stream = Stream(loggers, rows, situation.events)
        for _ in stream.run(SETTLE_S):
            pass
        used = Used.so_far(here)
        for _ in stream.run(seconds):
            used.look(here)
        return {
            "situation": situation.name,
            "models": situation.models,
            "events_per_s": situation.events,
            "features": situation.features,
            **used.until_now(here),
            "goals": situation.goals,
            "load_before": load,
        }


@dataclass(slots=True)
class Used:
    """What a driver and all below it used since an instant."""

    at: float
    cpu: dict[str, float]
    written: int
    batches: int
    lags: list[int] = field(default_factory=list)
    _looked_at: float = 0.0

    @classmethod
    def so_far(cls, here: Scene) -> Used:
        """Begin now."""
        beat = here.beat
        return cls(time.monotonic(), spent(here.driver), written(here.driver), beat.batch_id if beat else 0)

    def look(self, here: Scene) -> None:
        """Note how many events wait, now and then."""
        if time.monotonic() - self._looked_at >= LAG_EVERY_S:
            self._looked_at = time.monotonic()
            beat = here.beat
            self.lags.append(beat.lag if beat else 0)

    def until_now(self, here: Scene) -> dict[str, Any]:
        """Return it for people."""
        seconds, cpu, beat = time.monotonic() - self.at, spent(here.driver), here.beat
        cores = {kind: round((cpu[kind] - self.cpu.get(kind, 0.0)) / seconds, 3) for kind in sorted(cpu)}
        return {
            "cores": round(sum(cores.values()), 3),
            "by_process": cores,
            "pss_gb": round(memory(here.driver) / 2**30, 2),
            "written_mb_per_min": round((written(here.driver) - self.written) / 2**20 * 60 / seconds, 1),
            "batches_per_s": round(((beat.batch_id if beat else 0) - self.batches) / seconds, 2),
            "most_events_waiting": max(self.lags, default=0),
        }


def memory(driver: psutil.Process) -> int:
    """Return the bytes that a driver and all below it take; what several share is counted once."""
    return sum(each.memory_full_info().pss for each in (driver, *driver.children(recursive=True)))


def written(driver: psutil.Process) -> int:
    """Return how many bytes a driver and all below it have sent to disks."""
    return sum(each.io_counters().write_bytes for each in (driver, *driver.children(recursive=True)))


def section(measured: Sequence[dict[str, Any]]) -> str:
    """Return the results as a table."""
    lines = [
        f"| {one['situation']}, {one['models']} x {one['features']} features, {one['events_per_s']} events/s "
        f"| {one['cores']} | {_or_none(one['goals'][0])} | {one['pss_gb']} | {_or_none(one['goals'][1])} "
        f"| {one['written_mb_per_min']} | {_or_none(one['goals'][2])} | {one['batches_per_s']} "
        f"| {one['most_events_waiting']} | {one['load_before']} |"
        for one in measured
    ]
    head = (
        "| situation | cores | wanted at most | GB (PSS) | wanted at most | MB written a minute | wanted at most "
        "| batches a second | most events waiting | load of the machine before |\n"
        "|---|---|---|---|---|---|---|---|---|---|\n"
    )
    cores = {one["models"]: one["cores"] for one in measured if one["events_per_s"] == SITUATIONS[1].events}
    further = 1_000 * (cores[max(cores)] - cores[1]) / (max(cores) - 1)
    told = f"Run on {when()} by `python -m benchmarks.stream.steady`. Of the same events, each further model costs"
    return f"{told} {further:.1f} thousandths of a core.\n\n" + head + "\n".join(lines)


def _or_none(goal: float | None) -> str:
    return "-" if goal is None else str(goal)


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seconds", type=float, default=60.0)
    parser.add_argument("--only", choices=[each.name for each in SITUATIONS])
    parser.add_argument("--write", type=Path, help="only with all situations")
    options = parser.parse_args()
    measured = []
    for situation in SITUATIONS:
        if options.only in (None, situation.name):
            with tempfile.TemporaryDirectory() as folder:
                measured.append(measure(Path(folder), situation, options.seconds))
            print(json.dumps(measured[-1]), flush=True)
    if options.write and not options.only:
        put(options.write, "steady", section(measured))


if __name__ == "__main__":
    main()
