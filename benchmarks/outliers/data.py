"""Labelled data that packages carry: scikit-learn's tables and river's Shuttle. Nothing is downloaded.

Rare classes are thinned to the sizes that the ODDS collection made customary, taking the first rows of the class.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from river.datasets import Shuttle
from sklearn import datasets


@dataclass(frozen=True, eq=False)
class Labelled:
    """Rows, float64, shape (n, d), and which of them are outliers, bool, shape (n,). No column is constant."""

    name: str
    what: str
    rows: NDArray[np.float64]
    outlying: NDArray[np.bool_]


def shuttle() -> Labelled:
    """Return all rows of Statlog Shuttle as river carries them."""
    table = np.loadtxt(Shuttle().path, delimiter=",", skiprows=1)
    return Labelled("shuttle", "rare states of a radiator", table[:, :-1], table[:, -1] == 1)


def thinned(name: str, what: str, rare: int, keep: int) -> Labelled:
    """Return a table of scikit-learn in which class `rare` is an outlier; only its first `keep` rows stay."""
    made = getattr(datasets, f"load_{name}")()
    rows, outlying = made.data.astype(np.float64), made.target == rare
    stay = ~outlying | (np.cumsum(outlying) <= keep)
    rows, outlying = rows[stay], outlying[stay]
    return Labelled(name, what, rows[:, np.ptp(rows, axis=0) > 0], outlying)


def everything() -> list[Labelled]:
    """Return every data set."""
    return [
        shuttle(),
        thinned("breast_cancer", "21 malignant among benign", rare=0, keep=21),
        thinned("wine", "10 of the first grower among two others", rare=0, keep=10),
        thinned("digits", "20 zeros among the other digits", rare=0, keep=20),
    ]
