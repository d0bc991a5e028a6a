"""Counting numbers in frozen cells."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

FEW = 4_096
"""Up to so many values are searched by halving: a grid would not pay."""
SHORT = 8
"""Up to so many edges likewise."""
GRID = 4_096
"""Intervals of the grid."""
BLOCK = 8_192
"""Values looked up at once: few enough for the processor's cache."""
ROUNDS = 2
"""Edges in one interval of the grid that are compared one after the other: a point cell has two."""


def cell_of(values: NDArray[np.float64], edges: NDArray[np.float64]) -> NDArray[np.intp]:
    """Return the cell of each value; NaN and the infinities must not be looked up."""
    grid = _grid(edges) if values.size > FEW and edges.size > SHORT else None
    return np.searchsorted(edges, values, side="left") if grid is None else _by_grid(values, edges, grid)


def _by_grid(values: NDArray[np.float64], edges: NDArray[np.float64], grid: tuple[float, float]) -> NDArray[np.intp]:
    """Search with an even grid laid over the edges, several times faster than by halving.

    Which interval a value lies in is a function that never falls, however it is rounded. So all edges of lower
    intervals are below the value, all edges of higher ones are not, and only those of its own have to be compared.
    """
    place = _intervals(edges, grid)
    first = np.searchsorted(place, np.arange(GRID)).astype(np.intp)
    crowded = np.bincount(place, minlength=GRID) > ROUNDS
    padded = np.append(edges, np.inf)
    found = np.empty(values.size, dtype=np.intp)
    for start in range(0, values.size, BLOCK):
        block, cells = np.ascontiguousarray(values[start : start + BLOCK]), found[start : start + BLOCK]
        intervals = _intervals(block, grid)
        np.take(first, intervals, out=cells, mode="clip")
        for _ in range(ROUNDS):
            cells += block > padded[cells]
        if crowded.any():
            rest = np.flatnonzero(crowded[intervals])
            cells[rest] = np.searchsorted(edges, block[rest], side="left")
    return found


def _grid(edges: NDArray[np.float64]) -> tuple[float, float] | None:
    """Return start and intervals per unit of the grid that leaves the fewest edges in crowded intervals.

    Heavy tails stretch a grid until everything falls in one interval; then it is laid over the middle only.
    """
    best: tuple[int, tuple[float, float]] | None = None
    for cut in (0, edges.size // 8):
        with np.errstate(over="ignore", divide="ignore"):
            scale = float(GRID / np.float64(edges[-1 - cut] - edges[cut]))
        if not 0 < scale < np.inf or not np.isfinite(edges[cut]):
            continue
        grid = (float(edges[cut]), scale)
        inside = np.bincount(_intervals(edges, grid))
        crowded = int(inside[inside > ROUNDS].sum())
        if best is None or crowded < best[0]:
            best = (crowded, grid)
    return None if best is None or best[0] * 2 > edges.size else best[1]


def _intervals(values: NDArray[np.float64], grid: tuple[float, float]) -> NDArray[np.int32]:
    start, scale = grid
    with np.errstate(over="ignore", invalid="ignore"):
        place = values - start
        place *= scale
        # fmax, not maximum or clip: NaN becomes 0, so that looking it up is harmless.
        np.fmin(np.fmax(place, 0, out=place), GRID - 1, out=place)
        return place.astype(np.int32)


def finite_part(ordered: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return the finite values of a sorted column: -inf stands first, +inf and NaN stand last."""
    start = np.searchsorted(ordered, -np.inf, side="right")
    return ordered[start : np.searchsorted(ordered, np.inf, side="left")]


def count_sorted(ordered: NDArray[np.float64], edges: NDArray[np.float64]) -> NDArray[np.int64]:
    """Count sorted finite values per cell, shape (len(edges) + 1,).

    On sorted values only the edges are searched for, which is several times faster than searching for the values.
    """
    upto = np.searchsorted(ordered, edges, side="right")
    return np.diff(upto, prepend=0, append=ordered.size).astype(np.int64, copy=False)
