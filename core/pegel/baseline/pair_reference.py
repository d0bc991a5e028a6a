"""What a baseline says of pairs of fields: their sums, and how far the correlation of each can be trusted."""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import cached_property
from typing import Self

import numpy as np
from numpy.typing import NDArray

from pegel.stats.comoments import Comoments, PairSums
from pegel.stats.layout import NumericLayout
from pegel.stats.noise import Noise
from pegel.stats.normal_scores import off_mode, score_skewness
from pegel.stats.summary import Summary

Floats = NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class PairReference:
    """The zero mark of `size` jointly watched fields.

    `sums`: of all rows. `kappa`: variance factor of each pair's correlation, shape (size, size), see
    `pegel.stats.fourth`. `off_mode` and `skewness`, shape (size,): the share of values outside a field's most frequent
    cell, and the skewness of its scores. `factor`: how many times the variance of independent rows each pair has,
    shape (size, size), because rows resemble their neighbours; at least 1.
    """

    sums: Comoments
    kappa: Floats
    off_mode: Floats
    skewness: Floats
    factor: Floats

    @cached_property
    def trained(self) -> PairSums:
        """Return the sums of each pair."""
        return self.sums.pairs()

    @cached_property
    def correlations(self) -> Floats:
        """Return the correlations of normal scores, shape (size, size); NaN where a field does not vary."""
        return self.trained.correlations()

    @classmethod
    def of(cls, summary: Summary, kappa: Floats, noise: Noise) -> Self:
        """Take everything but `kappa` from the counts of all rows, and from their replay."""
        layouts = [layout for _, layout in summary.layout.correlated]
        features = summary.features
        cells = [features[layout.field.name].cells for layout in layouts]
        return cls(
            sums=summary.comoments,
            kappa=kappa,
            off_mode=np.array([off_mode(counts) for counts in cells]),
            skewness=np.array([score_skewness(one.scores, counts) for one, counts in zip(layouts, cells, strict=True)]),
            factor=_factors(layouts, noise),
        )


def _factors(layouts: list[NumericLayout], noise: Noise) -> Floats:
    """Return the factors: a product of two fields forgets faster than either, so their geometric mean is enough."""
    spread = (noise.dispersion.get(layout.field.name) for layout in layouts)
    single = [1.0 if one is None else math.fabs(one.factor("location", one.n_ref)) for one in spread]
    return np.asarray(np.sqrt(np.outer(single, single)), dtype=np.float64)
