"""False alarms of the exact count tests: nulls, values never seen, values beyond the range of training."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from benchmarks.accuracy import streams
from benchmarks.accuracy.dependence import autoregressive
from numpy.typing import NDArray
from scipy.special import ndtr

from pegel.data.columns import Field, Kind, Schema
from pegel.detect.count_tests import CountTest
from pegel.detect.noise_assessment import assess
from pegel.stats.dispersion import Dispersion
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


def _null_bursts(rng: np.random.Generator, n: int) -> tuple[float, ...]:
    """Draw nulls that come in bursts: where a slow hidden series is high; corrected by the replay."""
    hidden, windows = _slow(rng, n, 0.95)
    absent = ndtr(hidden) < NULLS
    noise = _replayed(Field("x", Kind.NUMERIC), np.where(absent[:M], np.nan, rng.normal(size=M)), n)
    before, seen = int(absent[:M].sum()), absent[M:].reshape(windows, n).sum(axis=1)
    factor = noise.factor("nulls", n)
    return _rates(seen, lambda x: CountTest("nulls", x, n, before, M, two_sided=True, factor=factor))


def _above_in_bursts(rng: np.random.Generator, n: int) -> tuple[float, ...]:
    """Draw rows of which each is like the one before, so that one beyond all of training is not alone."""
    rows, windows = _slow(rng, n, 0.97)
    factor = _replayed(Field("x", Kind.NUMERIC), rows[:M], n).factor("above", n)
    seen = (rows[M:] > rows[:M].max()).reshape(windows, n).sum(axis=1)
    return _rates(seen, lambda x: CountTest("above", x, n, 0, M, factor=factor))


def _unseen_in_bursts(rng: np.random.Generator, n: int) -> tuple[float, ...]:
    """Draw values of which each stays for some rows."""
    hidden, windows = _slow(rng, n, 0.97)
    keys = streams.zipf(VALUES).quantile(ndtr(hidden)).astype(np.int64)
    times = np.bincount(keys[:M], minlength=VALUES)
    noise = _replayed(Field("x", Kind.CATEGORICAL), keys[:M].astype(str).astype(object), n)
    before, factor = max(int((times == 1).sum()), noise.unseen), noise.factor("unseen", n)
    seen = (times[keys[M:]] == 0).reshape(windows, n).sum(axis=1)
    return _rates(seen, lambda x: CountTest("unseen", x, n, before, M, factor=factor))


def _slow(rng: np.random.Generator, n: int, phi: float) -> tuple[NDArray[np.float64], int]:
    """Draw normals of a baseline and of windows after it, each like the one before; and how many windows they are."""
    windows = 100_000 // n
    return autoregressive(rng, (M + windows * n, 1), phi)[:, 0], windows


def _replayed(field: Field, rows: NDArray[Any], n: int) -> Dispersion:
    columns = {field.name: rows}
    return assess(build_layout(Schema((field,)), columns), columns, n).dispersion[field.name]


KINDS: dict[str, tuple[Callable[[np.random.Generator, int], tuple[float, ...]], tuple[int, ...]]] = {
    "nulls, 2 % of the rows": (_nulls, (200, 2_000)),
    "values never seen, Zipf of 20,000": (_unseen, (200, 2_000)),
    "above the largest of training": (_above, (200, 2_000)),
    "nulls in bursts, corrected": (_null_bursts, (200, 1_000)),
    "above the largest, rows in bursts, corrected": (_above_in_bursts, (200, 1_000)),
    "values never seen, in bursts, corrected": (_unseen_in_bursts, (200, 1_000)),
}
"""What is drawn, and for which sizes of windows; the replay needs 30 windows in the baseline."""


def one_baseline(task: tuple[int, int, str, int]) -> tuple[float, ...]:
    """Return realised over promised rates at both levels. The task: seed, number of the baseline, kind, window rows."""
    seed, number, kind, n = task
    return KINDS[kind][0](np.random.default_rng([seed, number, n, len(kind)]), n)
