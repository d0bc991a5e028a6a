"""False alarms of the correlation test, where pairs are normal and where they have heavy joint tails."""

from __future__ import annotations

import numpy as np
from benchmarks.accuracy import streams
from benchmarks.accuracy.sparse_pairs import Trained, pair_p_values
from numpy.typing import NDArray

D, M, RHO = 10, 50_000, 0.5
COPULAS = {"normal pairs": None, "t4 pairs": 4}
"""Degrees of freedom of the joint law; None for normal."""
LEVELS = (1e-2, 1e-4)
Floats = NDArray[np.float64]


def _draw(rng: np.random.Generator, shape: tuple[int, ...], degrees: int | None) -> Floats:
    rows = streams.correlated(rng, (*shape, D), RHO)
    return rows if degrees is None else rows / np.sqrt(rng.chisquare(degrees, (*shape, 1)) / degrees)


def one_baseline(task: tuple[int, int, str, dict[int, int]]) -> list[tuple[float, float]]:
    """Return realised over promised rates: of windows at 1 % over all pairs, of single pairs at 1e-4; by window size.

    The task: seed, number of the baseline, copula, windows by their rows.
    """
    seed, number, copula, sizes = task
    rng = np.random.default_rng([seed, number, len(copula)])
    training = _draw(rng, (M,), COPULAS[copula])
    trained = Trained.on(training)
    found = []
    for n, windows in sizes.items():
        windows_of_rows = _draw(rng, (windows * n,), COPULAS[copula]).reshape(windows, n, D)
        found.append(_rates(trained, windows_of_rows))
    return found


def _rates(trained: Trained, windows: Floats) -> tuple[float, float]:
    values = np.stack([pair_p_values(trained.baseline.pairs, trained.counted(rows)) for rows in windows])
    flags = values.min(axis=1) * values.shape[1] < LEVELS[0]
    return float(np.mean(flags)) / LEVELS[0], float(np.mean(values < LEVELS[1])) / LEVELS[1]
