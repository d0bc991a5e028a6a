"""Integer sums of normal scores and of their products: correlations that add up exactly.

Scores are integers of at most 2,724 in absolute value, so float64 matrix products of up to a billion rows are exact,
and any split of the rows gives the same sums.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray


class Comoments:
    """Sums over complete rows of `size` jointly watched fields: those in which every field has a number.

    `n`: complete rows; `sums`: int64, shape (size,); `products`: int64, shape (size, size), symmetric.
    """

    def __init__(self, size: int) -> None:
        """Start from no rows."""
        self.n = 0
        self.sums: NDArray[np.int64] = np.zeros(size, dtype=np.int64)
        self.products: NDArray[np.int64] = np.zeros((size, size), dtype=np.int64)

    def update(self, scores: NDArray[np.int64], complete: NDArray[np.bool_]) -> None:
        """Add rows of scores, shape (rows, size); only `complete` ones count."""
        chosen = scores[complete].astype(np.float64)
        self.n += len(chosen)
        self.sums += chosen.sum(axis=0).astype(np.int64)
        self.products += (chosen.T @ chosen).astype(np.int64)

    def merge(self, other: Comoments) -> None:
        """Add the rows of `other`, which watches the same fields."""
        self.n += other.n
        self.sums += other.sums
        self.products += other.products

    def correlations(self) -> NDArray[np.float64]:
        """Return the correlations of scores, shape (size, size); NaN where a field does not vary, or without rows."""
        if self.n == 0:
            return np.full(self.products.shape, np.nan)
        # n * products may exceed 2**63 from about a million rows on; Python's integers carry it.
        wide = self.products.astype(object) * self.n - np.outer(self.sums, self.sums).astype(object)
        covariance = wide.astype(np.float64)
        sd = np.sqrt(np.diag(covariance))
        with np.errstate(divide="ignore", invalid="ignore"):
            found: NDArray[np.float64] = covariance / np.outer(sd, sd)
        return found
