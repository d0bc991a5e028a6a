"""The section "Since when": how often intervals hold the begin of a change, and how wide they are."""

from __future__ import annotations

import numpy as np
from benchmarks.accuracy import since
from benchmarks.accuracy.runs import Run
from benchmarks.accuracy.tables import Page

BASELINES, STREAMS = 20, 10
COVERAGE, WIDEST = 0.9, 8
NARROW = "mean .1 sigma"
"""The change whose interval has to be narrow."""


def section(seed: int, run: Run) -> str:
    """Measure and return the section."""
    page, baselines = Page(), run.baselines(BASELINES)
    page.say(
        f"When did a change begin that a chart alarmed of? n=200, m=50,000, one false alarm a week of 15 s windows; "
        f"{since.BEFORE} clean windows, then the change; {baselines} baselines x {STREAMS} streams a change, errors in "
        f"blocks of {since.BLOCK} events. *Sudden*: the interval that is told. *Any way*: from the earliest "
        "begin of a gradual change on, which is told beside it. Both are to hold the first changed window in nine of "
        "ten alarms: the first of changes at once, the second of all. *Run*: the windows since the chart was last 0, "
        "which was told before; it holds the begin if it does not begin later."
    )
    rows = []
    for name, change in since.CHANGES.items():
        tasks = [since.Task(seed, number, name, STREAMS) for number in range(baselines)]
        placed = [one for each in run(since.one_baseline, tasks) for one in each]
        told = np.array([(one.holds, one.holds_gradually, one.run_holds, one.is_open) for one in placed], dtype=float)
        sudden, any_way, in_run, is_open = told.mean(axis=0)
        width, of_run, delay = (
            float(np.median([getattr(one, column) for one in placed])) for column in ("windows", "run_windows", "delay")
        )
        if change.windows == 1 and sudden < COVERAGE:
            page.misses.append(f"{name}, sudden: {sudden:.3f}, target {COVERAGE:.2f}")
        if any_way < COVERAGE:
            page.misses.append(f"{name}, any way: {any_way:.3f}, target {COVERAGE:.2f}")
        text = page.at_most(f"{name}, windows", width, WIDEST) if name == NARROW else f"{width:.0f}"
        counts = (f"{len(placed)}", f"{delay:.0f}")
        shares = (f"{any_way:.2f}", f"{is_open:.2f}", f"{in_run:.2f}")
        rows.append((name, *counts, f"{sudden:.2f}", text, *shares, f"{of_run:.0f}"))
    heads = (
        "change",
        "alarms",
        "delay",
        "sudden holds",
        "windows",
        "any way holds",
        "open",
        "run holds",
        "its windows",
    )
    page.table(heads, rows)
    return page.text()
