"""How many different values there were, to about 1.6 %, packed in two kilobytes.

Source: P. Flajolet et al., "HyperLogLog: the analysis of a near-optimal cardinality estimation algorithm", AofA 2007;
the sketch is that of Apache DataSketches, whose bytes Spark's own HLL functions read as well.
"""

from __future__ import annotations

from typing import ClassVar, Self

import numpy as np
from datasketches import hll_sketch, hll_union
from numpy.typing import NDArray

from pegel.stats.finite import finite
from pegel.stats.framing import seal, unseal

LG_K = 12
"""Binary logarithm of the number of registers."""
_DEVIATIONS = 2


class Distinct:
    """An estimate of the number of distinct finite values, whatever their order and however they were split.

    >>> distinct = Distinct()
    >>> distinct.update(np.array([1.0, 2.0, 2.0, 3.0, np.nan]))
    >>> round(distinct.get()["estimate"])
    3
    """

    name: ClassVar[str] = "distinct"

    def __init__(self) -> None:
        self._union = hll_union(LG_K)

    @classmethod
    def start(cls, _edges: NDArray[np.float64], /) -> Self:
        """Return the sketch of no values."""
        return cls()

    def update(self, values: NDArray[np.float64]) -> None:
        """Add values, shape (n,), in any order; NaN and the infinities are left out."""
        for value in (np.unique(finite(values)) + 0.0).tolist():  # -0.0 becomes 0.0
            self._union.update(value)

    def merge(self, other: Self) -> None:
        """Add the values of `other`."""
        self._union.update(other._union.get_result())

    def get(self) -> dict[str, float]:
        """Return the estimate, and bounds between which the truth lies in 95 of 100 cases.

        A sketch estimates by the order in which its values came for as long as it was never merged with a full one.
        In union with itself it holds the same registers and has to estimate from them alone.
        """
        union, registers = hll_union(LG_K), self._union.get_result()
        union.update(registers)
        union.update(registers)
        return {
            "estimate": union.get_estimate(),
            "lower": union.get_lower_bound(_DEVIATIONS),
            "upper": union.get_upper_bound(_DEVIATIONS),
        }

    def to_bytes(self) -> bytes:
        """Return the packed sketch."""
        return seal(self.name, self._union.get_result().serialize_compact())

    @classmethod
    def from_bytes(cls, data: bytes) -> Self:
        """Unpack what `to_bytes` wrote. Raises LayoutMismatch for other bytes."""
        found = cls()
        found._union.update(hll_sketch.deserialize(unseal(cls.name, data)))
        return found
