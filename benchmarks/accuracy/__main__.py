"""False alarms, power and delay, ours and others', on the same streams: `python -m benchmarks.accuracy --help`.

Run from the root of the tree. The short part (n = 200 and 2,000) fits ten minutes on two cores, the full part (n = 50
and 20,000, a hundred correlated features, the other tools themselves) takes longer. Tables are printed as Markdown;
`--write FILE` puts each section between its markers in that file, or at its end.
"""

from __future__ import annotations

import argparse
import os
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor
from datetime import UTC, datetime
from functools import lru_cache, partial
from multiprocessing import get_context
from pathlib import Path
from time import perf_counter

from benchmarks.accuracy import (
    delay_page,
    false_alarm_page,
    hold_page,
    many_keys,
    power_page,
    real_page,
    since_page,
    sparse_pairs,
)
from benchmarks.accuracy.power import Tally
from benchmarks.accuracy.runs import Run
from benchmarks.page import put

ONE_THREAD = dict.fromkeys(("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS"), "1")
Section = Callable[[int, Run], str]


def _power(seed: int, run: Run) -> str:
    return power_page.section(power_page.SHORT, _measured(seed, run))


def _delay(seed: int, run: Run) -> str:
    return delay_page.section(_measured(seed, run), seed, run)


def _power_full(seed: int, run: Run) -> str:
    return power_page.section(power_page.FULL, power_page.measure(power_page.FULL, seed, run))


@lru_cache
def _measured(seed: int, run: Run) -> Tally:
    """Return the windows of the short part judged by all rules, once for both sections that need them."""
    return power_page.measure(power_page.SHORT, seed, run)


PARTS: dict[str, dict[str, Section]] = {
    "short": {
        "power": _power,
        "delay": _delay,
        "false-alarms": partial(false_alarm_page.section, false_alarm_page.SHORT),
        "one-baseline": hold_page.section,
        "since": since_page.section,
    },
    "full": {
        "power-tools": real_page.section,
        "power-full": _power_full,
        "false-alarms-full": partial(false_alarm_page.section, false_alarm_page.FULL),
        "sparse-pairs": sparse_pairs.section,
        "many-keys": many_keys.section,
    },
}


def main() -> None:
    """Measure, print, and write if asked to."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--part", choices=(*PARTS, "all"), default="short")
    parser.add_argument(
        "--only", nargs="+", metavar="SECTION", help="of a part: " + ", ".join(PARTS["short"] | PARTS["full"])
    )
    parser.add_argument("--baselines", type=float, default=1.0, help="part of the baselines of each section")
    parser.add_argument("--seed", type=int, default=20260801)
    parser.add_argument("--processes", type=int, help="at once; one per core if not given")
    parser.add_argument("--write", type=Path)
    asked = parser.parse_args()
    os.environ.update(ONE_THREAD)  # one process per core; their threads would only stand in each other's way
    with ProcessPoolExecutor(asked.processes, mp_context=get_context("spawn")) as pool:
        run = Run(pool, asked.baselines)
        for part in PARTS if asked.part == "all" else (asked.part,):
            for name, section in PARTS[part].items():
                if asked.only and name not in asked.only:
                    continue
                start = perf_counter()
                text = section(asked.seed, run)
                head = (
                    f"Seed {asked.seed}, run on {datetime.now(UTC):%Y-%m-%d} in {perf_counter() - start:.0f} s by "
                    f"`python -m benchmarks.accuracy --part {part}{_fewer(asked.baselines)}`."
                )
                print(f"{head}\n\n{text}\n", flush=True)
                if asked.write:
                    put(asked.write, name, f"{head}\n\n{text}")


def _fewer(part: float) -> str:
    return "" if part == 1 else f" --baselines {part:g}"


if __name__ == "__main__":
    main()
