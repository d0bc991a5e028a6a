"""Peers on the same events: `python -m benchmarks.stream.peers [--requests 100000] [--peers evidently trustyai]`.

Run it with the Spark environment's interpreter. One topic of a real broker holds requests of 4 features and their
answers in JSON, dated over four minutes; in the second half one feature is shifted by a standard deviation. Each
contender reads all of it and judges every window of 15 s beside the same 20,000 rows of reference:

- Pegel: its driver, processes and all, halted until the events are there, until every window is final
- Evidently: its drift preset, from a plain consumer, in an environment of its own (`.venvs/peers/`, locked by hash)
- TrustyAI: its tests of means and of Kolmogorov and Smirnov, the classes of its service, likewise
- numpy: a plain consumer that counts values in cells, the floor: it judges nothing

Told is processor time per thousand events, with what of it is judging, and the windows in which a feature was said to
differ: of those before the shift (false), and of those wholly after it. One JSON line for each.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import numpy as np
from benchmarks.page import put, when
from benchmarks.profile.peers import install
from benchmarks.stream.formats import in_v1
from benchmarks.stream.scene import TOPIC, Logger, Scene, World, halted, spent, wait, world
from benchmarks.stream.thesis_rows import ROWS, Planted

from pegel.judge.findings import Verdict
from pegel.spec.monitor_spec import MonitorSpec
from pegel.store.results import Details
from pegel.testing.samples import sample_spec
from pegel_local.machine.find_java import find_java

LOCKS = Path(__file__).parent / "locks"
ROOT = Path(__file__).parents[2]
NAMES = ("evidently", "trustyai")
LENGTH_S, WINDOWS = 15, 16
QUIET = {"DO_NOT_TRACK": "1"}
LIMIT_S = 900


def send(here: World, spec: MonitorSpec, requests: int) -> datetime:
    """Write requests and answers, dated over whole windows that ended just now; return when the shift begins."""
    planted = Planted.of(requests, 3, outliers=0.0)
    length = timedelta(seconds=LENGTH_S)
    now = datetime.now(UTC).timestamp()
    begin = datetime.fromtimestamp(now - now % LENGTH_S, UTC) - WINDOWS * length
    logger = Logger(here.broker.address, spec)
    for number, row in enumerate(planted.values.tolist()):
        at = begin + number / requests * WINDOWS * length
        logger.send_one(str(number), *in_v1(row, 2 * row[0]), at)
    logger.flush()
    return begin + WINDOWS // 2 * length


def counted(name: str, flags: Sequence[tuple[datetime, bool]], shifted: datetime) -> dict[str, Any]:
    """Return in how many windows something was said to differ, before the shift and after."""
    before = [differs for begin, differs in flags if begin < shifted]
    after = [differs for begin, differs in flags if begin >= shifted]
    return {"judge": name, "false": f"{sum(before)} of {len(before)}", "found": f"{sum(after)} of {len(after)}"}


def ours(here: World, spec: MonitorSpec, requests: int) -> tuple[datetime, list[dict[str, Any]]]:
    """Let a driver read what is sent; return when the shift begins, and what the driver took after its start."""
    model, events = spec.model, 2 * requests
    with here.driver() as driver:
        wait(Scene(here, driver).is_idle)
        start = spent(driver)
        with halted(driver):
            shifted = send(here, spec, requests)
        wait(lambda: here.counted(spec) >= events)
        wait(lambda: len(here.results.windows(model.name, model.version, final_only=True)) >= WINDOWS)
        used = spent(driver)
    rows = here.results.windows(model.name, model.version, final_only=True, details=Details.NONE)
    flags = [(row.span.start, row.verdict in {Verdict.DRIFT, Verdict.DRIFTING}) for row in rows]
    took = sum(used.values()) - sum(start.values())
    costs = {"start_s": round(sum(start.values()), 1), "cpu_ms_per_1000": round(1e6 * took / events, 1)}
    return shifted, [counted("pegel", flags, shifted) | costs]


def contend(here: World, name: str, python: str, shifted: datetime, events: int) -> list[dict[str, Any]]:
    """Let a contender read the topic; return what it took, for each of its ways of judging."""
    reference = here.folder / "reference.npy"
    np.save(reference, ROWS.draw(20_000, 1)[0])
    module = f"benchmarks.stream.contenders.with_{name}"
    command = [python, "-W", "ignore", "-m", module, here.broker.address, TOPIC, str(events), str(reference)]
    environment = os.environ | QUIET | {"JAVA_HOME": str(find_java().resolve().parents[1])}
    ended = subprocess.run(
        command, capture_output=True, text=True, timeout=LIMIT_S, check=False, env=environment, cwd=ROOT
    )
    if ended.returncode:
        return [{"judge": name, "failed": (ended.stderr.strip().splitlines() or ["no word"])[-1]}]
    took = json.loads(ended.stdout.strip().splitlines()[-1])
    begins = [datetime.fromtimestamp(begin / 1000, UTC) for begin in took["begins"]]
    parts = {part: 1e6 * took[f"{part}_s"] / events for part in ("read", "hand", "judge")}
    costs = {"start_s": round(took["start_s"], 1), "cpu_ms_per_1000": round(sum(parts.values()), 1)}
    costs |= {f"{part}_ms_per_1000": round(value, 1) for part, value in parts.items()}
    if not took["differing"][0]:
        return [{"judge": name} | costs]
    return [
        counted(
            f"{name} {way}",
            [(begin, bool(columns[way])) for begin, columns in zip(begins, took["differing"], strict=True)],
            shifted,
        )
        | costs
        for way in took["differing"][0]
    ]


def measure(folder: Path, chosen: Sequence[str], requests: int) -> list[dict[str, Any]]:
    """Return what each contender took and found, of the same topic."""
    spec = sample_spec(windowing={"length": LENGTH_S, "lateness": 6})
    load = round(os.getloadavg()[0], 1)
    with world(folder, [(spec, ROWS.baseline(spec))]) as here:
        shifted, measured = ours(here, spec, requests)
        measured += contend(here, "numpy", sys.executable, shifted, 2 * requests)
        for name in chosen:
            try:
                python = str(install(name, LOCKS))
            except subprocess.CalledProcessError as error:
                measured.append({"judge": name, "failed": f"not installed: {error.stderr.strip()[-300:]}"})
                continue
            measured += contend(here, name, python, shifted, 2 * requests)
    return [one | {"load_before": load} for one in measured]


def section(measured: Sequence[dict[str, Any]], requests: int) -> str:
    """Return the results as a table."""
    lines = [
        f"Run on {when()} by `python -m benchmarks.stream.peers`, {requests:,} requests and as many answers. Processor",
        "time in ms per 1,000 events, starts told apart; Pegel's is that of all its processes. TrustyAI is handed its",
        "rows by the bindings of its Python package, which its service does not use.",
        "",
        "| judge | start | processor time | reading | handing over | judging | differs before the shift | after it |",
        "|---|---|---|---|---|---|---|---|",
    ]
    for one in measured:
        costs = [one.get(f"{name}_ms_per_1000", "-") for name in ("cpu", "read", "hand", "judge")]
        cells = [one["judge"], f"{one.get('start_s', '-')} s", *costs, one.get("false", "-"), one.get("found", "-")]
        lines.append("| " + " | ".join(map(str, cells)) + " |")
    lines += [f"\n**{one['judge']} did not run**: {one['failed']}" for one in measured if "failed" in one]
    return "\n".join(lines)


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--requests", type=int, default=100_000)
    parser.add_argument("--peers", nargs="*", choices=NAMES, default=list(NAMES))
    parser.add_argument("--write", type=Path)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        measured = measure(Path(folder), options.peers, options.requests)
    for one in measured:
        print(json.dumps(one), flush=True)
    if options.write:
        put(options.write, "stream-peers", section(measured, options.requests))


if __name__ == "__main__":
    main()
