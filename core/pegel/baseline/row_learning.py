"""Learning how rows of training were sent, batch by batch: what is kept of each part, and what all parts say together.

Steps and distances are those of every row. Crowds are learnt of at most 65,536 distinct rows, those of the smallest
hashes: the same ones in any order and partitioning. Of more rows than that, sessions are learnt of whole blocks of
time, see `pegel.baseline.session_blocks`.
"""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass, replace
from io import BytesIO
from typing import Self

import numpy as np
from numpy.typing import NDArray
from scipy.stats import rankdata

from pegel.baseline.row_reference import CrowdReference, JointCut, RowReference
from pegel.baseline.session_blocks import MOST_BLOCK_ROWS, BlockRows, SessionBlocks
from pegel.data.columns import Columns, Role
from pegel.stats.decimal_grids import NO_GRID, digits_of
from pegel.stats.fingerprints.burst_floor import BLOCKS, OF_NO_BLOCK, BurstFloor, session_sizes
from pegel.stats.fingerprints.crowd_sizes import CrowdSizes
from pegel.stats.fingerprints.fingerprint_tables import FingerprintTables, coordinates_of
from pegel.stats.fingerprints.row_codes import RowCodes
from pegel.stats.fingerprints.row_hashes import Hashes, key_of, row_hashes
from pegel.stats.joint_distance import JointDistance, complete_scores
from pegel.stats.layout import NumericLayout
from pegel.stats.summary import Summary

MOST_ROWS = 65_536
"""Distinct rows of training that crowds are learnt of, inclusive."""
FEW_ROWS = 1_000
"""Of fewer distinct rows no crowd is learnt."""
FOLLOWS_TIME = 0.5
"""A number whose rank goes with the order of the rows so much follows time: its rows crowd by the day."""
RARE = 1_000
"""One row in so many is an unusual combination …"""
LEAST_BEYOND = 10
"""… but no fewer than the tenth farthest."""
_BITS = 64


@dataclass(frozen=True, slots=True)
class RowWish:
    """What is to be learnt of rows."""

    off_grid: bool = False
    combinations: bool = False
    probing: bool = False

    @property
    def is_any(self) -> bool:
        """Say whether anything is."""
        return self.off_grid or self.combinations or self.probing


@dataclass(frozen=True, eq=False, slots=True)
class LearntRows:
    """What is kept of a part of the rows; parts add up.

    `digits`: of each numeric feature. `farthest`: the largest squared distances, falling. `placed`: rows with all
    correlated numbers. `hashes`, `codes` (shape (features, rows)) and `instants`: distinct rows of small hashes, and
    when each was first seen, 0 where nobody knows. `of_blocks`: rows of the blocks in which sessions are looked at.
    """

    digits: NDArray[np.int64]
    farthest: NDArray[np.int64]
    placed: int
    hashes: Hashes
    codes: NDArray[np.uint16]
    instants: NDArray[np.int64]
    of_blocks: BlockRows

    def to_bytes(self) -> bytes:
        """Return it packed, the inverse of `from_bytes`."""
        buffer = BytesIO()
        own = {name: getattr(self, name) for name in self.__slots__ if name != "of_blocks"}
        blocks = {f"of_blocks_{name}": getattr(self.of_blocks, name) for name in BlockRows.__slots__}
        np.savez(buffer, **own, **blocks)
        return buffer.getvalue()

    @classmethod
    def from_bytes(cls, data: bytes) -> Self:
        """Read what `to_bytes` wrote."""
        with np.load(BytesIO(data), allow_pickle=False) as read:
            placed = int(read["placed"])
            blocks = BlockRows(*(read[f"of_blocks_{name}"] for name in BlockRows.__slots__))
            kept = (read["hashes"], read["codes"], read["instants"], blocks)
            return cls(read["digits"], read["farthest"], placed, *kept)


