"""Are two fields as associated in a window as in its baseline? An exact test of equal odds ratios of their halves.

Each field is cut in two: scores above 0, *high*, and the rest. That gives four counts on either side. Given how many
rows are high in each field, in the window and in the baseline, and how many are high in both, on both sides together,
the number of those that lie in the window has a known law if the odds ratio is the same: it depends neither on that
ratio nor on how often the fields are high, which may have changed. It needs no large numbers: a pair that is high
together in three rows of a million is tested as exactly as any other.

Source: M. Zelen, "The analysis of several 2 x 2 contingency tables", Biometrika 58 (1971).
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import NamedTuple, Self

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.special import gammaln

from pegel.stats import tails

Integers = NDArray[np.int64]
Floats = NDArray[np.float64]
ROUNDING = 1e-9
"""Tails that differ by less are equally likely: on tables that are mirror images both are the same but for rounding."""
ROUNDING_OF_LOGS = 1e-6
"""Logarithms of numbers of ways, of hundreds of millions, are exact to less."""
SMALLEST = math.log(tails.FLOOR)
"""Counts whose weight, relative to the likeliest, has a smaller logarithm do not show in any p-value."""


@dataclass(frozen=True, slots=True)
class Halves:
    """Counts of one side, int64, of any one shape: one element per pair of fields.

    Of the `rows` in which both fields have a number: those high in the `first`, in the `second`, in `both`.
    """

    rows: Integers
    first: Integers
    second: Integers
    both: Integers

    @classmethod
    def of(cls, rows: ArrayLike, first: ArrayLike, second: ArrayLike, both: ArrayLike) -> Self:
        """Take counts of any kind of integers."""
        return cls(*(np.asarray(count, dtype=np.int64) for count in (rows, first, second, both)))

    def at(self, place: int | tuple[int, int] | tuple[NDArray[np.intp], ...]) -> Self:
        """Return the counts of one pair, each of shape (), or of those at several places."""
        return type(self).of(*(count[place] for count in (self.rows, self.first, self.second, self.both)))

    @property
    def phi(self) -> Floats:
        """Return the correlation of the two halves, from -1 to 1; 0 where one of them is empty."""
        rows, first, second, both = (count.astype(np.float64) for count in self._counts)
        spread = np.sqrt(first * (rows - first) * second * (rows - second))
        return np.asarray((rows * both - first * second) / np.where(spread > 0, spread, np.inf), dtype=np.float64)

    def log_odds(self) -> tuple[Floats, Floats]:
        """Return the logarithm of the odds ratio and its variance, each count a half higher, so that both exist."""
        rows, first, second, both = self._counts
        a, b, c, d = (count + 0.5 for count in (both, first - both, second - both, rows - first - second + both))
        return np.asarray(np.log(a * d / b / c)), np.asarray(1 / a + 1 / b + 1 / c + 1 / d)

    @property
    def _counts(self) -> tuple[Integers, ...]:
        return self.rows, self.first, self.second, self.both


def possible(window: Halves, baseline: Halves) -> tuple[Integers, Integers]:
    """Return the least and the largest numbers of rows high in both that the window can have, both inclusive."""
    total = window.both + baseline.both
    surely = np.maximum(window.first + window.second - window.rows, total - np.minimum(baseline.first, baseline.second))
    elsewhere = np.maximum(0, baseline.first + baseline.second - baseline.rows)
    return np.maximum(0, surely), np.minimum(np.minimum(window.first, window.second), total - elsewhere)


def same_odds(window: Halves, baseline: Halves, factor: float = 1.0) -> float:
    """Return the p-value of the odds ratio of the window being that of the baseline.

    It is the smaller tail, plus as much of the other as is no more likely: twice the smaller one would waste half of
    the level where nothing on the other side is as rare. Source: H. Blaker, "Confidence curves and improved exact
    confidence intervals for discrete distributions", Canadian Journal of Statistics 28 (2000).

    No p-value is reported below 1e-300.

    Args:
        window: Its counts, of one pair.
        baseline: Its counts, of the same pair.
        factor: How much more the count varies because rows resemble their neighbours, at least 1.

    >>> same_odds(Halves.of(100, 10, 10, 6), Halves.of(1_000, 100, 100, 10)) < 1e-3
    True
    """
    least, weights = law(window, baseline, factor)
    seen = int(window.both) - least
    if not 0 <= seen < weights.size:
        return tails.FLOOR
    below, above = np.cumsum(weights), np.cumsum(weights[::-1])[::-1]
    tail, others = min((float(below[seen]), above), (float(above[seen]), below), key=lambda pair: pair[0])
    other = float(np.max(others, where=others <= tail * (1 + ROUNDING), initial=0.0))
    return tails.bounded(min(1.0, (tail + other) / float(weights.sum())))


def expected_both(window: Halves, baseline: Halves) -> Floats:
    """Return the rows high in both that the window would have with its own margins and the baseline's odds ratio.

    Source: R. L. Plackett, "A class of bivariate distributions", Journal of the American Statistical Association 60
    (1965).

    >>> round(float(expected_both(Halves.of(100, 10, 10, 6), Halves.of(100_000, 10_000, 10_000, 1_000))), 3)
    1.0
    """
    more = np.expm1(baseline.log_odds()[0])
    first, second = window.first.astype(np.float64), window.second.astype(np.float64)
    total = window.rows + (first + second) * more
    root = np.sqrt(np.maximum(0.0, total**2 - 4 * more * (more + 1) * first * second))
    return np.asarray(2 * (more + 1) * first * second / (total + root), dtype=np.float64)


class Law(NamedTuple):
    """Counts from `least` on, as many as there are `weights`: how likely each is, relative to the likeliest."""

    least: int
    weights: Floats


def law(window: Halves, baseline: Halves, factor: float = 1.0) -> Law:
    """Return the law of the rows high in both in the window, without counts that no floating-point number can weigh.

    A million rows leave hundreds of thousands of possible counts, of which some hundreds to thousands matter. The law
    is log-concave, so that its mode, and where it falls below `SMALLEST` on either side, are found by bisection.
    """
    least, most = possible(window, baseline)
    mode = _mode(window, baseline)
    top = _log_weight(mode, window, baseline)

    def is_weighed(x: Integers) -> NDArray[np.bool_]:
        return np.asarray(_log_weight(x, window, baseline) - top >= SMALLEST * factor)

    first = _first(least, mode, is_weighed)
    last = _first(mode, most, lambda x: ~is_weighed(x + 1))
    steps = _log_steps(np.arange(int(first), int(last), dtype=np.float64), window, baseline)
    # The law to the power of 1 / factor has the same mode, and about that many times its variance.
    logs = np.r_[0.0, np.cumsum(steps)] / factor
    return Law(int(first), np.exp(logs - logs.max()))


class Bounds(NamedTuple):
    """Logarithms of numbers below and above p-values, one of each per pair."""

    below: Floats
    above: Floats


def log_bounds(window: Halves, baseline: Halves, factor: Floats) -> Bounds:
    """Return between which numbers the p-values of many pairs lie, at a hundredth of the cost of `same_odds`.

    A p-value is at least the chance of the very count that was seen, and at most that of twice as many of them as are
    possible. That chance is known relative to the mode's, which is at most 1, and at least 1 / sqrt(1 + 12 variance)
    for any law of integers. The law is that of a sum of independent flags (Malo's theorem), so its variance is at most
    a quarter of their number, and the distance of the mean, which is next to the mode, from either end. With a factor,
    weights fall more slowly. Their logarithms are concave, so a weight is at most what it was at its distance from the
    mode divided by the factor; so one place stands for `ceil(factor)`, the mode on both sides.

    Source: S. G. Bobkov, A. Marsiglietti, J. Melbourne, "Concentration functions and entropy bounds for discrete
    log-concave distributions", Combinatorics, Probability and Computing 31 (2022).

    Args:
        window: Counts, one element per pair.
        baseline: Likewise.
        factor: As for `same_odds`, one per pair.
    """
    least, most = possible(window, baseline)
    mode = _mode(window, baseline)
    relative = (_log_weight(window.both, window, baseline) - _log_weight(mode, window, baseline)) / factor
    variance = np.minimum((most - least) / 4, np.minimum(mode - least, most - mode) + 1.0)
    counts = most - least + 1.0
    slower = np.ceil(factor)
    all_weights = np.minimum(counts, slower * np.sqrt(1 + 12 * variance) + slower - 1)
    below = relative - np.log(all_weights) - ROUNDING_OF_LOGS
    return Bounds(below, np.minimum(0.0, relative + np.log(2 * counts) + ROUNDING_OF_LOGS))


def _mode(window: Halves, baseline: Halves) -> Integers:
    """Return the likeliest count, the least of several."""
    with np.errstate(divide="ignore", invalid="ignore"):  # pairs with one possible count have no step
        return _first(*possible(window, baseline), lambda x: _log_steps(x.astype(np.float64), window, baseline) <= 0)


def _first(least: Integers, most: Integers, holds: Callable[[Integers], NDArray[np.bool_]]) -> Integers:
    """Return the first count for which something holds that holds from there on; `most` if only there or nowhere."""
    while (undecided := least < most).any():
        middle = (least + most) // 2
        yes = holds(middle)
        least, most = np.where(undecided & ~yes, middle + 1, least), np.where(undecided & yes, middle, most)
    return np.asarray(least)


def _log_weight(x: Integers, window: Halves, baseline: Halves) -> Floats:
    """Return the logarithm of the number of ways to have x rows high in both in the window, but for a constant."""
    total = np.zeros(np.shape(x))
    for side, both in ((window, x), (baseline, window.both + baseline.both - x)):
        for count in (both, side.first - both, side.second - both, side.rows - side.first - side.second + both):
            total = total - gammaln(count + 1.0)
    return np.asarray(total)


def _log_steps(x: Floats, window: Halves, baseline: Halves) -> Floats:
    """Return the logarithms of P(X = x + 1) / P(X = x)."""
    y = window.both + baseline.both - x
    up = (window.first - x) * (window.second - x) / (x + 1) / (window.rows - window.first - window.second + x + 1)
    down = y * (baseline.rows - baseline.first - baseline.second + y)
    return np.asarray(np.log(up * down / (baseline.first - y + 1) / (baseline.second - y + 1)), dtype=np.float64)
