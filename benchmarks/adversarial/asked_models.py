"""Models that are asked: drawn customers of a credit-like table, real flights, and the real states of a radiator.

Real tables are those that packages carry: flights in what the demo installs, Shuttle in river. Nothing is downloaded.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd
from benchmarks.adversarial.searches import Answers, Rows, answers, customers
from benchmarks.outliers.data import shuttle

from pegel.stats.decimal_grids import FINEST, digits_of

TRAINED, FRESH = 30_000, 12_000
FLIGHTS = Path(".venvs/demo-data/popmon/test_data/flight_delays.csv.gz")
LATE = 15.0
"""Minutes."""


@dataclass(frozen=True, eq=False)
class AskedModel:
    """A table and its classes. `trained` and `fresh` share no row; `digits`: behind the point, by column."""

    name: str
    what: str
    trained: Rows
    classes: Answers
    fresh: Rows
    digits: Answers

    def rounded(self, rows: Rows) -> Rows:
        """Return rows in the steps in which the columns are measured."""
        scale = 10.0**self.digits
        return np.asarray(np.rint(rows * scale) / scale + 0.0)


def credit() -> AskedModel:
    """Return drawn customers, and whether a sum of bends is above a threshold."""
    rows = customers(np.random.default_rng(1), TRAINED + FRESH)
    return _parted("credit", "drawn, credit-like", rows, answers(rows))


def flights() -> AskedModel:
    """Return flights that flew, and whether one is late by all of its parts.

    These are the delay at departure, the time on the ground, and that in the air beyond what the distance takes.
    """
    table = pd.read_csv(FLIGHTS)
    names = ["DEPARTURE_DELAY", "TAXI_OUT", "AIR_TIME", "DISTANCE"]
    table = table.dropna(subset=names).sample(TRAINED + FRESH, random_state=1)
    days = pd.to_datetime(table["DATE"]).dt.dayofweek
    airlines = table["AIRLINE"].astype("category").cat.codes
    rows = np.column_stack([*(table[name] for name in names), days, airlines]).astype(np.float64)
    usual = np.polynomial.Polynomial.fit(rows[:, 3], rows[:, 1] + rows[:, 2], 1)
    late = rows[:, 0] + rows[:, 1] + rows[:, 2] - usual(rows[:, 3]) > LATE
    return _parted("flights", "real", rows, late.astype(np.int64))


def radiator() -> AskedModel:
    """Return the states of a radiator, and whether one is rare."""
    table = shuttle()
    order = np.random.default_rng(1).permutation(len(table.rows))[: TRAINED + FRESH]
    return _parted("Shuttle", "real", table.rows[order], table.outlying[order].astype(np.int64))


def _parted(name: str, what: str, rows: Rows, classes: Answers) -> AskedModel:
    digits = np.array([min(FINEST, digits_of(np.ascontiguousarray(column))) for column in rows.T])
    return AskedModel(name, what, rows[:TRAINED], classes[:TRAINED], rows[TRAINED:], digits)
