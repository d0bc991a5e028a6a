"""A small fitted model in the form in which this room serves models."""

from __future__ import annotations

from pathlib import Path

import joblib
import numpy as np
from sklearn.compose import ColumnTransformer
from sklearn.linear_model import LinearRegression
from sklearn.pipeline import Pipeline
from sklearn.preprocessing import OneHotEncoder

from pegel.data.columns import Field, Kind, Role, Schema
from pegel_serving.metadata import MODEL_FILE, Metadata

SCHEMA = Schema(
    (
        Field("colour", Kind.CATEGORICAL),
        Field("size", Kind.NUMERIC, unit="cm"),
        Field("weight", Kind.NUMERIC, unit="kg"),
        Field("price", Kind.NUMERIC, Role.PREDICTION, unit="EUR"),
    )
)


def write_paint_model(folder: Path) -> None:
    """Fit price = 2 size + 3 weight, plus 10 when red, and write it into a folder."""
    colours = np.array(["red", "blue"] * 20, dtype=object)
    sizes, weights = np.arange(40.0), np.arange(40.0)[::-1] ** 2
    rows = np.column_stack([colours, sizes.astype(object), weights.astype(object)])
    encode = OneHotEncoder(handle_unknown="ignore", sparse_output=False)
    columns = ColumnTransformer([("colour", encode, [0])], remainder="passthrough")
    model = Pipeline([("columns", columns), ("line", LinearRegression())])
    joblib.dump(model.fit(rows, 2 * sizes + 3 * weights + 10 * (colours == "red")), folder / MODEL_FILE)
    Metadata("paint", 1, SCHEMA).write(folder)
