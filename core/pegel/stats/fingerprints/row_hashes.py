"""One number per row that equal rows share: rows that were sent again, or answered from a cache, count once.

The mixing is that of G. Steele, D. Lea, C. Flood, "Fast splittable pseudorandom number generators" (2014).
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from pegel.data.columns import Columns, Missing
from pegel.stats.layout import Layout
from pegel.stats.vocabulary import digest

Hashes = NDArray[np.uint64]
_ONE_NAN = np.uint64(0x7FF8000000000000)
_MISSING = (np.uint64(0x7FF8000000000001), np.uint64(0x7FF8000000000002))
"""Bits that no other number has: of null, and of what is no number."""
_STEP = np.uint64(0x9E3779B97F4A7C15)
_FIRST, _SECOND = np.uint64(0xBF58476D1CE4E5B9), np.uint64(0x94D049BB133111EB)


def mixed(values: Hashes) -> Hashes:
    """Return numbers of 64 bits that look drawn at random, one for each of the given ones.

    >>> [f"{value:x}" for value in mixed(np.array([0, 1], dtype=np.uint64)).tolist()]
    ['e220a8397b1dcdaf', '910a2dec89025cc1']
    """
    found = values + _STEP
    found ^= found >> np.uint64(30)
    found *= _FIRST
    found ^= found >> np.uint64(27)
    found *= _SECOND
    found ^= found >> np.uint64(31)
    return found


def row_hashes(columns: Columns, key: int) -> Hashes:
    """Return the hash of each row, shape (rows,), by a key of 64 bits; both zeros are one, and so are all NaN.

    Of each category its own hash goes in, so no text is told; whoever lacks the key cannot make rows of small hashes.
    """
    found = np.full(columns.n, key, dtype=np.uint64)
    for j in range(columns.numeric.shape[1]):
        values = np.ascontiguousarray(columns.numeric[:, j]) + 0.0  # makes one zero of both, and a copy
        bits = values.view(np.uint64)
        bits[np.isnan(values)] = _ONE_NAN
        if columns.missing is not None:
            for code, mark in zip((Missing.NULL, Missing.UNPARSEABLE), _MISSING, strict=True):
                bits[columns.missing[:, j] == code] = mark
        found = mixed(found ^ bits)
    for column, bad in zip(columns.categorical, columns.unparseable, strict=True):
        texts = column.tolist()
        known = {text: _MISSING[0] if text is None else digest(text) for text in set(texts)}
        bits = np.fromiter(map(known.__getitem__, texts), dtype=np.uint64, count=columns.n)
        if bad is not None:
            bits[bad] = _MISSING[1]
        found = mixed(found ^ bits)
    return found


def key_of(layout: Layout) -> int:
    """Return the key of a layout, 64 bits: its salt, which covers the training data and stands in no finding."""
    return int.from_bytes(layout.salt, "little")
