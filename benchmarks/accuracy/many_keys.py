"""Categories of many values on clean windows: realised over promised rates of their tests and of their charts.

`python -m benchmarks.accuracy --part full --only many-keys` measures the whole grid; the suites run a part of it.
Windows are drawn as counts per cell with the exact probabilities of the cells, which is what counting rows would give.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import product

import numpy as np
from benchmarks.accuracy import charts, ours
from benchmarks.accuracy.ours import Watched
from benchmarks.accuracy.runs import Run
from benchmarks.accuracy.tables import Band, Page
from numpy.typing import NDArray

from pegel.data.columns import Field, Kind
from pegel.detect import siegmund
from pegel.detect.count_tests import CountTest
from pegel.detect.quality import unseen_factor
from pegel.stats.layout import CategoricalLayout
from pegel.stats.vocabulary import Vocabulary

Floats = NDArray[np.float64]
LEVELS = (1e-2, 1e-3, 1e-4)
SLOPES = (0.0, 0.5, 1.0, 1.5)
"""The share of a key falls as its rank to this power: 0 is flat."""
KEYS = (60, 300, 2_000, 20_000)
ROWS = (3_000, 50_000)
SIZES = (100, 1_000, 20_000)
ALARMS = 1e-3
"""Promised alarms of the chart per window."""
BASELINES, WINDOWS = 10, 500
"""For each slope."""
BAND: Band = (None, 1.2)


@dataclass(frozen=True, slots=True)
class Rates:
    """Realised over promised rates against one baseline: of all drift tests together, by level; of the parts at 1 %."""

    drift: Floats
    shape: float
    single: float
    unseen: float
    chart: float


def shares(keys: int, slope: float) -> Floats:
    """Return the share of each key."""
    weights = np.arange(1.0, keys + 1) ** -slope
    return np.asarray(weights / weights.sum(), dtype=np.float64)


def one_baseline(task: tuple[int, int, int, float, int, int, int]) -> Rates:
    """Judge clean windows against one baseline. The task: seed, number, keys, slope, baseline rows, rows, windows."""
    seed, number, keys, slope, m, n, count = task
    rng = np.random.default_rng([seed, number, keys, round(10 * slope), m, n])
    law = shares(keys, slope)
    seen = rng.multinomial(m, law)
    vocabulary = Vocabulary.of_counts({str(key): int(seen[key]) for key in np.flatnonzero(seen)})
    layout = CategoricalLayout(Field("key", Kind.CATEGORICAL), vocabulary)
    cells = vocabulary.cell_of(np.arange(keys).astype(str).astype(object))
    baseline = np.bincount(cells, weights=seen, minlength=layout.size).astype(np.int64)
    windows = rng.multinomial(n, np.bincount(cells, weights=law, minlength=layout.size), size=count)
    judged = ours.judge(Watched(layout, baseline), windows)
    p = judged.p
    shape, single = judged.tests
    new = rng.binomial(n, law[seen == 0].sum(), count)
    limits = siegmund.limits(n, m, ALARMS, squares=True)
    alarms = np.nan if limits is None else charts.fold(charts.deviations(judged), [limits], 0.0).mean() / ALARMS
    return Rates(
        drift=np.array([np.mean(p < level) / level for level in LEVELS]),
        shape=float(np.mean(shape.p < LEVELS[0])) / LEVELS[0],
        single=float(np.mean(single.p < LEVELS[0])) / LEVELS[0],
        unseen=_unseen(vocabulary, new, n),
        chart=float(alarms),
    )


def _unseen(vocabulary: Vocabulary, new: NDArray[np.int64], n: int) -> float:
    if vocabulary.is_open:
        return float("nan")
    values, times = np.unique(new, return_counts=True)
    factor = unseen_factor(vocabulary.singletons, vocabulary.doubletons, n, vocabulary.rows)
    sizes = (n, vocabulary.singletons, vocabulary.rows)
    tests = [CountTest("unseen", value, *sizes, factor=factor) for value in values.tolist()]
    low = np.array([test.p_value < LEVELS[0] for test in tests])
    return float(times[low].sum()) / new.size / LEVELS[0]


def section(seed: int, run: Run) -> str:
    """Measure and return the section."""
    page, baselines = Page(), run.baselines(BASELINES)
    page.say(
        f"Columns of many keys, clean windows; {baselines} baselines x {WINDOWS} windows for each of the slopes "
        f"{', '.join(f'{slope:g}' for slope in SLOPES)} (the share of a key falls as its rank to this power, 0 is "
        "flat), all slopes together. n: rows of a window, m: of the baseline. Realised over promised rates: of all "
        "tests of the field together, of new keys, and of the chart, where the baseline is large enough for one."
    )
    rows = []
    for keys, m, n in product(KEYS, ROWS, SIZES):
        tasks = [(seed, i, keys, slope, m, n, WINDOWS) for slope in SLOPES for i in range(baselines)]
        rows.append(_row(page, (keys, m, n), run(one_baseline, tasks)))
    page.table(("keys", "m", "n", "at 1e-2", "at 1e-3", "largest of the slopes, 1e-2", "new keys, 1e-2", "chart"), rows)
    return page.text()


def _row(page: Page, cell: tuple[int, int, int], found: Sequence[Rates]) -> tuple[str, ...]:
    keys, m, n = cell
    what = f"{keys:,} keys, m={m:,}, n={n:,}"
    drift = np.array([rates.drift for rates in found])
    by_slope = drift[:, 0].reshape(len(SLOPES), -1).mean(axis=1)
    unseen, charted = (np.array([getattr(rates, name) for rates in found]) for name in ("unseen", "chart"))
    return (
        f"{keys:,}",
        f"{m:,}",
        f"{n:,}",
        page.rate(f"{what} at 1e-2", drift[:, 0], BAND),
        page.rate(f"{what} at 1e-3", drift[:, 1], BAND),
        f"{by_slope.max():.2f} (slope {SLOPES[int(by_slope.argmax())]:g})",
        _known(page, f"{what}, new keys", unseen),
        _known(page, f"{what}, chart", charted),
    )


def _known(page: Page, what: str, rates: Floats) -> str:
    """Return a rate over the baselines that have one; a dash where none has."""
    known = rates[np.isfinite(rates)]
    return page.rate(what, known, BAND) if known.size > 1 else "-"
