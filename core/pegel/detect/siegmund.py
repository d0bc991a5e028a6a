"""How often a CUSUM chart alarms by chance, and the limit that keeps it to a wanted rate.

The baseline is a sample: its error is the same in every window, so it adds up in a chart instead of averaging out. The
rate is therefore averaged over that error, and the limit is solved for the average. In a sum of squares, such as a
divergence, little of it lasts: of (u + v)**2, with u from the window and v from the baseline, only v**2 is the same in
every window, and its share of the variance is the square of that of v.

Source: D. Siegmund, "Sequential Analysis" (1985), section 10.2, equation 10.17 (corrected diffusion approximation).
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

OVERSHOOT = 1.166
"""Twice Siegmund's constant for the overshoot of a normal step."""
GRID = 1_201
WIDTH = 6.0
SERIES = 1e-3
"""Below this the run length is taken from its series, where the closed form cancels."""
FULL = 250
"""Where the baseline's share is that of this many windows or less, the usual allowance of one half will do."""
LEAST = 36
"""Baselines of fewer windows than this are too small for a chart."""
ALLOWANCE = 0.5


@dataclass(frozen=True, slots=True)
class ChartLimits:
    """A chart's allowance `k` and limit `h`, in standard deviations of a window's z; `message` says what it costs."""

    k: float
    h: float
    message: str | None = None


def arl(drift: NDArray[np.float64], h: float, sd: float) -> NDArray[np.float64]:
    """Return the average run length of one-sided charts with steps of mean `drift` and deviation `sd`."""
    slope = drift / sd
    height = h / sd + OVERSHOOT
    x = -2 * slope * height
    near = np.abs(x) < SERIES
    steep = np.where(near, 1.0, slope)
    with np.errstate(over="ignore"):
        far = (np.exp(x) - x - 1) / (2 * steep * steep)
    return np.where(near, height * height * (1 + x / 3), far)


def alarm_rate(h: float, k: float, baseline_share: float) -> float:
    """Return the alarms per window of one chart, averaged over baselines.

    Args:
        h: The limit.
        k: The allowance.
        baseline_share: Share of the variance of z that comes from the baseline, see `baseline_share_of`.
    """
    if baseline_share <= 0:
        return float(1 / arl(np.array([-k]), h, 1.0)[0])
    error = math.sqrt(baseline_share)
    offsets = np.linspace(-WIDTH * error, WIDTH * error, GRID)
    density = np.exp(-0.5 * (offsets / error) ** 2) / (error * math.sqrt(2 * math.pi))
    rates = density / arl(offsets - k, h, math.sqrt(1 - baseline_share))
    return float(np.trapezoid(rates, offsets))


@lru_cache(maxsize=256)
def limit(k: float, baseline_share: float, rate: float) -> float:
    """Return the limit at which one chart alarms at `rate` per window; at least 1."""
    low, high = 1.0, 2.0
    while alarm_rate(high, k, baseline_share) > rate:
        low, high = high, 2 * high
    for _ in range(60):
        middle = (low + high) / 2
        if alarm_rate(middle, k, baseline_share) > rate:
            low = middle
        else:
            high = middle
    return high


def baseline_share_of(n: int, m: int, *, squares: bool = False) -> float:
    """Return the share of the variance of z that is the same in every window, because it comes from the baseline.

    `squares`: whether z is that of a sum of squares of deviations, not of a deviation.

    >>> baseline_share_of(100, 9_900), baseline_share_of(100, 9_900, squares=True)
    (0.01, 0.0001)
    """
    share = n / (n + m)
    return share * share if squares else share


def limits(n: int, m: int, rate: float, *, squares: bool = False) -> ChartLimits | None:
    """Return allowance and limit for windows of `n` values and a baseline of `m`, or None if the baseline is too small.

    Args:
        n: Values of a large window (the 90th percentile of recent ones).
        m: Values of the baseline.
        rate: Alarms per window allowed for one chart.
        squares: Whether the chart is of sums of squares.
    """
    if m < LEAST * n:
        return None
    share = baseline_share_of(n, m, squares=squares)
    if share <= 1 / (FULL + 1):
        return ChartLimits(ALLOWANCE, limit(ALLOWANCE, share, rate))
    k = ALLOWANCE + 2 * math.sqrt(share)
    lost = k / math.sqrt(n * m / (n + m))
    message = (
        f"baseline of {m:,} rows for windows of {n:,}: so that its own chance raises no alarm, slow "
        f"changes below {lost:.2g} sigma are not seen (the allowance of the charts is {k:.2f})"
    )
    return ChartLimits(k, limit(k, share, rate), message)
