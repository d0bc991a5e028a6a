"""How long answers took: counts of whole units of time in fixed cells, so that a quantile is within 0.8 % of its value.

The unit is the caller's: windows count milliseconds, `pegel traffic` microseconds.

Cells are integers of powers of two, 64 to each doubling: they need no data to be chosen, are the same on every machine,
and counts in them add up bit by bit. Source: the layout of G. Tene's HdrHistogram (2012).
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, ClassVar, Self

import numpy as np
from numpy.typing import NDArray

from pegel.stats.framing import seal, unseal

PER_DOUBLING = 64
"""Cells from a duration to its double; below twice as many units each has a cell of its own."""
RELATIVE_ERROR = 1 / (2 * PER_DOUBLING)
"""How far a quantile may be off, as a part of its value; none below 128 units."""
LONGEST = 2**52
"""Longest duration that is told apart, far beyond any calendar: float64 holds it exactly."""
RANKS = (0.5, 0.95, 0.99)
_EXACT_BITS = 7
_CELL = np.dtype([("cell", "<u2"), ("count", "<i8")])


class Latencies:
    """A histogram of latencies of 0 and more, all in one unit. Those below 0 are none: they are counted as `backwards`.

    >>> latencies = Latencies()
    >>> latencies.update(np.array([3, 1, 2, 1_000, -5]))
    >>> latencies.get()
    {'n': 4, 'backwards': 1, 'quantiles': {'0.5': 2, '0.95': 1003, '0.99': 1003}}
    """

    name: ClassVar[str] = "latencies"
    __hash__ = None  # type: ignore[assignment]  # it changes

    def __init__(self) -> None:
        self.cells: dict[int, int] = {}
        """Counts by cell; empty cells are left out."""
        self.backwards = 0

    @property
    def n(self) -> int:
        """Return how many there are."""
        return sum(self.cells.values())

    def __eq__(self, other: object) -> bool:
        """Say whether both count the same."""
        return isinstance(other, Latencies) and (self.cells, self.backwards) == (other.cells, other.backwards)

    def __bool__(self) -> bool:
        """Say whether anything was counted."""
        return bool(self.cells or self.backwards)

    def update(self, values: NDArray[np.int64]) -> None:
        """Count latencies, shape (n,), in any order."""
        forward = np.minimum(values[values >= 0], LONGEST)
        self.backwards += values.size - forward.size
        cells, counts = np.unique(_cells(forward), return_counts=True)
        self._add(zip(cells.tolist(), counts.tolist(), strict=True))

    def count(self, latency: int) -> None:
        """Count one latency, as `update` does many."""
        if latency < 0:
            self.backwards += 1
        else:
            self._add([(_cell(min(latency, LONGEST)), 1)])

    def merge(self, other: Self) -> None:
        """Add the latencies of `other`."""
        self.backwards += other.backwards
        self._add(other.cells.items())

    def quantile(self, rank: float) -> int | None:
        """Return the middle of the cell up to which there is at least the share `rank` (0 to 1) of durations.

        None without any.
        """
        wanted, seen = max(1, math.ceil(rank * self.n)), 0
        for cell in sorted(self.cells):
            seen += self.cells[cell]
            if seen >= wanted:
                first, width = _bounds(cell)
                return first + (width - 1) // 2
        return None

    def at_least(self, limit: int) -> int:
        """Return how many are as long as `limit` or longer; exact for a limit that `boundary` returned."""
        from_cell = _cell(limit)
        return sum(count for cell, count in self.cells.items() if cell >= from_cell)

    def get(self, ranks: Sequence[float] = RANKS) -> dict[str, Any]:
        """Return how many there are, how many were no durations, and a quantile for each rank."""
        quantiles = {f"{rank:g}": self.quantile(rank) for rank in ranks}
        return {"n": self.n, "backwards": self.backwards, "quantiles": quantiles}

    def to_json(self) -> dict[str, Any]:
        """Return plain JSON, the inverse of `from_json`."""
        return {"backwards": self.backwards, "cells": [list(item) for item in sorted(self.cells.items())]}

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> Self:
        """Read what `to_json` wrote."""
        found = cls()
        found.backwards = data["backwards"]
        found._add((int(cell), int(count)) for cell, count in data["cells"])
        return found

    def to_bytes(self) -> bytes:
        """Return the packed counts."""
        cells = np.array(sorted(self.cells.items()), dtype=_CELL) if self.cells else np.empty(0, _CELL)
        return seal(self.name, self.backwards.to_bytes(8, "little") + cells.tobytes())

    @classmethod
    def from_bytes(cls, data: bytes) -> Self:
        """Unpack what `to_bytes` wrote. Raises LayoutMismatch for other bytes."""
        body, found = unseal(cls.name, data), cls()
        found.backwards = int.from_bytes(body[:8], "little")
        found._add(np.frombuffer(body, dtype=_CELL, offset=8).tolist())
        return found

    def _add(self, counts: Iterable[tuple[int, int]]) -> None:
        for cell, count in counts:
            self.cells[cell] = self.cells.get(cell, 0) + count


def boundary(duration: int) -> int:
    """Return the smallest duration, `duration` (0 or more) or longer, with which a cell begins."""
    cell = _cell(duration)
    first, width = _bounds(cell)
    return first if first == duration else first + width


def _cell(duration: int) -> int:
    """Return the cell of one duration, 0 to `LONGEST`."""
    shift = max(duration.bit_length() - _EXACT_BITS, 0)
    return shift * PER_DOUBLING + (duration >> shift)


def _cells(durations: NDArray[np.int64]) -> NDArray[np.int64]:
    """Return the cell of each duration, 0 to `LONGEST`: how far it is shifted, and the seven bits that remain."""
    _, bits = np.frexp(durations.astype(np.float64))
    shifts = np.maximum(bits.astype(np.int64) - _EXACT_BITS, 0)
    cells: NDArray[np.int64] = shifts * PER_DOUBLING + (durations >> shifts)
    return cells


def _bounds(cell: int) -> tuple[int, int]:
    """Return the first duration of a cell, and how many it holds."""
    shift = max(cell // PER_DOUBLING - 1, 0)
    return (cell - shift * PER_DOUBLING) << shift, 1 << shift
