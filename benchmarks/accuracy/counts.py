"""False alarms of the exact count tests: nulls, values never seen, values beyond the range of training."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from benchmarks.accuracy import streams
from benchmarks.accuracy.dependence import autoregressive
from numpy.typing import NDArray
from scipy.special import ndtr

from pegel.data.columns import Field, Kind, Schema
from pegel.detect.count_tests import CountTest
from pegel.detect.noise_assessment import assess
from pegel.stats.layout import build_layout

LEVELS = (1e-2, 1e-3)
M, WINDOWS = 50_000, 4_000
NULLS = 0.02
VALUES = 20_000
Counts = NDArray[np.int64]
Make = Callable[[int], CountTest]


def _rates(seen: Counts, make: Make) -> tuple[float, ...]:
    values, times = np.unique(seen, return_counts=True)
    p = np.array([make(int(value)).p_value for value in values])
    return tuple(float(times[p < level].sum()) / seen.size / level for level in LEVELS)


def _nulls(rng: np.random.Generator, n: int) -> tuple[float, ...]:
    before = int(rng.binomial(M, NULLS))
    return _rates(rng.binomial(n, NULLS, WINDOWS), lambda x: CountTest("nulls", x, n, before, M, two_sided=True))


def _unseen(rng: np.random.Generator, n: int) -> tuple[float, ...]:
    law = streams.zipf(VALUES)
    seen = np.bincount(law.draw(rng, M).astype(np.int64), minlength=VALUES)
    mass = np.diff(law.below(np.arange(VALUES, dtype=np.float64)), prepend=0.0)
    singletons = int((seen == 1).sum())
    new = rng.binomial(n, mass[seen == 0].sum(), WINDOWS)
    return _rates(new, lambda x: CountTest("unseen", x, n, singletons, M))


def _above(rng: np.random.Generator, n: int) -> tuple[float, ...]:
    beyond = 1 - rng.random(M).max()
    return _rates(rng.binomial(n, beyond, WINDOWS), lambda x: CountTest("above", x, n, 0, M))


def _bursts(rng: np.random.Generator, n: int) -> tuple[float, ...]:
    """Draw nulls that come in bursts: where a slow hidden series is high; corrected by the replay."""
    windows = 100_000 // n
    absent = ndtr(autoregressive(rng, (M + windows * n, 1), 0.95)[:, 0]) < NULLS
    rows = np.where(absent[:M], np.nan, rng.normal(size=M))
    noise = assess(build_layout(Schema((Field("x", Kind.NUMERIC),)), {"x": rows}), {"x": rows}, n)
    factor = noise.dispersion["x"].factor("nulls", n) if "x" in noise.dispersion else 1.0
    before, seen = int(absent[:M].sum()), absent[M:].reshape(windows, n).sum(axis=1)
    return _rates(seen, lambda x: CountTest("nulls", x, n, before, M, two_sided=True, factor=factor))


KINDS: dict[str, tuple[Callable[[np.random.Generator, int], tuple[float, ...]], tuple[int, ...]]] = {
    "nulls, 2 % of the rows": (_nulls, (200, 2_000)),
    "values never seen, Zipf of 20,000": (_unseen, (200, 2_000)),
    "above the largest of training": (_above, (200, 2_000)),
    "nulls in bursts, corrected": (_bursts, (200, 1_000)),
}
"""What is drawn, and for which sizes of windows; the replay needs 30 windows in the baseline."""


def one_baseline(task: tuple[int, int, str, int]) -> tuple[float, ...]:
    """Return realised over promised rates at both levels. The task: seed, number of the baseline, kind, window rows."""
    seed, number, kind, n = task
    return KINDS[kind][0](np.random.default_rng([seed, number, n, len(kind)]), n)
