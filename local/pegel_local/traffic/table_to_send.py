"""The rows of a table as they are sent: which columns, in which kinds, and their values as JSON has them."""

from __future__ import annotations

import math
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pyarrow as pa

from pegel.data.arrow_columns import finite, kind_of
from pegel.data.columns import Kind
from pegel.errors import InvalidSpec, PermanentError
from pegel.notebook.naming import listed
from pegel.notebook.table_reading import Table
from pegel.spec.nearest import did_you_mean
from pegel_local.traffic.changes import Row, Spread
from pegel_local.traffic.receiver import Receiver


@dataclass(frozen=True)
class TableToSend:
    """Columns of an open table, in order. `numeric` are those that are numbers in a request."""

    table: Table
    columns: tuple[str, ...]
    numeric: frozenset[str]

    @classmethod
    def of(cls, table: Table, receiver: Receiver, chosen: Sequence[str]) -> TableToSend:
        """Choose what is sent: the columns that a person names, else those that the model takes, else all.

        Raises PermanentError for a table without rows, InvalidSpec for columns that it does not have.
        """
        names = table.schema.names
        if absent := [name for name in chosen if name not in names]:
            raise InvalidSpec(
                f"--column: expected columns of the table ({listed(names)}), given {listed(absent)}. Nothing was sent."
                f"{did_you_mean(absent, names, lead=' ')}"
            )
        columns = tuple(chosen or [name for name in receiver.kinds if name in names] or names)
        if table.rows == 0:
            raise PermanentError(f"expected rows to send, given {table.source} without any. Nothing was sent.")
        kinds = {name: receiver.kinds.get(name) or kind_of(table.schema.field(name).type) for name in columns}
        return cls(table, columns, frozenset(name for name, kind in kinds.items() if kind == Kind.NUMERIC))

    def rows(self) -> Iterator[Row]:
        """Yield the rows in order, and from the first again, without end."""
        while True:
            for batch in self.table.batches(self.columns):
                columns = [self._values(name, batch.column(name)) for name in self.columns]
                for values in zip(*columns, strict=True):
                    yield dict(zip(self.columns, values, strict=True))

    def spreads(self, names: Collection[str]) -> dict[str, Spread]:
        """Return how far the finite numbers of columns spread over the table, for each whose numbers vary."""
        spreads = {}
        for name in names:
            values = np.concatenate([np.empty(0), *map(finite, self.table.column(name))])
            if values.size and (deviation := float(values.std())):
                spreads[name] = Spread(float(values.min()), float(values.max()), deviation)
        return spreads

    def _values(self, name: str, column: Any) -> list[Any]:
        if pa.types.is_string(column.type) and name in self.numeric:
            return [_as_number(value) for value in column.to_pylist()]
        return list(map(_plain, column.to_pylist()))


def _plain(value: Any) -> Any:
    """Return a value as JSON has it: times by ISO 8601, None for what is no number."""
    if value is None or isinstance(value, bool | int | str):
        return value
    if hasattr(value, "isoformat"):
        return value.isoformat()
    try:
        number = float(value)
    except (TypeError, ValueError):
        return str(value)
    return number if math.isfinite(number) else None


def _as_number(text: str | None) -> Any:
    """Return the number that a text writes; the text itself, for the model to refuse, if it writes none."""
    try:
        return _plain(None if text is None else float(text))
    except ValueError:
        return text
