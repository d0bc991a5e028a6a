"""In which cell of the layout each value of a row lies, one small number per value; what is missing has its own."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from pegel.data.columns import Columns, Missing, Role
from pegel.stats.cells import cell_of
from pegel.stats.layout import FieldLayout, Layout, NumericLayout

Codes = NDArray[np.int32]
NAN, NULL, UNPARSEABLE, POSITIVE_INFINITY, NEGATIVE_INFINITY = range(5)
BEYOND_CELLS = 5
"""Codes below this one stand for what has no cell; that of a cell is its number and this."""


@dataclass(frozen=True, eq=False)
class RowCodes:
    """Looks up the codes of rows of features. `left_out`: names of fields that do not count."""

    layout: Layout
    left_out: frozenset[str]

    @classmethod
    def of(cls, layout: Layout, left_out: Collection[str] = ()) -> RowCodes:
        """Return what looks rows up in the cells of a layout."""
        return cls(layout, frozenset(left_out))

    @cached_property
    def features(self) -> tuple[FieldLayout, ...]:
        """Return the fields that count: numbers first, each kind in schema order."""
        both: list[FieldLayout] = [feature for _, feature in self.layout.numeric(Role.FEATURE)]
        both += [feature for _, feature in self.layout.categorical(Role.FEATURE)]
        return tuple(feature for feature in both if feature.field.name not in self.left_out)

    @property
    def sizes(self) -> tuple[int, ...]:
        """Return how many codes each of these fields has."""
        return tuple(feature.size + BEYOND_CELLS for feature in self.features)

    def of_rows(self, columns: Columns) -> Codes:
        """Return the codes of rows of features, shape (fields that count, rows)."""
        found = np.empty((len(self.features), columns.n), dtype=np.int32)
        numeric = self.layout.numeric(Role.FEATURE)
        texts = self.layout.categorical(Role.FEATURE)
        at = 0
        for j, (_, number) in enumerate(numeric):
            if number.field.name not in self.left_out:
                missing = None if columns.missing is None else columns.missing[:, j]
                found[at] = _of_numbers(number, columns.numeric[:, j], missing)
                at += 1
        for (_, text), column, bad in zip(texts, columns.categorical, columns.unparseable, strict=True):
            if text.field.name not in self.left_out:
                known = text.vocabulary
                places, named = known.place_of(column), len(known.top)
                cells = np.where(places < named, places, named + (places - named) % known.buckets)
                found[at] = np.where(places == known.nowhere, NULL, cells + BEYOND_CELLS)
                if bad is not None:
                    found[at][bad] = UNPARSEABLE
                at += 1
        return found


def _of_numbers(feature: NumericLayout, values: NDArray[np.float64], missing: NDArray[np.uint8] | None) -> Codes:
    finite = np.isfinite(values)
    if finite.all():
        return (cell_of(np.ascontiguousarray(values), feature.cuts) + BEYOND_CELLS).astype(np.int32)
    codes = (cell_of(np.where(finite, values, 0.0), feature.cuts) + BEYOND_CELLS).astype(np.int32)
    codes[np.isnan(values)] = NAN
    codes[values == np.inf] = POSITIVE_INFINITY
    codes[values == -np.inf] = NEGATIVE_INFINITY
    if missing is not None:
        codes[missing == Missing.NULL] = NULL
        codes[missing == Missing.UNPARSEABLE] = UNPARSEABLE
    return codes
