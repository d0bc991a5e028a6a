"""Mean and central moments to order four, merged by Pébay's formulas.

A state is a float64 vector (count, mean, M2, M3, M4), or an array of such vectors, shape (..., 5); M2 is the sum of
squared deviations from the mean, and so on. Never computed as a sum of squares minus a squared sum, which loses every
digit when the values are far from zero.

Source: P. Pébay, "Formulas for robust, one-pass parallel computation of covariances and arbitrary-order statistical
moments", Sandia report SAND2008-6212 (2008), equations 3.1 and 2.1.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

SIZE = 5


def of(values: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return the state of the finite values along the last axis, shape (..., n) -> (..., 5).

    Values too large for their powers give infinite moments.
    """
    if values.shape[-1] == 0:
        return np.zeros((*values.shape[:-1], SIZE))
    with np.errstate(over="ignore", invalid="ignore"):
        mean = values.mean(axis=-1, keepdims=True)
        deviation = values - mean
        # The mean is rounded; the mean of what is left over corrects it, and M2, to the last digits.
        shift = deviation.mean(axis=-1, keepdims=True)
        deviation -= shift
        squares = deviation * deviation
        state = np.empty((*values.shape[:-1], SIZE))
        state[..., 0] = values.shape[-1]
        state[..., 1] = (mean + shift)[..., 0]
        state[..., 2] = squares.sum(axis=-1)
        state[..., 3] = np.multiply(squares, deviation, out=deviation).sum(axis=-1)
        state[..., 4] = np.multiply(squares, squares, out=squares).sum(axis=-1)
    return state


def merge(a: NDArray[np.float64], b: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return the state of the rows of `a` and `b` together, element by element over leading axes."""
    with np.errstate(over="ignore", invalid="ignore", divide="ignore"):
        na, mean_a, a2, a3, a4 = np.moveaxis(a, -1, 0)
        nb, mean_b, b2, b3, b4 = np.moveaxis(b, -1, 0)
        n = na + nb
        delta = mean_b - mean_a
        fa, fb = na / n, nb / n
        m2 = a2 + b2 + delta**2 * fa * nb
        m3 = a3 + b3 + delta**3 * fa * nb * (fa - fb) + 3 * delta * (fa * b2 - fb * a2)
        m4 = (
            a4
            + b4
            + delta**4 * fa * nb * (fa * fa - fa * fb + fb * fb)
            + 6 * delta**2 * (fa * fa * b2 + fb * fb * a2)
            + 4 * delta * (fa * b3 - fb * a3)
        )
        both = np.stack([n, mean_a + delta * fb, m2, m3, m4], axis=-1)
    return np.where((na == 0)[..., None], b, np.where((nb == 0)[..., None], a, both))


def total(states: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return the state of all rows together, shape (n, ..., 5) -> (..., 5), n at least 1: merged two by two."""
    while len(states) > 1:
        even = len(states) // 2 * 2
        states = np.concatenate([merge(states[0:even:2], states[1:even:2]), states[even:]])
    whole: NDArray[np.float64] = states[0].copy()
    return whole


@dataclass(frozen=True, slots=True)
class Moments:
    """Moments of finite values, for people. What is undefined is None, never 0."""

    count: int
    mean: float
    m2: float
    m3: float
    m4: float

    @classmethod
    def of_state(cls, state: NDArray[np.float64]) -> Moments:
        """Read a state vector, shape (5,)."""
        count, *rest = state.tolist()
        return cls(int(count), *rest)

    @property
    def variance(self) -> float | None:
        """Return M2 / (n - 1), in squared feature units."""
        return self.m2 / (self.count - 1) if self.count > 1 else None

    @property
    def sd(self) -> float | None:
        """Return the standard deviation, in feature units."""
        variance = self.variance
        return None if variance is None else float(np.sqrt(variance))

    @property
    def skewness(self) -> float | None:
        """Return the skewness, without unit; None for constant values, and beyond the range of the floats."""
        return self._ratio(self.m3 * np.sqrt(self.count), 1.5)

    @property
    def kurtosis(self) -> float | None:
        """Return the kurtosis (3 for a normal), without unit; None for constant values, and beyond the floats."""
        return self._ratio(self.m4 * self.count, 2)

    def _ratio(self, numerator: float, power: float) -> float | None:
        if self.count < 2 or not self.m2 > 0:  # noqa: PLR2004  one value has no shape
            return None
        with np.errstate(all="ignore"):
            found = float(np.float64(numerator) / np.float64(self.m2) ** power)
        return found if np.isfinite(found) else None
