"""Exact sums of floats: the result does not depend on the order of the rows or on how they were split.

A float64 is an integer times a power of two. Adding those integers, held as Python integers of any length, loses
nothing, so any grouping gives the same sum. Most values need not go that way one by one: pieces of 39 bits of 16,384
values can be added as floats without rounding, because they share one unit and their sum stays within 53 bits. A
baseline takes its moments from here, because they are part of its identity; windows use the faster
`pegel.stats.moments`, whose last digits depend on the grouping.
"""

from __future__ import annotations

import math
from fractions import Fraction
from typing import TypeGuard

import numpy as np
from numpy.typing import NDArray

LOWEST = 1126
"""Every finite float64 is a multiple of 2**-1126 (frexp: mantissa of 53 bits, exponents from -1073)."""
_SPLIT = 27
_CHUNK = 1 << 14
"""Rows added at once: the most whose pieces add up to no more than 2**53 units, and few enough for a cache."""
_POWERS = 4
_FOLDS = (39, 78)
"""Bits below `top` at which a value is cut: both pieces have 39 bits."""
_HIGHEST_TOP = 960
_LOWEST_TOP = -1022


def exact_sum(values: NDArray[np.float64], top: int | None = None) -> int | None:
    """Return the sum of `values` in units of 2**-1126, or None when one of them is not finite.

    Args:
        values: Any floats.
        top: If given, values below 2**top in absolute value are first rounded, each by itself, to multiples of
            2**(top - 78), and added several times faster. The sum of the rounded values is exact.
    """
    if not np.isfinite(values).all():
        return None
    return sum(_chunk_sum(values[start : start + _CHUNK], top) for start in range(0, values.size, _CHUNK))


def _chunk_sum(chunk: NDArray[np.float64], top: int | None) -> int:
    if not _is_near(top):
        return _any_sum(chunk)
    inside = np.abs(chunk) < 2.0**top
    return _near_sum(chunk[inside], top) + _any_sum(chunk[~inside])


def _is_near(top: int | None) -> TypeGuard[int]:
    return top is not None and _LOWEST_TOP <= top <= _HIGHEST_TOP


def _near_sum(values: NDArray[np.float64], top: int) -> int:
    """Cut up to 2**14 values below 2**top into pieces of 39 bits, which add up as floats without rounding."""
    total = 0
    for fold in _FOLDS:
        unit = top - fold
        # Adding and taking away this constant rounds to multiples of 2**unit.
        rounder = math.ldexp(1.5, unit + 52)
        piece = values + rounder
        piece -= rounder
        total += int(math.ldexp(float(piece.sum()), -unit)) << (unit + LOWEST)
        values = values - piece
    return total


def _any_sum(values: NDArray[np.float64]) -> int:
    mantissa, exponent = np.frexp(values)
    whole = np.ldexp(mantissa, 53).astype(np.int64)
    low = exponent.min(initial=0)
    # Both halves stay far below 2**53 when a chunk of them is added as floats, so bincount adds them exactly.
    shifts = exponent - low
    high = np.bincount(shifts, weights=whole >> _SPLIT)
    rest = np.bincount(shifts, weights=whole & ((1 << _SPLIT) - 1))
    total = 0
    for i in np.flatnonzero((high != 0) | (rest != 0)).tolist():
        total += ((int(high[i]) << _SPLIT) + int(rest[i])) << (i + int(low) - 53 + LOWEST)
    return total


class ExactSums:
    """Exact sums of the first four powers of `x - center` over finite values.

    `center` and `reach` are frozen with the layout: a middle value, and the largest distance from it in the baseline.
    Each deviation and each power is rounded by itself, to 2**-78 of the reach's power, so that a row contributes the
    same wherever it is processed.
    """

    def __init__(self, center: float, reach: float) -> None:
        """Start from no rows. A sum that overflows becomes None."""
        self.center = center
        self.count = 0
        self.sums: list[int | None] = [0] * _POWERS
        self._top = math.frexp(reach)[1] if 0 < reach < math.inf else None

    def update(self, values: NDArray[np.float64]) -> None:
        """Add finite values."""
        for start in range(0, values.size, _CHUNK):
            self._update(values[start : start + _CHUNK])
        self.count += values.size

    def _update(self, chunk: NDArray[np.float64]) -> None:
        with np.errstate(over="ignore"):
            deviation = chunk - self.center
            powers = deviation.copy()
            tops = [None if self._top is None else (i + 1) * self._top for i in range(_POWERS)]
            # Where all deviations are within reach, as in a baseline, so are their powers: no need to look at each.
            near = _is_near(tops[0]) and _is_near(tops[-1]) and float(np.abs(deviation).max()) < 2.0 ** tops[0]
            for i, top in enumerate(tops):
                found = _near_sum(powers, top) if near and top is not None else exact_sum(powers, top)
                self.sums[i] = _add(self.sums[i], found)
                powers *= deviation

    def merge(self, other: ExactSums) -> None:
        """Add the rows of `other`, which has the same center."""
        self.count += other.count
        self.sums = [_add(a, b) for a, b in zip(self.sums, other.sums, strict=True)]

    def state(self) -> NDArray[np.float64]:
        """Return (count, mean, M2, M3, M4) as in `pegel.stats.moments`; NaN where a power overflowed."""
        if self.count == 0:
            return np.zeros(5)
        n = self.count
        s1, s2, s3, s4 = (None if s is None else Fraction(s, n << LOWEST) for s in self.sums)
        central: list[Fraction | None] = [None] * 4
        if s1 is not None:
            central[0] = s1 + Fraction(self.center)
        if s1 is not None and s2 is not None:
            central[1] = max(Fraction(0), s2 - s1**2)  # rounded powers may miss zero by a hair
            if s3 is not None:
                central[2] = s3 - 3 * s1 * s2 + 2 * s1**3
                if s4 is not None:
                    central[3] = s4 - 4 * s1 * s3 + 6 * s1**2 * s2 - 3 * s1**4
        scales = (1, n, n, n)
        return np.array([n, *(_float(c, scale) for c, scale in zip(central, scales, strict=True))])


def _add(a: int | None, b: int | None) -> int | None:
    return None if a is None or b is None else a + b


def _float(value: Fraction | None, scale: int) -> float:
    if value is None:
        return float("nan")
    try:
        return float(value * scale)
    except OverflowError:
        return float("nan")
