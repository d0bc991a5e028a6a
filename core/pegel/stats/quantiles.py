"""Any quantile of one column, within 1.4 % of its rank, in a few kilobytes.

For baselines and for display. Decisions use the exact counts of `pegel.stats.histogram`: sketches are no integers that
add up. Source: Z. Karnin, K. Lang and E. Liberty, "Optimal quantile approximation in streams", FOCS 2016; the sketch is
that of Apache DataSketches.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, ClassVar, Self

import numpy as np
from datasketches import kll_doubles_sketch
from numpy.typing import NDArray

from pegel.stats.finite import finite
from pegel.stats.framing import seal, unseal

K = 200
"""Size of the sketch: the rank of a quantile is off by at most 1.33 % in 99 of 100 cases."""
RANKS = (0.01, 0.05, 0.25, 0.5, 0.75, 0.95, 0.99)


class Quantiles:
    """A sketch of the finite values. `n` is exact; quantiles are values that occurred, without interpolation.

    >>> quantiles = Quantiles()
    >>> quantiles.update(np.array([4.0, 1.0, 3.0, 2.0, np.inf]))
    >>> quantiles.get([0.25, 0.5, 1])
    {'n': 4, 'quantiles': {'0.25': 1.0, '0.5': 2.0, '1': 4.0}}
    """

    name: ClassVar[str] = "quantiles"

    def __init__(self) -> None:
        self._sketch = kll_doubles_sketch(K)

    @classmethod
    def start(cls, _edges: NDArray[np.float64], /) -> Self:
        """Return the sketch of no values."""
        return cls()

    @property
    def n(self) -> int:
        """Return how many values were added."""
        return int(self._sketch.n)

    @property
    def rank_error(self) -> float:
        """Return how far the rank of a quantile may be off in 99 of 100 cases, as a share of n."""
        return float(self._sketch.normalized_rank_error(as_pmf=False))

    def update(self, values: NDArray[np.float64]) -> None:
        """Add values, shape (n,), in any order; NaN and the infinities are left out."""
        # The sketch takes no read-only arrays, as those of Arrow are; only they, and strided ones, are copied.
        self._sketch.update(np.require(finite(values), np.float64, ["C", "W"]))

    def merge(self, other: Self) -> None:
        """Add the values of `other`."""
        self._sketch.merge(other._sketch)

    def rank(self, value: float) -> float | None:
        """Return the share of values up to and including `value`; None without values."""
        return float(self._sketch.get_rank(value, inclusive=True)) if self.n else None

    def get(self, ranks: Sequence[float] = RANKS) -> dict[str, Any]:
        """Return n and a quantile for each rank in [0, 1]: the smallest value with at least that share up to it."""
        found = self._sketch.get_quantiles(list(ranks), inclusive=True) if self.n else [None] * len(ranks)
        return {"n": self.n, "quantiles": {f"{rank:g}": value for rank, value in zip(ranks, found, strict=True)}}

    def to_bytes(self) -> bytes:
        """Return the packed sketch."""
        return seal(self.name, self._sketch.serialize())

    @classmethod
    def from_bytes(cls, data: bytes) -> Self:
        """Unpack what `to_bytes` wrote. Raises LayoutMismatch for other bytes."""
        found = cls()
        found._sketch = kll_doubles_sketch.deserialize(unseal(cls.name, data))
        return found
