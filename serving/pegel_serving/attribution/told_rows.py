"""Decoded columns of requests as rows that a model takes: in the order of the schema, floats or texts."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from pegel.data.columns import Columns, Field, Kind
from pegel_serving.model_columns import Rows


def told_rows(columns: Columns, fields: Sequence[Field]) -> Rows:
    """Return rows, shape (rows, fields): a float or NaN where a field is numeric, else a text or None."""
    rows = np.empty((columns.n, len(fields)), dtype=object)
    numeric, texts = 0, 0
    for at, field in enumerate(fields):
        if field.kind is Kind.NUMERIC:
            rows[:, at] = columns.numeric[:, numeric].tolist()
            numeric += 1
        else:
            rows[:, at] = columns.categorical[texts]
            texts += 1
    return rows
