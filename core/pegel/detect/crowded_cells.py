"""Do rows that are nearly the same come in crowds that training, and the recent past, do not have?

Rows are counted by cells that near rows share (`pegel.stats.fingerprints`); each cell's rows are tested against those
of the reference by the exact law, and every cell of every table is paid for: a union bound, symmetric in both samples.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from pegel.stats import hypergeometric
from pegel.stats.fingerprints.burst_floor import BurstFloor
from pegel.stats.fingerprints.crowd_sizes import CrowdSizes

CROWD = 2
"""Rows that are the fewest to be told together."""
RECENT_LEVEL = 1e-3
"""The recent past only has to refuse what is no news, so it is asked less surely: the level is not below this one."""
RECENT_TIMES = 4
"""The recent past is asked if it has so many times the rows of the window."""


@dataclass(frozen=True, slots=True)
class CrowdedCell:
    """One cell of one table: `rows` of `n` in the window, `before` of `m` in the reference, among `cells` cells."""

    table: int
    cell: int
    rows: int
    n: int
    before: int
    m: int
    cells: int
    tables: int

    @property
    def p_value(self) -> float:
        """Return how likely so many rows in any cell of any table are, at most; exact for one cell.

        >>> cell = CrowdedCell(0, 0, rows=7, n=1_000, before=0, m=30_000, cells=1, tables=1)
        >>> round(cell.p_value * 1e11, 6)
        3.561413
        """
        tail = hypergeometric.upper(self.rows, self.n, self.before, self.m)
        return min(1.0, self.tables * self.cells * tail)


def crowded_cells(window: CrowdSizes, reference: CrowdSizes) -> list[CrowdedCell]:
    """Return every cell with at least two rows of the window beside the same cell of a reference, in no order."""
    found = []
    for t, (cells, sizes) in enumerate(zip(window.cells, window.sizes, strict=True)):
        before = reference.in_cells(t, cells)
        number = _shared(window, reference, t, before)
        crowded = np.flatnonzero(sizes >= CROWD)
        found += [
            CrowdedCell(t, cell, rows, window.m, known, reference.m, number, len(window.cells))
            for cell, rows, known in zip(
                cells[crowded].tolist(), sizes[crowded].tolist(), before[crowded].tolist(), strict=True
            )
        ]
    return found


def most_crowded(window: CrowdSizes, reference: CrowdSizes) -> CrowdedCell | None:
    """Return the cell of the smallest p-value; None where no two rows meet."""
    return min(crowded_cells(window, reference), key=_rank, default=None)


@dataclass(frozen=True, slots=True)
class Crowd:
    """A cell that is more crowded than training, and than the recent past where that is known well enough."""

    baseline: CrowdedCell
    recent: CrowdedCell | None
    least: int
    """Rows that a cell needs, so that no session of training is told."""


@dataclass(frozen=True, slots=True)
class CrowdTest:
    """What is known of the crowds of a window.

    `crowd`: the most certain one, if any alarms. `against_training`: whether any cell is more crowded than training by
    the level and the floor alone.
    """

    crowd: Crowd | None
    against_training: bool


def crowd_test(
    window: CrowdSizes,
    baseline: CrowdSizes,
    level: float,
    *,
    recent: tuple[CrowdSizes, CrowdSizes] | None = None,
    floor: BurstFloor | None = None,
    blocks: int = 1,
) -> CrowdTest:
    """Test all cells of a window.

    Args:
        window: Its rows.
        baseline: Those of training.
        level: False alarms of one window, from 0 to 1, in all cells and tables together.
        recent: Rows of the window, all or a part, and of the windows before; None where these are too few. It carries
            no promise: it refuses what crowded before as well.
        floor: What sessions of training look like; None where that is not known.
        blocks: How many blocks as they were looked at for the floor the window is long: each may have sessions.
    """
    least = CROWD if floor is None else floor.least(level / blocks)
    alarming = [cell for cell in crowded_cells(window, baseline) if cell.rows >= least and cell.p_value <= level]
    crowds = [Crowd(cell, None, least) for cell in sorted(alarming, key=_rank)]
    if recent is not None and alarming:
        known = {(cell.table, cell.cell): cell for cell in crowded_cells(*recent)}
        beside = [Crowd(one.baseline, known.get((one.baseline.table, one.baseline.cell)), least) for one in crowds]
        crowds = [one for one in beside if one.recent is not None and one.recent.p_value <= max(level, RECENT_LEVEL)]
    return CrowdTest(next(iter(crowds), None), bool(alarming))


def _shared(window: CrowdSizes, reference: CrowdSizes, table: int, before: np.ndarray) -> int:
    """Return how many cells of a table have at least two rows of both together."""
    pooled = int(np.count_nonzero(window.sizes[table] + before >= CROWD))
    only_before = int(np.count_nonzero(reference.sizes[table] >= CROWD)) - int(np.count_nonzero(before >= CROWD))
    return pooled + only_before


def _rank(cell: CrowdedCell) -> tuple[float, int, int, int]:
    """Order cells by their p-value; of several the larger, then the first."""
    return cell.p_value, -cell.rows, cell.table, cell.cell
