"""Bins of the scores of a binary classifier, by which `pegel.detect.cbpe` counts rows."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

BINS = 1_000


def bin_of(scores: NDArray[np.float64]) -> NDArray[np.intp]:
    """Return the bin of scores in [0, 1]: 1,000 of equal width, left-closed, the last one closed on both sides."""
    return np.minimum((scores * BINS).astype(np.intp), BINS - 1)
