"""Models that are explained: fitted, in the form in which this room serves them, with rows to explain."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from pegel.data.columns import Field, Kind, Role, Schema
from pegel_serving.fitted_model import FittedModel
from pegel_serving.metadata import Metadata

Numbers = NDArray[np.float64]


def numbers(rows: int, width: int, *, seed: int = 1, missing: float = 0.0) -> Numbers:
    """Return normal rows, some of whose values are missing."""
    draw = np.random.default_rng(seed)
    values = draw.normal(size=(rows, width))
    values[draw.random(values.shape) < missing] = np.nan
    return values


def outcome(x: Numbers) -> Numbers:
    """Return something that depends on the first three features, and on two of them together."""
    filled = np.nan_to_num(x)
    return np.asarray(2 * filled[:, 0] + filled[:, 1] * filled[:, 2] + np.where(filled[:, 1] > 0.5, 1.0, 0.0))


def classes(x: Numbers, count: int = 2) -> NDArray[np.int64]:
    """Return classes that follow the outcome."""
    made = outcome(x)
    return np.digitize(made, np.quantile(made, np.linspace(0, 1, count + 1)[1:-1]))


def objects(x: Numbers) -> Any:
    """Return rows as they are checked in a request."""
    return x.astype(object)


def as_served(estimator: Any, width: int, *, texts: tuple[int, ...] = ()) -> FittedModel:
    """Return a model of features named f0, f1 and so on; those in `texts` are categories."""
    kinds = [Kind.CATEGORICAL if at in texts else Kind.NUMERIC for at in range(width)]
    fields = tuple(Field(f"f{at}", kind) for at, kind in enumerate(kinds))
    schema = Schema((*fields, Field("answer", Kind.NUMERIC, Role.PREDICTION)))
    return FittedModel(estimator, Metadata("explained", 1, schema), Path("nowhere"))


def seeds(rows: int) -> list[tuple[int, int]]:
    """Return a seed for each row."""
    return [(7, at) for at in range(rows)]
