"""What the rules of tier 1 look at, one function per kind: for each row, whether the value of a field is so."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from pegel.data.columns import Columns, Missing
from pegel.stats.layout import CategoricalLayout

Flags = NDArray[np.bool_]
"""One truth per row."""
Test = Callable[[Columns, int], Flags]
"""Looks at rows, given the place of the field among the columns of its kind."""


def outside(low: float, high: float) -> Test:
    """Test whether a number is finite and below `low` or above `high`; both are inside."""

    def test(columns: Columns, j: int) -> Flags:
        values = columns.numeric[:, j]
        return np.isfinite(values) & ((values < low) | (values > high))

    return test


def unseen(layout: CategoricalLayout) -> Test:
    """Test whether a category never occurred in the baseline."""
    cells, unseen = layout.vocabulary.cells, layout.size - 1

    def test(columns: Columns, j: int) -> Flags:
        column = columns.categorical[j].tolist()
        return np.array([value is not None and cells[value] == unseen for value in column], dtype=np.bool_)

    return test


def coded(code: Missing) -> Test:
    """Test whether a number is missing for this reason."""

    def test(columns: Columns, j: int) -> Flags:
        if columns.missing is None:
            return np.zeros(columns.n, dtype=np.bool_)
        return np.equal(columns.missing[:, j], code)

    return test


def is_nan(columns: Columns, j: int) -> Flags:
    """Say where NaN was sent as such; nulls and nonsense are NaN in the matrix too."""
    nan = np.isnan(columns.numeric[:, j])
    return nan if columns.missing is None else nan & (columns.missing[:, j] == Missing.PRESENT)


def is_infinite(columns: Columns, j: int) -> Flags:
    """Say where a number is infinite."""
    return np.isinf(columns.numeric[:, j])


def is_null(columns: Columns, j: int) -> Flags:
    """Say where a category is null."""
    absent = np.array([value is None for value in columns.categorical[j].tolist()], dtype=np.bool_)
    return absent & ~is_unparseable(columns, j)


def is_unparseable(columns: Columns, j: int) -> Flags:
    """Say where a category was neither string nor null."""
    bad = columns.unparseable[j]
    return np.zeros(columns.n, dtype=np.bool_) if bad is None else bad
