"""The smallest and the largest value."""

from __future__ import annotations

import struct
from typing import ClassVar, Self

import numpy as np
from numpy.typing import NDArray

from pegel.stats.finite import finite
from pegel.stats.framing import seal, unseal

_BODY = struct.Struct("<dd")


class Extremes:
    """Smallest and largest finite value, in feature units. `low` > `high` means that there was none.

    >>> extremes = Extremes()
    >>> extremes.get()
    {'min': None, 'max': None}
    >>> extremes.update(np.array([2.0, -1.5, np.nan, np.inf]))
    >>> extremes.get()
    {'min': -1.5, 'max': 2.0}
    """

    name: ClassVar[str] = "extremes"

    def __init__(self) -> None:
        self.low, self.high = np.inf, -np.inf

    @classmethod
    def start(cls, _edges: NDArray[np.float64], /) -> Self:
        """Return the extremes of no values."""
        return cls()

    def update(self, values: NDArray[np.float64]) -> None:
        """Look at values, shape (n,), in any order; NaN and the infinities are left out."""
        inside = finite(values)
        if inside.size:
            self._widen(float(inside.min()) + 0.0, float(inside.max()) + 0.0)  # -0.0 becomes 0.0

    def merge(self, other: Self) -> None:
        """Widen to the values of `other`."""
        self._widen(other.low, other.high)

    def _widen(self, low: float, high: float) -> None:
        self.low, self.high = min(self.low, low), max(self.high, high)

    def get(self) -> dict[str, float | None]:
        """Return both, or None without a finite value."""
        known = self.low <= self.high
        return {"min": self.low if known else None, "max": self.high if known else None}

    def to_bytes(self) -> bytes:
        """Return both, packed."""
        return seal(self.name, _BODY.pack(self.low, self.high))

    @classmethod
    def from_bytes(cls, data: bytes) -> Self:
        """Unpack what `to_bytes` wrote. Raises LayoutMismatch for other bytes."""
        found = cls()
        found.low, found.high = _BODY.unpack(unseal(cls.name, data))
        return found
