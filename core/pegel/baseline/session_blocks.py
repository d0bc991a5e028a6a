"""Pieces of training in order of time, each as large as a window and whole: in them sessions are looked at.

Of many rows a part is kept by the hashes of rows, which parts sessions. So a few blocks are kept besides, evenly over
the time, with every row of theirs; which ones is decided by the times of all rows, before the rows are passed over.

::

    rows by time   |----------|----------|----------|----------|
    blocks         [####)     [####)     [####)     [####)          each of so many rows as a window has
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Self

import numpy as np
from numpy.typing import NDArray

from pegel.stats.fingerprints.burst_floor import BLOCKS
from pegel.stats.fingerprints.row_hashes import Hashes

MOST_BLOCKS = 64
MOST_BLOCK_ROWS = 262_144
"""Rows of all blocks together, inclusive: 8,738 of a window, where 30 blocks are looked at."""


@dataclass(frozen=True, eq=False, slots=True)
class SessionBlocks:
    """Which instants are of which block: half-open, rising, in microseconds; at most `rows` rows of each are kept."""

    begins: NDArray[np.int64]
    ends: NDArray[np.int64]
    rows: int

    @classmethod
    def of(cls, instants: NDArray[np.int64], window_rows: int) -> Self | None:
        """Choose blocks by the times of all rows, in any order; None where rows, or the room for them, are too few."""
        rows = max(1, window_rows)
        blocks = min(MOST_BLOCKS, MOST_BLOCK_ROWS // rows, instants.size // rows)
        if blocks < BLOCKS:
            return None
        times = np.sort(instants)
        first = np.arange(blocks) * times.size // blocks
        begins, after = times[first], times[np.minimum(first + rows, times.size - 1)]
        # Rows of one instant have no order: of such a block a part is kept. The last block may end with the last row.
        return cls(begins, np.where(first + rows < times.size, np.maximum(after, begins + 1), times[-1] + 1), rows)

    def block_of(self, instants: NDArray[np.int64]) -> NDArray[np.int64]:
        """Return the block of each row, -1 for none."""
        at = np.searchsorted(self.begins, instants, side="right") - 1
        return np.where((at >= 0) & (instants < self.ends[at]), at, -1)


@dataclass(frozen=True, eq=False, slots=True)
class BlockRows:
    """Rows of blocks; all arrays are of one length, `codes` of shape (features, rows). Of equal ones the first is kept.

    Parts add up: of each block the first `rows` distinct rows are kept by instant and hash, however they were split.
    """

    blocks: NDArray[np.int64]
    hashes: Hashes
    codes: NDArray[np.uint16]
    instants: NDArray[np.int64]

    @classmethod
    def none(cls, features: int) -> Self:
        """Return no rows."""
        nothing = np.zeros(0, dtype=np.int64)
        return cls(nothing, nothing.astype(np.uint64), np.zeros((features, 0), dtype=np.uint16), nothing)

    @classmethod
    def of(cls, wanted: SessionBlocks, hashes: Hashes, codes: NDArray[np.uint16], instants: NDArray[np.int64]) -> Self:
        """Keep the rows of blocks."""
        blocks = wanted.block_of(instants)
        chosen = np.flatnonzero(blocks >= 0)
        return cls(blocks[chosen], hashes[chosen], codes[:, chosen], instants[chosen]).at_most(wanted.rows)

    @classmethod
    def total(cls, some: Iterable[BlockRows], rows: int) -> Self:
        """Return the rows of all parts, at least one, at most `rows` of each block."""
        parts = list(some)
        return cls(
            np.concatenate([part.blocks for part in parts]),
            np.concatenate([part.hashes for part in parts]),
            np.concatenate([part.codes for part in parts], axis=1),
            np.concatenate([part.instants for part in parts]),
        ).at_most(rows)

    def at_most(self, rows: int) -> Self:
        """Return at most so many distinct rows of each block, in order of block, instant and hash."""
        by_hash = self.taken(np.lexsort((self.instants, self.hashes, self.blocks)))
        again = (np.diff(by_hash.hashes) == 0) & (np.diff(by_hash.blocks) == 0)
        distinct = by_hash.taken(np.flatnonzero(np.append(True, ~again)[: by_hash.hashes.size]))
        ordered = distinct.taken(np.lexsort((distinct.hashes, distinct.instants, distinct.blocks)))
        place = np.arange(ordered.blocks.size) - np.searchsorted(ordered.blocks, ordered.blocks)
        return ordered.taken(np.flatnonzero(place < rows))

    def apart(self) -> Self:
        """Return rows that are in several blocks in the first of these alone."""
        _, first = np.unique(self.hashes, return_index=True)
        return self.taken(np.sort(first))

    def taken(self, chosen: NDArray[np.intp]) -> Self:
        """Return some rows by their places."""
        kept = (self.blocks[chosen], self.hashes[chosen], self.codes[:, chosen], self.instants[chosen])
        return type(self)(*kept)
