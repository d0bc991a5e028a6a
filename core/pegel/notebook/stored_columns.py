"""Columns of a table in the few types in which training data is stored, so that every engine reads the same of them.

Numbers keep their type where it is a signed integer or a float; truth values stay such; every other category is text.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, TypeAlias

import numpy as np
import pyarrow as pa

from pegel.data.arrow_columns import categories, numbers
from pegel.data.columns import Field, Kind, Missing
from pegel.data.plain_types import plain_type

Column: TypeAlias = Any
"""An Arrow array; Arrow ships no types."""
_WIDENED = {pa.uint8(): pa.int16(), pa.uint16(): pa.int32(), pa.uint32(): pa.int64()}


@dataclass(slots=True)
class StoredColumn:
    """One field, and how many of its values were neither nothing nor what it holds: these are stored as null."""

    field: Field
    arrow: pa.DataType
    unreadable: int = 0

    @classmethod
    def of(cls, field: Field, given: pa.DataType) -> StoredColumn:
        """Choose how a field is stored whose column has a type."""
        given = plain_type(given)
        if field.kind is Kind.CATEGORICAL:
            return cls(field, given if pa.types.is_boolean(given) else pa.string())
        kept = pa.types.is_signed_integer(given) or pa.types.is_floating(given)
        return cls(field, given if kept else _WIDENED.get(given, pa.float64()))

    def stored(self, column: Column) -> Column:
        """Return the next values of the column as they are stored, and count those that are unreadable."""
        if column.type == self.arrow:
            return column
        if pa.types.is_boolean(self.arrow) or (self.field.kind is Kind.NUMERIC and _is_number(column.type)):
            return column.cast(self.arrow, safe=False)
        if self.field.kind is Kind.CATEGORICAL:
            texts, strange = categories(column)
            self.unreadable += 0 if strange is None else int(strange.sum())
            return pa.array(texts, self.arrow)
        values, codes = numbers(column)
        if codes is None:
            return pa.array(values, self.arrow, from_pandas=False)
        self.unreadable += int(np.count_nonzero(codes == Missing.UNPARSEABLE))
        return pa.array(values, self.arrow, mask=codes != Missing.PRESENT, from_pandas=False)


def _is_number(arrow: pa.DataType) -> bool:
    return bool(pa.types.is_integer(arrow) or pa.types.is_floating(arrow) or pa.types.is_null(arrow))
