"""False alarms where rows are not independent: each resembles the one before, or follows the clock."""

from __future__ import annotations

from datetime import timedelta

import numpy as np
from benchmarks.accuracy import ours, streams
from benchmarks.accuracy.ours import Watched
from benchmarks.accuracy.streams import Rows
from numpy.typing import NDArray
from scipy.signal import lfilter
from scipy.special import ndtr

from pegel.data.columns import Field, Kind, Schema
from pegel.detect.noise_assessment import RowTimes, assess
from pegel.judge.budget import sidak
from pegel.stats.layout import build_layout

N, M, LEVEL = 200, 50_000, 0.01
WINDOWS = 200
PHIS = (0.2, 0.5, 0.8)
DAYS, PER_DAY = 14, 96
"""The seasonal example: two weeks of windows of a quarter of an hour."""
AMPLITUDE = 0.3


def autoregressive(rng: np.random.Generator, shape: tuple[int, int], phi: float) -> Rows:
    """Draw standard normals, each correlated by `phi` with the one before it along the first axis."""
    steps: Rows = rng.normal(size=shape)
    steps[1:] *= np.sqrt(1 - phi * phi)
    return np.asarray(lfilter([1.0], [1.0, -phi], steps, axis=0))


def one_autoregressive(task: tuple[int, int, float]) -> tuple[float, float]:
    """Return realised over promised rates of ten features, uncorrected and corrected. The task: seed, number, phi."""
    seed, number, phi = task
    rng = np.random.default_rng([seed, number, int(100 * phi)])
    z = autoregressive(rng, (M + N * WINDOWS, len(streams.FEATURES)), phi)
    flags: dict[bool, list[NDArray[np.bool_]]] = {False: [], True: []}
    for (name, law), normals in zip(streams.FEATURES.items(), z.T, strict=True):
        field, rows = streams.field(name), law.quantile(ndtr(normals))
        training, after = rows[:M], rows[M:].reshape(WINDOWS, N)
        plain = Watched.of(field, training)
        layout = build_layout(Schema((field,)), {name: ours.column(field, training)})
        noise = assess(layout, {name: ours.column(field, training)}, N)
        windows = ours.count(plain.layout, after)
        for corrected, watched in (
            (False, plain),
            (True, Watched(plain.layout, plain.baseline, noise.dispersion[name])),
        ):
            judged = ours.judge(watched, windows)
            assert ours.agrees(watched, windows[:2], judged, sidak(0.5, 10), 0.0)
            flags[corrected].append(judged.flags(sidak(LEVEL, 10), 0.0))
    before, now = (float(np.mean(np.any(flags[which], axis=0))) / LEVEL for which in (False, True))
    return before, now


def one_seasonal(task: tuple[int, int]) -> tuple[float, float]:
    """Return realised over promised rates of one feature with a daily sine.

    Once against one baseline for all hours, once against the seasons that the library chooses.
    """
    seed, number = task
    rng = np.random.default_rng([seed, number])
    field = Field("x", Kind.NUMERIC)
    instants = np.arange(DAYS * PER_DAY * N) * (timedelta(days=1) // timedelta(microseconds=1) // (PER_DAY * N))
    wave = AMPLITUDE * np.sin(2 * np.pi * np.arange(instants.size) / (PER_DAY * N))
    training, after = (wave + rng.normal(size=wave.size) for _ in range(2))
    layout = build_layout(Schema((field,)), {"x": training})
    noise = assess(layout, {"x": training}, N, RowTimes(instants, timedelta(days=1) / PER_DAY))
    windows = ours.count(layout.features[0], after.reshape(-1, N))
    pooled = Watched(layout.features[0], ours.count(layout.features[0], training[None])[0])
    before = ours.judge(pooled, windows).flags(LEVEL, 0.0).mean() / LEVEL
    if noise.seasons is None:
        return float(before), float(before)
    of_row = noise.seasons.season_of(instants)
    of_window, flags = of_row.reshape(-1, N)[:, 0], []
    for season in np.unique(of_row):
        cells = ours.count(layout.features[0], training[of_row == season][None])[0]
        watched = Watched(layout.features[0], cells, noise.dispersion.get("x"))
        flags.append(ours.judge(watched, windows[of_window == season]).flags(LEVEL, 0.0))
    return float(before), float(np.concatenate(flags).mean()) / LEVEL
