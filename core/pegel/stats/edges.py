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
FLOAT32_END = 2.0**128
"""What would follow the largest float32."""


def previous(values: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return the next float64 below each value; below the smallest one lies minus infinity."""
    with np.errstate(over="ignore"):
        return np.nextafter(values, -np.inf)


def build(ordered: NDArray[np.float64]) -> tuple[NDArray[np.float64], bool]:
    """Return the edges for sorted finite values, and whether the feature is discrete (at most 64 distinct values).

    No values give no edges: one cell that holds everything.
    """
    points = _smallest(ordered, QUANTILES + 1)
    if points.size <= QUANTILES:
        return of_points(points), True
    chosen = ordered[ranks(ordered.size) - 1]
    return of_order_statistics(ordered[[0, -1]], chosen, _atoms(ordered)), False


def of_points(points: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return the edges of a discrete feature: a point cell for each of its values."""
    points = _one_zero(points)
    return np.unique(np.concatenate([previous(points), points]))


def of_order_statistics(
    ends: NDArray[np.float64], chosen: NDArray[np.float64], atoms: NDArray[np.float64]
) -> NDArray[np.float64]:
    """Return the edges of a continuous feature.

    Args:
        ends: The smallest and the largest value.
        chosen: The values at `ranks`.
        atoms: The values that at least 1/64 of the rows have.
    """
    ends, atoms = _one_zero(ends), _one_zero(atoms)
    return np.unique(np.concatenate([[previous(ends[:1])[0], ends[1]], _one_zero(chosen), previous(atoms), atoms]))


def ranks(m: int) -> NDArray[np.int64]:
    """Return the 1-based ranks of the order statistics of m values that become edges, in exact integer arithmetic."""
    found = [-(-j * m // QUANTILES) for j in range(1, QUANTILES)]
    power = 2 * QUANTILES
    while m >= TAIL_ROWS * power:
        found += [-(-m // power), -(-m * (power - 1) // power)]
        power *= 2
    return np.array(found, dtype=np.int64)


def least_rows(m: int) -> int:
    """Return how many of m rows must have a value for it to be an atom: 1/64, rounded up."""
    return -(-m // QUANTILES)


def _smallest(ordered: NDArray[np.float64], limit: int) -> NDArray[np.float64]:
    """Return the first `limit` distinct values."""
    found: list[float] = []
    at = 0
    while at < ordered.size and len(found) < limit:
        found.append(float(ordered[at]))
        at = int(np.searchsorted(ordered, ordered[at], side="right"))
    return np.array(found)


def _atoms(ordered: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return the repeated values: so many equal rows in a row must reach over one of these places."""
    least = least_rows(ordered.size)
    candidates = np.unique(ordered[least - 1 :: least])
    repeats = np.searchsorted(ordered, candidates, side="right") - np.searchsorted(ordered, candidates)
    return candidates[repeats >= least]


def _one_zero(values: NDArray[np.float64]) -> NDArray[np.float64]:
    """Make -0.0 0.0: one zero, one hexadecimal form."""
    return values + 0.0


def is_point(edges: NDArray[np.float64]) -> NDArray[np.bool_]:
    """Say for each of the `len(edges) + 1` cells whether it can hold one value only."""
    inner = edges[:-1] == previous(edges[1:]) if edges.size > 1 else np.empty(0, dtype=np.bool_)
    return np.r_[False, inner, False] if edges.size else np.array([False])


def cuts(edges: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return where values are cut to count them by these edges, shape (E,), strictly increasing.

    Each edge is moved to the end of what is its value in float32: models and their clients pass numbers through it, and
    9.99 must not leave the cell of 9.99 for that. Edges stay where they are if their values cannot be told apart in
    float32 (whole numbers from 2**24 on, values far from zero with a small spread), or are beyond it.
    """
    if not edges.size:
        return edges
    # The lower edge of a point, and the first edge of all, stand just below the value that they are made of.
    lower = np.append(edges[:-1] == previous(edges[1:]), values=False)
    lower[0] = True
    with np.errstate(over="ignore"):
        values, place = np.unique(np.where(lower, np.nextafter(edges, np.inf), edges), return_inverse=True)
    low, high = _float32_ends(values)
    alone = np.isfinite(low) & np.isfinite(high)
    alone[1:] &= values[:-1] < low[1:]
    alone[:-1] &= high[:-1] < values[1:]
    moved = np.where(lower, previous(np.where(alone, low, values))[place], np.where(alone, high, values)[place])
    _part(moved, values[place])
    return moved


def _part(moved: NDArray[np.float64], values: NDArray[np.float64]) -> None:
    """Part cuts that are the same, in place: the end of a value and the beginning of the next, which meet half-way.

    The end goes down by one float64; where it is the value itself, the beginning goes up, and is below its own value.
    """
    (ends,) = np.nonzero(moved[:-1] >= moved[1:])
    down = previous(moved[ends])
    free = down >= values[ends]
    moved[ends[free]] = down[free]
    moved[ends[~free] + 1] = np.nextafter(moved[ends[~free]], np.inf)


def _float32_ends(values: NDArray[np.float64]) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return the smallest and the largest float64 that are the same as each value in float32; not finite beyond it."""
    with np.errstate(over="ignore", invalid="ignore"):
        single = values.astype(np.float32)
        # Beyond the largest float32 its steps go on: what is half a step beyond it still is the same.
        beside = [np.nextafter(single, np.float32(side)).astype(np.float64) for side in (-np.inf, np.inf)]
        ends = [(single + np.clip(next_, -FLOAT32_END, FLOAT32_END)) / 2 for next_ in beside]
        # Half-way values go to the even neighbour, so an end may belong to the next float32 already.
        low, high = (np.where(end.astype(np.float32) == single, end, np.nextafter(end, values)) for end in ends)
    return low, high


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
