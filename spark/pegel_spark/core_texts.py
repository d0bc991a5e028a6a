"""Texts of numbers and keys of entities in Spark as they are everywhere else: Java would write 1.23456789E7."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from itertools import pairwise
from typing import Any

import numpy as np
import pyarrow as pa
from pyspark.sql import Column
from pyspark.sql.functions import arrow_udf  # type: ignore[attr-defined]  # its stubs do not have it

from pegel.data.arrow_columns import categories
from pegel.data.entity_key_columns import keys_of


def text_column(function: Callable[..., Any], *columns: Column) -> Column:
    """Return the column of texts that a function of Arrow arrays, whose annotations say so, makes of columns."""
    made: Column = arrow_udf(function, "string")(*columns)
    return made


def number_texts(column: Column) -> Column:
    """Return a column of numbers as categories, see `pegel.data.conversions.number_text`; null where there is none."""

    def texts(numbers: pa.Array) -> pa.Array:
        return pa.array(categories(numbers)[0], pa.string())

    return text_column(texts, column)


def entity_keys(parts: Sequence[Sequence[Column]]) -> Column:
    """Return the keys of entities, see `pegel.data.entity_key_columns.keys_of`: of each part where it may stand."""
    ends = np.cumsum([0, *map(len, parts)]).tolist()

    def keys(*columns: pa.Array) -> pa.Array:
        return keys_of([columns[start:end] for start, end in pairwise(ends)])

    return text_column(keys, *(column for part in parts for column in part))
