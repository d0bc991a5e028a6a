"""Cells of a column that does not fit in memory: exact order statistics in a few passes over its blocks.

A float64 has an image among the unsigned integers with the same order. Each pass counts the next bits of that image,
for those values only that share the bits so far with a wanted rank or with a heavy value, until few enough are left to
be sorted. The result is the same, to the last bit, as that of sorting the whole column.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from pegel.stats import edges as edge_rules
from pegel.stats.cells import count_sorted

BITS = 12
WIDTH = 64
_SIGN = np.uint64(1 << 63)

Numbers = NDArray[np.float64]
Counts = NDArray[np.int64]
Blocks = Callable[[], Iterator[Numbers]]
"""Begins a pass over the finite values of a column, block by block."""


@dataclass(frozen=True)
class Buckets:
    """Buckets of values that share their first `bits` bits, `prefixes`; `before` values are smaller than all in it.

    Whoever has a part of the rows counts it by these, wherever that is.
    """

    bits: int
    prefixes: NDArray[np.uint64]
    before: Counts
    sizes: Counts

    @classmethod
    def whole(cls) -> Buckets:
        """Return the one bucket of all values."""
        return cls(0, np.zeros(1, dtype=np.uint64), np.zeros(1, dtype=np.int64), np.zeros(1, dtype=np.int64))

    def count(self, values: Numbers, bits: int) -> tuple[NDArray[np.intp], Counts]:
        """Count the next `bits` bits of finite values in each bucket.

        Returns which of `len(prefixes) * 2**bits` places occur, ascending, and how many values each has.
        """
        place, keys = self._inside(_key(values))
        digit = (keys >> np.uint64(WIDTH - self.bits - bits)) & np.uint64((1 << bits) - 1)
        counts = np.bincount((place << bits) + digit.astype(np.int64))
        found = np.flatnonzero(counts)
        return found, counts[found].astype(np.int64)

    def keys(self, values: Numbers) -> tuple[NDArray[np.uint64], Counts]:
        """Return the images of the finite values that lie in a bucket, ascending, and how many values have each."""
        keys, counts = np.unique(self._inside(_key(values))[1], return_counts=True)
        return keys, counts.astype(np.int64)

    def _inside(self, keys: NDArray[np.uint64]) -> tuple[NDArray[np.intp], NDArray[np.uint64]]:
        """Return the bucket and the key of each value that is in one."""
        prefixes = keys >> np.uint64(WIDTH - self.bits) if self.bits else np.zeros_like(keys)
        place = np.searchsorted(self.prefixes, prefixes).clip(max=self.prefixes.size - 1)
        inside = self.prefixes[place] == prefixes
        return place[inside], keys[inside]


@dataclass(slots=True)
class Selection:
    """The search for the edges of one column: what its next pass counts, and what follows from it."""

    room: int
    """Values that may be in memory at once."""
    bits_at_once: int = BITS
    buckets: Buckets = field(default_factory=Buckets.whole)
    _rows: int = -1
    _few: bool = True

    @property
    def is_open(self) -> bool:
        """Say whether another pass has to count."""
        narrow = self.buckets.bits == WIDTH or self.buckets.sizes.sum() <= self.room
        return self._rows < 0 or not narrow

    @property
    def bits(self) -> int:
        """Return how many bits the next pass counts; the first one may take more, for it has one bucket alone."""
        return min(self.bits_at_once if self.buckets.bits else BITS, WIDTH - self.buckets.bits)

    def narrow(self, places: NDArray[np.intp], counted: Counts) -> None:
        """Take what a pass has counted of all rows, see `Buckets.count`."""
        counts = np.zeros((self.buckets.prefixes.size, 1 << self.bits), dtype=np.int64)
        counts.ravel()[places] = counted
        self._rows = int(counts.sum()) if self._rows < 0 else self._rows
        self._few = self._few and int(np.count_nonzero(counts)) <= edge_rules.QUANTILES
        self.buckets = _narrowed(self.buckets, counts, self.bits, self._rows, few=self._few)

    def edges(self, keys: NDArray[np.uint64], counts: Counts) -> tuple[Numbers, bool]:
        """Return edges, and whether the feature is discrete, by the images of all values in the buckets that are left.

        `keys`, `counts`: see `Buckets.keys`; not looked at where a bucket is one value by now.
        """
        values, sizes, before = self._values(keys, counts)
        if self._few and values.size <= edge_rules.QUANTILES:
            return edge_rules.of_points(values), True
        wanted = np.concatenate([[1, self._rows], edge_rules.ranks(self._rows)])
        chosen = values[np.searchsorted(before + sizes, wanted)]
        atoms = values[sizes >= edge_rules.least_rows(self._rows)]
        return edge_rules.of_order_statistics(chosen[:2], chosen[2:], atoms), False

    def _values(self, keys: NDArray[np.uint64], counts: Counts) -> tuple[Numbers, Counts, Counts]:
        """Return the values in the buckets, how many rows have each, and how many rows have a smaller one."""
        buckets = self.buckets
        if buckets.bits == WIDTH:
            return _value(buckets.prefixes), buckets.sizes, buckets.before
        bucket = np.searchsorted(buckets.prefixes, keys >> np.uint64(WIDTH - buckets.bits))
        # Rows before a value: those before its bucket, and those of the bucket that were collected before it.
        ahead = np.cumsum(buckets.sizes) - buckets.sizes
        return _value(keys), counts, buckets.before[bucket] + np.cumsum(counts) - counts - ahead[bucket]


def select(blocks: Blocks, room: int) -> tuple[Numbers, bool, Counts]:
    """Return edges, whether the feature is discrete, and counts per cell, as `edges.build` on all values sorted.

    Args:
        blocks: Begins a pass over the finite values.
        room: Values that may be in memory at once.
    """
    selection = Selection(room)
    while selection.is_open:
        selection.narrow(*together(selection.buckets.count(block, selection.bits) for block in blocks()))
    edges, discrete = selection.edges(*_collected(blocks, selection.buckets))
    counts = np.zeros(edges.size + 1, dtype=np.int64)
    cuts = edge_rules.cuts(edges)
    for block in blocks():
        counts += count_sorted(np.sort(block), cuts)
    return edges, discrete, counts


def _collected(blocks: Blocks, buckets: Buckets) -> tuple[NDArray[np.uint64], Counts]:
    if buckets.bits == WIDTH:
        return np.empty(0, dtype=np.uint64), np.empty(0, dtype=np.int64)
    return together(buckets.keys(block) for block in blocks())


def together(parts: Iterable[tuple[NDArray[Any], Counts]]) -> tuple[NDArray[Any], Counts]:
    """Add up counts by what they are of: each part ascending and without repetition, as is the sum."""
    whole: tuple[NDArray[Any], Counts] | None = None
    for part in parts:
        whole = part if whole is None else _sum(whole, part)
    return whole or (np.empty(0, dtype=np.uint64), np.empty(0, dtype=np.int64))


def _sum(one: tuple[NDArray[Any], Counts], other: tuple[NDArray[Any], Counts]) -> tuple[NDArray[Any], Counts]:
    found, place = np.unique(np.concatenate([one[0], other[0]]), return_inverse=True)
    counts = np.zeros(found.size, dtype=np.int64)
    np.add.at(counts, place, np.concatenate([one[1], other[1]]))
    return found, counts


def _narrowed(buckets: Buckets, counts: Counts, bits: int, rows: int, *, few: bool) -> Buckets:
    """Keep the buckets that hold a wanted rank or could hold an atom; all of them while there are but a few."""
    before = buckets.before[:, np.newaxis] + np.cumsum(counts, axis=1) - counts
    if few:
        kept = counts > 0
    else:
        kept = counts >= edge_rules.least_rows(rows)
        wanted = np.concatenate([[1, rows], edge_rules.ranks(rows)])
        kept.ravel()[np.searchsorted((before + counts).ravel(), wanted)] = True
    place, digit = np.nonzero(kept)
    prefixes = (buckets.prefixes[place] << np.uint64(bits)) | digit.astype(np.uint64)
    return Buckets(buckets.bits + bits, prefixes, before[place, digit], counts[place, digit])


def _key(values: Numbers) -> NDArray[np.uint64]:
    """Return the image of each value; both zeros have one."""
    bits = (values + 0.0).view(np.uint64)
    return np.where(bits & _SIGN, ~bits, bits | _SIGN)


def _value(keys: NDArray[np.uint64]) -> Numbers:
    return np.where(keys & _SIGN, keys ^ _SIGN, ~keys).view(np.float64)
