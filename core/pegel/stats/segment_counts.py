"""The rows of one model counted segment by segment, in the cells of the whole: integers alone, which add up."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from itertools import pairwise
from typing import Any

import numpy as np
from numpy.typing import NDArray

from pegel.data.columns import Columns, Role
from pegel.spec.segment_columns import SegmentColumn
from pegel.stats.layout import Layout
from pegel.stats.segments import NOWHERE, Codes, Segments
from pegel.stats.summary import Summary


class SegmentCounts:
    """Summaries by segment, of those that have rows. `update` and `merge` are the only ways to change them."""

    def __init__(self, layout: Layout, segments: Segments, summaries: Mapping[str, Summary] | None = None) -> None:
        """Start from no rows, or from summaries that are kept from here."""
        self.layout = layout
        self.segments = segments
        self.summaries: dict[str, Summary] = dict(summaries or {})

    def update(self, columns: Columns, role: Role, codes: Sequence[Codes], season: int | None = None) -> None:
        """Count rows of one role.

        Args:
            columns: The rows.
            role: Whether they are features or predictions.
            codes: In which segment of each column each of them lies, as `Segments.rows` returns it. Predictions lie
                where the features of their request do.
            season: As of `Summary.update`.
        """
        if not self.layout.schema.of_role(role):
            return
        for column, own in zip(self.segments.columns, codes, strict=True):
            for code, rows in _by_code(own):
                self._of(column.names[code]).update(columns.take(rows), role, season)

    def merge(self, other: SegmentCounts) -> None:
        """Add the rows of `other`. Raises LayoutMismatch where its cells are others."""
        for name, summary in other.summaries.items():
            self._of(name).merge(summary)

    def _of(self, name: str) -> Summary:
        if name not in self.summaries:
            self.summaries[name] = Summary.empty(self.layout, counts_only=True)
        return self.summaries[name]

    @property
    def size_bytes(self) -> int:
        """Return the memory that they take."""
        return sum(summary.size_bytes for summary in self.summaries.values())

    def to_bytes(self) -> dict[str, bytes]:
        """Return each summary packed, by segment."""
        return {name: summary.to_bytes() for name, summary in self.summaries.items()}

    @classmethod
    def from_bytes(cls, data: Mapping[str, bytes], layout: Layout, segments: Segments) -> SegmentCounts:
        """Unpack what `to_bytes` returned. Raises LayoutMismatch if it was counted in other cells."""
        return cls(layout, segments, {name: Summary.from_bytes(packed, layout) for name, packed in data.items()})

    def to_json(self) -> dict[str, Any]:
        """Return plain JSON: what was asked for, and the counts that are not 0. Equal counts are equal JSON."""
        wanted = [
            {"column": one.column, "cuts": [cut.hex() for cut in one.cuts], "top": one.top} for one in self.wanted
        ]
        return {
            "columns": wanted,
            "counts": {name: _counts(summary) for name, summary in sorted(self.summaries.items())},
        }

    @property
    def wanted(self) -> tuple[SegmentColumn, ...]:
        """Return which segments were asked for."""
        return self.segments.wanted

    @classmethod
    def from_json(cls, data: Mapping[str, Any], layout: Layout) -> SegmentCounts:
        """Read what `to_json` wrote; the summaries cannot be changed any more."""
        wanted = [SegmentColumn(c["column"], tuple(map(float.fromhex, c["cuts"])), c["top"]) for c in data["columns"]]
        read = cls(layout, Segments.of(layout, wanted))
        for name, counts in data["counts"].items():
            summary = read._of(name)
            summary.counters[...] = counts["counters"]
            summary.cells[...] = _spread(counts["cells"], summary.cells.size)
            summary.season_cells = {
                int(season): _spread(cells, summary.cells.size) for season, cells in counts["season_cells"].items()
            }
            summary.freeze()
        return read


def _by_code(codes: Codes) -> Iterator[tuple[int, NDArray[np.intp]]]:
    """Yield each code with the places of its rows, in their order; none for rows without a segment."""
    order = np.argsort(codes, kind="stable")
    ordered = codes[order]
    bounds = [0, *(np.flatnonzero(np.diff(ordered)) + 1).tolist(), codes.size]
    for start, end in pairwise(bounds):
        if start < end and ordered[start] != NOWHERE:
            yield int(ordered[start]), order[start:end]


def _counts(summary: Summary) -> dict[str, Any]:
    seasons = {str(season): _sparse(cells) for season, cells in sorted(summary.season_cells.items())}
    return {"counters": summary.counters.tolist(), "cells": _sparse(summary.cells), "season_cells": seasons}


def _sparse(cells: NDArray[np.int64]) -> list[list[int]]:
    """Return how far each count that is not 0 is from the one before, and these counts."""
    places = np.flatnonzero(cells)
    return [np.diff(places, prepend=-1).tolist(), cells[places].tolist()]


def _spread(sparse: Sequence[Sequence[int]], size: int) -> NDArray[np.int64]:
    cells = np.zeros(size, dtype=np.int64)
    steps, counts = sparse
    cells[np.cumsum(np.array(steps, dtype=np.int64)) - 1] = counts
    return cells
