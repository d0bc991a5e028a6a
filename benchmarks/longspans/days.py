"""How many models' days are made per minute of one core, beside what it takes to read and to count them.

    .venvs/spark/bin/python -m benchmarks.longspans.days --models 20 --fields 20 --write docs/measured.md

Hours are made as they pass, and a day of its hours: both are measured. The floor is reading and unpacking what a day is
made of; the peer is counting the rows of that day in one pass, which needs the rows. Processor time of this process.
"""

from __future__ import annotations

import argparse
import tempfile
import time
from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import numpy as np
from benchmarks.page import put, when
from numpy.typing import NDArray
from sqlalchemy.engine import Engine

from pegel.baseline.baseline import Baseline
from pegel.batch.long_span_maker import LongSpanMaker
from pegel.data.columns import Columns, Role
from pegel.data.spans import Span
from pegel.spec.monitor_spec import MonitorSpec
from pegel.spec.rhythms import Rhythm
from pegel.stats.summary import Summary
from pegel.store.baseline_store import BaselineStore
from pegel.store.database import connect, migrate
from pegel.store.long_span_store import LongSpanStore
from pegel.store.results import Results
from pegel.stream.result_rows import WindowRow
from pegel.testing.manual_clock import START
from pegel.testing.samples import sample_baseline, sample_spec, sample_window

MINUTE, DAY = timedelta(minutes=1), timedelta(days=1)
ROWS = 100
"""Rows of a window."""
GOAL = 1_000
"""Models' days per minute."""


def main() -> None:
    """Fill a database with a day of minutes of several models, and make their hours and days."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--models", type=int, default=20)
    parser.add_argument("--fields", type=int, default=20)
    parser.add_argument("--write", type=Path)
    asked = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        text = section(asked.models, asked.fields, measure(Path(folder), asked.models, asked.fields))
    print(text)
    if asked.write:
        put(asked.write, "long-spans", text)


def measure(folder: Path, models: int, fields: int) -> dict[str, float]:
    """Return the seconds that a model's day takes: its hours, the day of these, floor and peer."""
    engine = connect(f"sqlite:///{folder / 'pegel.db'}")
    migrate(engine)
    baseline = sample_baseline(fields=fields, rows=5_000)
    BaselineStore(engine).put(baseline)
    specs = [sample_spec(f"m{number}") for number in range(models)]
    windows = _windows(baseline)
    for spec in specs:
        Results(engine).write([replace(row, model=spec.model.name) for row in windows])
    hours = _each(specs, lambda spec: _make(engine, spec, "hour"))
    days = _each(specs, lambda spec: _make(engine, spec, "day"))
    store = LongSpanStore(engine)
    floor = _each(specs, lambda spec: _read(store, spec, baseline))
    values = np.random.default_rng(1).normal(size=(ROWS * (DAY // MINUTE), fields))
    peer = _each(specs[:1], lambda _: _count(values, baseline))
    return {"day": days, "hours": hours, "floor": floor, "peer": peer}


def section(models: int, fields: int, taken: dict[str, float]) -> str:
    """Return the result as a table."""
    what = {
        "day": "a day made of its hours and judged",
        "hours": "its 24 hours made of 1,440 windows, each judged as it ends",
        "floor": "floor: 24 hours read and unpacked",
        "peer": f"peer: {ROWS * (DAY // MINUTE):,} rows counted in one pass, judging apart",
    }
    held = "kept" if 60 / taken["day"] >= GOAL else "*missed*"
    whole = taken["day"] + taken["hours"]
    setting = (
        f"Run on {when()} by `python -m benchmarks.longspans.days --models {models} --fields {fields}`: windows of a "
        f"minute and {ROWS} rows; processor time on one core."
    )
    verdict = (
        f"Wanted are {GOAL:,} models' days a minute, merged and judged: {held} for the day, which is what comes due at "
        f"once at midnight. With the hours, which come due one by one, a core makes {60 / whole:,.0f} a minute."
    )
    table = [f"| {words} | {1e3 * taken[name]:.0f} | {60 / taken[name]:,.0f} |" for name, words in what.items()]
    lines = [setting, "", "| of a model's day | ms | a minute |", "|---|---|---|", *table, "", verdict]
    return "\n".join(lines)


def _windows(baseline: Baseline) -> list[WindowRow]:
    rng, rows = np.random.default_rng(0), []
    named: dict[str, Any] = {"baseline_id": baseline.id, "layout_hash": baseline.layout.layout_hash, "rows": ROWS}
    for at in range(DAY // MINUTE):
        summary = Summary.empty(baseline.layout)
        values = rng.normal(size=(ROWS, len(baseline.layout.features)))
        summary.update(Columns(ROWS, values, None, (), ()), Role.FEATURE)
        span = Span(START + at * MINUTE, START + (at + 1) * MINUTE)
        rows.append(sample_window(span=span, summary=summary.to_bytes(), **named))
    return rows


def _make(engine: Engine, spec: MonitorSpec, longest: str) -> None:
    rhythms = ["hour"] if longest == "hour" else ["hour", "day"]
    chosen = sample_spec(spec.model.name, watch={"long_spans": rhythms})
    LongSpanMaker(engine).make(chosen, START, START + DAY, now=START + 2 * DAY)


def _read(store: LongSpanStore, spec: MonitorSpec, baseline: Baseline) -> None:
    for row in store.spans(spec.model.name, 1, Rhythm.HOUR):
        Summary.from_bytes(row.row.summary, baseline.layout)


def _count(values: NDArray[np.float64], baseline: Baseline) -> None:
    Summary.empty(baseline.layout).update(Columns(len(values), values, None, (), ()), Role.FEATURE)


def _each(specs: list[MonitorSpec], do: Callable[[MonitorSpec], None]) -> float:
    """Return the processor's seconds for each model."""
    begun = time.process_time()
    for spec in specs:
        do(spec)
    return (time.process_time() - begun) / len(specs)


if __name__ == "__main__":
    main()