@dataclass(frozen=True, eq=False)
class RowLearning:
    """Learns from rows of features, once their cells and counts are known. `trained`: all rows, with their sums.

    `blocks`: where sessions are looked at, if only a part of all rows is kept; None where all are, or have no times.
    """

    trained: Summary
    wish: RowWish
    blocks: SessionBlocks | None = None

    @property
    def needs_blocks(self) -> bool:
        """Say whether `blocks` are needed to look at sessions: where more rows come than are kept."""
        return self.wish.probing and self.level > 0

    @property
    def level(self) -> int:
        """Return the level at which rows begin to be kept: a number of rows alone decides it."""
        return max(0, math.ceil(math.log2(max(1, self.trained.most_rows) / MOST_ROWS)))

    @property
    def joint(self) -> JointDistance | None:
        """Return by what rows are placed; None where nobody asks, or fewer than two numbers vary."""
        return JointDistance.of(self.trained.comoments) if self.wish.combinations else None

    @property
    def beyond(self) -> int:
        """Return which of the farthest rows is the cut."""
        return max(LEAST_BEYOND, self.trained.most_rows // RARE)

    def of_rows(self, columns: Columns, instants: NDArray[np.int64] | None = None) -> LearntRows:
        """Return what is kept of some rows; `instants`: when each happened."""
        layout = self.trained.layout
        digits = [digits_of(values) for values in columns.numeric.T] if self.wish.off_grid else []
        codes = RowCodes.of(layout)
        of_rows = codes.of_rows(columns)
        joint, farthest = self.joint, np.zeros(0, dtype=np.int64)
        scores = complete_scores(codes, of_rows) if joint is not None else np.zeros((0, 0), dtype=np.int64)
        if joint is not None:
            farthest = -np.sort(-joint.of_rows(scores))[: self.beyond + 1]
        hashes, chosen = np.zeros(0, dtype=np.uint64), np.zeros(0, dtype=np.intp)
        if self.wish.probing:
            hashes = row_hashes(columns, key_of(layout))
            chosen = np.flatnonzero(hashes < _limit(self.level)) if self.level else np.arange(columns.n)
        known = np.zeros(columns.n, dtype=np.int64) if instants is None else instants
        of_blocks = BlockRows.none(len(of_rows))
        if self.blocks is not None and self.wish.probing:
            of_blocks = BlockRows.of(self.blocks, hashes, of_rows.astype(np.uint16), known)
        part = LearntRows(
            np.array(digits, dtype=np.int64),
            farthest,
            len(scores),
            hashes[chosen],
            of_rows[:, chosen].astype(np.uint16),
            known[chosen],
            of_blocks,
        )
        return self.total([part])

    def total(self, parts: Iterable[LearntRows]) -> LearntRows:
        """Return what is kept of all parts together, at least one."""
        some = list(parts)
        joined = LearntRows(
            np.max([part.digits for part in some], axis=0),
            -np.sort(-np.concatenate([part.farthest for part in some]))[: self.beyond + 1],
            sum(part.placed for part in some),
            np.concatenate([part.hashes for part in some]),
            np.concatenate([part.codes for part in some], axis=1),
            np.concatenate([part.instants for part in some]),
            BlockRows.total((part.of_blocks for part in some), 0 if self.blocks is None else self.blocks.rows),
        )
        order = np.lexsort((joined.instants, joined.hashes))
        hashes = joined.hashes[order]
        first = np.append(True, hashes[1:] != hashes[:-1])[: hashes.size]
        order, hashes = order[first], hashes[first]
        level, kept = self.level, hashes.size
        while kept > MOST_ROWS:
            level += 1
            kept = int(np.searchsorted(hashes, _limit(level)))
        order = order[:kept]
        return replace(
            joined, hashes=joined.hashes[order], codes=joined.codes[:, order], instants=joined.instants[order]
        )

    def reference(self, learnt: LearntRows, *, window_rows: int, timed: bool, time_like: str = "") -> RowReference:
        """Return what rows are compared with.

        Args:
            learnt: Of all rows.
            window_rows: Rows that a window is expected to have.
            timed: Whether it is known when rows happened.
            time_like: A field that holds the time itself; empty for none.
        """
        numeric = [feature for _, feature in self.trained.layout.numeric(Role.FEATURE)]
        grids = None
        if self.wish.off_grid:
            pairs = zip(numeric, learnt.digits.tolist(), strict=True)
            grids = {one.field.name: digits for one, digits in pairs if not one.discrete and digits < NO_GRID}
        crowds = None
        if self.wish.probing and learnt.hashes.size >= FEW_ROWS:
            crowds = self._crowds(learnt, window_rows=window_rows, timed=timed, time_like=time_like)
        return RowReference(grids, self._joint(learnt), crowds)

    def _joint(self, learnt: LearntRows) -> JointCut | None:
        distance = self.joint
        if distance is None or learnt.farthest.size < LEAST_BEYOND:
            return None
        beyond = max(LEAST_BEYOND, learnt.placed // RARE)
        cut = int(learnt.farthest[min(beyond, learnt.farthest.size) - 1])
        return JointCut(distance, cut, int(np.count_nonzero(learnt.farthest > cut)), learnt.placed)

    def _crowds(self, learnt: LearntRows, *, window_rows: int, timed: bool, time_like: str) -> CrowdReference | None:
        codes = RowCodes.of(self.trained.layout)
        left_out = {time_like} & {one.field.name for one in codes.features}
        if timed:
            left_out |= _following(codes, learnt)
        chosen = [at for at, one in enumerate(codes.features) if one.field.name not in left_out]
        if not chosen:
            return None
        features = self.trained.features
        places = [coordinates_of(one, features[one.field.name].cells) for one in (codes.features[at] for at in chosen)]
        own = learnt.codes[chosen].astype(np.int32)
        tables = FingerprintTables.freeze(places, own)
        cells = tables.cells(own)
        floor: BurstFloor | None = None
        if not timed:
            why = "rows of training have no times"
        elif self.needs_blocks:
            in_blocks = learnt.of_blocks.apart()
            of_blocks = tables.cells(in_blocks.codes[chosen].astype(np.int32))
            others = cells[~np.isin(learnt.hashes, in_blocks.hashes)]
            floor, why = self._floor_of_blocks(in_blocks, of_blocks, others, window_rows)
        else:
            floor, why = self._floor(learnt, cells, window_rows)
        return CrowdReference(tables.tables, tuple(sorted(left_out)), CrowdSizes.counted(cells), floor, why)

    def _floor(self, learnt: LearntRows, cells: Hashes, window_rows: int) -> tuple[BurstFloor | None, str]:
        distinct = learnt.hashes.size
        blocks = distinct // max(1, window_rows)
        if blocks < BLOCKS:
            needed = BLOCKS * max(1, window_rows)
            return None, f"it needs {needed:,} distinct rows of training, and there are {distinct:,}"
        order = np.lexsort((learnt.hashes, learnt.instants))[: blocks * window_rows]
        of_block = np.repeat(np.arange(blocks), window_rows)
        return BurstFloor.of_sizes(session_sizes(cells[order], of_block), blocks), ""

    def _floor_of_blocks(
        self, rows: BlockRows, cells: Hashes, others: Hashes, window_rows: int
    ) -> tuple[BurstFloor | None, str]:
        """Return how large sessions are. `cells`: of the rows of blocks; `others`: of other rows of training."""
        blocks = int(np.unique(rows.blocks).size)
        if blocks < BLOCKS:
            most = min(self.trained.most_rows, MOST_BLOCK_ROWS) // BLOCKS
            needed = f"it needs {BLOCKS} blocks of {window_rows:,} rows at different times"
            return None, f"{needed}, and there is room for blocks of {most:,}"
        of_block = np.concatenate([rows.blocks, np.full(len(others), OF_NO_BLOCK)])
        return BurstFloor.of_sizes(session_sizes(np.concatenate([cells, others]), of_block), blocks), ""


def _following(codes: RowCodes, learnt: LearntRows) -> set[str]:
    """Return the names of numeric features whose ranks go with the order of the rows."""
    order = rankdata(learnt.instants)
    found = set()
    for at, feature in enumerate(codes.features):
        if isinstance(feature, NumericLayout):
            ranks = rankdata(learnt.codes[at])
            if np.ptp(ranks) and np.ptp(order) and abs(np.corrcoef(ranks, order)[0, 1]) >= FOLLOWS_TIME:
                found.add(feature.field.name)
    return found


def _limit(level: int) -> np.uint64:
    return np.uint64(1 << (_BITS - level)) if level else np.uint64(2**_BITS - 1)
