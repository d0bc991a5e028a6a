"""Integer normal scores of cells, so that sums of products of rows are exact."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy.special import ndtri

SCALE = 1024
CLIP = 1 / 256


def normal_scores(counts: NDArray[np.int64]) -> NDArray[np.int64]:
    """Return `round(1024 * probit(mid-distribution))` per cell of a baseline, clipped at 1/256 from both ends.

    No rows give zeros. Scores lie within -2724 and 2724.
    """
    m = int(counts.sum())
    if m == 0:
        return np.zeros(counts.size, dtype=np.int64)
    below = np.cumsum(counts) - counts / 2
    scores = np.rint(SCALE * ndtri(np.clip(below / m, CLIP, 1 - CLIP)))
    return np.asarray(scores, dtype=np.int64)
