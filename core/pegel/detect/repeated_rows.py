"""Does a table hold its rows several times, as a careless join leaves them? Then it says less than its rows suggest.

Equal rows alone prove nothing: a table of few values has many. But rows drawn independently, whatever their law, occur
once, twice, three times ... in numbers f1, f2, f3 ... for which `k! f_k` is log-convex; rows that were copied break
that. So do tables that somebody laid out, such as each of forty shops on each day: of a table that measures nothing in
fractions, copies are only told where rows occur a multiple of k times, and not all equally often.

Source: the numbers of a mixed Poisson law are moments, and moments are log-convex (Liapunov's inequality).
"""

from __future__ import annotations

import math
from collections.abc import Iterable

import numpy as np
from numpy.typing import NDArray

from pegel.detect.variance_factor import digits
from pegel.stats.vocabulary import digest

SAMPLED = 1 << 20
"""Of more rows than this, only those whose hash falls into a part of all hashes are kept: with all their copies."""
MOST_COPIES = 20
"""Rows that occur more often than this are values that repeat by themselves."""
CERTAIN = 6.0
"""Standard deviations by which rows must occur too often."""
LEAST_DISTINCT = 30
"""Of fewer distinct rows nothing is said."""
MATTERS = 1.05
"""A smaller factor is worth no words."""
_PRIME = np.uint64(0x9E3779B97F4A7C15)


class RepeatedRows:
    """Counts how often each row of a table occurs, by a number that equal rows share."""

    def __init__(self, rows: int) -> None:
        """Expect so many rows."""
        self._every = np.uint64(max(1, -(-rows // SAMPLED)))
        self._kept: list[NDArray[np.uint64]] = []
        self._fractions = False

    def add(
        self, rows: int, numeric: Iterable[NDArray[np.float64]], categorical: Iterable[NDArray[np.object_]] = ()
    ) -> None:
        """Add rows by their columns of that length, in any order of calls and from any thread.

        Args:
            rows: How many.
            numeric: Columns of numbers, float64.
            categorical: Columns of categories, str or None.
        """
        hashes = np.zeros(rows, dtype=np.uint64)
        for numbers in numeric:
            self._fractions = self._fractions or has_fractions(numbers)
            _mix(hashes, (numbers + 0.0).view(np.uint64))  # both zeros are one
        for column in categorical:
            texts = column.tolist()
            codes = {text: 0 if text is None else digest(text) for text in set(texts)}
            _mix(hashes, np.fromiter(map(codes.__getitem__, texts), np.uint64, count=rows))
        self._kept.append(hashes if self._every == 1 else hashes[hashes % self._every == 0])

    @property
    def kept(self) -> NDArray[np.uint64]:
        """Return the numbers of the rows that are counted, one for each row."""
        return np.concatenate([np.empty(0, dtype=np.uint64), *self._kept])

    @property
    def fractions(self) -> bool:
        """Say whether any column so far measures something in fractions."""
        return self._fractions

    def take(self, kept: NDArray[np.uint64], *, fractions: bool) -> None:
        """Take what was counted of other rows of the same table, which expected as many rows."""
        self._kept.append(kept)
        self._fractions = self._fractions or fractions

    def factor(self) -> float:
        """Return by how much repetition makes means vary more: 2 where each row stands twice, 1 without any."""
        return factor_of(np.unique(self.kept, return_counts=True)[1], laid_out=not self._fractions)


def has_fractions(numbers: NDArray[np.float64]) -> bool:
    """Say whether a column measures something in fractions: any finite number in it is not whole."""
    return bool((np.isfinite(numbers) & (numbers != np.floor(numbers))).any())


def unseen_in_repeats(times: Iterable[int], factor: float) -> int:
    """Return how many rows would be unseen by all rows but their own copies, from how often each value occurs."""
    return sum(count for count in times if count <= math.ceil(factor))


def factor_of(times: NDArray[np.int64], *, laid_out: bool = False) -> float:
    """Return the factor for how often each distinct row occurs; `laid_out` where somebody may have laid the table out.

    >>> factor_of(np.full(500, 2)), factor_of(np.ones(500, dtype=np.int64))
    (2.0, 1.0)
    >>> factor_of(np.repeat([1, 2], [600, 200]))
    1.4
    >>> factor_of(np.full(500, 2), laid_out=True)
    1.0
    """
    if times.size < LEAST_DISTINCT:
        return 1.0
    # Where every number is a multiple of two, every row was copied, also those that would have repeated anyhow.
    common = int(np.gcd.reduce(times))
    if common > MOST_COPIES or (laid_out and common == times.max()):
        return 1.0
    if laid_out:
        return float(common)
    numbers = np.bincount(times // common, minlength=MOST_COPIES + 2).astype(np.float64)
    copies = np.arange(2, MOST_COPIES)
    natural = np.sqrt((copies + 1) / copies * numbers[copies - 1] * numbers[copies + 1])
    excess = numbers[copies] - natural
    excess = np.where(excess > CERTAIN * np.sqrt(numbers[copies] + 1), excess, 0.0)
    partly = 1 + float((excess * copies * (copies - 1)).sum()) / float(times.sum() // common)
    factor = common * partly
    return digits(factor) if factor >= MATTERS else 1.0


def _mix(hashes: NDArray[np.uint64], values: NDArray[np.uint64]) -> None:
    """Mix one more column into the numbers of all rows, in place."""
    hashes ^= values
    hashes *= _PRIME
    hashes ^= hashes >> np.uint64(32)
