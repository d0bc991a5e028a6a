"""The notebook door: learn a table, check rows like it, and check them again after a change.

Run it with `.venvs/serving/bin/python examples/check_a_table.py [REPORT.html]`. The data come with scikit-learn: 1,797
handwritten digits, of which the ink in each of the eight rows of a picture is watched.
"""

from __future__ import annotations

import sys

import numpy as np
from numpy.typing import NDArray
from sklearn.datasets import load_digits

import pegel

UPPER = 4
"""Rows of a picture in its upper half."""
LEARNED = 1_200
"""Rows; a baseline of fewer than 1,000 values of a column judges nothing."""


def table(pictures: NDArray[np.float64], digits: NDArray[np.int64]) -> dict[str, NDArray[np.generic]]:
    """Return the ink per row of each picture, and the digit it shows. Any mapping of columns is a table."""
    ink = pictures.sum(axis=2)
    return {**{f"row_{row}": ink[:, row] for row in range(8)}, "digit": digits.astype(str)}


def main(save: str | None = None) -> None:
    """Print both verdicts; write the second report where `save` says."""
    known = load_digits()
    order = np.random.default_rng(0).permutation(len(known.target))
    first, rest = order[:LEARNED], order[LEARNED:]
    baseline = pegel.profile(table(known.images[first], known.target[first]))

    print(pegel.check(table(known.images[rest], known.target[rest]), baseline))

    # A pen that runs dry: the lower half of each picture has a third less ink.
    fading = known.images[rest] * np.where(np.arange(8) < UPPER, 1.0, 2 / 3)[:, None]
    report = pegel.check(table(fading, known.target[rest]), baseline)
    print(report)
    if save is not None:
        report.save(save)


if __name__ == "__main__":
    main(*sys.argv[1:])
