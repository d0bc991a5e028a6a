"""How unusual the numbers of a row are together: the squared Mahalanobis distance of their normal scores.

Each number may be usual and their combination not: such rows lie far out although no single field does. All arithmetic
is of whole numbers below 2**53, so a distance is the same however rows are batched. Source: P. C. Mahalanobis, "On the
generalised distance in statistics" (1936).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

from pegel.stats.comoments import Comoments
from pegel.stats.fingerprints.row_codes import BEYOND_CELLS, Codes, RowCodes

FIELDS = 2
"""Numbers that have a combination."""
_BITS = 53
_SCORE_BITS = 12
"""A score is below 2**12 in size, within 2,724; a centred one below twice that."""
_NEARLY = 1e-6
"""Directions in which training hardly varies, of the largest: they are left out."""


@dataclass(frozen=True, eq=False)
class JointDistance:
    """Distances of rows from the middle of training, in whole units of `unit`.

    `means`: int64, shape (size,), of the scores of each correlated field of the layout; `weights`: int64, shape
    (size, size).
    """

    means: NDArray[np.int64]
    weights: NDArray[np.int64]
    unit: float

    @classmethod
    def of(cls, sums: Comoments) -> Self | None:
        """Learn from the sums of all rows of training; None where fewer than two numbers vary."""
        size = sums.sums.size
        if size < FIELDS or sums.n <= size:
            return None
        pairs = sums.pairs()
        rows = np.diag(pairs.rows).astype(np.float64)
        if not rows.all():
            return None
        with np.errstate(divide="ignore", invalid="ignore"):
            together = pairs.rows.astype(np.float64)
            covariance = np.where(together > 0, pairs.covariances()[0] / together**2, 0.0)
        precision = np.linalg.pinv(covariance, rcond=_NEARLY, hermitian=True)
        largest = float(np.abs(precision).max())
        if not np.isfinite(largest) or largest == 0:
            return None
        # size**2 products of two centred scores and a weight stay below 2**53, and so are exact in float64.
        weight_bits = _BITS - 2 * (_SCORE_BITS + 1) - 2 * int(size - 1).bit_length()
        unit = largest / 2**weight_bits
        means = np.rint(np.diag(pairs.sums) / rows).astype(np.int64)
        return cls(means, np.rint(precision / unit).astype(np.int64), unit)

    def of_rows(self, scores: NDArray[np.int64]) -> NDArray[np.int64]:
        """Return the squared distance of each row of scores, shape (rows, size), in units."""
        centred = (scores - self.means).astype(np.float64)
        return np.asarray(((centred @ self.weights.astype(np.float64)) * centred).sum(axis=1), dtype=np.int64)

    def to_json(self) -> dict[str, Any]:
        """Return plain JSON, the inverse of `from_json`."""
        return {"means": self.means.tolist(), "weights": self.weights.tolist(), "unit": self.unit.hex()}

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> Self:
        """Read what `to_json` wrote."""
        means, weights = (np.array(data[name], dtype=np.int64) for name in ("means", "weights"))
        return cls(means, weights, float.fromhex(data["unit"]))


def complete_scores(codes: RowCodes, of_rows: Codes) -> NDArray[np.int64]:
    """Return the scores of the correlated fields of rows that have all of them, shape (such rows, size)."""
    place = {feature.field.name: at for at, feature in enumerate(codes.features)}
    watched = [(place[feature.field.name], feature.scores) for _, feature in codes.layout.correlated]
    cells = of_rows[[at for at, _ in watched]] - BEYOND_CELLS
    chosen = cells[:, (cells >= 0).all(axis=0)]
    found = np.empty((chosen.shape[1], len(watched)), dtype=np.int64)
    for j, (_, scores) in enumerate(watched):
        found[:, j] = scores[chosen[j]]
    return found
