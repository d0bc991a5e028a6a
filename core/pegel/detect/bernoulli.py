"""Has a classifier come to err more often? A CUSUM over single errors, in integers.

Source: M. R. Reynolds and Z. G. Stoumbos, "A CUSUM chart for monitoring a proportion when inspecting continuously",
Journal of Quality Technology 31 (1999).
"""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
from scipy.linalg import solve_banded
from scipy.special import betaincinv

GROWTH = 1.5
"""The chart is tuned to an error rate so many times that of training."""
FINE = 0.02
"""Below this error rate one step of a right answer is one unit, above it ten."""
FEW_ERRORS = 400
LEAST_ERRORS = 100
LEAST_ROWS = 1_000
QUANTILES = 41


@dataclass(frozen=True, slots=True)
class ErrorChart:
    """A chart's integers: an error adds `up`, a right answer takes `down`, at `limit` it alarms.

    `message` says what a small baseline costs.
    """

    up: int
    down: int
    limit: int
    message: str | None = None


@dataclass(frozen=True, slots=True)
class Steps:
    """What an error adds and what a right answer takes away."""

    up: int
    down: int


def steps(p0: float) -> Steps:
    """Return the integer steps for an error rate of `p0` in training, between 0 and 1/1.5."""
    p1 = GROWTH * p0
    right = -math.log((1 - p1) / (1 - p0))
    error = math.log(p1 * (1 - p0) / (p0 * (1 - p1)))
    down = 10 if p0 >= FINE else 1
    return Steps(up=round(down * error / right) - down, down=down)


def run_length(p: float, step: Steps, limit: int) -> float:
    """Return how many labelled events pass on average until an alarm, at error rate `p`, starting from 0."""
    # One equation per level s: E(s) = 1 + p E(s + up) + (1 - p) E(max(0, s - down)); the matrix is a band.
    band = np.zeros((step.up + step.down + 1, limit))
    band[step.up] = 1.0
    band[0, step.up :] = -p
    band[-1, : limit - step.down] = p - 1.0
    for level in range(1, min(step.down, limit)):
        band[step.up + level, 0] = p - 1.0
    band[step.up, 0] += p - 1.0
    return float(solve_banded((step.down, step.up), band, np.ones(limit), check_finite=False)[0])


def error_chart(errors: int, rows: int, rate: float, *, dispersion: float = 1.0) -> ErrorChart | None:
    """Return the chart for a baseline with `errors` among `rows` labelled rows, or None if these are too few.

    Args:
        errors: Wrong answers in the baseline.
        rows: Labelled rows of the baseline.
        rate: False alarms per labelled event; averaged over what the baseline leaves open about the error rate.
        dispersion: Above 1 if errors come in bursts; the limit grows by as much.
    """
    if rows < LEAST_ROWS or errors < LEAST_ERRORS or GROWTH * errors >= rows:
        return None
    step = steps(errors / rows)
    places = (np.arange(QUANTILES) + 0.5) / QUANTILES
    likely = betaincinv(errors + 0.5, rows - errors + 0.5, places).tolist()
    limit = _smallest_limit(likely, step, rate)
    message = None
    if errors < FEW_ERRORS:
        message = f"{errors} errors in the baseline: the limit is widened by what they leave open; 400 are enough"
    return ErrorChart(step.up, step.down, math.ceil(limit * dispersion), message)


def _smallest_limit(likely: list[float], step: Steps, rate: float) -> int:
    """Return the smallest limit whose alarm rate, averaged over likely error rates, is at most `rate`.

    The limit for the middle one alone is cheap to find and close to the answer, so the search starts there.
    """

    def alarms(limit: int, rates: list[float]) -> float:
        return sum(1 / run_length(p, step, limit) for p in rates) / len(rates)

    def search(low: int, stride: int, rates: list[float]) -> int:
        high = low + stride
        while alarms(high, rates) > rate:
            low, high, stride = high, high + 2 * stride, 2 * stride
        while high - low > 1:
            middle = (low + high) // 2
            low, high = (middle, high) if alarms(middle, rates) > rate else (low, middle)
        return high

    start = search(step.up, step.up, likely[len(likely) // 2 :][:1])
    lowest = start - 1
    while lowest > step.up and alarms(lowest, likely) <= rate:
        lowest -= 1 + start // 50
    return search(lowest, 1 + start // 100, likely)


@dataclass(slots=True)
class ErrorCusum:
    """The state of a chart: an integer, so that a replay in order of event time reproduces it exactly."""

    chart: ErrorChart
    level: int = 0

    def update(self, errors: Iterable[bool]) -> list[int]:
        """Add labelled events in order of the prediction's event time; return the positions that alarmed.

        >>> chart = ErrorCusum(ErrorChart(up=71, down=10, limit=213))
        >>> chart.update([False, True, True, True, True])
        [3]
        """
        alarms = []
        for place, error in enumerate(errors):
            self.level = self.level + self.chart.up if error else max(0, self.level - self.chart.down)
            if self.level >= self.chart.limit:
                alarms.append(place)
                self.level = 0
        return alarms
