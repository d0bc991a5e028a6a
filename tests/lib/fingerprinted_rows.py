"""Rows of numbers beside the fingerprints of a training table, as tests of crowds need them."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import numpy as np
from numpy.typing import NDArray

from pegel.data.columns import Columns, Field, Kind, Role, Schema
from pegel.stats.fingerprints.crowd_sizes import CrowdSizes
from pegel.stats.fingerprints.fingerprint_tables import FingerprintTables, coordinates_of
from pegel.stats.fingerprints.kept_rows import KeptRows
from pegel.stats.fingerprints.row_codes import RowCodes
from pegel.stats.fingerprints.row_hashes import key_of, row_hashes
from pegel.stats.layout import build_layout
from pegel.stats.summary import Summary

Numbers = NDArray[np.float64]


def columns_of(rows: Numbers) -> Columns:
    """Return rows of numbers as they are counted."""
    return Columns(len(rows), rows, None, (), ())


@dataclass(frozen=True, eq=False)
class Trained:
    """A table of numbers and its fingerprints. `counted`: its distinct rows."""

    codes: RowCodes
    tables: FingerprintTables
    counted: CrowdSizes
    key: int

    @classmethod
    def on(cls, rows: Numbers) -> Trained:
        """Learn from rows, all of them distinct."""
        names = [f"x{j}" for j in range(rows.shape[1])]
        schema = Schema(tuple(Field(name, Kind.NUMERIC) for name in names))
        layout = build_layout(schema, dict(zip(names, rows.T, strict=True)))
        summary = Summary.empty(layout)
        summary.update(columns_of(rows), Role.FEATURE)
        codes = RowCodes.of(layout)
        places = [coordinates_of(one, summary.features[one.field.name].cells) for one in codes.features]
        of_rows = codes.of_rows(columns_of(rows))
        tables = FingerprintTables.freeze(places, of_rows)
        return cls(codes, tables, CrowdSizes.counted(tables.cells(of_rows)), key_of(layout))

    def kept(self, rows: Numbers, **known: Any) -> KeptRows:
        """Keep rows of a window."""
        columns = columns_of(rows)
        return KeptRows.of(row_hashes(columns, self.key), self.tables.cells(self.codes.of_rows(columns)), **known)

    def sizes(self, rows: Numbers) -> CrowdSizes:
        """Count the distinct rows of a window."""
        return CrowdSizes.of(self.kept(rows))


def stepped(rng: np.random.Generator, n: int, columns: int = 6) -> Numbers:
    """Draw normal rows of which the last column is cut into halves."""
    rows = rng.normal(size=(n, columns))
    rows[:, -1] = np.floor(2 * rows[:, -1])
    return rows


@lru_cache
def golden() -> Trained:
    """Return the table of the specification: 20,000 rows of six columns."""
    return Trained.on(stepped(np.random.default_rng(1), 20_000))
