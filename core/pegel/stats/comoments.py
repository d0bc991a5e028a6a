"""Integer sums of normal scores and of their products: correlations that add up exactly.

Scores are integers of at most 2,724 in absolute value, so float64 matrix products of up to a billion rows are exact,
and any split of the rows gives the same sums.
"""

from __future__ import annotations

import math
from typing import Any, ClassVar, Self

import numpy as np
from numpy.typing import NDArray

from pegel.errors import LayoutMismatch
from pegel.stats.framing import seal, unseal

SMALL = 1_000_000
"""Up to so many rows, products of sums of scores fit into 64 bits."""


class Comoments:
    """Sums over complete rows of `size` jointly watched fields: those in which every field has a number.

    `n`: complete rows; `sums`: int64, shape (size,); `products`: int64, shape (size, size), symmetric.

    >>> sums = Comoments(2)
    >>> sums.update(np.array([[1, 2], [2, 4], [3, 6]]))
    >>> sums.get()["correlation"]
    [[1.0, 1.0], [1.0, 1.0]]
    """

    name: ClassVar[str] = "comoments"

    def __init__(self, size: int) -> None:
        """Start from no rows."""
        self.n = 0
        self.sums: NDArray[np.int64] = np.zeros(size, dtype=np.int64)
        self.products: NDArray[np.int64] = np.zeros((size, size), dtype=np.int64)

    def update(self, scores: NDArray[np.int64], complete: NDArray[np.bool_] | None = None) -> None:
        """Add rows of scores, shape (rows, size); only `complete` ones count, shape (rows,), or all if it is None."""
        chosen = (scores if complete is None else scores[complete]).astype(np.float64)
        self.n += len(chosen)
        self.sums += chosen.sum(axis=0).astype(np.int64)
        self.products += (chosen.T @ chosen).astype(np.int64)

    def merge(self, other: Self) -> None:
        """Add the rows of `other`. Raises LayoutMismatch, and changes nothing, if it has another size."""
        if self.sums.size != other.sums.size:
            raise LayoutMismatch(
                f"expected co-moments of {self.sums.size} fields, given {other.sums.size}: nothing was merged."
            )
        self.n += other.n
        self.sums += other.sums
        self.products += other.products

    def _scaled(self) -> NDArray[np.float64]:
        # n * products may exceed 2**63 from about a million rows on; Python's integers carry it.
        kind = object if self.n > SMALL else np.int64
        sums = self.sums.astype(kind)
        wide = self.products.astype(kind) * self.n - np.outer(sums, sums)
        scaled: NDArray[np.float64] = wide.astype(np.float64)
        return scaled

    def correlations(self) -> NDArray[np.float64]:
        """Return the correlations of scores, shape (size, size); NaN where a field does not vary, or without rows."""
        if self.n == 0:
            return np.full(self.products.shape, np.nan)
        covariance = self._scaled()
        sd = np.sqrt(np.diag(covariance))
        with np.errstate(divide="ignore", invalid="ignore"):
            found: NDArray[np.float64] = covariance / np.outer(sd, sd)
        return found

    def get(self) -> dict[str, Any]:
        """Return n, means, covariance (divisor n - 1) and correlation, in units of scores; None where undefined."""
        n, empty = self.n, np.full(self.products.shape, np.nan)
        return {
            "n": n,
            "means": [total / n if n else None for total in self.sums.tolist()],
            "covariance": _plain(self._scaled() / (n * (n - 1)) if n > 1 else empty),
            "correlation": _plain(np.clip(self.correlations(), -1, 1)),
        }

    def to_bytes(self) -> bytes:
        """Return the packed sums."""
        return seal(self.name, np.concatenate([[self.n], self.sums, self.products.ravel()]).astype("<i8").tobytes())

    @classmethod
    def from_bytes(cls, data: bytes) -> Self:
        """Unpack what `to_bytes` wrote. Raises LayoutMismatch for other bytes."""
        flat = np.frombuffer(unseal(cls.name, data), dtype="<i8")
        size = math.isqrt(flat.size - 1)  # one count, then size sums, then size squared products
        found = cls(size)
        found.n = int(flat[0])
        found.sums += flat[1 : size + 1]
        found.products += flat[size + 1 :].reshape(size, size)
        return found


def _plain(matrix: NDArray[np.float64]) -> list[list[float | None]]:
    return [[None if math.isnan(value) else value for value in row] for row in matrix.tolist()]
