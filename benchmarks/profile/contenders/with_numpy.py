"""The floor, on one thread: read the file, 64 cells per number, moments and value counts; nothing is compared."""

from __future__ import annotations

import sys

import numpy as np
import pyarrow as pa
from pyarrow import parquet

CELLS = 64


def main(verb: str, path: str, _state: str) -> None:
    """Do with `path` what any profile must do, as plainly as numpy allows; only read it if the verb is `read`."""
    table = parquet.read_table(path, use_threads=False)
    if verb == "read":
        return
    for column in table.columns:
        if pa.types.is_string(column.type):
            column.value_counts()
            continue
        values = column.drop_null().to_numpy().astype(np.float64)
        edges = np.unique(np.quantile(values, np.linspace(0, 1, CELLS + 1)[1:-1]))
        np.bincount(np.searchsorted(edges, values), minlength=edges.size + 1)
        deviation = values - values.mean()
        squares = deviation * deviation
        print(squares.sum(), (squares * deviation).sum(), (squares * squares).sum())


if __name__ == "__main__":
    pa.set_cpu_count(1)
    main(*sys.argv[1:])
