"""The rows of the experiment: four features, one row in twenty an outlier, all of the second half shifted."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from benchmarks.stream.scene import Rows
from numpy.typing import NDArray

ROWS = Rows(4, 0)
OUTLIERS = 0.05
FAR = 12.0
SHIFT = 1.0
"""Standard deviations by which the first feature moves."""


@dataclass(frozen=True)
class Planted:
    """Rows in order, shape (rows, 4); `outliers`, shape (rows,): which of them have one number far outside."""

    values: NDArray[np.float64]
    outliers: NDArray[np.bool_]

    @classmethod
    def of(cls, count: int, seed: int, *, outliers: float = OUTLIERS) -> Planted:
        """Draw rows, about such a part of them outliers. The second half is shifted."""
        values = ROWS.draw(count, seed)[0]
        rng = np.random.default_rng(seed + 1)
        values[count // 2 :, 0] += SHIFT
        chosen = rng.random(count) < outliers
        where = np.flatnonzero(chosen)
        values[where, rng.integers(0, values.shape[1], where.size)] = FAR * rng.choice([-1.0, 1.0], where.size)
        return cls(values, chosen)

    def write(self, path: Path) -> None:
        """Write the rows as a table for `pegel traffic`."""
        pq.write_table(pa.table(dict(zip(ROWS.numeric, self.values.T, strict=True))), path)
