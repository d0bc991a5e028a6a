"""Scores of a binary classifier, counted per predicted class: all that an estimate without labels needs.

Source: confidence-based performance estimation; `pegel.detect.cbpe` reads these counts.
"""

from __future__ import annotations

from typing import Any, ClassVar, Self

import numpy as np
from numpy.typing import NDArray

from pegel.stats.framing import seal, unseal

BINS = 1_000


def bin_of(scores: NDArray[np.float64]) -> NDArray[np.intp]:
    """Return the bin of scores in [0, 1]: 1,000 of equal width, left-closed, the last one closed on both sides."""
    return np.minimum((scores * BINS).astype(np.intp), BINS - 1)


class PredictionScores:
    """Rows per score bin and predicted class.

    `counts`: int64, shape (1000, 2), the second axis being the predicted class. `invalid`: rows whose score is not in
    [0, 1] or whose class is not 0 or 1; they are counted here and nowhere else.

    >>> scores = PredictionScores()
    >>> scores.update(np.array([[0.0004, 0], [0.9, 1], [1.0, 1], [1.2, 1]]))
    >>> scores.counts[0].tolist(), scores.counts[900].tolist(), scores.counts[999].tolist(), scores.invalid
    ([1, 0], [0, 1], [0, 1], 1)
    """

    name: ClassVar[str] = "prediction_scores"

    def __init__(self) -> None:
        self.counts: NDArray[np.int64] = np.zeros((BINS, 2), dtype=np.int64)
        self.invalid = 0

    def update(self, values: NDArray[np.float64]) -> None:
        """Count rows of (score, predicted class), shape (n, 2)."""
        score, predicted = values.T
        valid = (score >= 0) & (score <= 1) & ((predicted == 0) | (predicted == 1))
        flat = 2 * bin_of(score[valid]) + predicted[valid].astype(np.intp)
        self.counts += np.bincount(flat, minlength=2 * BINS).reshape(BINS, 2)
        self.invalid += int(np.count_nonzero(~valid))

    def merge(self, other: Self) -> None:
        """Add the counts of `other`."""
        self.counts += other.counts
        self.invalid += other.invalid

    def get(self) -> dict[str, Any]:
        """Return the valid rows, the invalid ones, and the counts: one pair per bin, predicted 0 first."""
        return {"n": int(self.counts.sum()), "invalid": self.invalid, "counts": self.counts.tolist()}

    def to_bytes(self) -> bytes:
        """Return the packed counts."""
        return seal(self.name, np.append(self.counts, self.invalid).astype("<i8").tobytes())

    @classmethod
    def from_bytes(cls, data: bytes) -> Self:
        """Unpack what `to_bytes` wrote. Raises LayoutMismatch for other bytes."""
        flat = np.frombuffer(unseal(cls.name, data), dtype="<i8")
        found = cls()
        found.counts += flat[:-1].reshape(BINS, 2)
        found.invalid = int(flat[-1])
        return found
