"""Sums of attributions in whole steps of the prediction's standard deviation: exact, and the same in any order of rows.

Attributions become integers, 1,024 steps to a standard deviation of the model's raw output over the baseline's rows,
cut at 1,024 of those: `q = clip(round(1024 x / sigma), -2^20, 2^20)`. Their sums add up without rounding, so a window
put together from parts is that of its rows.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

STEPS: Final = 1024
"""Of one standard deviation."""
MOST_STEPS: Final = 2**20
"""No attribution counts as farther from 0."""
PROBABILITY_STEPS: Final = 2**20
"""Of a probability of 1."""
Integers = NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class PredictionScale:
    """The unit of attributions: mean and standard deviation (above 0) of the raw output over the baseline's rows."""

    center: float
    sigma: float

    def steps(self, values: NDArray[np.float64]) -> Integers:
        """Return values as whole steps, of the same shape; halves go to the even step."""
        scaled = np.clip(values / self.sigma * STEPS, -MOST_STEPS, MOST_STEPS)
        return np.rint(scaled).astype(np.int64)

    def rows(self, attributions: NDArray[np.float64], raw: NDArray[np.float64]) -> Integers:
        """Return one row of steps per row: those of its features, then of its output about the center."""
        return self.steps(np.column_stack([attributions, raw - self.center]))


@dataclass(eq=False, slots=True)
class AttributionSums:
    """Sums over `n` rows, int64, shape (features + 1,): of steps, of their sizes, of their squares; the output last.

    Where the answers have a surrogate, its residual is one more column, before the output.

    `probability`: of the probabilities that the rows have by their outputs, in 2^-20; 0 where outputs have none.
    """

    n: int
    first: Integers
    sizes: Integers
    squares: Integers
    probability: int = 0

    @classmethod
    def empty(cls, features: int) -> AttributionSums:
        """Return the sums of no rows: the identity of `merge`."""
        first, sizes, squares = (np.zeros(features + 1, dtype=np.int64) for _ in range(3))
        return cls(0, first, sizes, squares)

    @classmethod
    def of(cls, steps: Integers) -> AttributionSums:
        """Return the sums of rows of steps, shape (rows, features + 1)."""
        return cls(len(steps), steps.sum(axis=0), np.abs(steps).sum(axis=0), (steps * steps).sum(axis=0))

    def merge(self, other: AttributionSums) -> None:
        """Add the rows of `other`. Raises ValueError, and changes nothing, for another number of features."""
        if other.first.shape != self.first.shape:
            raise ValueError(
                f"expected sums of {self.first.size - 1} features, given {other.first.size - 1}: nothing was added."
            )
        self.n += other.n
        self.first = self.first + other.first
        self.sizes = self.sizes + other.sizes
        self.squares = self.squares + other.squares
        self.probability += other.probability

    @property
    def features(self) -> int:
        """Return how many columns there are beside the output: features, and where there are any, residuals."""
        return int(self.first.size) - 1

    @property
    def means(self) -> NDArray[np.float64]:
        """Return the mean of each column in steps; NaN without rows."""
        return self.first / self.n if self.n else np.full(self.first.shape, np.nan)

    @property
    def mean_sizes(self) -> NDArray[np.float64]:
        """Return the mean size of each column in steps; NaN without rows."""
        return self.sizes / self.n if self.n else np.full(self.first.shape, np.nan)

    @property
    def variances(self) -> NDArray[np.float64]:
        """Return the variance of each column, in steps squared, with n - 1; NaN for fewer than two rows."""
        return _variances(self.n, self.first, self.squares)

    @property
    def size_variances(self) -> NDArray[np.float64]:
        """Return the variance of the size of each column, likewise."""
        return _variances(self.n, self.sizes, self.squares)

    def to_json(self) -> dict[str, Any]:
        """Return plain JSON, the inverse of `from_json`."""
        return {
            "n": self.n,
            "first": self.first.tolist(),
            "sizes": self.sizes.tolist(),
            "squares": self.squares.tolist(),
            "probability": self.probability,
        }

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> AttributionSums:
        """Read what `to_json` wrote."""
        first, sizes, squares = (np.array(data[name], dtype=np.int64) for name in ("first", "sizes", "squares"))
        if not first.shape == sizes.shape == squares.shape or first.ndim != 1 or not first.size:
            raise ValueError(
                f"expected three sums of as many columns, given {first.shape}, {sizes.shape}; none was read"
            )
        return cls(int(data["n"]), first, sizes, squares, int(data["probability"]))


def _variances(n: int, sums: Integers, squares: Integers) -> NDArray[np.float64]:
    """Return variances; in integers of any length, because the difference of two large numbers is what is left."""
    if n <= 1:
        return np.full(sums.shape, np.nan)
    pairs = zip(sums.tolist(), squares.tolist(), strict=True)
    return np.array([(n * square - one * one) / (n * (n - 1)) for one, square in pairs], dtype=np.float64)
