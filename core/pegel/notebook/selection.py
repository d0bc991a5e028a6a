"""Cells of a column that does not fit in memory: exact order statistics in a few passes over its blocks.

A float64 has an image among the unsigned integers with the same order. Each pass counts the next 12 bits of that image,
for those values only that share the bits so far with a wanted rank or with a heavy value, until few enough are left to
be sorted. The result is the same, to the last bit, as that of sorting the whole column.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from pegel.stats import edges as edge_rules
from pegel.stats.cells import count_sorted

BITS = 12
WIDTH = 64
_SIGN = np.uint64(1 << 63)

Blocks = Callable[[], Iterator[NDArray[np.float64]]]
"""Begins a pass over the finite values of a column, block by block."""


@dataclass(frozen=True)
class _Open:
    """Buckets of values that share their first `bits` bits, `prefixes`; `before` values are smaller than all in it."""

    bits: int
    prefixes: NDArray[np.uint64]
    before: NDArray[np.int64]
    sizes: NDArray[np.int64]


def select(blocks: Blocks, room: int) -> tuple[NDArray[np.float64], bool, NDArray[np.int64]]:
    """Return edges, whether the feature is discrete, and counts per cell, as `edges.build` on all values sorted.

    Args:
        blocks: Begins a pass over the finite values.
        room: Values that may be in memory at once.
    """
    edges, discrete = _edges(blocks, room)
    counts = np.zeros(edges.size + 1, dtype=np.int64)
    cuts = edge_rules.cuts(edges)
    for block in blocks():
        counts += count_sorted(np.sort(block), cuts)
    return edges, discrete, counts


def _edges(blocks: Blocks, room: int) -> tuple[NDArray[np.float64], bool]:
    buckets = _Open(0, np.zeros(1, dtype=np.uint64), np.zeros(1, dtype=np.int64), np.zeros(1, dtype=np.int64))
    rows, few = -1, True
    while rows < 0 or (buckets.bits < WIDTH and buckets.sizes.sum() > room):
        bits = min(BITS, WIDTH - buckets.bits)
        counts = _count(blocks, buckets, bits)
        rows = int(counts.sum()) if rows < 0 else rows
        few = few and int(np.count_nonzero(counts)) <= edge_rules.QUANTILES
        buckets = _narrowed(buckets, counts, bits, rows, few=few)
    values, sizes, before = _values(blocks, buckets)
    if few and values.size <= edge_rules.QUANTILES:
        return edge_rules.of_points(values), True
    wanted = np.concatenate([[1, rows], edge_rules.ranks(rows)])
    chosen = values[np.searchsorted(before + sizes, wanted)]
    atoms = values[sizes >= edge_rules.least_rows(rows)]
    return edge_rules.of_order_statistics(chosen[:2], chosen[2:], atoms), False


def _count(blocks: Blocks, buckets: _Open, bits: int) -> NDArray[np.int64]:
    """Count the next `bits` bits of the values in each open bucket, shape (buckets, 2**bits)."""
    total = np.zeros((buckets.prefixes.size, 1 << bits), dtype=np.int64)
    for block in blocks():
        place, keys = _inside(buckets, _key(block))
        digit = (keys >> np.uint64(WIDTH - buckets.bits - bits)) & np.uint64((1 << bits) - 1)
        total += np.bincount((place << bits) + digit.astype(np.int64), minlength=total.size).reshape(total.shape)
    return total


def _inside(buckets: _Open, keys: NDArray[np.uint64]) -> tuple[NDArray[np.intp], NDArray[np.uint64]]:
    """Return the open bucket and the key of each value that is in one."""
    prefixes = keys >> np.uint64(WIDTH - buckets.bits) if buckets.bits else np.zeros_like(keys)
    place = np.searchsorted(buckets.prefixes, prefixes).clip(max=buckets.prefixes.size - 1)
    inside = buckets.prefixes[place] == prefixes
    return place[inside], keys[inside]


def _narrowed(buckets: _Open, counts: NDArray[np.int64], bits: int, rows: int, *, few: bool) -> _Open:
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
    return _Open(buckets.bits + bits, prefixes, before[place, digit], counts[place, digit])


def _values(blocks: Blocks, buckets: _Open) -> tuple[NDArray[np.float64], NDArray[np.int64], NDArray[np.int64]]:
    """Return the values in the open buckets, how many rows have each, and how many rows have a smaller one."""
    if buckets.bits == WIDTH:
        return _value(buckets.prefixes), buckets.sizes, buckets.before
    keys = np.concatenate([np.empty(0, dtype=np.uint64), *(_inside(buckets, _key(block))[1] for block in blocks())])
    keys.sort()
    distinct, starts, sizes = np.unique(keys, return_index=True, return_counts=True)
    bucket = np.searchsorted(buckets.prefixes, distinct >> np.uint64(WIDTH - buckets.bits))
    # Rows before a value: those before its bucket, and those of the bucket that were collected before it.
    ahead = np.cumsum(buckets.sizes) - buckets.sizes
    return _value(distinct), sizes, buckets.before[bucket] + starts - ahead[bucket]


def _key(values: NDArray[np.float64]) -> NDArray[np.uint64]:
    """Return the image of each value; both zeros have one."""
    bits = (values + 0.0).view(np.uint64)
    return np.where(bits & _SIGN, ~bits, bits | _SIGN)


def _value(keys: NDArray[np.uint64]) -> NDArray[np.float64]:
    return np.where(keys & _SIGN, keys ^ _SIGN, ~keys).view(np.float64)
