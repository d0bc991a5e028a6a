"""Integer sums of normal scores and of their products: correlations that add up exactly.

Scores are integers of at most 2,724 in absolute value, so float64 matrix products of up to a billion rows are exact,
and any split of the rows gives the same sums. A row without one of its numbers still counts in every pair of the
others: what is missing is summed apart, and takes no room where nothing is.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from itertools import pairwise
from typing import Any, ClassVar, Self

import numpy as np
from numpy.typing import NDArray

from pegel.errors import LayoutMismatch
from pegel.stats.framing import seal, unseal
from pegel.stats.triangles import lower_triangle, triangle_places

SMALL = 1_000_000
"""Up to so many rows, products of sums of scores fit into 64 bits."""
EXACT = 1 << 24
"""So many rows are counted at once at most: counts of them are exact in float32."""
Integers = NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class PairSums:
    """Sums over the rows in which both fields of a pair have a number, int64, each of shape (size, size).

    Element [j, k] of `sums`, `squares` and `highs` is of field j over the rows in which k has a number, too: its
    scores, their squares, and how many of them are above 0. `rows`, `products` and `both_high` are symmetric.
    """

    rows: Integers
    sums: Integers
    squares: Integers
    highs: Integers
    products: Integers
    both_high: Integers

    def covariances(self) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """Return covariances, and variances of j over the rows that k has, both times the square of the rows."""
        # rows * products may exceed 2**63 from about a million rows on; Python's integers carry it.
        kind = object if self.rows.max(initial=0) > SMALL else np.int64
        rows, sums = self.rows.astype(kind), self.sums.astype(kind)
        covariance = rows * self.products.astype(kind) - sums * sums.T
        variance = rows * self.squares.astype(kind) - sums * sums
        return covariance.astype(np.float64), variance.astype(np.float64)

    def correlations(self) -> NDArray[np.float64]:
        """Return the correlations of scores; NaN where a field does not vary, or without rows."""
        covariance, variance = self.covariances()
        with np.errstate(divide="ignore", invalid="ignore"):
            return np.asarray(covariance / np.sqrt(variance * variance.T), dtype=np.float64)


class Comoments:
    """Sums over rows of `size` jointly watched fields.

    `n`: rows; `sums`: int64, shape (size,), of the scores of each field; `products`: int64, shape (size, size), of
    pairs of scores; `both_high`: int64, shape (size, size), rows in which both scores are above 0. `gaps`: None as long
    as nothing is missing, else int64, shape (4, size, size): over the rows in which k has no number, element [:, j, k]
    counts those in which j has none either, and sums scores, squares and highs of j.

    >>> sums = Comoments(2)
    >>> sums.update(np.array([[1, 2], [2, 4], [3, 6]]))
    >>> sums.get()["correlation"]
    [[1.0, 1.0], [1.0, 1.0]]
    """

    name: ClassVar[str] = "comoments"

    def __init__(self, size: int) -> None:
        """Start from no rows."""
        self.n = 0
        self.sums: Integers = np.zeros(size, dtype=np.int64)
        self.products: Integers = np.zeros((size, size), dtype=np.int64)
        self.both_high: Integers = np.zeros((size, size), dtype=np.int64)
        self.gaps: Integers | None = None

    def update(self, scores: Integers, present: NDArray[np.bool_] | None = None) -> None:
        """Add rows of scores, shape (rows, size); scores that are not `present`, of the same shape, do not count."""
        if present is not None and present.all():
            present = None
        for start in range(0, len(scores), EXACT):
            part = slice(start, start + EXACT)
            self._update(scores[part], None if present is None else present[part])

    def _update(self, scores: Integers, present: NDArray[np.bool_] | None) -> None:
        values, high = scores.astype(np.float64), (scores > 0).astype(np.float32)
        if present is not None:
            values[~present] = high[~present] = 0
            some = ~present.all(axis=1)
            self._add_gaps(values[some], high[some], ~present[some])
        self.n += len(values)
        self.sums += values.sum(axis=0).astype(np.int64)
        self.products += (values.T @ values).astype(np.int64)
        self.both_high += (high.T @ high).astype(np.int64)

    def _add_gaps(self, values: NDArray[np.float64], high: NDArray[np.float32], missing: NDArray[np.bool_]) -> None:
        absent = missing.astype(np.float64)
        blocks = (absent, values, values * values, high.astype(np.float64))
        self._join_gaps(np.stack([(block.T @ absent).astype(np.int64) for block in blocks]))

    def _join_gaps(self, gaps: Integers) -> None:
        self.gaps = gaps if self.gaps is None else self.gaps + gaps

    def merge(self, other: Self) -> None:
        """Add the rows of `other`. Raises LayoutMismatch, and changes nothing, if it has another size."""
        if self.sums.size != other.sums.size:
            raise LayoutMismatch(
                f"expected co-moments of {self.sums.size} fields, given {other.sums.size}: nothing was merged."
            )
        self.n += other.n
        self.sums += other.sums
        self.products += other.products
        self.both_high += other.both_high
        if other.gaps is not None:
            self._join_gaps(other.gaps)

    @property
    def arrays(self) -> tuple[Integers, ...]:
        """Return the arrays that there are."""
        always = (self.sums, self.products, self.both_high)
        return always if self.gaps is None else (*always, self.gaps)

    def pairs(self) -> PairSums:
        """Return the sums of each pair over the rows in which both of its fields have a number."""
        size = self.sums.size
        missing, sums, squares, highs = np.zeros((4, size, size), dtype=np.int64) if self.gaps is None else self.gaps
        absent = np.diag(missing)
        return PairSums(
            rows=self.n - absent[:, None] - absent[None, :] + missing,
            sums=self.sums[:, None] - sums,
            squares=np.diag(self.products)[:, None] - squares,
            highs=np.diag(self.both_high)[:, None] - highs,
            products=self.products,
            both_high=self.both_high,
        )

    def correlations(self) -> NDArray[np.float64]:
        """Return the correlations of scores, shape (size, size); NaN where a field does not vary, or without rows."""
        return self.pairs().correlations()

    def get(self) -> dict[str, Any]:
        """Return rows, those of each pair, means, covariance (divisor rows - 1), correlation; None where undefined."""
        pairs = self.pairs()
        rows = pairs.rows.astype(np.float64)
        with np.errstate(divide="ignore", invalid="ignore"):
            means = self.sums / np.diag(rows)
            covariance = np.where(rows > 1, pairs.covariances()[0] / (rows * (rows - 1)), np.nan)
        return {
            "n": self.n,
            "rows": pairs.rows.tolist(),
            "means": _plain(means[None, :])[0],
            "covariance": _plain(covariance),
            "correlation": _plain(np.clip(pairs.correlations(), -1, 1)),
        }

    def body(self) -> bytes:
        """Return the sums as little-endian int64: each pair once, and what is missing only of fields that lack some.

        These are 8 (3 + 2 size + size**2 + g + 4 g size) bytes, with g fields that lack a number in some row: 34 kB for
        64 complete fields, 166 kB if each lacks some, before they are compressed.
        """
        lower = lower_triangle(self.sums.size)
        lacking = np.zeros(0, dtype=np.int64) if self.gaps is None else np.flatnonzero(np.diag(self.gaps[0]))
        head = [self.sums.size, self.n, lacking.size, *lacking.tolist()]
        parts = [np.array(head, dtype=np.int64), self.sums, self.products[lower], self.both_high[lower]]
        if self.gaps is not None:
            parts.append(self.gaps[:, :, lacking].ravel())
        return np.concatenate(parts).astype("<i8").tobytes()

    @classmethod
    def from_body(cls, data: bytes) -> Self:
        """Read what `body` wrote."""
        flat = np.frombuffer(data, dtype="<i8").astype(np.int64)
        size, n, count = flat[:3].tolist()
        pairs = size * (size + 1) // 2
        ends = np.cumsum([3, count, size, pairs, pairs]).tolist()
        lacking, sums, products, both_high = (flat[begin:end] for begin, end in pairwise(ends))
        gaps = flat[ends[-1] :]
        read = cls(size)
        read.n = n
        read.sums = sums.copy()
        read.products, read.both_high = products[triangle_places(size)], both_high[triangle_places(size)]
        if count:
            read.gaps = np.zeros((4, size, size), dtype=np.int64)
            read.gaps[:, :, lacking] = gaps.reshape(4, size, count)
        return read

    def to_bytes(self) -> bytes:
        """Return the packed sums."""
        return seal(self.name, self.body())

    @classmethod
    def from_bytes(cls, data: bytes) -> Self:
        """Unpack what `to_bytes` wrote. Raises LayoutMismatch for other bytes."""
        return cls.from_body(unseal(cls.name, data))


def _plain(matrix: NDArray[np.float64]) -> list[list[float | None]]:
    return [[None if math.isnan(value) else value for value in row] for row in matrix.tolist()]
