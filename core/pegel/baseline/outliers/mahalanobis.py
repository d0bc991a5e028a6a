"""Tier 3: the distance of a row's numbers from their common centre, measured along their correlations.

It works on integer normal scores (`pegel.stats.normal_scores`), so the shape of a single feature does not matter and
the baseline needs sums only. Scores stop at 1/256 of either tail: how far out a single value lies is for tier 2.

Sources: P. C. Mahalanobis, "On the generalised distance in statistics", 1936; the parts are the corr-max
transformation of P. Garthwaite, I. Koch, "Evaluating the contributions of individual variables to a quadratic form",
Australian & New Zealand Journal of Statistics 58(1), 2016: squares that add up to the distance.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.special import chdtrc

from pegel.baseline.outliers.reasons import top_features
from pegel.data.columns import Columns
from pegel.stats.cells import cell_of
from pegel.stats.comoments import Comoments
from pegel.stats.layout import Layout

NOISE = 1e-6
"""Share of the largest eigenvalue below which a direction counts as collinear. Rounding scores to 1/1024 alone leaves a
variance of 8e-8, so what is smaller is not told apart from rounding."""


@dataclass(frozen=True, eq=False)
class Distances:
    """What was measured of n rows.

    `squared` and `p_values`: shape (n,); `parts`: shape (n, d), at least 0, adding up to `squared` in each row. All of
    them NaN in rows that were not measured, because a number was missing or not finite. p-values are approximate: they
    are those of chi-squared, which holds if the scores are jointly normal.
    """

    names: tuple[str, ...]
    squared: NDArray[np.float64]
    p_values: NDArray[np.float64]
    parts: NDArray[np.float64]

    @property
    def unmeasured(self) -> int:
        """Return how many rows were not measured."""
        return int(np.count_nonzero(np.isnan(self.squared)))

    def reasons(self, row: int, k: int = 3) -> list[tuple[str, float]] | None:
        """Return the `k` features with the largest parts of one row; None if it was not measured."""
        return None if np.isnan(self.squared[row]) else top_features(self.parts[row], self.names, k)


@dataclass(frozen=True, eq=False)
class Mahalanobis:
    """Centre and spread of the jointly watched fields of a layout.

    `mean`, `sd`: shape (d,), of the scores. `whiten`: shape (d, d), symmetric, the square root of the pseudo-inverse of
    the correlations. `rank`: directions that vary, the degrees of freedom. A field that does not vary has no part; a
    departure along a direction that never varied is not seen.
    """

    layout: Layout
    mean: NDArray[np.float64]
    sd: NDArray[np.float64]
    whiten: NDArray[np.float64]
    rank: int

    @classmethod
    def from_comoments(cls, layout: Layout, joint: Comoments) -> Mahalanobis | None:
        """Take centre and spread from the baseline's sums over the fields marked `joint`, in schema order.

        None if there is nothing to measure with: fewer than two complete rows, or no field that varies.
        """
        if joint.n <= 1:
            return None
        correlations = joint.correlations()
        varies = ~np.isnan(np.diag(correlations))
        correlations[~varies], correlations[:, ~varies] = 0.0, 0.0
        values, vectors = np.linalg.eigh(correlations)
        kept = values > NOISE * max(1.0, values[-1])
        if not kept.any():
            return None
        basis = vectors[:, kept]
        mean = joint.sums / joint.n
        # Python's integers: n times a sum of squares may exceed 2**63.
        squares = zip(np.diag(joint.products).tolist(), joint.sums.tolist(), strict=True)
        spread = [(joint.n * square - total * total) / (joint.n * (joint.n - 1)) for square, total in squares]
        whiten = (basis / np.sqrt(values[kept])) @ basis.T
        return cls(layout, mean, np.where(varies, np.sqrt(spread), 1.0), whiten, int(np.count_nonzero(kept)))

    @property
    def names(self) -> tuple[str, ...]:
        """Return the names of the fields, in the order of the parts."""
        return tuple(f.field.name for _, f in self.layout.joint)

    def measure(self, columns: Columns) -> Distances:
        """Measure feature rows."""
        fields = self.layout.joint
        values = columns.numeric[:, [j for j, _ in fields]]
        complete = np.isfinite(values).all(axis=1)
        chosen = values[complete]
        scores = np.column_stack([f.scores[cell_of(chosen[:, k], f.edges)] for k, (_, f) in enumerate(fields)])
        parts = np.full(values.shape, np.nan)
        parts[complete] = (((scores - self.mean) / self.sd) @ self.whiten) ** 2
        squared = parts.sum(axis=1)
        return Distances(self.names, squared, chdtrc(self.rank, squared), parts)
