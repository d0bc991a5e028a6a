"""The section "One baseline": how far its rate lies from the promise, and what holding it for most of them costs."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from benchmarks.accuracy import ours, streams
from benchmarks.accuracy.ours import Watched
from benchmarks.accuracy.runs import Run
from benchmarks.accuracy.tables import Page
from numpy.typing import NDArray

from pegel.judge.budget import sidak
from pegel.judge.one_baseline import OneBaseline, scale_for, spread

SIZES = ((200, 5_000), (2_000, 5_000), (5_000, 5_000))
LEVEL = 0.01
HELD = 0.95
BASELINES, WINDOWS = 200, 300
SHIFTS = (0.05, 0.1, 0.2)
Floats = NDArray[np.float64]


class Task(NamedTuple):
    """One baseline: seed, its number, rows of a window and of the baseline."""

    seed: int
    number: int
    n: int
    m: int


def one_baseline(task: Task) -> tuple[Floats, Floats]:
    """Return p-values of clean windows, of ten features each, and of windows whose normal feature was shifted."""
    rng = np.random.default_rng(task)
    watched = {name: Watched.of(streams.field(name), law.draw(rng, task.m)) for name, law in streams.FEATURES.items()}
    clean = [ours.judge(one, one.draw(rng, streams.FEATURES[name], task.n, WINDOWS)).p for name, one in watched.items()]
    name = next(iter(streams.FEATURES))
    moved = [
        ours.judge(watched[name], watched[name].draw(rng, streams.normal(shift), task.n, WINDOWS)).p for shift in SHIFTS
    ]
    return np.min(clean, axis=0), np.array(moved)


def section(seed: int, run: Run) -> str:
    """Measure and return the section."""
    page, baselines = Page(), run.baselines(BASELINES)
    page.say(
        f"Ten features at {LEVEL:.0%} a window, {baselines} baselines x {WINDOWS} clean windows each. `Foretold` is "
        "what notes say of one baseline: between which multiples of the promise nine in ten lie. The column beside "
        "the mean is what was counted, with the chance of counting three alarms or so. `Held` is "
        f"`false_alarms.hold_for: {HELD:.0%}`: levels at which the promise holds for so many baselines. Power: share "
        "of windows found whose normal feature moved."
    )
    rows = []
    for n, m in SIZES:
        found = run(one_baseline, [Task(seed, number, n, m) for number in range(baselines)])
        tested = OneBaseline(n, m, LEVEL, len(streams.FEATURES))
        low, high = spread(tested)
        for words, scale in (("on average", 1.0), (f"held for {HELD:.0%}", scale_for(tested, HELD))):
            bar = sidak(scale * LEVEL, len(streams.FEATURES))
            rates = np.array([(clean < bar).mean() / LEVEL for clean, _ in found])
            power = np.mean([(moved < bar).mean(axis=1) for _, moved in found], axis=0)
            foretold = f"{low:.2g} to {high:.2g}" if scale == 1 else f"levels x {scale:.2g}"
            real = f"{np.quantile(rates, 0.05):.2g} to {np.quantile(rates, 0.95):.2g}"
            shares = (f"{share:.2f}" for share in power)
            rows.append((f"{n:,}", f"{m:,}", words, foretold, page.rate(words, rates, None), real, *shares))
    shifts = (f"power {shift:g} sigma" for shift in SHIFTS)
    page.table(("n", "m", "promise", "foretold", "realised / promised", "nine in ten baselines", *shifts), rows)
    return "\n".join(page.lines).rstrip()
