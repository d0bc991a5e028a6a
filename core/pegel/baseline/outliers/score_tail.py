"""How rare is a score beyond all that training had? The tail of training scores, continued as an exponential.

A part of a score is the negative logarithm of a tail probability, so scores of independent features fall off
exponentially or faster, whatever the features' distributions are. What falls off more slowly, rows odd in many features
at once, lies among the largest training scores: no score up to the largest is rarer than one in all rows.

Source: peaks over threshold, as in A. Siffer et al., "Anomaly detection in streams with extreme value theory", KDD
2017, with a generalised Pareto law of shape 0.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

SHARE = 0.01
"""Part of the training rows that the tail is fitted to."""
MIN_EXCEEDING = 50
"""Rows that the tail is fitted to at least."""
LEAST_ROWS = 2 * MIN_EXCEEDING
SAFETY = 1.645
"""Standard errors by which the mean excess is taken larger: the fit of few rows must not make pages frequent."""


@dataclass(frozen=True, slots=True)
class ScoreTail:
    """The tail of `rows` training scores: a part `share` of them exceeds `start`, by `mean_excess` on average.

    `largest` is the largest of all.
    """

    rows: int
    start: float
    share: float
    mean_excess: float
    largest: float

    @classmethod
    def of(cls, scores: NDArray[np.float64]) -> ScoreTail | None:
        """Fit the tail of scores, one per training row; None where fewer than twice `MIN_EXCEEDING` are given."""
        exceeding = max(MIN_EXCEEDING, math.ceil(SHARE * scores.size))
        if scores.size < LEAST_ROWS:
            return None
        place = scores.size - exceeding
        ordered = np.partition(scores, place - 1)
        start, tail = float(ordered[place - 1]), ordered[place:]
        # Exactly summed: a partition leaves the tail in an order of the rows and of the processor.
        mean_excess = (1 + SAFETY / math.sqrt(exceeding)) * math.fsum(tail - start) / exceeding
        return cls(scores.size, start, exceeding / scores.size, mean_excess, float(tail.max()))

    def p_value(self, score: float) -> float:
        """Return how large a part of unchanged rows scores at least so, as far as training can tell; from 0 to 1."""
        if score <= self.start:
            return 1.0
        beyond = math.exp(-(score - self.start) / self.mean_excess) if self.mean_excess > 0 else 0.0
        return max(self.share * beyond, 1 / (self.rows + 1) if score <= self.largest else 0.0)

    def to_json(self) -> dict[str, Any]:
        """Return plain JSON, the inverse of `from_json`."""
        exact = {name: getattr(self, name).hex() for name in ("start", "share", "mean_excess", "largest")}
        return {"rows": self.rows, **exact}

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> ScoreTail:
        """Read what `to_json` wrote."""
        exact = {name: float.fromhex(data[name]) for name in ("start", "share", "mean_excess", "largest")}
        return cls(rows=data["rows"], **exact)
