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
"""So many products of the largest scores (85, to the fourth power) add up below 2**53, exactly."""
ORDERS = ((0, 0), (1, 0), (2, 0), (3, 0), (4, 0), (1, 1), (2, 1), (3, 1), (2, 2))
"""The powers a and b of what is summed."""
Floats = NDArray[np.float64]


class FourthProducts:
    """Sums over rows of `x_j**a * x_k**b`, for all pairs of `size` fields and for a and b of `ORDERS`.

    `sums`: int64, shape (orders, size, size); only rows in which both fields have a number count.
    """

    def __init__(self, size: int) -> None:
        """Start from no rows."""
        self.size = size
        self.sums: NDArray[np.int64] = np.zeros((len(ORDERS), size, size), dtype=np.int64)

    def update(self, scores: NDArray[np.int64], present: NDArray[np.bool_] | None = None) -> None:
        """Add rows of normal scores, shape (rows, size); scores that are not `present` do not count."""
        if present is not None and present.all():
            present = None
        for start in range(0, len(scores), EXACT):
            part = slice(start, start + EXACT)
            x = np.rint(scores[part].T / COARSE)
            if present is not None:
                x *= present[part].T
            self.sums += _summed(x, None if present is None else present[part].T.astype(np.float64)).astype(np.int64)

    def merge(self, other: FourthProducts) -> None:
        """Add the rows of `other`, which has the same fields."""
        self.sums += other.sums

    def kappas(self) -> Floats:
        """Return the variance factor of each pair's correlation, shape (size, size): 1 for a normal pair.

        It is Var(g) / (1 - r**2)**2 with g = xy - r (x**2 + y**2) / 2 for standardised x and y, larger for joint heavy
        tails. Pairs that do not vary get 1. Six digits are kept, the same on every machine.
        """
        with np.errstate(divide="ignore", invalid="ignore"):
            means = self.sums / self.sums[0]
            raw = dict(zip(ORDERS, means, strict=True))
            raw |= {(b, a): mean.T for (a, b), mean in raw.items()}
            kappa = _kappas(raw)
        factors = np.ones((self.size, self.size))
        for j, k in zip(*np.tril_indices(self.size, k=-1), strict=True):
            if math.isfinite(kappa[j, k]):
                factors[j, k] = factors[k, j] = float(f"{kappa[j, k]:.6g}")
        return factors


def _summed(x: Floats, present: Floats | None) -> Floats:
    """Return the sums of one block: scores of shape (size, rows), 0 where they are absent."""
    squares = x * x
    cubes, fourths = squares * x, squares * squares
    if present is None:
        size, rows = x.shape
        single = [np.full(size, float(rows)), *(power.sum(axis=1) for power in (x, squares, cubes, fourths))]
        blocks = [np.broadcast_to(total[:, None], (size, size)) for total in single]
    else:
        blocks = [power @ present.T for power in (present, x, squares, cubes, fourths)]
    return np.stack([*blocks, *(power @ x.T for power in (x, squares, cubes)), squares @ squares.T])


def _central(raw: dict[tuple[int, int], Floats], a: int, b: int) -> Floats:
    """Return the means of (x - mean)**a * (y - mean)**b from raw moments."""
    mx, my = raw[1, 0], raw[0, 1]
    terms = [
        math.comb(a, i) * math.comb(b, j) * raw[i, j] * (-mx) ** (a - i) * (-my) ** (b - j)
        for i in range(a + 1)
        for j in range(b + 1)
    ]
    return np.asarray(np.sum(terms, axis=0), dtype=np.float64)


def _kappas(raw: dict[tuple[int, int], Floats]) -> Floats:
    """Return the variance factors; not finite where a field does not vary, or without rows."""
    vx, vy = _central(raw, 2, 0), _central(raw, 0, 2)
    root = np.sqrt(np.where(np.minimum(vx, vy) > 0, vx * vy, np.nan))
    r = np.clip(_central(raw, 1, 1) / root, -CLIP, CLIP)
    both = _central(raw, 2, 2) / (vx * vy)
    skewed = _central(raw, 3, 1) / (vx * root) + _central(raw, 1, 3) / (vy * root)
    tails = _central(raw, 4, 0) / vx**2 + _central(raw, 0, 4) / vy**2 + 2 * both
    # The mean of g is 0, so this is its variance.
    square = both - r * skewed + r * r / 4 * tails
    return np.asarray(square / (1 - r * r) ** 2, dtype=np.float64)
