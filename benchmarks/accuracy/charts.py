"""Charts over windows, thousands at once: the library's `Chart.step` in arrays, asserted to be the same."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from benchmarks.accuracy import ours, streams
from benchmarks.accuracy.at_once import Flags, Judged, RankTests
from benchmarks.accuracy.ours import Watched
from numpy.typing import NDArray

from pegel.detect import siegmund
from pegel.detect.cusum import RECOVERED_Z, RECOVERY, RELEVANT_Z, Chart
from pegel.detect.siegmund import ChartLimits

Floats = NDArray[np.float64]
N = 200
ALARMS_PER_WINDOW = 1e-3
"""Of all charts of a model together."""


def fold(z: Floats, limits: Sequence[ChartLimits], delta: float) -> Flags:
    """Return which charts alarm when, same shape as the deviations `z`, first axis time, last axis charts.

    `limits`: one for each chart. `delta`: margin times the square root of the effective rows of a window.
    """
    shape, k, h = z.shape[1:], np.array([one.k for one in limits]), np.array([one.h for one in limits])
    level, total, length = np.zeros(shape), np.zeros(shape), np.zeros(shape)
    recent, filled = np.zeros((RECOVERY, *shape)), np.full(shape, -1)
    alarms = np.zeros(z.shape, dtype=np.bool_)
    for t, raw in enumerate(np.clip(z, -h / 2, h / 2)):
        level = np.maximum(0.0, level + raw - k)
        length, total = np.where(level > 0, length + 1, 0), np.where(level > 0, total + raw, 0.0)
        drifting = filled >= 0
        if drifting.any():
            recent[:, drifting] = np.concatenate([recent[1:, drifting], raw[drifting][None]])
            filled = np.where(drifting, np.minimum(filled + 1, RECOVERY), filled)
            usual = np.abs(recent.sum(axis=0)) / RECOVERY**0.5 < RECOVERED_Z
            back = drifting & (filled == RECOVERY) & usual
            level, length, total = (np.where(back, 0, value) for value in (level, length, total))
            filled = np.where(back, -1, filled)
        root = np.sqrt(np.maximum(length, 1))
        alarms[t] = found = (level > h) & (total / root - delta * root >= RELEVANT_Z)
        level, length, total = (np.where(found, 0, value) for value in (level, length, total))
        filled = np.where(found, np.maximum(filled, 0), filled)
    return alarms


def limits_of(n: int, m: int, rate: float, *, squares: bool) -> ChartLimits:
    """Return the limits of one chart, of windows of `n` rows and a baseline of `m`. Raises ValueError without any."""
    limits = siegmund.limits(n, m, rate, squares=squares)
    if limits is None:
        raise ValueError(f"expected at least 36 windows of {n} rows in a baseline, given {m}: nothing was charted.")
    return limits


def one_by_one(z: Floats, limits: ChartLimits, delta: float) -> Flags:
    """Return the same for a single chart, by the library's own steps."""
    chart, alarms = Chart(), []
    for value in z.tolist():
        chart = chart.step(value, limits)
        alarms.append(chart.alarms(limits, delta))
        if alarms[-1]:
            chart = chart.restarted()
    return np.array(alarms)


def deviations(judged: Judged) -> Floats:
    """Return what enters the charts of one feature, shape (windows, charts)."""
    ranked = any(isinstance(test, RankTests) for test in judged.tests)
    charted = [test for test in judged.tests if not ranked or test.name != "shape"]
    return np.stack([z for test in charted for _, z in test.deviations()], axis=1)


def of_squares(judged: Judged) -> list[bool]:
    """Say which of these charts are of sums of squares."""
    ranked = any(isinstance(test, RankTests) for test in judged.tests)
    return [not ranked] * deviations(judged).shape[1]


def one_baseline(task: tuple[int, int, int, int, float]) -> float:
    """Return realised over promised alarms of clean windows of 200 rows against one baseline.

    The task: seed, number of the baseline, its rows, windows, promised alarms per window. There is no margin.
    """
    seed, number, m, count, promised = task
    rng = np.random.default_rng([seed, number, m])
    rows = streams.draw(rng, m)
    watched = {name: Watched.of(streams.field(name), rows[name]) for name in streams.FEATURES}
    judged = [ours.judge(one, one.draw(rng, streams.FEATURES[name], N, count)) for name, one in watched.items()]
    z = np.concatenate([deviations(each) for each in judged], axis=1)
    kinds = [squares for each in judged for squares in of_squares(each)]
    alarms = fold(z, [limits_of(N, m, promised / z.shape[1], squares=squares) for squares in kinds], 0.0)
    return float(alarms.sum()) / (promised * count)
