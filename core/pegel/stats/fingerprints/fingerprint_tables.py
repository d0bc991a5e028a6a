"""Tables of fingerprints: in each, rows that differ little in the features that it looks at share one number.

A table shifts every feature's ranks by an amount drawn at random, cuts them into few buckets, and takes the buckets of
as many features, in an order drawn at random, as make two rows of training meet once in ten thousand pairs. Near rows
meet in most tables, others in none; few wide buckets of many features let small changes meet most often.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

from pegel.stats.fingerprints.row_codes import BEYOND_CELLS, Codes
from pegel.stats.fingerprints.row_hashes import Hashes, mixed
from pegel.stats.layout import FieldLayout, NumericLayout

TABLES = 4
"""Eight find no more."""
MEETING = 1e-4
"""At most this share of the pairs of distinct rows of training meets in one table."""
BUCKETS = (4, 6, 8, 12, 16, 24, 32)
"""Buckets of a feature where three of all features are too few."""
FEW_BUCKETS = 3
FEW_VALUES = 16
"""A feature of at most so many values is not cut by rank: its cells are its buckets."""
Coordinates = NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class FingerprintTable:
    """One table. `order`: the places of the features that it looks at; `offsets`: by feature, from 0 to 1."""

    order: tuple[int, ...]
    offsets: tuple[float, ...]
    buckets: int
    meeting: float
    """Which part of the pairs of distinct rows of training meets in it."""

    def to_json(self) -> dict[str, Any]:
        """Return plain JSON, the inverse of `from_json`."""
        return {
            "order": list(self.order),
            "offsets": [offset.hex() for offset in self.offsets],
            "buckets": self.buckets,
            "meeting": self.meeting.hex(),
        }

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> Self:
        """Read what `to_json` wrote."""
        offsets = tuple(float.fromhex(offset) for offset in data["offsets"])
        return cls(tuple(data["order"]), offsets, data["buckets"], float.fromhex(data["meeting"]))


@dataclass(frozen=True, eq=False)
class FingerprintTables:
    """All tables of one baseline, frozen. `coordinates`: places of the codes of each feature, see `coordinates_of`."""

    tables: tuple[FingerprintTable, ...]
    coordinates: tuple[Coordinates, ...]

    def cells(self, codes: Codes) -> Hashes:
        """Return the cell of each row in each table, uint64 of shape (rows, tables), from codes (features, rows)."""
        found = np.zeros((codes.shape[1], len(self.tables)), dtype=np.uint64)
        for t, (table, marks) in enumerate(zip(self.tables, self._marks, strict=True)):
            for j, of_code in zip(table.order, marks, strict=True):
                found[:, t] += of_code[codes[j]]
        return found

    @cached_property
    def _marks(self) -> list[list[Hashes]]:
        return [
            [_marks_of(self.coordinates[j], table.buckets, table.offsets[j], j) for j in table.order]
            for table in self.tables
        ]

    @classmethod
    def freeze(cls, coordinates: Sequence[Coordinates], codes: Codes, seed: int = 1) -> Self:
        """Choose tables.

        Args:
            coordinates: Of each feature, at least one.
            codes: Those of distinct rows of training, shape (features, rows).
            seed: Of `numpy.random.default_rng`, which draws a table's order and then its offsets.
        """
        rng = np.random.default_rng(seed)
        found = []
        for _ in range(TABLES):
            order, offsets = rng.permutation(len(coordinates)).tolist(), rng.random(len(coordinates)).tolist()
            found.append(_frozen(coordinates, codes, order, offsets))
        return cls(tuple(found), tuple(coordinates))


def coordinates_of(feature: FieldLayout, cells: NDArray[np.int64]) -> Coordinates:
    """Return the place of each code of a feature among the rows of training.

    Cells of numbers stand at their mid-rank, from 0 to 1; those of a feature of few values or of categories, and what
    is missing, are told apart as they are: their places are negative whole numbers.

    Args:
        feature: The layout.
        cells: Rows of training by cell.
    """
    apart: Coordinates = -1.0 - np.arange(cells.size + BEYOND_CELLS, dtype=np.float64)
    total = int(cells.sum())
    if not isinstance(feature, NumericLayout) or not total:
        return apart
    if feature.discrete and np.count_nonzero(feature.points) <= FEW_VALUES:
        return apart
    apart[BEYOND_CELLS:] = (np.cumsum(cells) - cells / 2) / total
    return apart


def meeting_share(cells: Hashes) -> float:
    """Return which part of all pairs of rows share their cell, from the cell of each row.

    >>> meeting_share(np.array([1, 1, 2, 3], dtype=np.uint64))
    0.16666666666666666
    """
    m = cells.size
    if m <= 1:
        return 0.0
    counts = np.unique(cells, return_counts=True)[1].astype(np.int64)
    return int((counts * (counts - 1)).sum()) / (m * (m - 1))


def _frozen(
    coordinates: Sequence[Coordinates], codes: Codes, order: list[int], offsets: list[float]
) -> FingerprintTable:
    meeting = 1.0
    for buckets in (FEW_BUCKETS, *BUCKETS):
        cells = np.zeros(codes.shape[1], dtype=np.uint64)
        for k, j in enumerate(order, start=1):
            cells += _marks_of(coordinates[j], buckets, offsets[j], j)[codes[j]]
            # More buckets are only tried of all features, so fewer of these need not be looked at again.
            if buckets == FEW_BUCKETS or k == len(order):
                meeting = meeting_share(cells)
                if meeting <= MEETING:
                    return FingerprintTable(tuple(order[:k]), tuple(offsets), buckets, meeting)
    return FingerprintTable(tuple(order), tuple(offsets), BUCKETS[-1], meeting)


def _marks_of(places: Coordinates, buckets: int, offset: float, feature: int) -> Hashes:
    """Return a number for the bucket of each code: sums of those of different features do not meet by chance."""
    bucket = np.where(places < 0, places, np.floor(places * buckets + offset)).astype(np.int64)
    return mixed(mixed(np.uint64(feature) + np.zeros(1, dtype=np.uint64)) ^ bucket.view(np.uint64))
