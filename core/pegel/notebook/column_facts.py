"""What columns of training data show that hurts later: no value, always the same one, another one in every row."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, TypeAlias

import pyarrow as pa
import pyarrow.compute as pc

from pegel.data.columns import Schema
from pegel.notebook.running_numbers import RunningNumbers

Column: TypeAlias = Any
"""An Arrow array; Arrow ships no types."""
LOOKED = 100_000
"""Values of a column that are looked at for a repetition; an id has none among so many."""
LEAST = 100
"""Rows below which values without repetition say nothing."""
SPARSE = 4
"""Whole numbers are ids if they are different in every row although at most so many times more were possible. Of that
many, n draws by chance are all different with a probability of about exp(-n / 8)."""


class ColumnFacts:
    """Looks at the stored values of one column, block by block, in bounded memory."""

    def __init__(self) -> None:
        self.rows = self.present = 0
        self._first: Any = None
        self._varies = False
        self._is_text = False
        self._different: set[Any] | None = set()
        """Numbers, or hashes of texts, as long as none stood there twice."""

    def look(self, column: Column) -> None:
        """Look at the next values."""
        present = column.drop_null()
        if pa.types.is_floating(present.type):
            present = present.filter(pc.invert(pc.is_nan(present)))
        self.rows += len(column)
        self.present += len(present)
        if not len(present):
            return
        distinct = pc.unique(present)
        self._is_text = pa.types.is_string(present.type)
        self._first = distinct[0].as_py() if self._first is None else self._first
        self._varies |= len(distinct) > 1 or distinct[0].as_py() != self._first
        if self._different is not None and len(self._different) < LOOKED:
            self._different = _joined(self._different, present, distinct)

    @property
    def is_empty(self) -> bool:
        """Say whether there is no value."""
        return self.present == 0

    @property
    def is_constant(self) -> bool:
        """Say whether all values that are there are the same."""
        return self.present > 1 and not self._varies

    @property
    def is_id(self) -> bool:
        """Say whether every row that was looked at has a value of its own, which is text or a number without gaps."""
        seen = self._different
        if seen is None or len(seen) < LEAST:
            return False
        return self._is_text or max(seen) - min(seen) < SPARSE * len(seen)


class TableFacts:
    """Looks at all stored rows of a table, in order."""

    def __init__(self, schema: Schema, names: Iterable[str]) -> None:
        """Look at some columns; those of numeric fields also for numbers that rise with every row."""
        self.rows = 0
        self._columns = {name: ColumnFacts() for name in names}
        self._running = RunningNumbers(schema)

    def look(self, batch: pa.RecordBatch) -> None:
        """Look at the next rows."""
        self.rows += batch.num_rows
        self._running.look(batch)
        for name, facts in self._columns.items():
            facts.look(batch.column(name))

    @property
    def empty(self) -> list[str]:
        """Return the columns without a value."""
        return [name for name, facts in self._columns.items() if facts.is_empty]

    @property
    def constant(self) -> list[str]:
        """Return the columns that hold several values, all the same."""
        return [name for name, facts in self._columns.items() if facts.is_constant]

    @property
    def ids(self) -> list[str]:
        """Return the columns with another value in every row, as ids have it; none in a table of few rows."""
        rising = self._running.rising if self.rows >= LEAST else frozenset()
        return [name for name, facts in self._columns.items() if facts.is_id or name in rising]

    def shorter_than(self, values: int) -> list[str]:
        """Return the columns with fewer values, but some."""
        return [name for name, facts in self._columns.items() if 0 < facts.present < values]


def _joined(before: set[Any], present: Column, distinct: Column) -> set[Any] | None:
    """Add the next values to those before; None if one stands there twice, or is a number that is not whole."""
    if len(distinct) < len(present):
        return None
    if pa.types.is_floating(distinct.type) and not pc.all(pc.equal(distinct, pc.floor(distinct))).as_py():
        return None
    values = distinct.to_pylist()
    # A hash, because a text may be a whole document.
    marks = [hash(value) for value in values] if pa.types.is_string(distinct.type) else values
    if not before.isdisjoint(marks):
        return None
    before.update(marks)
    return before
