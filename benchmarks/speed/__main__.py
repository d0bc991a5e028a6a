"""Counting and judging, on one core: `python -m benchmarks.speed [--write docs/measured.md]`, half a minute.

The floor of counting is numpy alone on the same batches: 64 equal cells by `searchsorted` and `bincount`, and moments
to order four, without nulls, infinities, extremes or anything that merges.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import numpy as np
from benchmarks.accuracy.sparse_pairs import Trained
from benchmarks.page import put
from numpy.typing import NDArray
from threadpoolctl import threadpool_limits

from pegel.baseline.baseline import Baseline
from pegel.data.columns import Columns, Field, Kind, Role, Schema
from pegel.data.spans import Span
from pegel.detect.correlation import correlation
from pegel.judge.chart_state import ChartState
from pegel.judge.judge import judge
from pegel.spec.monitor_spec import MonitorSpec, Watch
from pegel.stats.layout import Layout, build_layout
from pegel.stats.summary import Summary

SEED = 20_261_121
NUMERIC, TEXT, BATCH, ROWS, WINDOW = 40, 10, 4_096, 50_000, 200
LETTERS = np.array(list("abcdefgh"), dtype=object)
FLAGS, RARE, FLAGGED = 36, 0.02, 2_000
ROUNDS = 400
Matrix = NDArray[np.float64]


def best(work: Callable[[], object], rounds: int = ROUNDS) -> float:
    """Return the seconds of the fastest of several rounds."""
    taken = []
    for _ in range(rounds):
        began = time.perf_counter()
        work()
        taken.append(time.perf_counter() - began)
    return min(taken)


def numbers(rng: np.random.Generator, n: int) -> Matrix:
    """Draw columns of four shapes in turn."""
    shapes = (rng.normal, rng.lognormal, rng.exponential, rng.random)
    return np.column_stack([shapes[i % len(shapes)](size=n) for i in range(NUMERIC)])


def columns(rng: np.random.Generator, n: int) -> Columns:
    """Draw a batch."""
    texts = tuple(rng.choice(LETTERS, n) for _ in range(TEXT))
    return Columns(n, numbers(rng, n), None, texts, (None,) * TEXT)


def layout_of(batch: Columns, role: Role) -> Layout:
    """Freeze the cells of a batch; correlations are watched of features, not of predictions."""
    fields = [Field(f"x{i}", Kind.NUMERIC, role) for i in range(NUMERIC)]
    names = [Field(f"c{i}", Kind.CATEGORICAL, role) for i in range(TEXT)]
    values: dict[str, NDArray[Any]] = {field.name: batch.numeric[:, i] for i, field in enumerate(fields)}
    values |= {field.name: batch.categorical[i] for i, field in enumerate(names)}
    return build_layout(Schema((*fields, *names)), values)


def floor(values: Matrix, edges: list[Matrix]) -> None:
    """Count and take moments with numpy alone."""
    for column, cuts in zip(values.T, edges, strict=True):
        np.bincount(np.searchsorted(cuts, column), minlength=cuts.size + 1)
        deviation = column - column.mean()
        squares = deviation * deviation
        squares.sum(), (squares * deviation).sum(), (squares * squares).sum()


def counting(rng: np.random.Generator) -> list[tuple[str, str, str]]:
    """Measure millions of values per second, by what is counted."""
    training, batch = columns(rng, ROWS), columns(rng, BATCH)
    alone = Columns(BATCH, batch.numeric, None, (), ())
    cuts = [np.quantile(column, np.arange(1, 64) / 64) for column in training.numeric.T]
    contiguous = np.asfortranarray(batch.numeric)

    def rate(layout: Layout, given: Columns, role: Role) -> float:
        summary = Summary.empty(layout)
        return best(lambda: summary.update(given, role))

    plain = layout_of(training, Role.PREDICTION)
    numeric = Layout(Schema(plain.schema.fields[:NUMERIC]), plain.features[:NUMERIC])
    values = NUMERIC * BATCH / 1e6
    found = [
        ("numpy alone: 64 cells and moments", values / best(lambda: floor(contiguous, cuts)), "-"),
        ("cells, moments, extremes, counters", values / rate(numeric, alone, Role.PREDICTION), "≥ 25"),
        ("the same, with ten columns of categories", values * 1.25 / rate(plain, batch, Role.PREDICTION), "-"),
        (
            "the same, with correlations of 40 features",
            values * 1.25 / rate(layout_of(training, Role.FEATURE), batch, Role.FEATURE),
            "-",
        ),
    ]
    return [(what, f"{rate:.0f} M values/s", wanted) for what, rate, wanted in found]


def judging(rng: np.random.Generator) -> list[tuple[str, str, str]]:
    """Measure milliseconds per window of 50 features."""
    training = columns(rng, ROWS)
    layout = layout_of(training, Role.FEATURE)
    summary, window = Summary.empty(layout, exact=True), Summary.empty(layout)
    summary.update(training, Role.FEATURE)
    window.update(columns(rng, WINDOW), Role.FEATURE)
    baseline = Baseline.build(
        layout=layout, summary=summary, model="m", version=1, source="", scores=None, watch=Watch()
    )
    spec = MonitorSpec.parse({"model": {"name": "m", "uri": "x"}, "baseline": {"source": "x"}})
    start = datetime(2026, 1, 1, tzinfo=UTC)
    span = Span(start, start + timedelta(minutes=1))

    def taken(chart_state: ChartState | None) -> str:
        def look() -> object:
            return judge(baseline, window, spec=spec, span=span, revision=1, chart_state=chart_state)

        return f"{1e3 * best(look):.1f} ms"

    return [
        ("judging a window of 50 features", taken(None), "≤ 5 ms"),
        ("the same, with 170 charts over windows", taken(ChartState(baseline.id)), "-"),
    ]


def pairs(rng: np.random.Generator) -> list[tuple[str, str, str]]:
    """Measure milliseconds per window for 630 pairs of flags: where none has changed, and where all have."""

    def rows(n: int, common: float) -> Matrix:
        return np.asarray((rng.random((n, FLAGS)) < RARE) | (rng.random((n, 1)) < common), dtype=np.float64)

    trained = Trained.on(rows(ROWS, 0.0))
    windows = {common: trained.counted(rows(FLAGGED, common)) for common in (0.0, 0.3)}

    def taken(common: float) -> str:
        return f"{1e3 * best(lambda: correlation(trained.baseline.pairs, windows[common]), ROUNDS // 10):.0f} ms"

    what = f"pairs of {FLAGS} flags in windows of {FLAGGED:,}"
    return [(f"{what}, as in training", taken(0.0), "≤ 50 ms"), (f"{what}, all changed", taken(0.3), "≤ 50 ms")]


def main() -> None:
    """Measure, print, and write if asked to."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--write", type=Path)
    asked = parser.parse_args()
    with threadpool_limits(1):
        rows = [row for part in (counting, judging, pairs) for row in part(np.random.default_rng(SEED))]
    lines = [f"| {what} | {measured} | {wanted} |" for what, measured, wanted in rows]
    text = (
        f"One core, best of {ROUNDS}; batches of {BATCH:,} rows x {NUMERIC} numeric columns, "
        f"baseline of {ROWS:,} rows, windows of {WINDOW}; seed {SEED}, run on {datetime.now(UTC):%Y-%m-%d}. "
        "`python -m benchmarks.speed` regenerates it.\n\n"
        "| | measured | wanted |\n|---|---|---|\n" + "\n".join(lines)
    )
    print(text)
    if asked.write:
        put(asked.write, "speed", text)


if __name__ == "__main__":
    main()
