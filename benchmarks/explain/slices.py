"""Are the rows named in which a change was planted? `python -m benchmarks.explain.slices --runs 25`.

Four kinds of change (a number, a category, missing values, errors), each planted in four slices of 5 % of the rows (one
condition or two), and once in all rows. Told is how often the slice is among the first three that are named (its rows
and the planted ones share at least half of all of both), how often any is named where all rows changed, and how long
a search takes. Beside it the floor: of all conditions of one column the three by effect alone. Exits with 1 below a
target.
"""

from __future__ import annotations

import argparse
import json
import sys
import time
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
from benchmarks.explain.planted import KINDS, SLICES, Flags, Planted, tables
from benchmarks.page import put, when
from numpy.typing import NDArray

from pegel.slices.change_score import change_scores
from pegel.slices.condition import Condition, conditions
from pegel.slices.found_slices import FoundSlices, RowSlice
from pegel.slices.slice_search import LEVEL, MOST_NAMED, find_slices
from pegel.slices.sliced_columns import TextColumn, sliced_column

BEFORE, NOW = 20_000, 10_000
HIT = 0.5
"""Jaccard of the rows that are named and those planted."""
LEAST_FOUND = 0.8


@dataclass(frozen=True, slots=True)
class Answer:
    """What one run says.

    `named`: whether the rows are; where all changed, whether any are. `by_floor`: the same of the floor.
    """

    named: bool
    by_floor: bool
    seconds: float


def main() -> None:
    """Print a line of JSON for each kind and place, then one of all; or write them down."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--runs", type=int, default=10, help="of each kind and place; four times as many of everywhere")
    parser.add_argument("--write", type=Path, help="a page that takes the section")
    options = parser.parse_args()
    lines = []
    parted, whole = list[Answer](), list[Answer]()
    for name, kind in KINDS.items():
        for where in [*SLICES, None]:
            answers = [run(kind, where, seed) for seed in range(options.runs * (1 if where else 4))]
            (parted if where else whole).extend(answers)
            lines.append([name, kind.told if where else kind.everywhere, where or "all rows", *_shares(answers)])
            print(json.dumps(lines[-1]), flush=True)
    (found, floor_found), (false, floor_false) = _shares(parted), _shares(whole)
    seconds = float(np.median([one.seconds for one in [*parted, *whole]]))
    print(json.dumps({"found": found, "false": false, "seconds": seconds, "floor": [floor_found, floor_false]}))
    if options.write:
        put(options.write, "slices", page(lines, (found, floor_found), (false, floor_false), seconds, options.runs))
    sys.exit(found < LEAST_FOUND or false > LEVEL)


def _shares(answers: Sequence[Answer]) -> tuple[float, float]:
    return float(np.mean([one.named for one in answers])), float(np.mean([one.by_floor for one in answers]))


def page(lines: Sequence[Any], found: Any, false: Any, seconds: float, runs: int) -> str:
    """Return the section of `docs/measured.md`."""
    rows = "\n".join(f"| {name} | {size} | {where} | {own:.2f} | {by:.2f} |" for name, size, where, own, by in lines)
    return f"""Run on {when()} by `python -m benchmarks.explain.slices --runs {runs}`.

A change planted in a slice of some 5 % of the rows, {NOW:,} rows of now against {BEFORE:,}, eleven columns. Told is in
which share of {runs} runs the slice is among the first three that are named (Jaccard of the rows at least {HIT}); in
"all rows", of {4 * runs} runs, in which any is named: at most {LEVEL:g} by the rule. Beside it the floor: of all
conditions of one column the three of largest effect.

| changed | by | in | named | floor |
|---|---|---|---|---|
{rows}
| **together** | | slices of 5 % | **{found[0]:.2f}** (target ≥ {LEAST_FOUND}) | {found[1]:.2f} |
| | | all rows | **{false[0]:.2f}** (target ≤ {LEVEL:g}) | {false[1]:.2f} |

A search takes {seconds:.2f} s of one core (median).
"""


def run(kind: Planted, where: str | None, seed: int) -> Answer:
    """Draw rows, search, and ask the floor."""
    before, now, hit = tables(kind, where, BEFORE, NOW, seed)
    begin = time.process_time()
    told = searched(kind, before, now, seed)
    seconds = time.process_time() - begin
    named = bool(told.slices) if where is None else any(_is(one, now, hit) for one in told.slices)
    return Answer(named, floor(kind, before, now, hit, everywhere=where is None), seconds)


def searched(kind: Planted, before: pa.Table, now: pa.Table, seed: int) -> FoundSlices:
    """Search; rows are parted at random."""
    halves = np.random.default_rng([seed, 1]).random(BEFORE + NOW) < 0.5
    return find_slices(before, now, kind.column, kind.aspect, searched=halves, leave_out=["error"])


def _is(one: RowSlice, now: pa.Table, hit: Flags) -> bool:
    mask = np.ones(now.num_rows, dtype=np.bool_)
    for condition in one.conditions:
        mask &= holds(condition, now)
    return bool((mask & hit).sum() >= HIT * (mask | hit).sum())


def holds(condition: Condition, now: pa.Table) -> Flags:
    """Say of which rows a condition holds, by what it says alone: not by the code that found it."""
    values = now.column(condition.column)
    if condition.values:
        return np.isin(np.array(values.to_pylist(), dtype=object).astype(str), condition.values)
    if values.null_count and condition.least is condition.below is None:
        return np.asarray(values.is_null())
    floats = values.cast(pa.float64()).to_numpy()
    if condition.listed:
        return np.isin(floats, condition.listed)
    above = True if condition.least is None else floats >= condition.least
    return np.asarray(above & (True if condition.below is None else floats < condition.below))


def floor(kind: Planted, before: pa.Table, now: pa.Table, hit: Flags, *, everywhere: bool) -> bool:
    """Say whether the three conditions of largest effect name the rows; where all changed, whether they name any."""
    is_now = np.arange(BEFORE + NOW) >= BEFORE
    target = sliced_column(kind.column, before.column(kind.column), now.column(kind.column))
    if target is None:
        return False
    everything = np.ones(is_now.size, dtype=np.bool_)
    score = max(change_scores(target, kind.aspect, is_now), key=lambda one: _moved(one.values, is_now, everything))
    ranked = sorted(
        ((_moved(score.values, is_now, mask), place, mask) for place, mask in enumerate(_masks(kind, before, now))),
        key=lambda one: -one[0],
    )[:MOST_NAMED]
    if everywhere:
        return bool(ranked)
    return any((mask[BEFORE:] & hit).sum() >= HIT * (mask[BEFORE:] | hit).sum() for _, _, mask in ranked)


def _moved(values: NDArray[np.float64], is_now: Flags, mask: Flags) -> float:
    now, before = (values[mask & side & np.isfinite(values)] for side in (is_now, ~is_now))
    return abs(float(now.mean() - before.mean())) if min(now.size, before.size) >= NOW / 100 else 0.0


def _masks(kind: Planted, before: pa.Table, now: pa.Table) -> Iterable[Flags]:
    everything = np.ones(BEFORE + NOW, dtype=np.bool_)
    for name in now.column_names:
        column = sliced_column(name, before.column(name), now.column(name))
        if column is None or name in {kind.column, "error"}:
            continue
        if isinstance(column, TextColumn) and len(column.texts) > NOW / 2:
            continue
        yield from (mask for _, mask in conditions(column, everything))


if __name__ == "__main__":
    main()
