"""Ten features of mixed shapes, and the changes that are looked for."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from pegel.columns import Field, Kind, Schema

Rows = NDArray[np.float64]
Draw = Callable[[np.random.Generator, int], Rows]

SHARES = np.array([0.4, 0.25, 0.2, 0.1, 0.05])
_ZIPF = 1 / np.arange(1, 21)

FEATURES: dict[str, Draw] = {
    "normal": lambda rng, n: rng.normal(size=n),
    "uniform": lambda rng, n: rng.random(n),
    "lognormal": lambda rng, n: rng.lognormal(size=n),
    "exponential": lambda rng, n: rng.exponential(size=n),
    "t3": lambda rng, n: rng.standard_t(3, n),
    "bimodal": lambda rng, n: rng.normal(size=n) + 4 * (rng.random(n) < 0.5),
    "poisson": lambda rng, n: rng.poisson(3, n).astype(np.float64),
    "categories": lambda rng, n: rng.choice(5, n, p=SHARES).astype(np.float64),
    "binary": lambda rng, n: (rng.random(n) < 0.1).astype(np.float64),
    "zipf": lambda rng, n: rng.choice(20, n, p=_ZIPF / _ZIPF.sum()).astype(np.float64),
}
CATEGORICAL = frozenset({"categories", "zipf"})
SCHEMA = Schema(tuple(Field(name, Kind.CATEGORICAL if name in CATEGORICAL else Kind.NUMERIC) for name in FEATURES))


def _moved(mass: float) -> Draw:
    """Move mass from the largest to the smallest of five categories."""
    shares = SHARES + mass * np.array([-1, 0, 0, 0, 1])
    return lambda rng, n: rng.choice(5, n, p=shares).astype(np.float64)


CHANGES: dict[str, tuple[str, Draw]] = {
    "mean .05 sigma": ("normal", lambda rng, n: rng.normal(0.05, 1, n)),
    "mean .1 sigma": ("normal", lambda rng, n: rng.normal(0.1, 1, n)),
    "mean .2 sigma": ("normal", lambda rng, n: rng.normal(0.2, 1, n)),
    "mean .5 sigma": ("normal", lambda rng, n: rng.normal(0.5, 1, n)),
    "scale 1.05": ("normal", lambda rng, n: rng.normal(0, 1.05, n)),
    "scale 1.1": ("normal", lambda rng, n: rng.normal(0, 1.1, n)),
    "scale 1.25": ("normal", lambda rng, n: rng.normal(0, 1.25, n)),
    "scale 1.5": ("normal", lambda rng, n: rng.normal(0, 1.5, n)),
    "lognormal x1.1": ("lognormal", lambda rng, n: 1.1 * rng.lognormal(size=n)),
    "lognormal x1.25": ("lognormal", lambda rng, n: 1.25 * rng.lognormal(size=n)),
    "2 % of category mass": ("categories", _moved(0.02)),
    "5 % of category mass": ("categories", _moved(0.05)),
    "10 % of category mass": ("categories", _moved(0.10)),
    "20 % of category mass": ("categories", _moved(0.20)),
}
"""The change's name, the feature it happens to, and how that is then drawn."""


def draw(rng: np.random.Generator, n: int) -> dict[str, Rows]:
    """Draw `n` rows of all features without any change; categories are numbered."""
    return {name: feature(rng, n) for name, feature in FEATURES.items()}
