"""Labels that came more than once: copies, corrections, and what was outdated when it came.

Of the labels of one prediction the one that is known since last is the current one; of those known since the same
instant, the one that came last. A label that says what the current one says already is a copy of it.
"""

from __future__ import annotations

from enum import IntEnum

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from pegel.labels.label_arrays import LabelArrays


class Turn(IntEnum):
    """What a label was when it came, by those that had come before it."""

    FIRST = 0
    COPY = 1
    CORRECTION = 2
    OUTDATED = 3
    """It said something else, and had been known for longer than what was current."""


def turns(labels: LabelArrays, subject: NDArray[np.int64]) -> NDArray[np.int8]:
    """Return the `Turn` of each label. `subject`: the number of what it is about, shape (labels,), 0 and more.

    Turns of labels depend on earlier ones alone, so they are the same whatever comes later.
    """
    count = len(labels)
    if not count:
        return np.empty(0, dtype=np.int8)
    arrival = labels.arrival_order()
    order = arrival[np.argsort(subject[arrival], kind="stable")]
    begins = np.ones(count, dtype=np.bool_)
    begins[1:] = np.diff(subject[order]) != 0
    # Ranks of instants, lifted for each subject above all of the one before: one running maximum serves all.
    ranks = np.unique(labels.at_us, return_inverse=True)[1][order] + (np.cumsum(begins) - 1) * count
    newest = np.maximum.accumulate(ranks)
    wins = ranks == newest
    before = np.empty(count, dtype=np.int64)
    before[0] = 0
    # The position of the current label just before each one came.
    before[1:] = np.maximum.accumulate(np.where(wins, np.arange(count), 0))[:-1]
    outcome = pa.array(labels.category[order], pa.string()).dictionary_encode().indices.to_numpy()
    same = outcome == outcome[before]
    found = np.empty(count, dtype=np.int8)
    found[order] = np.select([begins, same, wins], [Turn.FIRST, Turn.COPY, Turn.CORRECTION], Turn.OUTDATED)
    return found
