"""Rows of a baseline as a model is given them: linear models are compared with their mean, others with some of them."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Final

import numpy as np
from pyarrow import dataset

from pegel.data.columns import Field
from pegel_serving.model_columns import Rows
from pegel_serving.table_rows import values_of

MOST: Final = 1_000
"""Rows that are read, evenly over the table: the order of its rows may be that of their times."""


def background_rows(table: Path, features: Sequence[Field]) -> Rows:
    """Return up to `MOST` rows of a table of Parquet, the same ones each time, shape (rows, features).

    Raises OSError, pyarrow's ArrowInvalid (a ValueError), and KeyError where the table lacks a feature.
    """
    found = dataset.dataset(table, format="parquet")
    if lacking := [field.name for field in features if field.name not in found.schema.names]:
        raise KeyError(lacking[0])
    count = found.count_rows()
    places = np.unique(np.linspace(0, max(count - 1, 0), min(count, MOST)).astype(np.int64))
    taken = found.take(places, columns=[field.name for field in features])
    rows = np.empty((taken.num_rows, len(features)), dtype=object)
    for at, field in enumerate(features):
        rows[:, at] = values_of(taken.column(at).combine_chunks(), field)
    return rows
