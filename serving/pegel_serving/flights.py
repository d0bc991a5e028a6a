"""The demonstration's data: US domestic flights of 2015, a published sample of 100,000 rows in two CSV files.

Rows up to the end of March train the model, less a held-out part that plays the unchanged traffic. Two later periods
play the changed traffic; see `PERIODS` for how different they really are.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from pegel.data.columns import Field, Kind, Role, Schema
from pegel.errors import SetupError

FILES = ("flight_delays_reference.csv.gz", "flight_delays.csv.gz")
FEATURES = ("airline", "departure_delay", "taxi_out", "distance", "day_of_week")
TARGET = "air_time"
FLOWN = "flown"
"""The column of training data that says what the target really was, beside the model's own answer."""
SCHEMA = Schema(
    (
        Field("airline", Kind.CATEGORICAL),
        Field("departure_delay", Kind.NUMERIC, unit="min"),
        Field("taxi_out", Kind.NUMERIC, unit="min"),
        Field("distance", Kind.NUMERIC, unit="mi"),
        Field("day_of_week", Kind.NUMERIC),
        Field(TARGET, Kind.NUMERIC, Role.PREDICTION, unit="min"),
    )
)
_COLUMNS = {
    "AIRLINE": "airline",
    "DEPARTURE_DELAY": "departure_delay",
    "TAXI_OUT": "taxi_out",
    "DISTANCE": "distance",
    "AIR_TIME": TARGET,
}


@dataclass(frozen=True, slots=True)
class Period:
    """Days of 2015, half-open, UTC."""

    start: datetime
    end: datetime


TRAINING = Period(datetime(2015, 1, 1, tzinfo=UTC), datetime(2015, 4, 1, tzinfo=UTC))
PERIODS = {
    # One carrier was merged into another: `airline` changes, nothing else does.
    "july": Period(datetime(2015, 7, 1, tzinfo=UTC), datetime(2015, 8, 1, tzinfo=UTC)),
    # Christmas: departures are delayed by 25 minutes on average instead of 10, and the carriers are merged as well.
    "december": Period(datetime(2015, 12, 24, tzinfo=UTC), datetime(2016, 1, 1, tzinfo=UTC)),
}


def read(folder: Path) -> pd.DataFrame:
    """Return flights that took place, in the order of the files: features, target and `date`. Raises SetupError."""
    missing = [name for name in FILES if not (folder / name).exists()]
    if missing:
        raise SetupError(
            f"{folder} must hold {' and '.join(FILES)}; missing: {', '.join(missing)}. Nothing was trained."
        )
    raw = pd.concat([pd.read_csv(folder / name) for name in FILES], ignore_index=True)
    flown = raw[raw["CANCELLED"] == 0].rename(columns=_COLUMNS)
    flown["date"] = pd.to_datetime(flown["DATE"], utc=True)
    flown["day_of_week"] = flown["date"].dt.dayofweek + 1
    return flown[["date", *FEATURES, TARGET]].reset_index(drop=True)


def within(flights: pd.DataFrame, period: Period) -> pd.DataFrame:
    """Return the flights of a period."""
    return flights[(flights["date"] >= period.start) & (flights["date"] < period.end)]


def matrix(flights: pd.DataFrame) -> NDArray[np.object_]:
    """Return the features as the served model sees them: an object matrix in schema order, numbers as float."""
    columns = [flights["airline"].astype(object), *(flights[name].astype(float) for name in FEATURES[1:])]
    out = np.empty((len(flights), len(columns)), dtype=object)
    for index, column in enumerate(columns):
        out[:, index] = column.to_numpy()
    return out
