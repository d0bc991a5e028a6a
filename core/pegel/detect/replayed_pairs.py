"""The dependence of pairs, replayed over the baseline window by window: how far does it stray although nothing changes?

Rows that come in bursts, or of sources that differ, make two features go together now in this way and now in another.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from pegel.detect.association import associations
from pegel.detect.dependence_change import judged_pairs
from pegel.detect.replay import MIN_BLOCKS, cells_of, shape_factors
from pegel.stats.dispersion import Dispersion
from pegel.stats.layout import Layout
from pegel.stats.pair_groups import ABSENT
from pegel.stats.pair_tables import PairTables

MOST_BLOCKS = 60
"""So many windows are replayed at most, spread over the baseline evenly: all pairs of 16 features then take a second
of a core."""


def replay_pairs(layout: Layout, values: Mapping[str, NDArray[Any]], n_ref: int) -> dict[tuple[int, int], Dispersion]:
    """Return how much more the dependence of pairs varies than that of independent rows, by positions of two fields.

    Pairs that do not vary more are absent; all are if the baseline has fewer than 30 windows.

    Args:
        layout: The cells.
        values: Full columns as for `pegel.stats.layout.build_layout`, in the order of time.
        n_ref: Rows that a window is expected to have.
    """
    rows = len(next(iter(values.values()))) if values else 0
    if n_ref < 1 or rows // n_ref < MIN_BLOCKS or len(layout.paired) < 2:  # noqa: PLR2004  a pair
        return {}
    groups = np.stack([_groups(layout, position, values) for position in layout.paired], axis=1)
    whole = PairTables(len(layout.paired))
    whole.update(groups)
    first, second = judged_pairs(whole, whole)
    blocks = np.unique(np.linspace(0, rows // n_ref - 1, MOST_BLOCKS).astype(np.int64)).tolist()
    found = [_of_block(groups[block * n_ref : (block + 1) * n_ref], whole, first, second) for block in blocks]
    statistics, df = (np.stack(each, axis=1) for each in zip(*found, strict=True))
    dispersions = {}
    for j, k, values_of_pair, df_of_pair in zip(first.tolist(), second.tolist(), statistics, df, strict=True):
        tested = df_of_pair > 0
        factors = shape_factors(values_of_pair[tested], df_of_pair[tested])
        if factors is not None:
            key = layout.paired[j], layout.paired[k]
            dispersions[key] = Dispersion(n_ref, int(tested.sum()), {}, factors)
    return dispersions


def _groups(layout: Layout, position: int, values: Mapping[str, NDArray[Any]]) -> NDArray[np.uint8]:
    feature = layout.features[position]
    cells, absent = cells_of(feature, values[feature.field.name])
    return np.where(absent, np.uint8(ABSENT), feature.pair_groups[cells])


def _of_block(
    groups: NDArray[np.uint8], whole: PairTables, first: NDArray[np.intp], second: NDArray[np.intp]
) -> tuple[NDArray[np.float64], NDArray[np.int64]]:
    """Return statistic and degrees of freedom of each pair in one window, against all other rows."""
    block = PairTables(whole.size)
    block.update(groups)
    window = block.of_pairs(first, second)
    found = associations(whole.of_pairs(first, second) - window, window)
    return found.values, found.df
