"""Cell edges from baseline values: quantiles, a ladder into the tails, and point cells for repeated values.

Edges are strictly increasing float64; cells are right-closed: cell i holds `edges[i-1] < x <= edges[i]`, the first and
the last reach to infinity. The pair `(previous(v), v)` therefore makes a cell that holds only v.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

QUANTILES = 64
"""Cells between the extremes of a continuous feature; also the most distinct values of a discrete one."""
TAIL_ROWS = 10
"""The tail ladder halves the tail until fewer baseline rows than this lie beyond."""
SHAPE_GROUPS = 16
"""Target number of groups of cells for the shape test."""


def previous(values: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return the next float64 below each value."""
    return np.nextafter(values, -np.inf)


def build(ordered: NDArray[np.float64]) -> tuple[NDArray[np.float64], bool]:
    """Return the edges for sorted finite values, and whether the feature is discrete (at most 64 distinct values).

    No values give no edges: one cell that holds everything.
    """
    ordered = ordered + 0.0  # -0.0 becomes 0.0: one zero, one hexadecimal form
    starts = np.flatnonzero(np.r_[True, ordered[1:] != ordered[:-1]]) if ordered.size else np.empty(0, dtype=np.intp)
    if starts.size <= QUANTILES:
        points = ordered[starts]
        return np.unique(np.concatenate([previous(points), points])), True
    repeats = np.diff(np.r_[starts, ordered.size])
    atoms = ordered[starts[repeats * QUANTILES >= ordered.size]]
    ranks = _ranks(ordered.size)
    ends = np.array([previous(ordered[:1])[0], ordered[-1]])
    return np.unique(np.concatenate([ends, ordered[ranks - 1], previous(atoms), atoms])), False


def _ranks(m: int) -> NDArray[np.int64]:
    """Return the 1-based ranks of the order statistics that become edges, in exact integer arithmetic."""
    ranks = [-(-j * m // QUANTILES) for j in range(1, QUANTILES)]
    power = 2 * QUANTILES
    while m >= TAIL_ROWS * power:
        ranks += [-(-m // power), -(-m * (power - 1) // power)]
        power *= 2
    return np.array(ranks, dtype=np.int64)


def is_point(edges: NDArray[np.float64]) -> NDArray[np.bool_]:
    """Say for each of the `len(edges) + 1` cells whether it can hold one value only."""
    inner = edges[:-1] == previous(edges[1:]) if edges.size > 1 else np.empty(0, dtype=np.bool_)
    return np.r_[False, inner, False] if edges.size else np.array([False])


def shape_groups(counts: NDArray[np.int64]) -> NDArray[np.int64]:
    """Return the shape group of each cell: neighbours joined until each group holds about 1/16 of the baseline rows.

    A group closes at 0.9 m/16 rows; an unfinished last group below m/32 rows joins its left neighbour.
    """
    m = int(counts.sum())
    groups = np.zeros(counts.size, dtype=np.int64)
    group, rows = 0, 0
    for cell, count in enumerate(counts.tolist()):
        groups[cell] = group
        rows += count
        if rows * SHAPE_GROUPS >= 0.9 * m:
            group, rows = group + 1, 0
    if group and rows * 2 * SHAPE_GROUPS < m:
        groups[groups == group] = group - 1
    return groups
