"""ECOD: how few baseline values lie as far out as this one, on the side where there are fewer.

The form is that of pyod: the larger tail of each feature, then the sum over features; where the baseline's skewness is
exactly 0, both tails are added. The paper takes the largest of three sums instead. Unlike pyod, rows to be scored do
not enter the distribution they are scored by.

Source: Z. Li et al., "ECOD: unsupervised outlier detection using empirical cumulative distribution functions", IEEE
TKDE 35(12), 2023.
"""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from pegel.stats.summary import FeatureSummary


def ecod(feature: FeatureSummary, left_out: int = 0) -> NDArray[np.float64]:
    """Return the score of each cell of a numeric field, shape (cells,); zeros if no value was counted.

    The tails of a cell hold the cell itself, and at least half a row, so every score is finite. `left_out`: 1 for rows
    of the baseline itself, each of which is scored by all others.
    """
    m = feature.counted - left_out
    if m <= 0:
        return np.zeros(feature.cells.size)
    upto = np.cumsum(feature.cells) - left_out
    below = upto - feature.cells + left_out
    left = np.array([-math.log(max(count, 0.5) / m) for count in upto.tolist()])
    right = np.array([-math.log(max(m - count, 0.5) / m) for count in below.tolist()])
    table: NDArray[np.float64] = left + right if feature.moments.skewness == 0 else np.maximum(left, right)
    return table
