"""The release gate: is the promise kept on every table? `python -m benchmarks.accuracy.gate --help`.

Run from the root of the tree, in the environment that has scikit-learn and river. All findings of all layers are
counted on clean data, through `pegel.check` and through `judge` with charts. Takes half an hour on one idle core; fewer
baselines give the same table with larger errors. With `--strict` the exit code is 1 where the promise is missed.
"""

from __future__ import annotations

import argparse
import os
import shlex
import sys
from collections.abc import Callable, Iterable
from concurrent.futures import ProcessPoolExecutor
from datetime import UTC, datetime
from multiprocessing import get_context
from pathlib import Path
from time import perf_counter
from typing import Any

from benchmarks.accuracy.gate import doors, halves, page, results, tables
from benchmarks.accuracy.gate.doors import Cell, Task
from benchmarks.page import put

CELLS = (
    Cell(3_000, 120, 40, 150),
    Cell(30_000, 120, 40, 150),
    Cell(30_000, 750, 40, 150),
    # Where n > m/10 single baselines differ much, so that many of them are needed and few windows of each.
    Cell(3_000, 750, 300, 10),
    Cell(3_000, 5_000, 240, 4),
    Cell(30_000, 5_000, 120, 8),
)
ONE_THREAD = dict.fromkeys(("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS"), "1")
Run = Callable[[Callable[[Any], Any], Iterable[Any]], list[Any]]


def main() -> int:
    """Measure, print, keep and write."""
    asked = _asked()
    os.environ.update(ONE_THREAD)
    start = perf_counter()
    with ProcessPoolExecutor(asked.processes, mp_context=get_context("spawn")) as pool:

        def run(function: Callable[[Any], Any], tasks: Iterable[Any]) -> list[Any]:
            return list(pool.map(function, tasks))

        measured = _measure(asked, run)
    if asked.save:
        measured.write(asked.save)
    before = results.Results.read(asked.before) if asked.before else None
    head = (
        f"Seed {asked.seed}, run on {datetime.now(UTC):%Y-%m-%d} in {perf_counter() - start:.0f} s by "
        f"`{shlex.join(['python', '-m', 'benchmarks.accuracy.gate', *sys.argv[1:]])}`."
    )
    text = page.section(measured, before)
    print(f"{head}\n\n{text}", flush=True)
    if asked.write:
        put(asked.write, asked.section, f"{head}\n\n{text}")
    return 1 if asked.strict and not measured.kept else 0


def _asked() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--baselines", type=float, default=1.0, help="part of the baselines of each cell")
    parser.add_argument("--cells", nargs="+", metavar="M,N", help="some of the cells only")
    parser.add_argument("--without", nargs="+", default=[], metavar="COLUMN", choices=tables.COLUMNS)
    parser.add_argument("--doors", nargs="+", default=doors.DOORS, choices=doors.DOORS)
    parser.add_argument("--section", default="gate", help="of the page that is written")
    parser.add_argument("--splits", type=int, default=halves.SPLITS, help="of each data set; 0 for none")
    parser.add_argument("--demo-data", type=Path, default=Path(".venvs/demo-data"), help="of the demonstration")
    parser.add_argument("--seed", type=int, default=20260901)
    parser.add_argument("--processes", type=int, default=1)
    parser.add_argument("--state", default="now", help="what is measured, for `--before`")
    parser.add_argument("--save", type=Path, metavar="FILE", help="keep the figures")
    parser.add_argument("--before", type=Path, metavar="FILE", help="figures of an earlier state, shown beside these")
    parser.add_argument("--write", type=Path, metavar="PAGE")
    parser.add_argument("--strict", action="store_true", help="fail where the promise is missed")
    return parser.parse_args()


def _measure(asked: argparse.Namespace, run: Run) -> results.Results:
    rates: list[results.Rate] = []
    for cell in CELLS:
        if asked.cells and f"{cell.m},{cell.n}" not in asked.cells:
            continue
        count = max(2, round(cell.baselines * asked.baselines))
        tasks = [Task(asked.seed, number, cell, tuple(asked.without), tuple(asked.doors)) for number in range(count)]
        own = results.of_cell(cell, run(doors.one_baseline, tasks))
        rates += own
        print(
            *(f"{rate.m:,} {rate.n:,} {rate.door} {rate.ratio:.2f} ± {rate.error:.2f}" for rate in own),
            sep="; ",
            file=sys.stderr,
            flush=True,
        )
    sets = halves.data_sets(asked.demo_data) if asked.splits else ()
    found = run(halves.split, [(name, read, asked.seed, asked.splits) for name, read in sets])
    return results.Results(asked.state, tuple(rates), tuple(found))


if __name__ == "__main__":
    sys.exit(main())
