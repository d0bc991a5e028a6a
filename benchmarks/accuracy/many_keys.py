"""Categories of many values on clean windows: realised over promised rates of their tests and of their charts.

`python -m benchmarks.accuracy.many_keys [--baselines 40]` prints the whole grid; the suites run a part of it. Windows
are drawn as counts per cell with the exact probabilities of the cells, which is what counting rows would give.
"""

from __future__ import annotations

import argparse
from collections.abc import Iterator
from dataclasses import dataclass, fields

import numpy as np
from benchmarks.accuracy import charts, ours
from benchmarks.accuracy.ours import Watched
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


def grid() -> Iterator[tuple[int, float, int, int]]:
    """Return keys, slope, rows of the baseline and rows of the window of every cell."""
    for keys in KEYS:
        for slope in SLOPES:
            for m in ROWS:
                yield from ((keys, slope, m, n) for n in SIZES)


def main() -> None:
    """Print the grid."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--baselines", type=int, default=40)
    parser.add_argument("--windows", type=int, default=1_000)
    parser.add_argument("--seed", type=int, default=20_261_128)
    asked = parser.parse_args()
    print(f"realised / promised, {asked.baselines} baselines x {asked.windows} windows, seed {asked.seed}\n")
    print("keys slope m n | drift at 1e-2 1e-3 1e-4 | shape | single | unseen | chart")
    for keys, slope, m, n in grid():
        tasks = [(asked.seed, i, keys, slope, m, n, asked.windows) for i in range(asked.baselines)]
        rates = [one_baseline(task) for task in tasks]
        drift = " ".join(f"{rate:.2f}" for rate in np.mean([one.drift for one in rates], axis=0))
        parts = [np.mean([getattr(one, part.name) for one in rates]) for part in fields(Rates)[1:]]
        print(f"{keys} {slope:g} {m} {n} | {drift} | " + " | ".join(f"{part:.2f}" for part in parts), flush=True)


if __name__ == "__main__":
    main()
