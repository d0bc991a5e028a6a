"""The section "False alarms": every family of tests on clean streams, beside its band."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

import numpy as np
from benchmarks.accuracy import charts, counts, dependence, false_alarms, pairs
from benchmarks.accuracy.false_alarms import Found, Grid
from benchmarks.accuracy.runs import Run
from benchmarks.accuracy.tables import Band, Page, band, beyond_chance

Rows = list[tuple[str, ...]]
BANDS: dict[int, Band] = {50: (None, 1.1), 200: (0.6, 1.2), 2_000: (0.7, 1.2), 20_000: (0.7, 1.3)}
CORRELATED: Band = (None, 1.1)
CHARTS: Band = (0.7, 1.3)
PAIRS: Band = (0.7, 1.3)
DOUBLE: Band = (None, 2.0)
COUNTED: Band = (None, 1.2)


@dataclass(frozen=True)
class Size:
    """How much a part draws: baselines, and windows per baseline by what is judged."""

    sizes: tuple[int, ...]
    baselines: int
    grid: int
    correlated: Mapping[int, int]
    copies: int
    """Of the ten features, where these are correlated."""
    several: int
    """Baselines of correlated features."""
    others: bool
    """Whether the tests beside those for drift are measured, too."""


SHORT = Size((200, 2_000), 100, 600, {200: 100, 2_000: 30}, 1, 100, others=True)
FULL = Size((50, 20_000), 100, 600, {200: 100, 2_000: 20}, 10, 50, others=False)
CHARTED = (160, 1_000)
PAIRED = {200: 100, 2_000: 25}
LEAST = 5
"""Rates are not given where fewer flags than this are to be expected."""
DEPENDENT = 30
"""Baselines of rows that depend on each other."""


def section(size: Size, seed: int, run: Run) -> str:
    """Measure and return the section."""
    page = Page()
    size = replace(size, baselines=run.baselines(size.baselines), several=run.baselines(size.several))
    page.say(
        "Each figure is a realised rate over the promised one, the mean over baselines with its Monte-Carlo "
        "error: 1 is exact, less is cautious, more is a broken promise. n: rows of a window, m: of the baseline, "
        "d: features. The levels are those of a whole window over all features. `Equal`: the same tests with "
        "equal shares of the level and plain ranks everywhere. `Margin`: with the default relevance margin of "
        ".02, as monitors run."
    )
    _grid(page, size, seed, run)
    _correlated(page, size, seed, run)
    if size.others:
        parts = (_charts, _pairs, _dependent, _counts)
        rows = [row for part in parts for row in part(page, size, seed, run)]
        page.table(("other tests", "at", "uncorrected", "realised / promised", "band"), rows)
    return page.text()


def _grid(page: Page, size: Size, seed: int, run: Run) -> None:
    grid = Grid(seed, (5_000, 50_000), size.sizes, dict.fromkeys(size.sizes, size.grid))
    found: list[Found] = run(false_alarms.one_baseline, [(grid, number) for number in range(size.baselines)])
    rows = []
    for m in grid.rows:
        for n in grid.sizes:
            for d in (1, 10, 100):
                rates = false_alarms.rates(found, m, n, d)
                allowed, what = BANDS[n], f"n={n:,}, m={m:,}, d={d}"
                bands = (allowed, (None, 1.3), None)
                marks = [
                    page.rate(f"{what} at {level:g}", rates[:, i], bands[i])
                    if len(rates) * size.grid * level * (10 if d == 1 else 1) >= LEAST
                    else "too few"
                    for i, level in enumerate(false_alarms.LEVELS)
                ]
                equal, margin, spread = "", "", ""
                if d == 10:
                    equal = page.rate(what, false_alarms.rates(found, m, n, d, rule="equal")[:, 0], None)
                    margin = page.rate(what, false_alarms.margins(found, m, n), None)
                    spread = f"{beyond_chance(rates[:, 0], size.grid, 1e-2):.2f}"
                rows.append((f"{n:,}", f"{m:,}", str(d), *marks, band(allowed), equal, margin, spread))
    page.say(f"**Drift tests, independent features**; {size.baselines} baselines, {size.grid:,} windows of each.")
    heads = (
        "n",
        "m",
        "d",
        "at 1e-2",
        "at 1e-3",
        "at 1e-4",
        "band",
        "equal, 1e-2",
        "margin, 1e-2",
        "sd between baselines",
    )
    page.table(heads, rows)
    page.say("The last column is what is left of the spread between single baselines at 1e-2 when chance is taken off.")


def _correlated(page: Page, size: Size, seed: int, run: Run) -> None:
    grid = Grid(seed, (50_000,), tuple(size.correlated), size.correlated, rho=0.5, copies=size.copies)
    found = run(false_alarms.one_baseline, [(grid, number) for number in range(size.several)])
    rows, d = [], 10 * size.copies
    for n in grid.sizes:
        rates = false_alarms.rates(found, 50_000, n, d, copies=size.copies)
        what = f"correlated, n={n:,}, d={d}"
        drawn = size.several * size.correlated[n]
        marks = [
            page.rate(f"{what} at {level:g}", rates[:, i], CORRELATED) if drawn * level >= LEAST else "too few"
            for i, level in enumerate((1e-2, 1e-3))
        ]
        rows.append((f"{n:,}", "50,000", str(d), *marks, band(CORRELATED)))
    page.say("**Drift tests, features correlated by .5** (normal copula).")
    page.table(("n", "m", "d", "at 1e-2", "at 1e-3", "band"), rows)


def _charts(page: Page, _: Size, seed: int, run: Run) -> Rows:
    baselines, windows = CHARTED
    rows: Rows = []
    for m in (250 * charts.N, 36 * charts.N):
        rates = run(
            charts.one_baseline,
            [(seed, number, m, windows, charts.ALARMS_PER_WINDOW) for number in range(run.baselines(baselines))],
        )
        what = f"charts (CUSUM), n=200, m={m:,}"
        rows.append((what, "one alarm in 1,000 windows", "", page.rate(what, rates, CHARTS), band(CHARTS)))
    return rows


def _pairs(page: Page, size: Size, seed: int, run: Run) -> Rows:
    rows: Rows = []
    for copula in pairs.COPULAS:
        tasks = [(seed, number, copula, PAIRED) for number in range(size.baselines)]
        rates = np.array(run(pairs.one_baseline, tasks))
        for place, n in enumerate(PAIRED):
            for i, words in enumerate(("1e-2, all pairs", "1e-4, single pairs")):
                what = f"correlation test, {copula}, n={n:,}"
                mark = page.rate(f"{what} at {words}", rates[:, place, i], PAIRS)
                rows.append((what, words, "", mark, band(PAIRS)))
    return rows


def _dependent(page: Page, _: Size, seed: int, run: Run) -> Rows:
    rows: Rows = []
    for phi in dependence.PHIS:
        rates = np.array(run(dependence.one_autoregressive, [(seed, i, phi) for i in range(run.baselines(DEPENDENT))]))
        what = f"rows alike by {phi:g} (AR 1), ten features, n=200"
        marks = page.rate(what, rates[:, 0], None), page.rate(what, rates[:, 1], DOUBLE)
        rows.append((what, "1e-2", *marks, band(DOUBLE)))
    rates = np.array(run(dependence.one_seasonal, [(seed, i) for i in range(run.baselines(DEPENDENT))]))
    what = "daily sine of .3 sigma, n=200"
    return [
        *rows,
        (what, "1e-2", page.rate(what, rates[:, 0], None), page.rate(what, rates[:, 1], DOUBLE), band(DOUBLE)),
    ]


def _counts(page: Page, size: Size, seed: int, run: Run) -> Rows:
    rows: Rows = []
    for kind, (_, sizes) in counts.KINDS.items():
        for n in sizes:
            rates = np.array(run(counts.one_baseline, [(seed, i, kind, n) for i in range(size.baselines)]))
            for i, level in enumerate(counts.LEVELS):
                what = f"{kind}, n={n:,}"
                mark = page.rate(f"{what} at {level:g}", rates[:, i], COUNTED)
                rows.append((what, f"{level:g}", "", mark, band(COUNTED)))
    return rows
