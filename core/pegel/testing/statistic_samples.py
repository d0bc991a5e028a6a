"""How to begin each statistic and what to feed it, for the checks of `pegel.testing.statistic_checks`."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.random import Generator
from numpy.typing import NDArray

from pegel.errors import NotFound
from pegel.stats.answer_latencies import Latencies
from pegel.stats.categories import Categories
from pegel.stats.comoments import Comoments
from pegel.stats.counters import Counters
from pegel.stats.distinct import Distinct
from pegel.stats.extremes import Extremes
from pegel.stats.histogram import Histogram
from pegel.stats.pair_groups import GROUPS
from pegel.stats.pair_tables import PairTables
from pegel.stats.quantiles import Quantiles
from pegel.stats.statistic import ColumnStatistic, Statistic, keeps_columns
from pegel.stats.vocabulary import Vocabulary

EDGES = np.array([-1.5, -0.5, 0.0, 0.5, 1.5])


def equal(a: Statistic, b: Statistic) -> bool:
    """Say whether two statistics found exactly the same."""
    return bool(a.get() == b.get())


def close(a: Statistic, b: Statistic) -> bool:
    """Say whether two statistics found the same: floats to nine digits, everything else exactly."""
    return _close(a.get(), b.get())


def _close(a: Any, b: Any) -> bool:
    if isinstance(a, dict) and isinstance(b, dict):
        return a.keys() == b.keys() and all(_close(a[key], b[key]) for key in a)
    if isinstance(a, list) and isinstance(b, list):
        return len(a) == len(b) and all(map(_close, a, b))
    if isinstance(a, float) and isinstance(b, float):
        return math.isclose(a, b, rel_tol=1e-9, abs_tol=1e-9)
    return bool(a == b)


def alike_in_rank(a: Quantiles, b: Quantiles) -> bool:
    """Say whether two quantile sketches hold equally many values and agree on the rank of each other's quantiles.

    Each may be off by its rank error in 99 of 100 cases; three times that never happens.
    """
    if a.n != b.n or not a.n:
        return a.n == b.n
    allowed = 3 * (a.rank_error + b.rank_error)
    pairs = zip(a.get()["quantiles"].values(), b.get()["quantiles"].values(), strict=True)
    return all(abs((a.rank(x) or 0) - (a.rank(y) or 0)) <= allowed for x, y in pairs)


@dataclass(frozen=True)
class Sample:
    """How to begin a statistic and what to feed it.

    `start`: returns the statistic of no rows. `draw`: returns n rows of input, first axis n; of a scale of about 1,
    because `close` allows differences of 1e-9. `same`: says whether two statistics found the same. `other`: returns a
    statistic of the class that must not be merged with it, or is None when any two may be.
    """

    start: Callable[[], Statistic]
    draw: Callable[[Generator, int], NDArray[Any]]
    same: Callable[[Any, Any], bool] = close
    other: Callable[[], Statistic] | None = None

    def of(self, *parts: NDArray[Any]) -> Statistic:
        """Return the statistic that was given these rows, part after part."""
        found = self.start()
        for part in parts:
            found.update(part)
        return found

    def merged(self, *parts: Statistic) -> Statistic:
        """Return the statistic of no rows into which these were merged, one after the other."""
        found = self.start()
        for part in parts:
            found.merge(part)
        return found


def sample_of(kind: type[Statistic]) -> Sample:
    """Return the sample of a class: its own of `SAMPLES`, else the one of every ColumnStatistic.

    Raises NotFound for another class: only its author knows what to feed it.
    """
    if (known := SAMPLES.get(kind.name)) and type(known.start()) is kind:
        return known
    if keeps_columns(kind):
        return column_sample(kind)
    raise NotFound(
        f"expected a sample named {kind.name!r}, or a class with `start`, given {kind.__name__}: "
        "write a Sample for it; nothing was checked."
    )


def column_sample(kind: type[ColumnStatistic]) -> Sample:
    """Return the sample of any statistic that is kept per numeric field."""
    return Sample(start=lambda: kind.start(EDGES), draw=_numbers)


def _numbers(rng: Generator, n: int) -> NDArray[np.float64]:
    """Draw finite values, every second one of them rounded, so that some repeat."""
    values = rng.normal(size=n)
    return np.where(rng.random(n) < 0.5, values, np.round(values, 1))  # noqa: PLR2004 - a half


def _anything(rng: Generator, n: int) -> NDArray[np.float64]:
    return rng.choice([0.0, 1.5, np.nan, np.inf, -np.inf], n)


def _milliseconds(rng: Generator, n: int) -> NDArray[np.int64]:
    return np.round(rng.lognormal(5.0, 2.0, n)).astype(np.int64) - 3


def _carriers(rng: Generator, n: int) -> NDArray[np.object_]:
    return rng.choice(np.array(["WN", "AA", "new", None], dtype=object), n)


def _normal_scores(rng: Generator, n: int) -> NDArray[np.int64]:
    return rng.integers(-2724, 2725, (n, 3))


def _groups(rng: Generator, n: int) -> NDArray[np.uint8]:
    return rng.integers(0, GROUPS + 1, (n, 3)).astype(np.uint8)


SAMPLES: Mapping[str, Sample] = {
    Categories.name: Sample(
        start=lambda: Categories(Vocabulary.build(["WN", "WN", "AA"])),
        draw=_carriers,
        same=equal,
        other=lambda: Categories(Vocabulary.build(["WN", "DL"])),
    ),
    Comoments.name: Sample(start=lambda: Comoments(3), draw=_normal_scores, same=equal, other=lambda: Comoments(2)),
    Counters.name: Sample(start=Counters, draw=_anything, same=equal),
    Distinct.name: replace(column_sample(Distinct), same=equal),
    Extremes.name: replace(column_sample(Extremes), same=equal),
    Histogram.name: replace(column_sample(Histogram), same=equal, other=lambda: Histogram(EDGES + 1)),
    Latencies.name: Sample(start=Latencies, draw=_milliseconds, same=equal),
    PairTables.name: Sample(start=lambda: PairTables(3), draw=_groups, same=equal, other=lambda: PairTables(2)),
    Quantiles.name: replace(column_sample(Quantiles), same=alike_in_rank),
}
"""Samples of the statistics of this package whose results are exact, or whose input is no column of numbers."""
