"""The table that every contender reads: 50 columns of mixed shapes, seeded, as Parquet files."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet
from numpy.typing import NDArray

SEED = 20261121
BASELINE, LARGE, SMALL = 1_000_000, 200_000, 2_000
LEVELS = (2, 3, 5, 8, 12, 20, 40, 80, 200, 1_000)
"""Distinct values of each categorical column."""
NULLS = 5
"""The shape of which two values in a hundred are null."""

Array = NDArray[np.float64]


def numeric(rng: np.random.Generator, n: int, shape: int) -> pa.Array:
    """Draw one numeric column; there are eight shapes, taken in turn."""
    x: Array = rng.normal(size=n)
    values = (
        lambda: 10 * (shape + 1) + x,
        lambda: np.exp(x),
        lambda: rng.standard_t(3, n),
        lambda: np.where(rng.random(n) < 0.6, 0.0, np.abs(x)),
        lambda: rng.poisson(4 * (shape + 1), n),
        lambda: rng.random(n),
        lambda: np.round(20 * x, 1).astype(np.float32),
        lambda: np.where(rng.random(n) < 0.5, x, x + 6),
    )[shape % 8]()
    return pa.array(values, mask=rng.random(n) < 0.02 if shape % 8 == NULLS else None)


def category(rng: np.random.Generator, n: int, levels: int) -> pa.Array:
    """Draw one categorical column with few frequent and many rare values."""
    weights = 1 / np.arange(1, levels + 1)
    names = np.array([f"value {i:04d}" for i in range(levels)], dtype=object)
    return pa.array(names[rng.choice(levels, n, p=weights / weights.sum())])


def table(seed: int, n: int) -> pa.Table:
    """Draw `n` rows: 40 numeric and 10 categorical columns."""
    rng = np.random.default_rng(seed)
    columns = {f"x{i:02d}": numeric(rng, n, i) for i in range(40)}
    return pa.table(columns | {f"c{i}": category(rng, n, levels) for i, levels in enumerate(LEVELS)})


def make(folder: Path) -> dict[str, Path]:
    """Write the baseline and two tables to check, unless they are there; the same seed gives the same bytes."""
    folder.mkdir(parents=True, exist_ok=True)
    made = {}
    for number, (name, rows) in enumerate({"baseline": BASELINE, "large": LARGE, "small": SMALL}.items()):
        made[name] = folder / f"{name}-{rows}-{SEED}.parquet"
        if not made[name].exists():
            partial = made[name].with_suffix(".partial")
            pa.parquet.write_table(table(SEED + number, rows), partial, row_group_size=125_000)
            partial.rename(made[name])
    return made
