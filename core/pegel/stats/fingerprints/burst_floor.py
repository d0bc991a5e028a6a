"""How large the crowds of honest sessions are: a customer scored again with small changes breaks exchangeability.

Training data in order of time is cut into blocks as large as a window, and the crowds that stand in one block alone are
looked at: their sizes beyond a threshold fall geometrically, as those of tails do. Source of exceedances over a
threshold: J. Pickands, "Statistical inference using extreme order statistics", Annals of Statistics 3 (1975).
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

from pegel.stats.fingerprints.row_hashes import Hashes

BLOCKS = 30
"""Blocks of training data that it takes to say anything."""
SIZES = 30
"""Crowds beyond the threshold that it takes to tell how their sizes fall."""
SMALLEST = 2
OF_NO_BLOCK = -1
OUTSIDE = 1
"""Rows outside its block that a crowd may have and still be of one session."""


@dataclass(frozen=True, slots=True)
class BurstFloor:
    """Sizes of crowds of one block: `rate` per block of at least `threshold` rows, `excess` rows above it on average.

    `blocks`: of which it was learnt.
    """

    threshold: int
    excess: float
    rate: float
    blocks: int

    def least(self, level: float) -> int:
        """Return how many rows a crowd needs, so that training would have one at `level` per block.

        >>> BurstFloor(threshold=5, excess=0.625, rate=0.64, blocks=50).least(1e-5)
        17
        """
        if self.rate <= level:
            return self.threshold if self.rate else SMALLEST
        if self.excess == 0:
            return self.threshold + 1
        steps = math.log(self.rate / level) / math.log((1 + self.excess) / self.excess)
        return math.ceil(self.threshold + steps)

    @classmethod
    def of_sizes(cls, sizes: NDArray[np.int64], blocks: int) -> Self | None:
        """Learn from the sizes of all crowds of one block, in all tables; None where blocks are too few."""
        if blocks < BLOCKS:
            return None
        sizes = np.sort(sizes[sizes >= SMALLEST])
        # Of fewer crowds than that nothing is known of how they fall, so all of them count.
        threshold = SMALLEST if sizes.size < SIZES else max(SMALLEST, int(sizes[-SIZES]))
        beyond = sizes[sizes >= threshold]
        excess = float(beyond.mean() - threshold) if beyond.size else 0.0
        return cls(threshold, excess, beyond.size / blocks, blocks)

    def to_json(self) -> dict[str, Any]:
        """Return plain JSON, the inverse of `from_json`."""
        return {
            "threshold": self.threshold,
            "excess": self.excess.hex(),
            "rate": self.rate.hex(),
            "blocks": self.blocks,
        }

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> Self:
        """Read what `to_json` wrote."""
        return cls(data["threshold"], float.fromhex(data["excess"]), float.fromhex(data["rate"]), data["blocks"])


def session_sizes(cells: Hashes, blocks: NDArray[np.int64]) -> NDArray[np.int64]:
    """Return how many rows stand in each crowd that is, but for one row at most, of one block.

    Args:
        cells: Of distinct rows, shape (rows, tables).
        blocks: The block of each row, shape (rows,); rows of `OF_NO_BLOCK` stand beside those of blocks alone.
    """
    found = [np.zeros(0, dtype=np.int64)]
    for table in range(cells.shape[1]):
        order = np.lexsort((blocks, cells[:, table]))
        cell, block = cells[order, table], blocks[order]
        new_cell = np.append([True], cell[1:] != cell[:-1])
        new_part = new_cell | np.append([True], block[1:] != block[:-1])
        parts = np.flatnonzero(new_part)
        sizes = np.diff(np.append(parts, cell.size))
        whole = np.diff(np.append(np.flatnonzero(new_cell), cell.size))[np.cumsum(new_cell)[parts] - 1]
        of_a_block = block[parts] != OF_NO_BLOCK
        found.append(sizes[of_a_block & (sizes >= SMALLEST) & (whole - sizes <= OUTSIDE)].astype(np.int64))
    return np.concatenate(found)
