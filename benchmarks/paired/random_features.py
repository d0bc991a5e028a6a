"""The peer: one distance of random features over all columns, as the specification of the statistics proposed it.

Source: A. Rahimi, B. Recht, "Random features for large-scale kernel machines", Advances in Neural Information
Processing Systems 20 (2007); the law is chi-squared with the first three moments of the weighted sum.
"""

from __future__ import annotations

import numpy as np
from benchmarks.paired.scenes import Rows
from numpy.typing import NDArray
from scipy.special import chdtrc

SIZE = 512
"""Random features."""
Floats = NDArray[np.float64]


class RandomFeatures:
    """Cosines of normal scores and hashed categories, with mean and covariance of the training rows."""

    def __init__(self, training: Rows, seed: int) -> None:
        """Learn the training rows."""
        rng = np.random.default_rng(seed)
        self._sorted = {name: np.sort(column) for name, column in training.items() if column.dtype != object}
        self._codes = {
            name: {value: rng.normal() for value in np.unique(column.astype(str))}
            for name, column in training.items()
            if column.dtype == object
        }
        points = self._points(training)
        some = points[rng.choice(len(points), 500, replace=False)]
        far = np.sqrt(((some[:, None] - some[None]) ** 2).sum(axis=-1))
        self._weights = rng.normal(size=(points.shape[1], SIZE)) / np.median(far[far > 0])
        self._phases = rng.random(SIZE) * 2 * np.pi
        features = self._features(points)
        self._mean, self._m = features.mean(axis=0), len(points)
        spread = np.linalg.eigvalsh(np.cov(features.T))
        self._cumulants = spread.sum(), 2 * (spread**2).sum(), 8 * (spread**3).sum()

    def p_value(self, window: Rows) -> float:
        """Return the p-value of a window."""
        points = self._points(window)
        rows = len(points) * self._m / (len(points) + self._m)
        distance = rows * ((self._features(points).mean(axis=0) - self._mean) ** 2).sum()
        first, second, third = self._cumulants
        df = 8 * second**3 / third**2
        return float(chdtrc(df, max(0.0, df + (distance - first) * np.sqrt(2 * df / second))))

    def _points(self, drawn: Rows) -> Floats:
        scores = [
            np.searchsorted(ordered, drawn[name]) / ordered.size * 4 - 2 for name, ordered in self._sorted.items()
        ]
        codes = [np.array([known[value] for value in drawn[name].astype(str)]) for name, known in self._codes.items()]
        return np.column_stack([*scores, *codes])

    def _features(self, points: Floats) -> Floats:
        features: Floats = np.sqrt(2 / SIZE) * np.cos(points @ self._weights + self._phases)
        return features
