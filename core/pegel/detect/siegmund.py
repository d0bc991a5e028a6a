"""How often a CUSUM chart alarms by chance, and the limit that keeps it to a wanted rate.

The baseline is a sample: its error is the same in every window, so it adds up in a chart instead of averaging out. The
rate is therefore averaged over that error, and the limit is solved for the average.

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
"""Baselines of at least this many windows allow the usual allowance of one half."""
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
        baseline_share: Share of the variance of z that comes from the baseline, n / (n + m).
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


def limits(n: int, m: int, rate: float) -> ChartLimits | None:
    """Return allowance and limit for windows of `n` values and a baseline of `m`, or None if the baseline is too small.

    Args:
        n: Values of a large window (the 90th percentile of recent ones).
        m: Values of the baseline.
        rate: Alarms per window allowed for one chart.
    """
    if m < LEAST * n:
        return None
    share = n / (n + m)
    if m >= FULL * n:
        return ChartLimits(ALLOWANCE, limit(ALLOWANCE, share, rate))
    k = ALLOWANCE + 2 * math.sqrt(share)
    lost = k / math.sqrt(n * m / (n + m))
    message = (
        f"baseline of {m} rows for windows of {n}: allowance widened to {k:.2f}; "
        f"changes below {lost:.2g} sigma are not seen"
    )
    return ChartLimits(k, limit(k, share, rate), message)
