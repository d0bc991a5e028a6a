"""Products of powers of normal scores: what the variance of a correlation is made of.

Only baselines keep them. Scores are rounded to 1/32 standard deviation first, so that sums of fourth powers of a
hundred billion rows are exact integers, and any split of the rows gives the same sums.
"""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

COARSE = 32
"""Normal scores (times 1,024) per unit kept here."""
CLIP = 1 - 1e-6
EXACT = 16_384
"""So many products of the largest scores (85, to the sixth power) add up below 2**53, exactly."""


class FourthProducts:
    """Sums over rows of `x_j**a * x_k**b`, for all pairs of `size` fields, a from 0 to 3 and b from 0 to 2.

    `sums`: int64, shape (1 + 3 * size, 1 + 2 * size): its rows stand for 1, x, x**2 and x**3, its columns for 1, x and
    x**2, each for all fields in turn.
    """

    def __init__(self, size: int) -> None:
        """Start from no rows."""
        self.size = size
        self.sums: NDArray[np.int64] = np.zeros((1 + 3 * size, 1 + 2 * size), dtype=np.int64)

    def update(self, scores: NDArray[np.int64]) -> None:
        """Add complete rows of normal scores, shape (rows, size)."""
        k = self.size
        for start in range(0, len(scores), EXACT):
            block = scores[start : start + EXACT].T
            powers = np.ones((1 + 3 * k, block.shape[1]))
            plain, squares, cubes = powers[1 : 1 + k], powers[1 + k : 1 + 2 * k], powers[1 + 2 * k :]
            np.rint(np.divide(block, COARSE, out=plain), out=plain)
            np.multiply(plain, plain, out=squares)
            np.multiply(squares, plain, out=cubes)
            self.sums += (powers @ powers[: 1 + 2 * k].T).astype(np.int64)

    def merge(self, other: FourthProducts) -> None:
        """Add the rows of `other`, which has the same fields."""
        self.sums += other.sums

    def kappas(self) -> NDArray[np.float64]:
        """Return the variance factor of each pair's correlation, shape (size, size): 1 for a normal pair.

        It is Var(g) / (1 - r**2)**2 with g = xy - r (x**2 + y**2) / 2 for standardised x and y, larger for joint heavy
        tails. Pairs that do not vary get 1. Six digits are kept, the same on every machine.
        """
        n = int(self.sums[0, 0]) if self.size else 0
        found = np.ones((self.size, self.size))
        if n == 0:
            return found
        raw = self._raw(n)
        fourth = np.array([_central(_of_one(raw, j), 4, 0) for j in range(self.size)])
        for j in range(self.size):
            for k in range(j):
                found[j, k] = found[k, j] = _kappa(raw[:, :, j, k], fourth[j], fourth[k])
        return found

    def _raw(self, n: int) -> NDArray[np.float64]:
        """Return means: element [a, b, j, k] is that of x_j**a * x_k**b; NaN where both a and b are large."""
        raw = np.full((4, 4, self.size, self.size), np.nan)
        whole = np.zeros(self.size, dtype=np.int64)  # 1 stands once, for all fields
        every = np.arange(self.size)
        places = [whole, *(1 + power * self.size + every for power in range(3))]
        for a in range(4):
            for b in range(3):
                raw[a, b] = self.sums[np.ix_(places[a], places[b])] / n
        for b in range(2):
            raw[b, 3] = raw[3, b].T
        return raw


def _of_one(raw: NDArray[np.float64], j: int) -> NDArray[np.float64]:
    """Return the raw moments of one field up to order four, shape (5, 1)."""
    return np.array([[1.0], [raw[1, 0, j, j]], [raw[2, 0, j, j]], [raw[3, 0, j, j]], [raw[2, 2, j, j]]])


def _central(raw: NDArray[np.float64], a: int, b: int) -> float:
    """Return the mean of (x - mean)**a * (y - mean)**b from raw moments `raw[a, b]`."""
    mx, my = float(raw[1, 0]) if a else 0.0, float(raw[0, 1]) if b else 0.0
    return sum(
        math.comb(a, i) * math.comb(b, j) * float(raw[i, j]) * (-mx) ** (a - i) * (-my) ** (b - j)
        for i in range(a + 1)
        for j in range(b + 1)
    )


def _kappa(raw: NDArray[np.float64], fourth_x: float, fourth_y: float) -> float:
    vx, vy = _central(raw, 2, 0), _central(raw, 0, 2)
    if vx <= 0 or vy <= 0:
        return 1.0
    root = math.sqrt(vx * vy)
    r = min(CLIP, max(-CLIP, _central(raw, 1, 1) / root))
    both = _central(raw, 2, 2) / (vx * vy)
    skewed = _central(raw, 3, 1) / (vx * root) + _central(raw, 1, 3) / (vy * root)
    tails = fourth_x / vx**2 + fourth_y / vy**2 + 2 * both
    # The mean of g is 0, so this is its variance.
    square = both - r * skewed + r * r / 4 * tails
    return float(f"{square / (1 - r * r) ** 2:.6g}")
