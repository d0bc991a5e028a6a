"""How unusual a state of a field is that has no place on the number line: null, NaN, a category."""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from pegel.stats.summary import FeatureSummary


def rare(seen: int, m: int) -> float:
    """Return the score of a state that `seen` of `m` baseline rows were in: -ln((seen + 1/2) / (m + 1))."""
    return -math.log((seen + 0.5) / (m + 1))


def frequencies(feature: FeatureSummary) -> NDArray[np.float64]:
    """Return the score of each cell of a categorical field, `unseen` included, shape (cells,)."""
    m = feature.counted
    return np.array([rare(count, m) for count in feature.cells.tolist()])
