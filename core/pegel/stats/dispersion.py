"""How much more a field varies from window to window than independent rows would.

Rows that follow each other are often alike. Then windows differ more than a test expects, and clean windows would be
flagged: ten times too often at a lag-one correlation of one half. These factors, found by replaying the baseline window
by window, correct for it.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True, slots=True)
class Dispersion:
    """Factors of one field, for windows of `n_ref` rows, from `blocks` such windows of the baseline.

    `factors`: by name of the test, by how much the variance of its z exceeds 1; absent means 1. `shape`: scale c,
    degrees of freedom nu of the replayed divergences of shape, and those that they should have had; None for no
    correction. `lags`: by name of the test, the correlation of z with that of the window before, where it is certainly
    above 0. `unseen`: rows of the baseline whose value occurs in no other window, where these are more than its single
    occurrences say; else 0.
    """

    n_ref: int
    blocks: int
    factors: Mapping[str, float]
    shape: tuple[float, float, int] | None = None
    lags: Mapping[str, float] = field(default_factory=dict)
    unseen: int = 0

    def factor(self, test: str, n: int) -> float:
        """Return the variance factor of a test for a window of `n` values: 1 or more, growing beyond `n_ref`."""
        found = self.factors.get(test, 1.0)
        return 1 + (found - 1) * max(1.0, n / self.n_ref)

    def long_factor(self, test: str) -> float:
        """Return by how much a sum of many z varies more than the sum of as many independent ones would."""
        lag = self.lags.get(test, 0.0)
        return (1 + lag) / (1 - lag)

    def chi_squared(self, df: int, n: int) -> tuple[float, float]:
        """Return scale and degrees of freedom of the divergence of shape, nominally `df`, for a window of `n` values.

        The replayed law is that of a sum of `df` squares whose variances exceed 1. Beyond `n_ref` each excess grows as
        that of a z does, in proportion to `n`; the law with mean and variance of that sum is returned.
        Source: F. E. Satterthwaite, "An approximate distribution of estimates of variance components", Biometrics
        Bulletin 2 (1946).

        >>> Dispersion(100, 30, {}, shape=(2.0, 6.0, 6)).chi_squared(6, 50)
        (2.0, 6.0)
        >>> Dispersion(100, 30, {}, shape=(2.0, 6.0, 6)).chi_squared(6, 300)
        (4.0, 6.0)
        """
        if self.shape is None:
            return 1.0, float(df)
        scale, nu, replayed = self.shape
        nu *= df / replayed
        longer = n / self.n_ref
        if longer <= 1:
            return scale, nu
        excess = max(scale * nu - df, 0.0)
        squares = max(scale**2 * nu - 2 * scale * nu + df, excess**2 / df)
        mean, variance = df + longer * excess, df + 2 * longer * excess + longer**2 * squares
        return variance / mean, mean**2 / variance

    def to_json(self) -> dict[str, Any]:
        """Return plain JSON, the inverse of `from_json`."""
        return {
            "n_ref": self.n_ref,
            "blocks": self.blocks,
            "factors": dict(self.factors),
            "shape": None if self.shape is None else list(self.shape),
            "lags": dict(self.lags),
            "unseen": self.unseen,
        }

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> Dispersion:
        """Read what `to_json` wrote."""
        shape = data["shape"]
        return cls(
            n_ref=data["n_ref"],
            blocks=data["blocks"],
            factors=data["factors"],
            shape=None if shape is None else tuple(shape),
            lags=data["lags"],
            unseen=data["unseen"],
        )
