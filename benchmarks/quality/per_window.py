"""What a suite costs per window, by rows and by counts: `python -m benchmarks.quality.per_window`.

Run it with the Spark environment's interpreter. One window of `--rows` rows and `--fields` fields is held against the
derived suite and a pattern and a length for each field of codes: by Great Expectations, as the process beside a driver
does it, and as far as counts tell, by the counts of the same rows. Prints one JSON line.
"""

from __future__ import annotations

import argparse
import json
import time
from collections.abc import Callable
from pathlib import Path
from statistics import median
from typing import Any

import numpy as np
from benchmarks.page import put, when
from benchmarks.quality import drawn

from pegel.data.arrow_columns import columns_of
from pegel.data.columns import Kind, Role
from pegel.quality.merged_suite import suite_for
from pegel.quality.on_counts import on_counts
from pegel.quality.on_rows import why_untold
from pegel.stats.summary import Summary
from pegel.stream.row_sample import RowSample, priorities
from pegel_spark.jobs.row_quality import answered

TRAINED = 20_000
WANTED_S = 1.0
"""CPU of one window of 10,000 rows: of windows of a minute some hundredth of a core."""


def timed(work: Callable[[], object]) -> tuple[float, float]:
    """Return wall and CPU seconds of some work."""
    wall, cpu = time.perf_counter(), time.process_time()
    work()
    return time.perf_counter() - wall, time.process_time() - cpu


def own(fields: int) -> list[dict[str, Any]]:
    """Return expectations that counts cannot tell."""
    codes = [field.name for field in drawn.schema(fields).fields if field.kind is Kind.CATEGORICAL]
    patterns = [
        {"type": "expect_column_values_to_match_regex", "kwargs": {"column": name, "regex": "^[A-E][F-I]$"}}
        for name in codes
    ]
    lengths = [
        {"type": "expect_column_value_lengths_to_equal", "kwargs": {"column": name, "value": 2}} for name in codes
    ]
    return [*patterns, *lengths]


def measure(options: argparse.Namespace) -> dict[str, float]:
    """Measure each way several times, and return the medians."""
    rng = np.random.default_rng(options.seed)
    wish = drawn.spec(options.rows, *own(options.fields))
    baseline = drawn.trained(rng, TRAINED, options.fields, wish)
    schema, suite = baseline.layout.schema, suite_for(wish, baseline).expectations
    (batch,) = drawn.rows(rng, options.rows, options.fields).combine_chunks().to_batches()
    columns = columns_of(schema.of_role(Role.FEATURE), batch)
    by_rows = [one for one in suite if not why_untold(one, schema, is_whole=True)]
    identities, first = np.arange(columns.n, dtype=np.uint64), np.zeros(columns.n, dtype=np.int64)
    counts = Summary.empty(baseline.layout)

    def ask() -> None:
        told = answered((columns, schema, by_rows))
        if isinstance(told, str) or any(outcome.met is None for outcome in told):
            raise RuntimeError(f"not told: {told}")

    def count() -> None:
        counts.update(columns, Role.FEATURE)

    first_wall, first_cpu = timed(ask)
    turns = [timed(ask) for _ in range(options.turns)]
    counting = [timed(count)[1] for _ in range(options.turns)]
    telling = [timed(lambda: [on_counts(one, counts, baseline) for one in suite])[1] for _ in range(options.turns)]
    sampling = [timed(lambda: RowSample.of(columns, priorities(identities, first)))[1] for _ in range(options.turns)]
    return {
        "expectations": len(by_rows),
        "first_window_s": first_wall,
        "first_window_cpu_s": first_cpu,
        "window_s": median(wall for wall, _ in turns),
        "window_cpu_s": median(cpu for _, cpu in turns),
        "sampling_cpu_ms": 1e3 * median(sampling),
        "counting_cpu_ms": 1e3 * median(counting),
        "told_by_counts_cpu_ms": 1e3 * median(telling),
        "expectations_in_all": len(suite),
    }


def section(figures: dict[str, float], options: argparse.Namespace) -> str:
    """Return the result as a table."""
    counted, told = figures["counting_cpu_ms"], figures["told_by_counts_cpu_ms"]
    table = [
        ("Great Expectations, its first window (the library is imported)", "first_window_s", "first_window_cpu_s"),
        ("Great Expectations, each window after that", "window_s", "window_cpu_s"),
    ]
    head = (
        f"Run on {when()} by `python -m benchmarks.quality.per_window`: {options.rows:,} rows, {options.fields} "
        f"fields, {figures['expectations']:.0f} expectations; medians of {options.turns}, seed {options.seed}. "
        f"Wanted: {WANTED_S:g} s of CPU a window at most."
    )
    lines = [
        head,
        "",
        "| a window | seconds | CPU seconds |",
        "|---|---|---|",
        *(f"| {name} | {figures[wall]:.3g} | {figures[cpu]:.3g} |" for name, wall, cpu in table),
        f"| drawing the sample | - | {figures['sampling_cpu_ms'] / 1e3:.3g} |",
        f"| counting the same rows, which a stream does anyway | - | {counted / 1e3:.3g} |",
        f"| all {figures['expectations_in_all']:.0f} expectations held against these counts | - | {told / 1e3:.3g} |",
    ]
    return "\n".join(lines)


def main() -> None:
    """Measure and print the result."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rows", type=int, default=10_000)
    parser.add_argument("--fields", type=int, default=20)
    parser.add_argument("--turns", type=int, default=5)
    parser.add_argument("--seed", type=int, default=20261129)
    parser.add_argument("--write", type=Path)
    options = parser.parse_args()
    figures = measure(options)
    print(json.dumps(figures))
    if options.write:
        put(options.write, "quality", section(figures, options))


if __name__ == "__main__":
    main()
