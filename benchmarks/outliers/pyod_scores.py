"""Runs in the opponent's environment: scores the data sets of a folder with pyod.

For every `NAME.npz` with `rows`, shape (n, d), it writes `NAME.pyod.npz` with the scores of those rows, fitted on the
same rows: `ecod`, `hbos`, shape (n,); and `seconds`, the best of some runs in which each of the two scored `BATCH` rows
at most.
"""

from __future__ import annotations

import sys
from importlib import import_module
from pathlib import Path
from time import perf_counter
from typing import Any

import numpy as np

BATCH = 10_000
RUNS = 5


def seconds(model: Any, rows: Any) -> float:
    """Return how long a fitted model takes to score rows, best of `RUNS`."""
    best = float("inf")
    for _ in range(RUNS):
        start = perf_counter()
        model.decision_function(rows)
        best = min(best, perf_counter() - start)
    return best


def main(folder: Path) -> None:
    """Score every data set."""
    ecod, hbos = (import_module(f"pyod.models.{name}") for name in ("ecod", "hbos"))
    for path in sorted(folder.glob("*.npz")):
        rows = np.load(path)["rows"]
        tails, bins = ecod.ECOD().fit(rows), hbos.HBOS().fit(rows)
        np.savez(
            path.with_suffix(".pyod.npz"),
            ecod=tails.decision_scores_,
            hbos=bins.decision_scores_,
            seconds=[seconds(model, rows[:BATCH]) for model in (tails, bins)],
        )


if __name__ == "__main__":
    main(Path(sys.argv[1]))
