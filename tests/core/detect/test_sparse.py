"""Numbers that are nearly always the same: how many are not is tested exactly."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray
from scipy.stats import binom

from pegel.data.columns import Field, Kind, Schema
from pegel.detect.combine import corrected
from pegel.detect.drift import drift_tests
from pegel.detect.ranks import RankStatistic, midranks, rank_statistics
from pegel.detect.sparse import SparseTest
from pegel.stats import hypergeometric
from pegel.stats.cells import count_sorted
from pegel.stats.layout import NumericLayout, build_layout

M = 50_000
LEVELS = (1e-3, 1e-5, 1e-7)


def rows(rng: np.random.Generator, n: int, share: float) -> NDArray[np.float64]:
    """Draw amounts that are zero but for a share of the rows."""
    return np.where(rng.random(n) < share, rng.lognormal(size=n), 0.0)


def layout_of(values: NDArray[np.float64]) -> NumericLayout:
    """Return the cells of a column."""
    feature = build_layout(Schema((Field("x", Kind.NUMERIC),)), {"x": values}).features[0]
    assert isinstance(feature, NumericLayout)
    return feature


@pytest.mark.parametrize(("n", "share"), [(200, 0.01), (500, 0.02), (2_000, 0.01)])
def test_sparse_numbers_use_their_level(n: int, share: float) -> None:
    """The rate of false alarms stays below the level, and far in the tail nearer to it than a rank test can be."""
    rare = np.arange(int(n * share + 12 * np.sqrt(n * share) + 30))
    likely = binom.pmf(rare, n, share)
    before = round(M * share)
    counts = np.stack([n - rare, rare], axis=1)
    baseline = np.broadcast_to([M - before, before], counts.shape)
    ranks = rank_statistics("location", baseline, counts, midranks(baseline, counts))
    exact = np.array([SparseTest(int(x), n, before, M, one).p_value for x, one in zip(rare, ranks, strict=True)])
    careful = np.array([one.p_value for one in ranks])
    realised = [[likely[p < level].sum() / level for level in LEVELS] for p in (exact, careful)]

    assert max(realised[0]) < 1.2
    assert realised[0][2] > 1.5 * realised[1][2]


@given(st.integers(1, 60), st.integers(1, 60), st.data())
def test_both_tails_of_a_count(n: int, m: int, data: st.DataObject) -> None:
    """The two-sided p-value lies between a tail and twice it, and is realised no more often than it says."""
    marked = data.draw(st.integers(0, n + m))
    possible = range(max(0, marked - m), min(marked, n) + 1)
    upper = {x: hypergeometric.upper(x, n, marked - x, m) for x in possible}
    lower = {x: hypergeometric.lower(x, n, marked - x, m) for x in possible}
    p = {x: hypergeometric.two_sided(x, n, marked - x, m) for x in possible}
    mass = {x: upper[x] - upper.get(x + 1, 0.0) for x in possible}

    assert all(min(upper[x], lower[x]) - 1e-12 <= p[x] <= 2 * min(upper[x], lower[x]) + 1e-12 for x in possible)
    assert all(sum(mass[y] for y in possible if p[y] <= p[x]) <= p[x] + 1e-9 for x in possible)


SIGNED = np.repeat([-1.0, 0.0, 1.0], [100, 19_800, 100])


@pytest.mark.parametrize(
    ("before", "after", "n"), [(100, 10, 200), (100, 60, 2_000), (10, 20, 2_000), (500, 10, 2_000)]
)
def test_rows_on_both_sides_of_a_usual_value_become_more_or_fewer(before: int, after: int, n: int) -> None:
    """As many more changes up as down, or as many fewer, are certain: no mean rank sees them."""
    trained, window = (
        np.repeat([-1.0, 0.0, 1.0], [each, rows - 2 * each, each]) for each, rows in ((before, 20_000), (after, n))
    )
    layout = layout_of(trained)
    location, scale = drift_tests(layout, count_sorted(trained, layout.edges), count_sorted(window, layout.edges))

    assert ("location", "scale") == (location.name, scale.name)
    assert location.p_value > 0.5
    assert scale.p_value < 1e-6
    assert (after / n > before / 20_000) == (scale.statistic > 0)


def test_clean_windows_of_signed_changes_keep_their_level() -> None:
    """Windows in which one row in a hundred goes up and one down are flagged no more often than promised."""
    rng, layout = np.random.default_rng(3), layout_of(SIGNED)
    flagged = dict.fromkeys((1e-2, 1e-3), 0)
    for _ in range(12):
        baseline = _cells(layout, rng.multinomial(20_000, [0.01, 0.98, 0.01]))
        for counts in rng.multinomial(500, [0.01, 0.98, 0.01], size=100):
            p = min(corrected(drift_tests(layout, baseline, _cells(layout, counts))))
            flagged = {level: count + (p < level) for level, count in flagged.items()}

    assert all(count <= binom.isf(1e-4, 1_200, 1.2 * level) for level, count in flagged.items())
    assert flagged[1e-2] >= binom.ppf(1e-4, 1_200, 0.3 * 1e-2)


def _cells(layout: NumericLayout, counts: NDArray[np.int64]) -> NDArray[np.int64]:
    """Return counts per cell of the values -1, 0 and 1."""
    return count_sorted(np.repeat([-1.0, 0.0, 1.0], counts), layout.edges)


def test_which_fields_are_sparse() -> None:
    """Only numbers on one side of a value that nine tenths of the baseline have are counted; others are ranked."""
    rng = np.random.default_rng(0)
    amounts = {share: rows(rng, M, share) for share in (0.02, 0.3)}
    both_sides = {0.0: rng.choice([-1.0, 0.0, 1.0], M, p=[0.01, 0.98, 0.01])}
    kinds = {}
    for share, values in (amounts | both_sides).items():
        layout = layout_of(values)
        window = rows(rng, 500, share) if share else values[:500]
        before, now = (count_sorted(np.sort(part), layout.edges) for part in (values, window))
        kinds[share] = type(drift_tests(layout, before, now)[0])

    assert {0.02: SparseTest, 0.3: RankStatistic, 0.0: RankStatistic} == kinds


def test_sparse_numbers_below_the_usual_value() -> None:
    """Rows below the usual value pull a window down: its direction, tail and words are those of lying lower."""
    rng = np.random.default_rng(0)
    layout = layout_of(-rows(rng, M, 0.01))
    sizes = ((M, 0.01), (500, 0.1))
    before, now = (count_sorted(np.sort(-rows(rng, size, share)), layout.edges) for size, share in sizes)
    test = drift_tests(layout, before, now)[0]
    assert isinstance(test, SparseTest)

    assert test.statistic < 0
    assert test.tail(-1) < 1e-12
    assert test.tail(1) > 0.9
    assert test.p_value < 1e-12


def test_a_row_on_the_other_side_leaves_the_test_as_it_is() -> None:
    """One value below zero among amounts counts as a zero, and the test stays exact; many of them are seen."""
    rng = np.random.default_rng(0)
    trained, window = np.round(rows(rng, M, 0.01), 2), rows(rng, 500, 0.06)
    layout, mixed = layout_of(trained), window.copy()
    mixed[np.argmin(window)] = -1
    before, now, one_below = (count_sorted(np.sort(values), layout.edges) for values in (trained, window, mixed))
    alone, beside = (drift_tests(layout, before, counts)[0] for counts in (now, one_below))
    (mirrored,) = drift_tests(layout, before, count_sorted(np.sort(-window), layout.edges))

    assert [SparseTest, SparseTest] == [type(alone), type(beside)]
    assert mirrored.p_value < 1e-7
    assert alone.p_value == beside.p_value < 1e-7


@pytest.mark.parametrize("sign", [-1, 1])
def test_an_hour_of_nothing_but_the_usual_value_has_no_side(sign: int) -> None:
    """Where this part of training knew one value alone, rows on the one side that the window has are counted."""
    rng = np.random.default_rng(0)
    layout = layout_of(sign * rows(rng, M, 0.01))
    window = np.r_[np.zeros(490), sign * np.geomspace(0.1, 30, 10)]
    before, now = (count_sorted(np.sort(values), layout.edges) for values in (np.zeros(5_000), window))
    test = drift_tests(layout, before, now)[0]

    assert isinstance(test, SparseTest)
    assert (10, 0) == (test.seen, test.seen_in_baseline)
    assert test.tail(sign) < 1e-9
