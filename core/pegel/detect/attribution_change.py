"""Whether the model's output moves by it: changes of attributions in standard deviations of the prediction.

Rank tests alarm on any scale: a column that the model hardly uses moves its attributions as surely as any other. So
what is significant has to be relevant, too: a mean, or a mean size, that differs by more than `margin` of the
prediction's standard deviation, at the 1 % level.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray
from scipy.special import ndtr

from pegel.detect.detector import Evidence
from pegel.stats.attribution_sums import STEPS, AttributionSums

CLEAR: Final = 2.576
"""Standard errors from which on a part of a change is told by name."""
RESAMPLES: Final = 1_000
QUANTILE: Final = 0.01
Floats = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class AttributionChange:
    """How the attributions of one feature changed, in standard deviations of the prediction.

    `mean`, `size`: of the mean and of the mean size, window minus baseline, with their standard errors. `z_mean`,
    `z_size`: by how many of those they exceed the margin.
    """

    mean: float
    mean_error: float
    size: float
    size_error: float
    z_mean: float
    z_size: float

    @property
    def z(self) -> float:
        """Return the larger of both z."""
        return max(self.z_mean, self.z_size)

    @property
    def p_relevant(self) -> float:
        """Return the p-value of "neither is larger than the margin"."""
        return float(ndtr(-self.z))

    def numbers(self) -> dict[str, float]:
        """Return every number."""
        return {
            "mean": self.mean,
            "mean_error": self.mean_error,
            "size": self.size,
            "size_error": self.size_error,
            "z_mean": self.z_mean,
            "z_size": self.z_size,
        }


def changes(now: AttributionSums, before: AttributionSums, margin: float) -> list[AttributionChange]:
    """Return the change of each feature, and last that of the output; both sides have two rows at least."""
    errors = np.sqrt(now.variances / now.n + before.variances / before.n)
    size_errors = np.sqrt(now.size_variances / now.n + before.size_variances / before.n)
    means, sizes = now.means - before.means, now.mean_sizes - before.mean_sizes
    columns = zip(*(each.tolist() for each in (means, errors, sizes, size_errors)), strict=True)
    return [
        AttributionChange(
            mean / STEPS,
            error / STEPS,
            size / STEPS,
            size_error / STEPS,
            beyond(mean / STEPS, error / STEPS, margin),
            beyond(size / STEPS, size_error / STEPS, margin),
        )
        for mean, error, size, size_error in columns
    ]


def beyond(change: float, error: float, margin: float) -> float:
    """Return by how many standard errors the size of a change exceeds the margin; all in one unit.

    >>> round(beyond(.12 / 1.2, math.sqrt(.18 / 500 + .16 / 20_000) / 1.2, .05), 6)
    3.127716
    """
    excess = abs(change) - margin
    if error > 0:
        return excess / error
    return math.copysign(math.inf, excess) if excess else 0.0


@dataclass(frozen=True, slots=True)
class RelevantTest:
    """A test of one feature's attributions that is relevant where the model's output moves by the change."""

    test: Evidence
    change: AttributionChange

    @property
    def name(self) -> str:
        """Return the test's name."""
        return self.test.name

    @property
    def n(self) -> int:
        """Return the explained rows of the window."""
        return self.test.n

    @property
    def m(self) -> int:
        """Return the explained rows of the baseline."""
        return self.test.m

    @property
    def statistic(self) -> float:
        """Return the statistic."""
        return self.test.statistic

    @property
    def p_value(self) -> float:
        """Return the p-value of "nothing has changed"."""
        return self.test.p_value

    def p_relevant(self, _margin: float) -> float:
        """Return the p-value of "the prediction does not move by it beyond the margin"; that is in the change."""
        return self.change.p_relevant

    def numbers(self) -> dict[str, float]:
        """Return the numbers of the test."""
        return self.test.numbers()


def ndcg(before: Floats, now: Floats) -> float:
    """Return how much of the importance before the order of importance now has where it should be; 1: the same order.

    Args:
        before: Mean size of each feature's attributions in the baseline, shape (features,); not all of them 0.
        now: The same of the window. Of equal ones the first comes first.

    References: Wang et al., A Theoretical Analysis of NDCG Type Ranking Measures, 2013; SageMaker Clarify alarms below
    0.9, which sees only catastrophes: here it is shown and never compared with a limit.

    >>> importance = np.array([.5, .3, .15, .05])
    >>> round(ndcg(importance, importance[[1, 0, 2, 3]]), 9), round(ndcg(importance, importance[::-1]), 9)
    (0.906066618, 0.648981248)
    >>> ndcg(importance, 2 * importance)
    1.0
    """
    return float(_ndcgs(before, now[None])[0])


def clean_ndcg(before: Floats, covariance: Floats, n: int) -> float:
    """Return the 1 % quantile of nDCG over 1,000 means of `n` rows as they are in the baseline.

    Args:
        before: As of `ndcg`.
        covariance: Of the sizes of attributions over baseline rows, shape (features, features). Means are drawn from
            the normal law with it instead of from rows: these are not kept.
        n: Rows of a window.
    """
    values, vectors = np.linalg.eigh(covariance / n)
    root = vectors * np.sqrt(np.maximum(values, 0.0))
    drawn = before + np.random.default_rng(0).standard_normal((RESAMPLES, before.size)) @ root.T
    return float(np.quantile(_ndcgs(before, drawn), QUANTILE))


def _ndcgs(before: Floats, now: Floats) -> Floats:
    """Return nDCG of many orders of importance, shape (orders, features) -> (orders,)."""
    weights = 1 / np.log2(np.arange(2, before.size + 2))
    best = before[np.argsort(-before, kind="stable")] @ weights
    if best <= 0:
        return np.ones(len(now))
    return np.asarray(before[np.argsort(-now, axis=1, kind="stable")] @ weights / best)


def ranks(importance: Floats) -> list[int]:
    """Return the place of each feature in the order of importance, 1 for the most important."""
    places = np.empty(importance.size, dtype=np.int64)
    places[np.argsort(-importance, kind="stable")] = np.arange(1, importance.size + 1)
    return [int(place) for place in places]
