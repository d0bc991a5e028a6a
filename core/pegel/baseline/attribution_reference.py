"""What attributions of a window are compared with beyond counts per cell: their sums, and the unit they are told in."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray
from scipy.special import expit

from pegel.data.attribution_event import Method, Unit
from pegel.stats.attribution_sums import PROBABILITY_STEPS, AttributionSums, Integers, PredictionScale

MOST_ORDERED: Final = 128
"""Features of which it is known how much the order of importance varies by itself: with more, 128 squared products."""


@dataclass(frozen=True, slots=True, eq=False)
class AttributionReference:
    """The explained rows of a baseline.

    `scale`: the unit, frozen. `sums`: of all rows, in its steps. `products`: int64, shape (features, features), sums of
    the products of sizes; None for more than 128 features. `method`, `artefact`: by what rows were explained; what is
    explained by something else is not compared with them. `unit`: what the model's raw output is. `surrogate`: the
    model of the answers whose residuals are the last judged column, likewise; None where there is no such column.
    """

    scale: PredictionScale
    sums: AttributionSums
    products: Integers | None
    method: Method
    artefact: str | None
    unit: Unit = Unit.PREDICTION
    surrogate: str | None = None

    @classmethod
    def of(
        cls,
        judged: NDArray[np.float64],
        raw: NDArray[np.float64],
        method: Method,
        artefact: str | None,
        *,
        unit: Unit = Unit.PREDICTION,
        surrogate: str | None = None,
    ) -> AttributionReference:
        """Freeze the unit and add up rows; `judged`: attributions, and residuals last where there is a `surrogate`.

        Raises ValueError where all rows have one raw output: there is no unit then.
        """
        sigma = float(np.std(raw, ddof=1)) if len(raw) > 1 else 0.0
        if not (np.isfinite(sigma) and sigma > 0):
            raise ValueError("expected different outputs of the model among the explained rows, given one; no unit")
        scale = PredictionScale(float(np.mean(raw)), sigma)
        steps = scale.rows(judged, raw)
        sizes = np.abs(steps[:, : judged.shape[1] - (surrogate is not None)])
        products = sizes.T @ sizes if sizes.shape[1] <= MOST_ORDERED else None
        sums = AttributionSums.of(steps)
        sums.probability = _probability(raw, unit)
        return cls(scale, sums, products, method, artefact, unit, surrogate)

    def sums_of(self, judged: NDArray[np.float64], raw: NDArray[np.float64]) -> AttributionSums:
        """Add up rows in the unit of these; `judged` as of `of`, shape (rows, features), or one column more."""
        sums = AttributionSums.of(self.scale.rows(judged, raw))
        sums.probability = _probability(raw, self.unit)
        return sums

    def mean_probability(self, sums: AttributionSums) -> float | None:
        """Return the mean probability of rows that were added up so; None where outputs have none, or without rows."""
        if self.unit not in _PROBABLE or not sums.n:
            return None
        return sums.probability / sums.n / PROBABILITY_STEPS

    @property
    def features(self) -> int:
        """Return how many features are explained; a residual is none."""
        return self.sums.features - (self.surrogate is not None)

    @property
    def importance(self) -> NDArray[np.float64]:
        """Return the mean size of each feature's attributions, in steps."""
        return self.sums.mean_sizes[: self.features]

    @property
    def size_covariance(self) -> NDArray[np.float64] | None:
        """Return the covariance of the sizes of attributions, in steps squared; None where it is not known."""
        if self.products is None:
            return None
        n, means = self.sums.n, self.importance
        return (self.products / n - np.outer(means, means)) * (n / (n - 1))

    def to_json(self) -> dict[str, Any]:
        """Return plain JSON, the inverse of `from_json`; floats in hexadecimal digits."""
        return {
            "center": self.scale.center.hex(),
            "sigma": self.scale.sigma.hex(),
            "sums": self.sums.to_json(),
            "products": None if self.products is None else self.products.tolist(),
            "method": self.method.value,
            "artefact": self.artefact,
            "unit": self.unit.value,
            "surrogate": self.surrogate,
        }

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> AttributionReference:
        """Read what `to_json` wrote."""
        products = data["products"]
        return cls(
            PredictionScale(float.fromhex(data["center"]), float.fromhex(data["sigma"])),
            AttributionSums.from_json(data["sums"]),
            None if products is None else np.array(products, dtype=np.int64),
            Method(data["method"]),
            data["artefact"],
            Unit(data["unit"]),
            data["surrogate"],
        )


_PROBABLE = frozenset({Unit.LOG_ODDS, Unit.PROBABILITY})


def _probability(raw: NDArray[np.float64], unit: Unit) -> int:
    """Return the sum of the probabilities that outputs are or have, in whole steps; 0 where they have none."""
    if unit not in _PROBABLE:
        return 0
    chances = expit(raw) if unit is Unit.LOG_ODDS else np.clip(raw, 0.0, 1.0)
    return int(np.rint(chances * PROBABILITY_STEPS).sum())
