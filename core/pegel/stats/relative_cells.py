"""Counts of numbers of any size in cells that need no data to be chosen: a quantile is within 1.6 % of its value.

Every doubling of the distance from 0 has 32 cells of equal width on either side; 0 has one of its own. So cells are the
same on every machine and for every model, and counts in them add up bit by bit. Source: the layout of G. Tene's
HdrHistogram (2012), here for floats of both signs.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

PER_DOUBLING = 32
RELATIVE_ERROR = 1 / (2 * PER_DOUBLING)
"""How far a quantile may be off, as a part of its value."""
_LOWEST = 1073
"""frexp gives no exponent of a float below minus this."""


class RelativeCells:
    """A histogram of finite numbers.

    >>> cells = RelativeCells()
    >>> cells.update(np.array([-2.0, 0.0, 0.1, 3.0, 3.01]))
    >>> cells.n, cells.quantile(0.0), cells.quantile(0.5), cells.quantile(1.0)
    (5, -2.03125, 0.1005859375, 3.03125)
    """

    __hash__ = None  # type: ignore[assignment]  # it changes

    def __init__(self) -> None:
        self.cells: dict[int, int] = {}
        """Counts by cell, empty cells left out; a higher cell holds higher numbers, cell 0 only 0."""

    def __eq__(self, other: object) -> bool:
        """Say whether both count the same."""
        return isinstance(other, RelativeCells) and self.cells == other.cells

    @property
    def n(self) -> int:
        """Return how many numbers there are."""
        return sum(self.cells.values())

    def update(self, values: NDArray[np.float64]) -> None:
        """Count finite numbers, shape (n,), in any order."""
        cells, counts = np.unique(cells_of(values), return_counts=True)
        self._add(zip(cells.tolist(), counts.tolist(), strict=True))

    def merge(self, other: Self) -> None:
        """Add the counts of `other`."""
        self._add(other.cells.items())

    def magnitudes(self) -> RelativeCells:
        """Return the counts of the distances from 0."""
        found = RelativeCells()
        found._add((abs(cell), count) for cell, count in self.cells.items())
        return found

    def quantile(self, rank: float) -> float | None:
        """Return the middle of the cell up to which there is at least the share `rank` (0 to 1); None without any."""
        return self.at(max(1, math.ceil(rank * self.n)))

    def at(self, place: int) -> float | None:
        """Return the middle of the cell of the number at a 1-based place in their order; None outside of it."""
        seen = 0
        for cell in sorted(self.cells):
            seen += self.cells[cell]
            if 1 <= place <= seen:
                return middle(cell)
        return None

    def to_json(self) -> list[list[int]]:
        """Return plain JSON, the inverse of `from_json`."""
        return [list(item) for item in sorted(self.cells.items())]

    @classmethod
    def from_json(cls, data: Iterable[Any]) -> Self:
        """Read what `to_json` wrote."""
        found = cls()
        found._add((int(cell), int(count)) for cell, count in data)
        return found

    def _add(self, items: Iterable[tuple[int, int]]) -> None:
        for cell, count in items:
            self.cells[cell] = self.cells.get(cell, 0) + count


def cells_of(values: NDArray[np.float64]) -> NDArray[np.int64]:
    """Return the cell of each finite number."""
    mantissa, exponent = np.frexp(np.abs(values))
    within = np.floor((2 * mantissa - 1) * PER_DOUBLING).astype(np.int64)
    cell = (exponent.astype(np.int64) + _LOWEST) * PER_DOUBLING + within + 1
    return np.where(values == 0, 0, np.where(values < 0, -cell, cell))


def middle(cell: int) -> float:
    """Return the middle of a cell."""
    if cell == 0:
        return 0.0
    doubling, within = divmod(abs(cell) - 1, PER_DOUBLING)
    size = math.ldexp((1 + (within + 0.5) / PER_DOUBLING) / 2, doubling - _LOWEST)
    return math.copysign(size, cell)


def aligned(a: Mapping[int, int], b: Mapping[int, int]) -> NDArray[np.int64]:
    """Return the counts of two histograms in the cells that either has, in their order, shape (2, cells)."""
    cells = sorted(a.keys() | b.keys())
    return np.array([[counts.get(cell, 0) for cell in cells] for counts in (a, b)], dtype=np.int64)
