"""A baseline of a table of Delta in Spark: `python -m benchmarks.baseline`.

Run it with the Spark environment's interpreter. A table of `--rows` rows and 50 columns, forty of numbers and ten of
categories, and one of a tenth of it, are profiled each in a process of its own, from `delta:` by the baseline job's own
code. Beside it, in the same run: the floor, Spark that reads every column and only counts, and as a peer pandas, which
describes the smaller table in memory. Peak memory is that of all processes together (proportional set size). Prints one
JSON line.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import tempfile
import threading
from contextlib import suppress
from pathlib import Path
from typing import Any

import numpy as np
import psutil
import pyarrow as pa
from benchmarks.page import put, when
from deltalake import write_deltalake

NUMBERS, CATEGORIES = 40, 10
PARTS = {"profile": "spark_profile", "count": "spark_floor", "describe": "in_pandas"}
"""Programs, each of which is given a table and prints how long it took."""
AT_ONCE = 500_000
"""Rows that are made at a time."""
LOOK_EVERY_S = 0.2
FLAT_WITHIN = 1.25
"""Times the peak of a tenth of the rows, up to which memory counts as flat in rows."""


def write(place: Path, rows: int) -> None:
    """Write a table: numbers of several shapes with some nulls, categories of 3 to 3,000 values."""
    for begin in range(0, rows, AT_ONCE):
        rng, n = np.random.default_rng(begin), min(AT_ONCE, rows - begin)
        columns: dict[str, Any] = {}
        for at in range(NUMBERS):
            values = rng.normal(at, 1 + at, n) if at % 2 else rng.gamma(2.0, 1 + at, n)
            columns[f"x{at}"] = pa.array(values, mask=rng.random(n) < 0.01)
        for at in range(CATEGORIES):
            names = np.array([f"c{each}" for each in range(3 * (1 + at) ** 3)])
            columns[f"c{at}"] = names[rng.zipf(1.5, n) % len(names)]
        write_deltalake(place, pa.table(columns), mode="append")


class Peak(threading.Thread):
    """Looks at the memory of a process and all that it has started, until it is told to end."""

    def __init__(self, process: int) -> None:
        super().__init__(daemon=True)
        self.mb = 0.0
        self.ended = threading.Event()
        self._process = psutil.Process(process)

    def run(self) -> None:
        """Look again and again."""
        while not self.ended.wait(LOOK_EVERY_S):
            total = 0
            with suppress(psutil.Error):
                for each in (self._process, *self._process.children(recursive=True)):
                    with suppress(psutil.Error):
                        total += each.memory_full_info().pss
            self.mb = max(self.mb, total / 2**20)


def measured(part: str, place: Path) -> tuple[float, float]:
    """Run a part in a process of its own; return its seconds, and the peak of its memory in MiB."""
    command = [sys.executable, "-m", f"benchmarks.baseline.{PARTS[part]}", str(place)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        peak = Peak(process.pid)
        peak.start()
        said, _ = process.communicate()
        peak.ended.set()
        peak.join()
    if process.returncode:
        raise RuntimeError(f"{part} ended with {process.returncode}")
    return float(said.splitlines()[-1]), peak.mb


def measure(folder: Path, rows: int) -> dict[str, float]:
    """Measure each part on both tables; pandas on the smaller one."""
    figures: dict[str, float] = {}
    for name, size in (("small", rows // 10), ("large", rows)):
        place = folder / name
        write(place, size)
        for part in ("profile", "count", "describe") if name == "small" else ("profile", "count"):
            seconds, peak = measured(part, place)
            figures |= {f"{name}_{part}_rows_per_s": size / seconds, f"{name}_{part}_peak_mb": peak}
    figures["peak_growth"] = figures["large_profile_peak_mb"] / figures["small_profile_peak_mb"]
    return figures


def section(figures: dict[str, float], rows: int) -> str:
    """Return the result as a table."""
    names = {"profile": "baseline by Spark", "count": "floor: Spark reads and counts", "describe": "pandas, in memory"}
    setting = (
        f"tables of Delta with {NUMBERS} columns of numbers and {CATEGORIES} of categories; the clock runs without "
        "Spark's start, the memory is that of all processes together"
    )
    lines = [
        f"Run on {when()} by `python -m benchmarks.baseline --rows {rows}`: {setting}.",
        "",
        "| | rows | rows/s | peak MiB |",
        "|---|---|---|---|",
    ]
    for size, name in ((rows // 10, "small"), (rows, "large")):
        lines += [
            f"| {words} | {size:,} | {figures[f'{name}_{part}_rows_per_s']:,.0f} "
            f"| {figures[f'{name}_{part}_peak_mb']:,.0f} |"
            for part, words in names.items()
            if f"{name}_{part}_rows_per_s" in figures
        ]
    growth = figures["peak_growth"]
    flat = "flat in rows" if growth <= FLAT_WITHIN else "not flat in rows"
    lines += ["", f"Ten times the rows take {growth:.2f} times the peak of memory: it is {flat}."]
    return "\n".join(lines)


def main() -> None:
    """Measure and print the result."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rows", type=int, default=10_000_000, help="of the larger table")
    parser.add_argument("--write", type=Path)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        figures = measure(Path(folder), options.rows)
    print(json.dumps(figures))
    if options.write:
        put(options.write, "baseline", section(figures, options.rows))


if __name__ == "__main__":
    main()
