"""Columns that look like running ids: whole numbers, each larger than the one before. As numbers they always drift."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from pegel.data.arrow_columns import numbers
from pegel.data.columns import Kind, Schema
from pegel.stats.summary import FeatureSummary, Summary


class RunningNumbers:
    """Looks at all rows of a table, in order, for numeric fields that rise with every row."""

    def __init__(self, schema: Schema) -> None:
        fields = (field.name for field in schema.fields if field.kind is Kind.NUMERIC)
        self._last = dict.fromkeys(fields, -np.inf)

    def look(self, batch: pa.RecordBatch) -> pa.RecordBatch:
        """Look at the next rows, and return them."""
        for name, last in [*self._last.items()]:
            values, missing = numbers(batch.column(name))
            if missing is not None or not _rise(values, last):
                del self._last[name]
            elif values.size:
                self._last[name] = float(values[-1])
        return batch

    @property
    def rising(self) -> frozenset[str]:
        """Return the fields that rose with every row so far; all of them before the first row."""
        return frozenset(self._last)

    def among(self, names: Iterable[str], training: Summary) -> list[str]:
        """Return which of some fields rise in the table, and may have had another value in each row of training."""
        return [name for name in names if name in self._last and _may_be_different(training.features[name])]


def _rise(values: NDArray[np.float64], last: float) -> bool:
    if values.size and not values[0] > last:
        return False
    return bool(np.all(values[1:] > values[:-1]) and np.all(np.isfinite(values)) and np.all(values == np.floor(values)))


def _may_be_different(feature: FeatureSummary) -> bool:
    """Say whether there is room for as many different whole numbers between the least and the largest value."""
    least, most = feature.min, feature.max
    if least is None or most is None or least % 1 or most % 1:
        return False
    return most - least + 1 >= feature.counted > 1
