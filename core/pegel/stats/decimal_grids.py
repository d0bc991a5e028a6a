"""How finely a column is measured: cents, tenths, whole numbers. Values between these steps were not measured so.

A search that walks a model's boundary in small steps leaves them; so does another unit, or a filled-in mean.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

FINEST = 6
"""Digits behind the point of the finest steps that are looked for; 10**-6 is near what float32 can tell at 1."""
NO_GRID = FINEST + 1
_NEARLY = 1e-9


def off_grid(values: NDArray[np.float64], digits: int) -> NDArray[np.bool_]:
    """Say which finite values lie beside every multiple of 10**-digits; of what is not finite it is not said.

    A value that went through float32 is on the grid if the multiple that is nearest to it is the same in float32.

    >>> off_grid(np.array([9.99, 9.995, -0.0, np.float32(9.99)]), 2).tolist()
    [False, True, False, False]
    """
    scale = 10.0**digits
    with np.errstate(over="ignore", invalid="ignore"):
        steps = values * scale
        nearest = np.rint(steps)
        apart = np.abs(steps - nearest) > _NEARLY * np.maximum(1.0, np.abs(steps))
        apart &= np.isfinite(values)
        if apart.any():
            single = values.astype(np.float32)
            apart &= (single.astype(np.float64) != values) | (single != (nearest / scale).astype(np.float32))
    return apart


def digits_of(values: NDArray[np.float64], least: int = 0) -> int:
    """Return the fewest digits behind the point, from `least` on, that all finite values have; `NO_GRID` for none.

    Those of several parts of a column together are the most of theirs.

    >>> digits_of(np.array([1.0, 2.5, 10.25])), digits_of(np.array([3.0])), digits_of(np.array([np.pi]))
    (2, 0, 7)
    """
    for digits in range(least, FINEST + 1):
        if not off_grid(values, digits).any():
            return digits
    return NO_GRID
