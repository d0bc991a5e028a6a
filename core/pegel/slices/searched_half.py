"""The half of the rows that is searched: which slices of one or two conditions contribute most clearly to a change.

Every condition of every column is looked at, and every pair of the `MOST_CONDITIONS` that contribute most.
"""

from __future__ import annotations

import heapq
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from pegel.slices.condition import Condition, conditions
from pegel.slices.part_of_change import Contributions, SideSums, contributions
from pegel.slices.sliced_columns import Flags, Floats, SlicedColumn

MOST_ASKED: Final = 10
MOST_CONDITIONS: Final = 256
"""Conditions that are put together in pairs; each pair costs a multiplication per row."""
MOST_OF_COLUMN: Final = 24
LEAST_SHARE, MOST_SHARE = 0.01, 0.5
"""Of the rows of a slice, on the side on which it has more of them; what is more is no part of the rows."""
WIDEST: Final = 0.95
"""A condition that more rows fulfil adds nothing to another."""
MOST: Final = 0.5
"""A slice is named if it holds at least so much of the change …"""
CONCENTRATED: Final = 2.0
"""… and so many times its share of the rows."""
EARNED: Final = 1.1
"""A second condition is told if it makes the contribution so many times clearer."""
ALIKE: Final = 0.5
"""Of two slices that share so much of their rows (Jaccard) the clearer one is asked again."""
BEFORE_CONFIRMED: Final = 0.8
"""So much of what is asked of a slice in the end is asked in the half that is searched."""
SEEN: Final = 2.0
"""Standard errors that a slice contributes in the half that is searched, to be asked again of the other."""
_TRIED: Final = 2_000


@dataclass(frozen=True, slots=True, eq=False)
class ScoredRows:
    """Rows that have a score. `searched`: those of the half that is searched."""

    score: Floats
    is_now: Flags
    searched: Flags

    def sums(self, masks: NDArray[np.float64], among: Flags) -> tuple[SideSums, SideSums]:
        """Return the sums of some slices, columns of `masks` (of the rows `among`), before and now."""
        score, is_now = self.score[among], self.is_now[among]
        before, now = (
            SideSums(
                count=masks[side].sum(axis=0),
                total=score[side] @ masks[side],
                squares=score[side] ** 2 @ masks[side],
                rows=float(side.sum()),
                whole=float(score[side].sum()),
                whole_squares=float((score[side] ** 2).sum()),
            )
            for side in (~is_now, is_now)
        )
        return before, now


Pick = tuple[tuple[Condition, ...], Flags, float]
"""Conditions, the rows of which they hold, and their rank among slices in the half that is searched."""


def search_half(rows: ScoredRows, columns: Iterable[SlicedColumn], kept: Flags) -> tuple[list[Pick], int]:
    """Return the clearest slices of the half that is searched, and how many were looked at."""
    singles, looked = _singles(rows, columns, kept)
    if not singles:
        return [], looked
    masks = np.stack([mask[rows.searched] for _, mask, _ in singles], axis=1).astype(np.float32)
    pairs = _pairs(rows, masks)
    own = np.array([rank for _, _, rank in singles])
    chosen = _worth_it(contributions(*rows.sums(masks.astype(np.float64), rows.searched)))
    first, second = np.triu_indices(len(singles), 1)
    parents = np.maximum(own[first], own[second])
    rank = np.where(_worth_it(pairs), pairs.rank, 0.0)[first, second]
    rank = np.where(rank >= EARNED * parents, rank, 0.0)
    ways = [(float(own[at]), int(at), int(at)) for at in np.flatnonzero(chosen)]
    tried = np.argsort(-rank, kind="stable")[:_TRIED]
    ways += [(float(rank[at]) / EARNED, int(first[at]), int(second[at])) for at in tried if rank[at] > 0]
    ways.sort(key=lambda way: (-way[0], way[1], way[2]))
    return _unlike(singles, ways), looked + first.size


def _singles(rows: ScoredRows, columns: Iterable[SlicedColumn], kept: Flags) -> tuple[list[Pick], int]:
    """Return the conditions that contribute most, and how many there are; one column is in memory at a time."""
    best: list[tuple[float, int, Pick]] = []
    looked = 0
    where = np.zeros(kept.size, dtype=np.bool_)
    where[kept] = rows.searched
    for column in columns:
        told = [(one, mask[kept]) for one, mask in conditions(column, where)]
        if not told:
            continue
        known = contributions(*rows.sums(floats_of([mask for _, mask in told], rows.searched), rows.searched))
        share = np.maximum(known.share_before, known.share_now)
        usable = (share >= LEAST_SHARE) & (share <= WIDEST) & (known.rank > 0)
        order = [at for at in np.argsort(-known.rank, kind="stable") if usable[at]][:MOST_OF_COLUMN]
        for at in order:
            looked += 1
            condition, mask = told[at]
            entry = (float(known.rank[at]), -looked, ((condition,), mask, float(known.rank[at])))
            (heapq.heappush if len(best) < MOST_CONDITIONS else heapq.heappushpop)(best, entry)
        looked += len(told) - len(order)
    return [pick for _, _, pick in sorted(best, key=lambda entry: -entry[1])], looked


def floats_of(masks: Sequence[Flags], among: Flags) -> Floats:
    """Return masks as the columns of numbers that sums are made with, of some rows."""
    return np.stack([mask[among] for mask in masks], axis=1).astype(np.float64)


def _pairs(rows: ScoredRows, masks: NDArray[np.float32]) -> Contributions:
    """Return what each pair of conditions contributes, arrays of shape (conditions, conditions)."""
    sides = []
    score, is_now = rows.score[rows.searched], rows.is_now[rows.searched]
    for side in (~is_now, is_now):
        own, t = masks[side], score[side].astype(np.float32)[:, None]
        count, total, squares = ((own.T @ each).astype(np.float64) for each in (own, t * own, t**2 * own))
        whole, whole_squares = float(score[side].sum()), float((score[side] ** 2).sum())
        sides.append(SideSums(count, total, squares, float(side.sum()), whole, whole_squares))
    return contributions(*sides)


def _worth_it(found: Contributions) -> Flags:
    """Say which slices are a part of the rows that holds much of the change."""
    share = np.maximum(found.share_before, found.share_now)
    size = (share >= LEAST_SHARE) & (share <= MOST_SHARE)
    least = BEFORE_CONFIRMED * np.maximum(MOST, CONCENTRATED * found.share_now)
    return np.asarray(size & (found.z >= SEEN) & (found.part >= least))


def _unlike(singles: Sequence[Pick], ways: Iterable[tuple[float, int, int]]) -> list[Pick]:
    """Return the clearest slices, none of which has much the same rows as one before it."""
    picked: list[Pick] = []
    for rank, first, second in ways:
        told = singles[first][0] + (singles[second][0] if second != first else ())
        mask = singles[first][1] & singles[second][1]
        if any((mask & other).sum() > ALIKE * (mask | other).sum() for _, other, _ in picked):
            continue
        picked.append((told, mask, rank))
        if len(picked) == MOST_ASKED:
            break
    return picked
