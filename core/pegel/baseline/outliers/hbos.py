"""HBOS: how thin the baseline's histogram is where this value lies.

Unlike ECOD it sees a gap between two heaps of values. The bins are the frozen cells, of unequal width; density is
measured in units of the range R from the 1 % to the 99 % quantile, so features of any unit add up.

Source: M. Goldstein, A. Dengel, "Histogram-based outlier score (HBOS): a fast unsupervised anomaly detection
algorithm", KI 2012, pp. 59-63; here with the natural logarithm and half a row added to each cell instead of 0.1 to each
density.
"""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from pegel.baseline.outliers.cell_quantiles import quantiles
from pegel.stats.edges import QUANTILES
from pegel.stats.layout import NumericLayout
from pegel.stats.summary import FeatureSummary

TAILS = (0.01, 0.99)


def hbos(feature: FeatureSummary, layout: NumericLayout, left_out: int = 0) -> NDArray[np.float64]:
    """Return the score of each cell of a numeric field, shape (cells,); zeros if no value was counted.

    -ln((b + 1/2) / (m + k/2) * R / width) for a cell of b of m values, k cells in all. Cells without a width of their
    own (of a single value, and the two open ends) count as R/64 wide. Without a range, R = 0, widths are left out.
    `left_out`: 1 for rows of the baseline itself, each of which is scored by all others.
    """
    m = feature.counted - left_out
    if m <= 0:
        return np.zeros(feature.cells.size)
    shares = (np.maximum(feature.cells - left_out, 0) + 0.5) / (m + feature.cells.size / 2)
    table: NDArray[np.float64] = _log_widths(feature, layout) - np.array([math.log(share) for share in shares.tolist()])
    return table


def _log_widths(feature: FeatureSummary, layout: NumericLayout) -> NDArray[np.float64]:
    """Return ln(width / R) of each cell; zeros if R = 0. Half widths are taken, because whole ones may overflow."""
    low, high = quantiles(feature, layout, *TAILS) or (0.0, 0.0)
    half = high / 2 - low / 2
    if half == 0:
        return np.zeros(layout.size)
    widths = np.zeros(layout.size)
    widths[1:-1] = np.diff(layout.edges / 2)
    widths[layout.points] = 0
    nominal = -math.log(QUANTILES)
    return np.array([math.log(width) - math.log(half) if width else nominal for width in widths.tolist()])
