"""False alarms of the correlation test, where pairs are normal and where they have heavy joint tails."""

from __future__ import annotations

import numpy as np
from benchmarks.accuracy import streams
from numpy.typing import NDArray
from scipy.special import ndtr

from pegel.data.columns import Field, Kind, Schema
from pegel.detect.correlation import correlation
from pegel.stats.cells import cell_of
from pegel.stats.comoments import Comoments
from pegel.stats.fourth import FourthProducts
from pegel.stats.layout import NumericLayout, build_layout

D, M, RHO = 10, 50_000, 0.5
COPULAS = {"normal pairs": None, "t4 pairs": 4}
"""Degrees of freedom of the joint law; None for normal."""
LEVELS = (1e-2, 1e-4)
SCHEMA = Schema(tuple(Field(f"x{j}", Kind.NUMERIC) for j in range(D)))
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
    layout = build_layout(SCHEMA, {f"x{j}": training[:, j] for j in range(D)})
    baseline, fourth = Comoments(D), FourthProducts(D)
    scores = _scores(layout.features, training)
    baseline.update(scores)
    fourth.update(scores)
    kappa = fourth.kappas()
    found = []
    for n, windows in sizes.items():
        drawn = _scores(layout.features, _draw(rng, (windows * n,), COPULAS[copula])).reshape(windows, n, D)
        found.append(_rates(baseline, kappa, drawn))
    return found


def _rates(baseline: Comoments, kappa: Floats, drawn: NDArray[np.int64]) -> tuple[float, float]:
    pairs = np.tril_indices(D, k=-1)
    spread = np.sqrt(kappa * (1 / (drawn.shape[1] - 3) + 1 / (M - 3)))[pairs]
    before, flags, single = np.arctanh(baseline.correlations()[pairs]), [], []
    for number, rows in enumerate(drawn):
        window = Comoments(D)
        window.update(rows)
        z = np.abs(np.arctanh(window.correlations()[pairs]) - before) / spread
        flags.append(2 * z.size * ndtr(-z.max()) < LEVELS[0])
        single.append(np.mean(2 * ndtr(-z) < LEVELS[1]))
        if number == 0:
            change = correlation(baseline, window, kappa)
            assert change is not None
            assert np.isclose(abs(change.z), z.max())
    return float(np.mean(flags)) / LEVELS[0], float(np.mean(single)) / LEVELS[1]


def _scores(features: tuple[object, ...], rows: Floats) -> NDArray[np.int64]:
    columns = [
        one.scores[cell_of(x, one.cuts)]
        for one, x in zip(features, rows.T, strict=True)
        if isinstance(one, NumericLayout)
    ]
    return np.stack(columns, axis=1)
