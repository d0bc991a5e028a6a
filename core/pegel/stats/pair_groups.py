"""The four groups in which a field's values are counted together with those of other fields.

They follow from the baseline alone. Numbers lie in quarters of the training rows, by the normal score of their cell.
Categories are packed into groups of about equal size, the most frequent first, so that each of the largest has a group
of its own; those without a cell of their own lie in a group by the bucket of their hash, those never seen included.
Which values share a group follows from how frequent each is, never from what it goes together with: chance in the
baseline chooses no dependence.
"""

from __future__ import annotations

from collections.abc import Sequence
from statistics import NormalDist

import numpy as np
from numpy.typing import NDArray

GROUPS = 4
ABSENT = GROUPS
"""Stands for the group of a value that is not there."""
_BOUNDS = np.round(1024 * np.array([NormalDist().inv_cdf(part / GROUPS) for part in range(1, GROUPS)]))


def quarters(scores: NDArray[np.int64]) -> NDArray[np.uint8]:
    """Return the group of each cell of a numeric field from its normal score, see `pegel.stats.normal_scores`.

    >>> quarters(np.array([-2724, -691, -1, 0, 700])).tolist()
    [0, 1, 1, 2, 3]
    """
    return np.searchsorted(_BOUNDS, scores, side="right").astype(np.uint8)


def packed(counts: Sequence[int], others: int) -> tuple[int, ...]:
    """Return the group of each category, the most frequent first: the emptiest so far, the first of several.

    Args:
        counts: Rows of each category that has a cell of its own, falling.
        others: Rows of all others, which are spread over the groups evenly.

    >>> packed([50, 20, 10, 5, 5, 5], 0)
    (0, 1, 2, 3, 3, 2)
    """
    filled = [others] * GROUPS
    groups = []
    for count in counts:
        group = filled.index(min(filled))
        filled[group] += GROUPS * count
        groups.append(group)
    return tuple(groups)


def of_categories(top: Sequence[int], buckets: int) -> NDArray[np.uint8]:
    """Return the group of each cell of a categorical field: those of single categories, then of the buckets."""
    return np.concatenate([top, np.arange(buckets) % GROUPS]).astype(np.uint8)
