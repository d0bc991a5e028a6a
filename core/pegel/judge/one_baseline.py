"""How far the false alarms of one baseline may lie from the promise, which is the mean over baselines.

A baseline is a sample. Its error is the same in every window, so some baselines raise more false alarms than promised
for as long as they live, and others fewer; on average it is what was promised. Where windows are nearly as large as the
baseline, this is all that decides.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray
from scipy.special import ndtr, ndtri

from pegel.baseline.baseline import MANY_WINDOWS
from pegel.detect.siegmund import arl, baseline_share_of, limits
from pegel.spec.monitor_spec import FalseAlarms
from pegel.spec.plain_numbers import how_many, plain

BASELINES = 1_000
"""So many are imagined."""
MOST_TESTS = 128
"""More independent tests than this even out still better; counting no more errs on the side of care."""
MIDDLE = 0.9
"""The spread that is told leaves out a twentieth of the baselines on each side."""
Floats = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class OneBaseline:
    """What is tested with one baseline of `m` rows, in windows of `n`.

    `alpha`: false alarms per window of `tests` independent tests of single windows; `charted`: those of `charts`
    charts; `squares`: how many of the charts add up squares.
    """

    n: int
    m: int
    alpha: float
    tests: int
    charted: float = 0.0
    charts: int = 0
    squares: int = 0

    @property
    def promised(self) -> float:
        """Return the false alarms per window, on average over baselines."""
        return self.alpha + self.charted

    def words(self, alarms: FalseAlarms, scale: float, spans: str = "windows") -> str | None:
        """Return what a person should know of the spread; None where it is small and nothing was asked.

        `alarms`: what is promised; `scale`: what it costs that this holds for a share of baselines, if that is asked;
        `spans`: what is judged, in a word.
        """
        sizes = f"{spans} of {how_many(self.n, 'row')} against a baseline of {self.m:,}"
        if alarms.hold_for:
            held = f"the promise holds for {100 * alarms.hold_for:g} % of baselines"
            return f"{sizes}: levels are multiplied by {plain(scale)}, so that {held}"
        if self.m >= MANY_WINDOWS * self.n:
            return None
        low, high = spread(self)
        return (
            f"{sizes}: the promise holds on average over baselines; this one's own rate may lie between "
            f"{plain(round(low, 2))} and {plain(round(high, 2))} times it; `{alarms} for 95% of baselines`, stated as "
            "false_alarms, makes it hold for 95 % of them, and finds less"
        )

    def scaled(self, scale: float) -> OneBaseline:
        """Return the same tests at a part of their levels."""
        return replace(self, alpha=scale * self.alpha, charted=scale * self.charted)


@lru_cache(maxsize=64)
def spread(tested: OneBaseline) -> tuple[float, float]:
    """Return between which multiples of the promise the rates of nine in ten baselines lie."""
    low, high = np.quantile(_rates(tested), [(1 - MIDDLE) / 2, (1 + MIDDLE) / 2]) / tested.promised
    return float(low), float(high)


@lru_cache(maxsize=1024)
def scale_for(tested: OneBaseline, hold_for: float) -> float:
    """Return by what all levels have to be multiplied, at most 1, to keep the promise for a share of the baselines.

    Args:
        tested: Tests and levels that keep the promise on average.
        hold_for: The share of baselines whose rate is to be no more than promised, between 0 and 1.
    """
    low, high = math.log(1e-6), 0.0
    if _quantile(tested, hold_for) <= tested.promised:
        return 1.0
    for _ in range(20):
        middle = (low + high) / 2
        held = _quantile(tested.scaled(math.exp(middle)), hold_for) <= tested.promised
        low, high = (middle, high) if held else (low, middle)
    return math.exp(low)


def _quantile(tested: OneBaseline, share: float) -> float:
    return float(np.quantile(_rates(tested), share))


def _rates(tested: OneBaseline) -> Floats:
    """Return the false alarms per window of many baselines, each with an error of its own in every test."""
    rates = np.zeros(BASELINES)
    error = math.sqrt(tested.n / (tested.n + tested.m))
    rng, rest = np.random.default_rng(0), math.sqrt(1 - error * error)
    if tested.alpha and tested.tests:
        limit = -float(ndtri(tested.alpha / tested.tests / 2))
        offsets, many = _errors(rng, error, tested.tests)
        rates += many * (ndtr((offsets - limit) / rest) + ndtr((-offsets - limit) / rest)).sum(axis=1)
    for squares, count in ((False, tested.charts - tested.squares), (True, tested.squares)):
        rate = tested.charted / tested.charts if count else 0.0
        chart = limits(tested.n, tested.m, rate, squares=squares) if rate else None
        if chart is not None:
            lasting = baseline_share_of(tested.n, tested.m, squares=squares)
            offsets, many = _errors(rng, math.sqrt(lasting), count)
            rates += many * (1 / arl(offsets - chart.k, chart.h, math.sqrt(1 - lasting))).sum(axis=1)
    return rates


def _errors(rng: np.random.Generator, error: float, tests: int) -> tuple[Floats, float]:
    """Return the errors of every baseline, shape (baselines, tests), and how many tests each of these stands for."""
    counted = min(tests, MOST_TESTS)
    return rng.normal(0.0, error, (BASELINES, counted)), tests / counted
