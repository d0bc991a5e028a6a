"""Frozen cells from a table, one column after the other, in bounded memory."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator

import numpy as np
import pyarrow as pa

from pegel.data.arrow_columns import counts, finite, numbers
from pegel.data.columns import Field, Kind
from pegel.notebook.table_reading import Table
from pegel.stats import edges
from pegel.stats.cells import count_sorted, finite_part
from pegel.stats.layout import CategoricalLayout, FieldLayout, freeze_numeric
from pegel.stats.selection import select
from pegel.stats.vocabulary import OPEN, TOP, Vocabulary, most_frequent

NUMBER = 8
"""Bytes of one number."""
TEXT = 256
"""Bytes of one distinct category and its count, about."""


def learn(table: Table, field: Field, room: int) -> FieldLayout:
    """Freeze the cells of one column with at most about `room` bytes in memory; the result does not depend on it."""

    def column() -> Iterator[pa.Array]:
        return table.column(field.name)

    if field.kind is Kind.CATEGORICAL:
        return CategoricalLayout(field, vocabulary(column, max(OPEN, room // TEXT)))
    if table.rows * NUMBER > room:
        chosen, discrete, per_cell = select(lambda: map(finite, column()), room // (2 * NUMBER))
    else:
        ordered = _sorted(column(), table.rows)
        chosen, discrete = edges.build(ordered)
        per_cell = count_sorted(ordered, edges.cuts(chosen))
    return freeze_numeric(field, chosen, per_cell, discrete=discrete, rows=table.rows)


def _sorted(column: Iterator[pa.Array], rows: int) -> np.ndarray[tuple[int], np.dtype[np.float64]]:
    values = np.empty(rows)
    at = 0
    for block in column:
        values[at : at + len(block)] = numbers(block)[0]
        at += len(block)
    values.sort()
    return finite_part(values)


def vocabulary(column: Callable[[], Iterator[pa.Array]], room: int) -> Vocabulary:
    """Learn the categories of a column with at most `room` distinct ones in memory.

    More than that are counted in several passes, each for a share of them, told apart by their hash.
    """
    shares = 1
    while (learnt := _counted(column, shares, room)) is None:
        shares *= 4
    return learnt


def _counted(column: Callable[[], Iterator[pa.Array]], shares: int, room: int) -> Vocabulary | None:
    """Count in so many passes; None if a pass meets more than `room` categories."""
    frequent: Counter[str] = Counter()
    distinct = singletons = rows = 0
    for share in range(shares):
        seen: Counter[str] = Counter()
        for block in column():
            for value, count in counts(block).items():
                if hash(value) % shares == share:
                    seen[value] += count
            if len(seen) > room:
                return None
        if shares == 1:
            return Vocabulary.of_counts(seen)
        distinct += len(seen)
        singletons += sum(count == 1 for count in seen.values())
        rows += seen.total()
        frequent.update({value: seen[value] for value in most_frequent(seen)[: TOP + 1]})
    return Vocabulary.of_counts(frequent, distinct, singletons, rows)
