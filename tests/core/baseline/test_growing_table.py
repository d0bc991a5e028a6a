"""A table grows by partitions: what a baseline of the whole says follows from its parts, in one layout.

Exactly: counts, cells, ranges, moments, correlations and seasons, and so the id of a baseline without an outlier
cut-off. What needs every row at once does not: edges, the cut-off, and what clean windows do. So a refresh reads the
whole table, and the cells of an older one tell less of a newer one, by how much is bounded here.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from pegel.baseline.baseline import Baseline
from pegel.baseline.outliers import OutlierTables
from pegel.data.columns import Columns, Field, Kind, Role, Schema
from pegel.errors import LayoutMismatch
from pegel.spec.monitor_spec import Watch
from pegel.stats.layout import Layout, build_layout
from pegel.stats.noise import Noise
from pegel.stats.seasons import Seasons
from pegel.stats.summary import Summary

ROWS = 600
SCHEMA = Schema((Field("x", Kind.NUMERIC), Field("y", Kind.NUMERIC), Field("c", Kind.CATEGORICAL)))
RNG = np.random.default_rng(5)
X = RNG.lognormal(size=ROWS)
X[::17] = np.nan
TABLE: dict[str, NDArray[Any]] = {
    "x": X,
    "y": np.nan_to_num(X) + RNG.normal(size=ROWS),
    "c": RNG.choice(np.array(["a", "b", "c"], dtype=object), ROWS),
}
SEASON = RNG.integers(0, 2, ROWS)
LAYOUT = build_layout(SCHEMA, TABLE)
PARTITIONS = st.lists(st.integers(0, ROWS), max_size=6).map(lambda cuts: np.split(np.arange(ROWS), sorted(cuts)))
"""Rows by partition: any number of partitions of any size, empty ones too."""


def columns(rows: NDArray[np.int64]) -> Columns:
    """Return some rows of the table."""
    numbers = np.column_stack([TABLE["x"][rows], TABLE["y"][rows]])
    return Columns(len(rows), numbers, None, (TABLE["c"][rows],), (None,))


def counted(rows: NDArray[np.int64], layout: Layout = LAYOUT) -> Summary:
    """Count rows as the baseline job does, by season."""
    summary = Summary.empty(layout, exact=True)
    for season in (0, 1):
        summary.update(columns(rows[SEASON[rows] == season]), Role.FEATURE, season)
    return summary


def baseline(summary: Summary, *parts: NDArray[np.int64]) -> Baseline:
    """Make a baseline of a summary; with partitions of rows, also their outlier cut-off."""

    def scores(tables: OutlierTables) -> NDArray[np.float64]:
        return np.concatenate([tables.score(columns(rows))[0] for rows in parts])

    return Baseline.build(
        layout=summary.layout,
        summary=summary,
        model="delays",
        version=1,
        source="",
        scores=scores if parts else None,
        watch=Watch(),
        noise=Noise(seasons=Seasons(12)),
    )


WHOLE = baseline(counted(np.arange(ROWS)))
WITH_CUTOFF = baseline(counted(np.arange(ROWS)), np.arange(ROWS))


@settings(deadline=None, max_examples=25)
@given(PARTITIONS, st.randoms(use_true_random=False))
def test_the_baseline_of_a_union_is_that_of_its_merged_partitions(parts: list[NDArray[np.int64]], order: Any) -> None:
    """Counted apart in one layout, kept as bytes and added in any order, partitions give the id of the whole table.

    With the scores of every row by the tables of the whole, also where there is an outlier cut-off.
    """
    order.shuffle(parts)
    merged = Summary.empty(LAYOUT, exact=True)
    for rows in parts:
        merged.merge(Summary.from_bytes(counted(rows).to_bytes(), LAYOUT))

    assert WHOLE.id == baseline(merged).id
    assert WITH_CUTOFF.id == baseline(merged, *parts).id


@settings(deadline=None, max_examples=25)
@given(PARTITIONS)
def test_documents_of_partitions_add_up(parts: list[NDArray[np.int64]]) -> None:
    """Finished baselines of partitions in one layout have let their exact sums go: counts still add up exactly.

    Moments do to a billionth of the field's deviation; variances of correlations do not, so there is no id of these.
    """
    total, whole = Summary.total([baseline(counted(rows)).summary for rows in parts]), WHOLE.summary

    assert whole.counters.tolist() == total.counters.tolist()
    assert whole.cells.tolist() == total.cells.tolist()
    assert whole.ranges.tolist() == total.ranges.tolist()
    assert whole.comoments.products.tolist() == total.comoments.products.tolist()
    assert {season: cells.tolist() for season, cells in whole.season_cells.items()} == {
        season: cells.tolist() for season, cells in total.season_cells.items()
    }
    for name in ("x", "y"):
        one, other = whole.features[name].moments, total.features[name].moments
        spread = one.sd or 0.0

        assert abs(one.mean - other.mean) <= 1e-9 * spread
        assert abs(spread - (other.sd or 0.0)) <= 1e-9 * spread


@settings(deadline=None, max_examples=25)
@given(st.integers(150, ROWS), st.floats(-3, 12))
def test_cells_of_an_older_table_bound_what_they_tell(first: int, value: float) -> None:
    """In the layout of a first partition, the share of the whole table below any value is known but for one cell.

    At an edge it is exact; between two edges it is off by at most the share of the cell between them.
    """
    part = {name: column[:first] for name, column in TABLE.items()}
    layout = build_layout(SCHEMA, part)
    found = counted(np.arange(ROWS), layout).features["y"]
    # Values, not bins: which cell a value falls in is asked of the layout itself.
    alone = Summary.empty(layout)
    alone.update(Columns(1, np.array([[0.0, value]]), None, (np.array(["a"], dtype=object),), (None,)), Role.FEATURE)
    cell = int(np.argmax(alone.features["y"].cells))
    exact = int(np.count_nonzero(TABLE["y"] < value))
    before = int(found.cells[:cell].sum())

    assert before <= exact <= before + int(found.cells[cell])


def test_partitions_of_other_cells_are_not_added() -> None:
    """Partitions that were each given edges of their own have no union: the sentence names both layouts."""
    other = build_layout(SCHEMA, {name: column[:200] for name, column in TABLE.items()})

    with pytest.raises(LayoutMismatch, match="counts in different cells cannot be added"):
        counted(np.arange(ROWS)).merge(counted(np.arange(200), other))
