"""Ten features of mixed shapes, and the changes that are looked for: laws with their exact probabilities."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.special import ndtr, ndtri, pdtr, stdtr, stdtrit

from pegel.data.columns import Field, Kind, Schema

Rows = NDArray[np.float64]
Draw = Callable[[np.random.Generator, int], Rows]
Map = Callable[[Rows], Rows]


@dataclass(frozen=True, slots=True)
class Law:
    """A distribution: `draw(rng, n)` rows, `below(x)` = P(X <= x), and `quantile`, its inverse."""

    draw: Draw
    below: Map
    quantile: Map


def normal(mean: float = 0.0, sd: float = 1.0) -> Law:
    """Return a normal law."""
    return Law(lambda rng, n: rng.normal(mean, sd, n), lambda x: ndtr((x - mean) / sd), lambda u: mean + sd * ndtri(u))


def lognormal(factor: float = 1.0) -> Law:
    """Return the law of `factor * exp(Z)`, Z standard normal."""

    def below(x: Rows) -> Rows:
        with np.errstate(divide="ignore"):
            return np.asarray(ndtr(np.log(np.maximum(x, 0.0) / factor)))

    return Law(lambda rng, n: factor * rng.lognormal(size=n), below, lambda u: factor * np.exp(ndtri(u)))


def numbered(shares: Rows) -> Law:
    """Return the law of 0, 1, 2, ... with the given probabilities."""
    upto = np.append(0.0, np.cumsum(shares))
    return Law(
        lambda rng, n: rng.choice(shares.size, n, p=shares).astype(np.float64),
        lambda x: upto[np.clip(np.floor(x) + 1, 0, shares.size).astype(np.int64)],
        lambda u: np.minimum(np.searchsorted(upto[1:], u), shares.size - 1).astype(np.float64),
    )


def zipf(values: int) -> Law:
    """Return the law of numbered values whose probabilities fall as one over their rank."""
    weights = 1 / np.arange(1, values + 1)
    return numbered(weights / weights.sum())


def humps(left: float, right: float, sd: float = 1.0) -> Law:
    """Return the law of an even mixture of two normals."""
    grid = np.linspace(left - 7 * sd, right + 7 * sd, 200_001)

    def below(x: Rows) -> Rows:
        return np.asarray((ndtr((x - left) / sd) + ndtr((x - right) / sd)) / 2)

    upto = below(grid)
    return Law(
        lambda rng, n: sd * rng.normal(size=n) + np.where(rng.random(n) < 0.5, left, right),
        below,
        lambda u: np.interp(u, upto, grid),
    )


def heavy(mean: float = 0.0) -> Law:
    """Return Student's t law of three degrees of freedom."""
    return Law(lambda rng, n: mean + rng.standard_t(3, n), lambda x: stdtr(3, x - mean), lambda u: mean + stdtrit(3, u))


_POISSON = pdtr(np.arange(40), 3.0)
SHARES = np.array([0.4, 0.25, 0.2, 0.1, 0.05])
FEATURES: dict[str, Law] = {
    "normal": normal(),
    "uniform": Law(lambda rng, n: rng.random(n), lambda x: np.clip(x, 0.0, 1.0), lambda u: u),
    "lognormal": lognormal(),
    "exponential": Law(
        lambda rng, n: rng.exponential(size=n), lambda x: -np.expm1(-np.maximum(x, 0.0)), lambda u: -np.log1p(-u)
    ),
    "t3": heavy(),
    "bimodal": humps(0.0, 4.0),
    "poisson": Law(
        lambda rng, n: rng.poisson(3, n).astype(np.float64),
        lambda x: np.where(x < 0, 0.0, pdtr(np.maximum(np.floor(x), 0), 3.0)),
        lambda u: np.searchsorted(_POISSON, u).astype(np.float64),
    ),
    "categories": numbered(SHARES),
    "binary": numbered(np.array([0.9, 0.1])),
    "zipf": zipf(20),
}
CATEGORICAL = frozenset({"categories", "zipf"})


def field(name: str) -> Field:
    """Return how a feature is declared."""
    return Field(name, Kind.CATEGORICAL if name in CATEGORICAL else Kind.NUMERIC)


SCHEMA = Schema(tuple(field(name) for name in FEATURES))


def _moved(mass: float) -> Law:
    """Move mass from the largest to the smallest of five categories."""
    return numbered(SHARES + mass * np.array([-1, 0, 0, 0, 1]))


CHANGES: dict[str, tuple[str, Law]] = {
    "mean .05 sigma": ("normal", normal(0.05)),
    "mean .1 sigma": ("normal", normal(0.1)),
    "mean .2 sigma": ("normal", normal(0.2)),
    "mean .5 sigma": ("normal", normal(0.5)),
    "scale 1.05": ("normal", normal(sd=1.05)),
    "scale 1.1": ("normal", normal(sd=1.1)),
    "scale 1.25": ("normal", normal(sd=1.25)),
    "scale 1.5": ("normal", normal(sd=1.5)),
    "lognormal x1.1": ("lognormal", lognormal(1.1)),
    "lognormal x1.25": ("lognormal", lognormal(1.25)),
    "2 % of category mass": ("categories", _moved(0.02)),
    "5 % of category mass": ("categories", _moved(0.05)),
    "10 % of category mass": ("categories", _moved(0.10)),
    "20 % of category mass": ("categories", _moved(0.20)),
    "t3 moved by .1": ("t3", heavy(0.1)),
    "two humps, same mean and sd": ("normal", humps(-0.7, 0.7, 0.51**0.5)),
}
"""The change's name, the feature it happens to, and the law it then follows."""


def draw(rng: np.random.Generator, n: int) -> dict[str, Rows]:
    """Draw `n` rows of all features without any change; categories are numbered."""
    return {name: law.draw(rng, n) for name, law in FEATURES.items()}


def correlated(rng: np.random.Generator, shape: tuple[int, ...], rho: float) -> Rows:
    """Draw standard normals; those along the last axis are correlated by `rho`."""
    common: Rows = rng.normal(size=(*shape[:-1], 1))
    return np.asarray(np.sqrt(rho) * common + np.sqrt(1 - rho) * rng.normal(size=shape))
