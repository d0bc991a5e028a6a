"""Rows with a change that is planted in some of them, or in all: columns that depend on each other.

`air_time` grows with `distance`; airlines fly different distances; errors and delays grow with the distance. Beside
them stand columns from which a search has nothing to gain: a constant, a text of ten thousand values, noise.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from pegel.slices.change_score import Aspect

AIRLINES = ("WN", "DL", "AA", "UA", "B6", "AS", "NK", "F9", "HA", "G4", "SY", "MX")
SHARES = np.array([0.3, 0.2, 0.15, 0.1, 0.07, 0.05, 0.04, 0.03, 0.03, 0.01, 0.01, 0.01])
Flags = NDArray[np.bool_]
Columns = dict[str, Any]


def drawn(rng: np.random.Generator, n: int) -> Columns:
    """Return rows as they were before the change."""
    airline = rng.choice(AIRLINES, n, p=SHARES)
    far = np.isin(airline, ("DL", "UA", "HA")) * 0.4
    distance = np.exp(rng.normal(6.4 + far, 0.6, n)).round()
    error = rng.random(n) < 0.05 + 0.1 * (distance > 1_200)
    return {
        "airline": airline,
        "distance": distance,
        "air_time": distance / 8 + rng.normal(20, 12, n),
        "day_of_week": rng.integers(1, 8, n),
        "hour": rng.integers(0, 24, n),
        "gate": rng.choice([f"G{place}" for place in range(60)], n),
        "plane": rng.integers(0, 10_000, n).astype(str),
        "source": np.full(n, "web"),
        "load": rng.beta(5, 2, n),
        "delay": rng.exponential(20, n) + distance / 100,
        "error": error.astype(np.float64),
        "is_missing": rng.random(n) < 0.02,
    }


SLICES: Mapping[str, Callable[[Columns], Flags]] = {
    "airline = AS": lambda rows: rows["airline"] == "AS",
    "distance >= 1,850": lambda rows: rows["distance"] >= 1_850,
    "airline = WN and day_of_week = 6": lambda rows: (rows["airline"] == "WN") & (rows["day_of_week"] == 6),
    "distance < 330 and hour >= 12": lambda rows: (rows["distance"] < 330) & (rows["hour"] >= 14),
}
"""Slices of about 5 % of the rows."""


@dataclass(frozen=True, slots=True)
class Planted:
    """A kind of change. `moved` changes the rows of a mask, in place; `size` is told beside it."""

    column: str
    aspect: Aspect
    told: str
    everywhere: str
    moved: Callable[[Columns, Flags, np.random.Generator, bool], None]


def _number(rows: Columns, hit: Flags, rng: np.random.Generator, whole: bool) -> None:
    later = rng.normal(25, 5, hit.size)
    rows["delay"][hit] = (rows["delay"] * 1.2 if whole else rows["delay"] + later)[hit]


def _category(rows: Columns, hit: Flags, rng: np.random.Generator, whole: bool) -> None:
    those = hit & (rng.random(hit.size) < (0.05 if whole else 0.5))
    rows["gate"][those] = "G7"


def _missing(rows: Columns, hit: Flags, rng: np.random.Generator, whole: bool) -> None:
    rows["is_missing"] |= hit & (rng.random(hit.size) < (0.03 if whole else 0.3))


def _errors(rows: Columns, hit: Flags, rng: np.random.Generator, whole: bool) -> None:
    those = hit & (rng.random(hit.size) < (0.05 if whole else 0.4))
    rows["error"][those] = 1.0


KINDS: Mapping[str, Planted] = {
    "number": Planted("delay", Aspect.VALUES, "+1.2 standard deviations", "x 1.2", _number),
    "category": Planted("gate", Aspect.VALUES, "half of them another value", "one in twenty", _category),
    "missing": Planted("load", Aspect.MISSING, "+30 % missing", "+3 % missing", _missing),
    "errors": Planted("error", Aspect.ERRORS, "+40 % errors", "+5 % errors", _errors),
}


def tables(kind: Planted, where: str | None, m: int, n: int, seed: int) -> tuple[pa.Table, pa.Table, Flags]:
    """Return rows before, rows of now, and which of these are changed. `where`: None: all."""
    rng = np.random.default_rng(seed)
    before, now = drawn(rng, m), drawn(rng, n)
    hit = np.ones(n, dtype=np.bool_) if where is None else SLICES[where](now)
    kind.moved(now, hit, rng, where is None)
    return _table(before), _table(now), hit


def _table(rows: Columns) -> pa.Table:
    missing = rows.pop("is_missing")
    return pa.table({name: pa.array(values, mask=missing if name == "load" else None) for name, values in rows.items()})
