"""How many distinct rows stand in each cell of each table: what the crowds of a window are compared with."""

from __future__ import annotations

import base64
import zlib
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

from pegel.stats.fingerprints.kept_rows import KeptRows
from pegel.stats.fingerprints.row_hashes import Hashes


@dataclass(frozen=True, eq=False)
class CrowdSizes:
    """Cells and their rows, per table: sorted uint64 beside uint32, at most 12 bytes for each of `m` distinct rows."""

    m: int
    cells: tuple[Hashes, ...]
    sizes: tuple[NDArray[np.uint32], ...]

    @classmethod
    def of(cls, rows: KeptRows) -> Self:
        """Count kept rows."""
        return cls.counted(rows.cells)

    @classmethod
    def counted(cls, cells: Hashes) -> Self:
        """Count distinct rows by their cells, shape (rows, tables)."""
        counted = [np.unique(cells[:, t], return_counts=True) for t in range(cells.shape[1])]
        sizes = tuple(counts.astype(np.uint32) for _, counts in counted)
        return cls(len(cells), tuple(found for found, _ in counted), sizes)

    def in_cells(self, table: int, cells: Hashes) -> NDArray[np.int64]:
        """Return how many rows stand in each of some cells of a table."""
        known, sizes = self.cells[table], self.sizes[table]
        if not known.size:
            return np.zeros(cells.size, dtype=np.int64)
        at = np.searchsorted(known, cells).clip(max=known.size - 1)
        return np.where(known[at] == cells, sizes[at], 0).astype(np.int64)

    def to_json(self) -> dict[str, Any]:
        """Return plain JSON, the inverse of `from_json`; cells and sizes in base64, little-endian."""
        cells = [_text(cells.astype("<u8").tobytes()) for cells in self.cells]
        return {"m": self.m, "cells": cells, "sizes": [_text(sizes.astype("<u4").tobytes()) for sizes in self.sizes]}

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> Self:
        """Read what `to_json` wrote."""
        cells = tuple(np.frombuffer(_bytes(text), dtype="<u8").astype(np.uint64) for text in data["cells"])
        sizes = tuple(np.frombuffer(_bytes(text), dtype="<u4").astype(np.uint32) for text in data["sizes"])
        return cls(data["m"], cells, sizes)


def _text(data: bytes) -> str:
    return base64.b64encode(zlib.compress(data, level=6)).decode()


def _bytes(text: str) -> bytes:
    return zlib.decompress(base64.b64decode(text))
