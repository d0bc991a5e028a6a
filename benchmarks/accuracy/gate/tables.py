"""A table whose columns have the shapes of production: many of them sparse, tied, heavy-tailed or copies of others."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from functools import partial
from typing import Any, TypeAlias

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Column: TypeAlias = Any
"""A NumPy or Arrow array."""
Draw = Callable[[np.random.Generator, int], Column]
ZIPF, FLAT = 1.0, 0.0
"""Exponents of the laws of keys."""
KEYS = (60, 300, 2_000, 20_000)
ZERO_SHARES = (80, 95, 99)
RARE = {"binary_50": 0.5, "binary_1": 0.01, "binary_0.1": 0.001}
GROUPS = (0.5, 0.3, 0.15, 0.05)
"""Shares of the four columns of which exactly one is 1."""
NULL_SHARE = 0.3


def keys(distinct: int, exponent: float) -> Draw:
    """Return the law of `distinct` keys whose probabilities fall as rank to the power of minus `exponent`."""
    weights = np.arange(1, distinct + 1) ** -exponent
    upto = np.cumsum(weights) / weights.sum()
    names = pa.array([f"k{i}" for i in range(distinct)])

    def draw(rng: np.random.Generator, n: int) -> pa.Array:
        places = np.minimum(np.searchsorted(upto, rng.random(n)), distinct - 1)
        return names.take(pa.array(places))

    return draw


def _zeros(rng: np.random.Generator, n: int, *, share: float) -> Floats:
    return np.where(rng.random(n) < share, 0.0, rng.lognormal(size=n))


def _two_humps(rng: np.random.Generator, n: int) -> Floats:
    return np.asarray(rng.normal(size=n) + np.where(rng.random(n) < 0.5, -3.0, 3.0))


def _with_nulls(rng: np.random.Generator, n: int) -> pa.Array:
    return pa.array(rng.normal(size=n), mask=rng.random(n) < NULL_SHARE)


def _ids(rng: np.random.Generator, n: int) -> pa.Array:
    numbers = pa.array(rng.integers(0, 2**62, n)).cast(pa.string())
    return pc.binary_join_element_wise("id", numbers, "-")


def _flag(rng: np.random.Generator, n: int, *, share: float) -> NDArray[np.int64]:
    return (rng.random(n) < share).astype(np.int64)


def _count(rng: np.random.Generator, n: int, *, mean: float) -> NDArray[np.int64]:
    return rng.poisson(mean, n)


LAWS: Mapping[str, Draw] = {
    "normal": lambda rng, n: rng.normal(size=n),
    "lognormal": lambda rng, n: rng.lognormal(size=n),
    **{f"count_{mean:g}": partial(_count, mean=mean) for mean in (0.02, 0.1, 3.0)},
    **{f"zeros_{share}": partial(_zeros, share=share / 100) for share in ZERO_SHARES},
    "cauchy": lambda rng, n: rng.standard_cauchy(n),
    "tied": lambda rng, n: np.round(4 * rng.normal(size=n) * rng.lognormal(size=n)) / 4,
    "two_humps": _two_humps,
    "uniform": lambda rng, n: rng.random(n),
    "three_levels": lambda rng, n: np.searchsorted([0.6, 0.9], rng.random(n)).astype(np.int64),
    **{name: partial(_flag, share=share) for name, share in RARE.items()},
    **{f"zipf_{distinct}": keys(distinct, ZIPF) for distinct in KEYS},
    **{f"flat_{distinct}": keys(distinct, FLAT) for distinct in KEYS},
    "ids": _ids,
    "nulls_30": _with_nulls,
}
"""Columns that are independent of each other."""
DEPENDENT = ("copy", "mirror", *(f"one_of_four_{i}" for i in range(len(GROUPS))))
"""A copy of `normal`, the mirror image of `uniform`, and a group of which exactly one is 1."""
COLUMNS = (*LAWS, *DEPENDENT)


def draw(rng: np.random.Generator, rows: int, *, without: Collection[str] = ()) -> pa.Table:
    """Draw rows of all columns but some, always in the same order of draws."""
    columns: dict[str, Column] = {name: law(rng, rows) for name, law in LAWS.items()}
    columns["copy"] = columns["normal"]
    columns["mirror"] = 1 - np.asarray(columns["uniform"])
    which = np.searchsorted(np.cumsum(GROUPS)[:-1], rng.random(rows))
    columns |= {f"one_of_four_{i}": (which == i).astype(np.int64) for i in range(len(GROUPS))}
    return pa.table({name: column for name, column in columns.items() if name not in without})
