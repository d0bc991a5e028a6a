"""HBOS tables."""

from __future__ import annotations

import math

import numpy as np
import pytest
from numpy.typing import NDArray

from pegel.baseline.outliers import OutlierTables
from pegel.baseline.outliers.cell_quantiles import quantiles
from pegel.data.columns import Columns, Field, Kind, Role, Schema
from pegel.stats.layout import build_layout
from pegel.stats.summary import FeatureSummary, Summary


def counted(values: NDArray[np.float64]) -> FeatureSummary:
    """Count one column in its own cells."""
    summary = summarised(values)
    return summary.features["x"]


def summarised(values: NDArray[np.float64]) -> Summary:
    """Summarise one column."""
    summary = Summary.empty(build_layout(Schema((Field("x", Kind.NUMERIC),)), {"x": values}))
    summary.update(Columns(values.size, values[:, None], None, (), ()), Role.FEATURE)
    return summary


def scores(baseline: NDArray[np.float64], values: list[float]) -> list[float]:
    """Score values by the HBOS table of a baseline column."""
    columns = Columns(len(values), np.array(values)[:, None], None, (), ())
    found: list[float] = OutlierTables.from_summary(summarised(baseline), "hbos").score(columns)[0].tolist()
    return found


def test_a_cell_scores_its_density() -> None:
    """A cell between two edges scores -ln of its smoothed share times R over its width."""
    values = np.random.default_rng(0).normal(size=5_000)
    summary = summarised(values)
    feature, layout = summary.features["x"], summary.layout.correlated[0][1]
    low, high = quantiles(feature, layout, 0.01, 0.99) or (0, 0)
    cell = 30
    share = (int(feature.cells[cell]) + 0.5) / (5_000 + layout.size / 2)
    middle = float(layout.edges[cell - 1 : cell + 1].mean())
    expected = -math.log(share * (high - low) / float(layout.edges[cell] - layout.edges[cell - 1]))

    assert expected == pytest.approx(scores(values, [middle])[0], rel=1e-12)


def test_points_and_ends_have_a_nominal_width() -> None:
    """A cell of one value, and the open cells at both ends, count as R/64 wide; gaps have their own width."""
    values = np.repeat([0.0, 1.0, 4.0], [500, 300, 200])  # seven cells, R = 4
    sizes = {0.0: (500, 4 / 64), 2.0: (0, 3.0), 4.0: (200, 4 / 64), -1.0: (0, 4 / 64), 9.0: (0, 4 / 64)}
    expected = [-math.log((rows + 0.5) / (1_000 + 3.5) * 4 / width) for rows, width in sizes.values()]

    assert expected == pytest.approx(scores(values, list(sizes)), rel=1e-12)


def test_without_a_range_widths_are_left_out() -> None:
    """Where the 1 % and the 99 % quantile are one value, a cell scores by its share alone."""
    values = np.repeat([0.0, 1.0], [999, 1])
    expected = [-math.log((rows + 0.5) / (1_000 + 2.5)) for rows in (999, 0, 1)]

    assert expected == pytest.approx(scores(values, [0.0, 0.5, 1.0]), rel=1e-12)


def test_a_gap_between_two_heaps_is_unusual() -> None:
    """A value between two heaps scores more than 98 % of the values in them; ECOD cannot see that.

    The others lie in the cell that spans the gap and reaches one sixty-fourth of the rows into a heap.
    """
    heaps = np.random.default_rng(1).normal(size=4_000) + np.repeat([-10.0, 10.0], 2_000)
    columns = Columns(1, np.zeros((1, 1)), None, (), ())
    summary = summarised(heaps)

    assert scores(heaps, [0.0])[0] > np.quantile(scores(heaps, heaps.tolist()), 0.98)
    assert OutlierTables.from_summary(summary).score(columns)[0][0] == pytest.approx(math.log(2), abs=0.05)


@pytest.mark.parametrize(
    "values",
    [
        np.array([-1.7e308, 1.7e308] * 200),
        np.array([0.0, 5e-324] * 200),
        np.linspace(-1, 1, 500) * 1.7e308,
        np.arange(500) * 5e-324,
        np.arange(10).repeat(50) * 5e-324,
        np.array([7.0] * 300),
        np.empty(0),
    ],
    ids=["whole range", "smallest step", "spread over all floats", "subnormal", "few subnormal", "constant", "no rows"],
)
def test_every_score_is_finite(values: NDArray[np.float64]) -> None:
    """Whatever the baseline, every value has a finite score by either method."""
    columns = Columns(7, np.array([[0.0, 1.0, -1.0, 5e-324, 1.7e308, -1.7e308, 7.0]]).T, None, (), ())
    summary = summarised(values)

    assert np.isfinite(OutlierTables.from_summary(summary, "hbos").score(columns)[0]).all()
    assert np.isfinite(OutlierTables.from_summary(summary, "ecod").score(columns)[0]).all()


def test_quantiles_at_edges_are_order_statistics() -> None:
    """At the share of a cell's edge the quantile is that edge; in between it is in between; ends are the extremes."""
    values = np.sort(np.random.default_rng(2).normal(size=6_400))
    feature = counted(values)
    layout = build_layout(Schema((Field("x", Kind.NUMERIC),)), {"x": values}).numeric(Role.FEATURE)[0][1]
    shares = [j / 64 for j in range(1, 64)]

    assert values[[100 * j - 1 for j in range(1, 64)]].tolist() == quantiles(feature, layout, *shares)
    assert [values[0], values[-1]] == pytest.approx(quantiles(feature, layout, 0.0, 1.0))
    assert np.quantile(values, [0.033, 0.71]) == pytest.approx(quantiles(feature, layout, 0.033, 0.71), abs=0.01)


def test_quantiles_of_few_values_are_among_them() -> None:
    """A quantile of a discrete field is one of its values: the smallest that the share does not exceed."""
    values = np.repeat([1.0, 2.0, 5.0], [7, 3, 90])
    layout = build_layout(Schema((Field("x", Kind.NUMERIC),)), {"x": values}).numeric(Role.FEATURE)[0][1]

    assert [1.0, 1.0, 2.0, 2.0, 5.0, 5.0] == quantiles(counted(values), layout, 0.0, 0.07, 0.08, 0.1, 0.11, 1.0)
    assert quantiles(counted(np.empty(0)), layout, 0.5) is None
