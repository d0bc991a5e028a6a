"""The section "Delay": windows until a lasting change is alerted."""

from __future__ import annotations

import math

import numpy as np
from benchmarks.accuracy import delay, delay_check
from benchmarks.accuracy.power import CLEAN, PEERS, Tally
from benchmarks.accuracy.runs import Run
from benchmarks.accuracy.tables import Page, whole

from pegel.detect import siegmund

OBSERVED = {
    "mean .05 sigma": (42, 56),
    "mean .1 sigma": (13, 17),
    "mean .2 sigma": (5, 7),
    "mean .5 sigma": (1, 1),
    "scale 1.05": (24, 34),
    "scale 1.1": (8, 12),
    "scale 1.25": (1, 3),
}
"""Median windows when the rules were specified, at each budget; a fifth more, at least one more, is allowed."""
CHARTS = 32
"""Of ten features: four of each number, two of the binary one, one of each category."""
BASELINES, STREAMS, WINDOWS = 40, 15, 250
CHECKED = 40


def section(tally: Tally, seed: int, run: Run) -> str:
    """Measure and return the section."""
    page, baselines = Page(), run.baselines(BASELINES)
    for per_week in delay.BUDGETS.values():
        assert delay_check.agrees(seed, per_week, "mean .2 sigma", CHECKED)
    page.say(
        f"Median windows until the first alert after one of ten features changed; n=200, m=50,000, {baselines} "
        f"baselines x {STREAMS} streams of {WINDOWS} windows. Before the bar with a budget of one false alarm in "
        "1,000 windows, behind it with one a week and windows of 15 s (one in 40,320). *Whole*: single windows, "
        "data quality and charts share the budget, as `judge` runs them; the tenth for correlations is set aside, "
        "and not used up. *Windows alone*: no charts, the whole budget for single windows. The others have no "
        "budget: the chance of flagging a window, from the table of powers, gives the median wait. The first row "
        "says after how many windows a false alarm comes, on average: promised for ours, measured for the others."
    )
    usual = delay.usual_size()
    limits = siegmund.limits(usual, delay.M, delay.levels_of(1.0).charts / CHARTS)
    assert limits is not None
    page.say(
        f"The charts take windows of {delay.N} rows for {usual}: the baseline holds {delay.M / usual:.0f} of them, "
        f"which gives an allowance of {limits.k:.2f}."
    )
    _whole(page, tally, seed, run)
    return page.text()


def allowed(observed: int) -> int:
    """Return the most windows that meet the target."""
    return max(math.floor(1.2 * observed), observed + 1)


def _whole(page: Page, tally: Tally, seed: int, run: Run) -> None:
    plan = delay.Plan(seed, STREAMS, WINDOWS)
    found = run(delay.one_baseline, [(plan, number) for number in range(run.baselines(BASELINES))])
    rows = []
    for change in delay.CHANGES:
        target = [allowed(observed) for observed in OBSERVED[change]]
        cells: dict[str, list[str]] = {"whole": [], "windows": []}
        for budget, most in zip(delay.BUDGETS, target, strict=True):
            for layers, texts in cells.items():
                median = float(np.median(np.concatenate([one[budget, layers, change] for one in found])))
                what = f"{change}, {budget}"
                texts.append(page.at_most(what, median, most) if layers == "whole" else whole(median))
        waits = [_wait(tally, rule, change) for rule in PEERS]
        rows.append((change, f"{target[0]} / {target[1]}", *(" / ".join(texts) for texts in cells.values()), *waits))
    clean = (CLEAN, "", "1,000 / 40,320", "1,000 / 40,320", *(_rarely(tally.share(rule, CLEAN, 200)) for rule in PEERS))
    page.table(("change", "at most", "Pegel, whole", "Pegel, windows alone", *PEERS), [clean, *rows])


def _wait(tally: Tally, rule: str, change: str) -> str:
    flagged = zip(tally.changed[rule, change, 200], tally.others[rule, change, 200], strict=True)
    return _rarely(float(np.mean([np.mean(changed | rest) for changed, rest in flagged])), median=True)


def _rarely(share: float, *, median: bool = False) -> str:
    """Return the windows until something of this probability happens: on average, or the median."""
    if share <= 0:
        return "never seen"
    if not median:
        return f"{1 / share:,.1f}"
    return "1" if share >= 0.5 else f"{math.ceil(math.log(0.5) / math.log1p(-share)):,}"
