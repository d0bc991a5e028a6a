"""Mean, variance, skewness and kurtosis of one column, merged without loss of digits.

The arithmetic is in `pegel.stats.moments`. Source: P. Pébay, "Formulas for robust, one-pass parallel computation of
covariances and arbitrary-order statistical moments", Sandia report SAND2008-6212 (2008).
"""

from __future__ import annotations

from typing import ClassVar, Self

import numpy as np
from numpy.typing import NDArray

from pegel.stats import moments
from pegel.stats.finite import finite
from pegel.stats.framing import seal, unseal


class MomentSums:
    """Moments of the finite values. For display: the last digits depend on how the rows were split.

    `state`: float64, shape (5,): count, mean, M2, M3, M4; M2 sums squared deviations from the mean, and so on.

    >>> sums = MomentSums()
    >>> sums.update(np.array([1.0, 2.0, 3.0, 6.0]))
    >>> found = sums.get()
    >>> found["count"], found["mean"], round(found["variance"], 3), round(found["skewness"], 3)
    (4, 3.0, 4.667, 0.687)
    """

    name: ClassVar[str] = "moment_sums"

    def __init__(self) -> None:
        self.state: NDArray[np.float64] = np.zeros(moments.SIZE)

    @classmethod
    def start(cls, _edges: NDArray[np.float64], /) -> Self:
        """Return the moments of no values."""
        return cls()

    def update(self, values: NDArray[np.float64]) -> None:
        """Add values, shape (n,), in any order; NaN and the infinities are left out."""
        self.state = moments.merge(self.state, moments.of(finite(values)))

    def merge(self, other: Self) -> None:
        """Add the values of `other`."""
        self.state = moments.merge(self.state, other.state)

    def get(self) -> dict[str, float | None]:
        """Return count, mean (feature units), variance (squared, n - 1), skewness and kurtosis (3 for a normal).

        None without values, with too few of them, for the shape of constant ones, and beyond the range of the floats.
        """
        known = moments.Moments.of_state(self.state)
        found = {
            "mean": known.mean if known.count else None,
            "variance": known.variance,
            "skewness": known.skewness,
            "kurtosis": known.kurtosis,
        }
        finite = {key: value if value is not None and np.isfinite(value) else None for key, value in found.items()}
        return {"count": known.count} | finite

    def to_bytes(self) -> bytes:
        """Return the packed state."""
        return seal(self.name, self.state.astype("<f8").tobytes())

    @classmethod
    def from_bytes(cls, data: bytes) -> Self:
        """Unpack what `to_bytes` wrote. Raises LayoutMismatch for other bytes."""
        found = cls()
        found.state += np.frombuffer(unseal(cls.name, data), dtype="<f8")
        return found
