"""Rows of a table, or of registered training data, as a request would give them to a model."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from pegel.data.arrow_columns import categories, numbers
from pegel.data.columns import Field, Kind
from pegel.notebook.named_table import NamedTable
from pegel.notebook.table_reading import Table, opened
from pegel_serving.model_columns import Rows


@contextmanager
def reading(table: NamedTable, text: Sequence[Field] = ()) -> Iterator[Table]:
    """Open a table. Of text files, the categorical ones of `text` keep what is written. Raises PermanentError."""
    with opened(table.path, text=[field.name for field in text if field.kind is Kind.CATEGORICAL]) as read:
        yield read


def first_rows(table: Table, fields: Sequence[Field], most: int) -> Rows:
    """Return up to `most` rows of these fields, shape (rows, fields), as they are checked in a request.

    A number is a float or NaN, anything else a text or None; times are written as ISO 8601.
    """
    for batch in table.batches([field.name for field in fields]):
        part = batch.slice(0, most)
        rows = np.empty((part.num_rows, len(fields)), dtype=object)
        for at, field in enumerate(fields):
            rows[:, at] = values_of(part.column(at), field)
        return rows
    return np.empty((0, len(fields)), dtype=object)


def values_of(column: Any, field: Field) -> NDArray[Any]:
    """Return one column as values of a request: numbers, texts, or times as ISO 8601, None where there is none."""
    if field.kind is Kind.NUMERIC:
        return numbers(column)[0]
    if not pa.types.is_temporal(column.type):
        return categories(column)[0]
    written = np.empty(len(column), dtype=object)
    for at, value in enumerate(column.to_pylist()):
        written[at] = None if value is None else getattr(value, "isoformat", value.__str__)()
    return written
