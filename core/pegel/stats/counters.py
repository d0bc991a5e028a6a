"""How many values there were, and how many of them are no numbers, by kind."""

from __future__ import annotations

from typing import ClassVar, Self

import numpy as np
from numpy.typing import NDArray

from pegel.stats.framing import seal, unseal

KINDS = ("n", "null", "nan", "posinf", "neginf", "unparseable")
PRESENT, NULL, UNPARSEABLE = range(3)
"""Why a value is absent, in the numbers of `pegel.data.columns.Missing`."""


class Counters:
    """Counts of values and of what is no finite number: `n` is the five others plus the finite values.

    `counts`: int64, shape (6,), in the order of `KINDS`.

    >>> counters = Counters()
    >>> counters.update(np.array([1.0, np.nan, np.nan, -np.inf]), np.array([0, 0, 1, 0], dtype=np.uint8))
    >>> counters.get()
    {'n': 4, 'null': 1, 'nan': 1, 'posinf': 0, 'neginf': 1, 'unparseable': 0}
    """

    name: ClassVar[str] = "counters"

    def __init__(self) -> None:
        self.counts: NDArray[np.int64] = np.zeros(len(KINDS), dtype=np.int64)

    def update(self, values: NDArray[np.float64], missing: NDArray[np.uint8] | None = None) -> None:
        """Count values, shape (n,). `missing`: codes 0, 1 (null), 2 (unparseable), same shape; None for all present.

        Raises ValueError, and counts nothing, if a value marked missing is not NaN.
        """
        codes = np.zeros(values.shape, dtype=np.uint8) if missing is None else missing
        if not np.isnan(values[codes != PRESENT]).all():
            raise ValueError("expected NaN wherever a value is marked missing, given a number: nothing was counted.")
        null, unparseable = codes == NULL, codes == UNPARSEABLE
        nan = np.isnan(values) & ~(null | unparseable)
        kinds = (null, nan, values == np.inf, values == -np.inf, unparseable)
        self.counts += np.array([values.size, *map(np.count_nonzero, kinds)])

    def merge(self, other: Self) -> None:
        """Add the counts of `other`."""
        self.counts += other.counts

    def get(self) -> dict[str, int]:
        """Return the counts by kind."""
        return dict(zip(KINDS, self.counts.tolist(), strict=True))

    def to_bytes(self) -> bytes:
        """Return the packed counts."""
        return seal(self.name, self.counts.astype("<i8").tobytes())

    @classmethod
    def from_bytes(cls, data: bytes) -> Self:
        """Unpack what `to_bytes` wrote. Raises LayoutMismatch for other bytes."""
        found = cls()
        found.counts += np.frombuffer(unseal(cls.name, data), dtype="<i8")
        return found
