"""Counts of one numeric column in the frozen cells of its baseline."""

from __future__ import annotations

from typing import ClassVar, Self

import numpy as np
from numpy.typing import NDArray

from pegel.errors import LayoutMismatch
from pegel.stats.cells import count_sorted
from pegel.stats.finite import finite
from pegel.stats.framing import seal, unseal


class Histogram:
    """Counts per right-closed cell: cell i holds `edges[i-1] < x <= edges[i]`; the first and the last are open.

    `edges`: float64, strictly increasing, shape (E,), see `pegel.stats.edges`. `counts`: int64, shape (E + 1,); the
    first is the underflow and the last the overflow.

    >>> histogram = Histogram(np.array([0.0, 1.0]))
    >>> histogram.update(np.array([3.0, 0.0, 0.5, 1.0, np.nan]))
    >>> histogram.get()
    {'edges': [0.0, 1.0], 'counts': [1, 2, 1]}
    """

    name: ClassVar[str] = "histogram"

    def __init__(self, edges: NDArray[np.float64]) -> None:
        self.edges = np.array(edges, dtype=np.float64)
        if not (np.isfinite(self.edges).all() and (np.diff(self.edges) > 0).all()):
            raise ValueError("expected finite, strictly increasing edges, given others: no histogram was begun.")
        self.counts: NDArray[np.int64] = np.zeros(self.edges.size + 1, dtype=np.int64)

    @classmethod
    def start(cls, edges: NDArray[np.float64], /) -> Self:
        """Return the histogram of no values."""
        return cls(edges)

    def update(self, values: NDArray[np.float64]) -> None:
        """Count values, shape (n,), in any order; NaN and the infinities have no cell and are left out."""
        self.counts += count_sorted(np.sort(finite(values)), self.edges)

    def merge(self, other: Self) -> None:
        """Add the counts of `other`. Raises LayoutMismatch, and changes nothing, if its edges are others."""
        if not np.array_equal(self.edges, other.edges):
            raise LayoutMismatch(
                f"expected a histogram of the same {self.edges.size} edges, given {other.edges.size} others: "
                "counts in different cells cannot be added; nothing was merged."
            )
        self.counts += other.counts

    def get(self) -> dict[str, list[float] | list[int]]:
        """Return edges (feature units) and counts."""
        return {"edges": self.edges.tolist(), "counts": self.counts.tolist()}

    def to_bytes(self) -> bytes:
        """Return edges and counts, packed."""
        return seal(self.name, self.edges.astype("<f8").tobytes() + self.counts.astype("<i8").tobytes())

    @classmethod
    def from_bytes(cls, data: bytes) -> Self:
        """Unpack what `to_bytes` wrote. Raises LayoutMismatch for other bytes."""
        body = unseal(cls.name, data)
        size = len(body) // 16  # E edges and E + 1 counts of eight bytes each
        found = cls(np.frombuffer(body, dtype="<f8", count=size))
        found.counts += np.frombuffer(body, dtype="<i8", offset=8 * size)
        return found
