"""Training data as columns: from Parquet through Arrow to what layouts and summaries take, by the rules of core."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray
from pyspark.sql import DataFrame

from pegel.data.arrow_columns import categories, numbers
from pegel.data.columns import Field, Kind, Role, Schema
from pegel.detect.repeated_rows import RepeatedRows, unseen_in_repeats
from pegel.errors import InvalidSpec
from pegel.stats.layout import Layout, build_layout

AT_ONCE = 20_000_000
"""Values that the driver holds at the same time; larger tables are fetched one column after the other."""


_NUMBERS = {"tinyint", "smallint", "int", "bigint", "float", "double", "boolean", "decimal"}
_TEXTS = {"string", "char", "varchar"}


class TrainingColumns(Mapping[str, NDArray[Any]]):
    """Full columns of a table by name, fetched when asked for: float64 with NaN, or objects of str and None."""

    def __init__(self, frame: DataFrame, schema: Schema, *, at_once: int = AT_ONCE) -> None:
        """Fetch everything now if it has at most `at_once` values.

        Raises InvalidSpec when columns are absent or of a wrong type.
        """
        check(frame, schema)
        self.schema = schema
        self._frame = frame
        self._fields = {field.name: field for field in schema.fields}
        names = list(self._fields)
        small = frame.count() * len(names) <= at_once
        self._table: pa.Table | None = _fetch(frame, names) if small else None

    def __getitem__(self, name: str) -> NDArray[Any]:
        """Return one column."""
        table = self._table if self._table is not None else _fetch(self._frame, [name])
        values = numbers if self._fields[name].kind is Kind.NUMERIC else categories
        blocks = [values(block)[0] for block in table.column(name).iterchunks()]
        return np.concatenate(blocks) if blocks else np.empty(0)

    def layout(self, kept: Sequence[str]) -> Layout:
        """Freeze the cells of these rows; `kept`: see `pegel.stats.layout.build_layout`."""
        return build_layout(self.schema, self, kept)

    def repeats(self, layout: Layout) -> tuple[float, dict[str, int]]:
        """Return how much repeated rows matter, and by field of categories the rows unseen but for their copies."""
        numeric = [feature.field.name for _, feature in layout.numeric(Role.FEATURE)]
        categorical = [feature.field.name for _, feature in layout.categorical(Role.FEATURE)]
        rows = len(self[(numeric + categorical)[0]])
        repeated = RepeatedRows(rows)
        repeated.add(rows, (self[name] for name in numeric), (self[name] for name in categorical))
        factor = repeated.factor()
        if factor == 1:
            return factor, {}
        named = (one.field.name for _, one in layout.categorical(Role.FEATURE) if not one.open_vocabulary)
        times = {name: Counter(value for value in self[name].tolist() if value is not None) for name in named}
        return factor, {name: unseen_in_repeats(counts.values(), factor) for name, counts in times.items()}

    def __iter__(self) -> Iterator[str]:
        """Return the names in schema order."""
        return iter(self._fields)

    def __len__(self) -> int:
        """Return the number of columns."""
        return len(self._fields)


def check(frame: DataFrame, schema: Schema) -> None:
    """Raise InvalidSpec unless every field of the schema is a column that can hold it."""
    types = dict(frame.dtypes)
    absent = [field.name for field in schema.fields if field.name not in types]
    if absent:
        raise InvalidSpec(
            f"baseline.source: the training data lacks {', '.join(absent)}; it has {', '.join(types)}. "
            "Register data with these columns, or a schema without them; no baseline was built."
        )
    unfit = [field for field in schema.fields if not can_hold(types[field.name], field)]
    if unfit:
        given = ", ".join(f"{field.name}, which should be {field.kind}, as {types[field.name]}" for field in unfit)
        raise InvalidSpec(
            f"baseline.source: expected numbers for numeric fields, and text, numbers or truth values for categorical "
            f"ones; given {given}. Register them as what they are or convert them; no baseline was built."
        )


def kind_of(kind: str) -> Kind | None:
    """Return what a type of Spark is watched as where nobody says it: truth values and texts are categories.

    None for what is neither, such as times.
    """
    plain = kind.partition("(")[0]
    if plain in _TEXTS or plain == "boolean":
        return Kind.CATEGORICAL
    return Kind.NUMERIC if plain in _NUMBERS else None


def _fetch(frame: DataFrame, names: list[str]) -> pa.Table:
    return frame.select(*[f"`{name}`" for name in names]).toArrow()


def can_hold(kind: str, field: Field) -> bool:
    """Say whether a column of a type of Spark can be a field."""
    plain = kind.partition("(")[0]
    return plain in _NUMBERS or (field.kind is Kind.CATEGORICAL and plain in _TEXTS)
