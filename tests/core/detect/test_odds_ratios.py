"""Equal odds ratios: an exact law, checked against counting and against scipy."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st
from scipy.stats import hypergeom

from pegel.detect.odds_ratios import Halves, expected_both, law, log_bounds, possible, same_odds

CELLS = st.tuples(*[st.integers(0, 25)] * 4)


def halves(cells: tuple[int, ...]) -> Halves:
    """Return the counts of a fourfold table: high in both, in the first alone, in the second alone, in none."""
    both, first, second, none = cells
    return Halves.of(both + first + second + none, both + first, both + second, both)


def weight(window: Halves, baseline: Halves, x: int) -> int:
    """Return the number of ways to have x rows high in both in the window, in whole numbers."""
    sides = ((window, x), (baseline, int(window.both + baseline.both) - x))
    ways = 1
    for side, both in sides:
        first, second, rows = int(side.first), int(side.second), int(side.rows)
        ways *= math.comb(first, both) * math.comb(rows - first, second - both)
    return ways


def _tails(ways: list[int]) -> tuple[list[list[int]], list[list[int]]]:
    """Return the counts up to each place, and those from each place on."""
    places = range(len(ways))
    return [ways[: i + 1] for i in places], [ways[i:] for i in places]


@given(CELLS, CELLS)
def test_it_is_the_law_of_all_tables_with_the_same_margins(seen: tuple[int, ...], trained: tuple[int, ...]) -> None:
    """The p-value is the smaller tail of all tables, in whole numbers, and the other as far as it is as rare."""
    window, baseline = halves(seen), halves(trained)
    least, most = (int(limit) for limit in possible(window, baseline))
    ways = [weight(window, baseline, x) for x in range(least, most + 1)]
    at, total = int(window.both) - least, sum(ways)
    below, above = ([sum(part) for part in parts] for parts in _tails(ways))
    tail, others = min((below[at], above), (above[at], below), key=lambda pair: pair[0])
    expected = min(1.0, (tail + max((other for other in others if other <= tail), default=0)) / total)

    assert all(ways)
    assert expected == pytest.approx(same_odds(window, baseline), rel=1e-9)


@given(st.lists(st.tuples(CELLS, CELLS), min_size=1, max_size=9), st.sampled_from([1.0, 1.3, 4.0]))
def test_bounds_hold_the_p_values_of_many_pairs(
    tables: list[tuple[tuple[int, ...], tuple[int, ...]]], factor: float
) -> None:
    """Every p-value lies between its bounds, found for all pairs at once; both are 1 where nothing can differ."""
    windows, baselines = zip(*((halves(seen), halves(trained)) for seen, trained in tables), strict=True)
    sides = [
        Halves(*(np.array([getattr(one, name) for one in side]) for name in ("rows", "first", "second", "both")))
        for side in (windows, baselines)
    ]
    below, above = log_bounds(sides[0], sides[1], np.full(len(tables), factor))
    p = np.log([same_odds(*pair, factor) for pair in zip(windows, baselines, strict=True)])

    assert (below <= p + 1e-9).all()
    assert (p <= above + 1e-9).all()


@pytest.mark.parametrize(("both", "width"), [(90_000, 4.0), (92_500, 3.0), (25, 2.0)])
def test_bounds_from_below_are_near(both: int, width: float) -> None:
    """A p-value is a few powers of ten above its lower bound, for a million rows as for a hundred."""
    rows = 1_000_000 if both > 1_000 else 100
    window, baseline = Halves.of(rows, rows * 3 // 10, rows * 3 // 10, both), Halves.of(10**7, 3e6, 3e6, 9e5)
    below = float(log_bounds(window, baseline, np.ones(()))[0])

    assert 0 <= math.log10(same_odds(window, baseline)) - below / math.log(10) <= width


@given(CELLS, CELLS)
def test_what_is_expected_has_the_odds_ratio_of_the_baseline(seen: tuple[int, ...], trained: tuple[int, ...]) -> None:
    """The expected rows lie between what the margins allow, and make the window's odds ratio the baseline's."""
    assume(sum(seen) > 0)
    window, baseline = halves(seen), halves(trained)
    both, ratio = float(expected_both(window, baseline)), float(np.exp(baseline.log_odds()[0]))
    first, second, rows = (int(count) for count in (window.first, window.second, window.rows))

    assert max(0, first + second - rows) - 1e-9 <= both <= min(first, second) + 1e-9
    assert both * (rows - first - second + both) == pytest.approx(ratio * (first - both) * (second - both), abs=1e-6)


@given(CELLS, CELLS)
def test_turning_a_field_round_changes_nothing(seen: tuple[int, ...], trained: tuple[int, ...]) -> None:
    """Whether a field's upper or its lower part is called high is all the same."""
    window, baseline = (halves((first, both, none, second)) for both, first, second, none in (seen, trained))

    assert same_odds(halves(seen), halves(trained)) == pytest.approx(same_odds(window, baseline), rel=1e-9)


@given(CELLS)
def test_phi_is_the_correlation_of_the_halves(seen: tuple[int, ...]) -> None:
    """It is numpy's correlation of two columns of 0 and 1; 0 where one of them does not vary."""
    window = halves(seen)
    columns = np.repeat([[1, 1], [1, 0], [0, 1], [0, 0]], seen, axis=0)
    assume(len(columns) > 0)
    varies = bool((columns.std(axis=0) > 0).all())
    expected = float(np.corrcoef(columns.T)[0, 1]) if varies else 0.0

    assert expected == pytest.approx(float(window.phi), abs=1e-12)


def test_a_large_baseline_of_independent_halves_is_a_hypergeometric_law() -> None:
    """Against millions of rows without association, the window is tested as Fisher's exact test would."""
    window, baseline = Halves.of(200, 20, 30, 9), Halves.of(40_000_000, 4_000_000, 6_000_000, 600_000)
    upper = float(hypergeom.sf(8, 200, 20, 30))

    assert upper < same_odds(window, baseline) <= 2 * upper


@pytest.mark.parametrize(
    "sides",
    [
        pytest.param(((3, 0, 0, 97), (30, 0, 0, 970)), id="copies"),
        pytest.param(((0, 3, 97, 0), (0, 30, 970, 0)), id="mirror images"),
        pytest.param(((0, 10, 10, 80), (0, 90, 110, 800)), id="never up together"),
    ],
)
def test_what_cannot_differ_does_not(sides: tuple[tuple[int, ...], tuple[int, ...]]) -> None:
    """Copies, mirror images and exclusive flags leave one possible count: p is 1, however often each is high."""
    window, baseline = (halves(side) for side in sides)

    assert 0 == int(np.subtract(*possible(window, baseline)))
    assert 1.0 == same_odds(window, baseline)


def test_rows_that_resemble_each_other_count_less() -> None:
    """With four times the variance, a count two standard deviations off has the p-value of about one."""
    window, baseline = Halves.of(10_000, 5_000, 5_000, 2_550), Halves.of(1_000_000, 500_000, 500_000, 250_000)
    alone, alike = (same_odds(window, baseline, factor) for factor in (1.0, 4.0))

    assert 0.05 == pytest.approx(alone, abs=0.01)
    assert 0.32 == pytest.approx(alike, abs=0.02)


def test_a_law_has_no_more_counts_than_can_be_weighed() -> None:
    """Of hundreds of thousands of possible counts those within 40 spreads are left, down to 1e-300 on each side."""
    window = Halves.of(1_000_000, 300_000, 300_000, 90_000)
    baseline = Halves.of(10_000_000, 3_000_000, 3_000_000, 900_000)
    _, weights = law(window, baseline)
    spread = np.sqrt(1e6 * 0.3**2 * 0.7**2 * 10 / 11)

    assert 70 * spread < weights.size < 80 * spread
    assert 1e-305 < min(weights[0], weights[-1]) < max(weights[0], weights[-1]) < 1e-295


@pytest.mark.parametrize("both", [90_000, 91_000, 92_500])
@pytest.mark.parametrize("factor", [1.0, 4.0])
def test_far_tails_are_those_of_all_possible_counts(both: int, factor: float) -> None:
    """What is left out changes no p-value, down to far below any level."""
    window = Halves.of(1_000_000, 300_000, 300_000, both)
    baseline = Halves.of(10_000_000, 3_000_000, 3_000_000, 900_000)
    least, most = (int(limit) for limit in possible(window, baseline))
    x = np.arange(least, most + 1)
    logs = np.zeros(x.size)
    for side, high in ((window, x), (baseline, both + 900_000 - x)):
        first, second, rows = int(side.first), int(side.second), int(side.rows)
        logs += hypergeom.logpmf(high, rows, first, second)
    weights = np.exp((logs - logs.max()) / factor)
    tails = weights[: both - least + 1].sum(), weights[both - least :].sum()
    p = same_odds(window, baseline, factor)

    assert min(tails) * (1 - 1e-4) <= p * weights.sum() <= 2 * min(tails) * (1 + 1e-4)


def test_a_count_beyond_all_weights_has_the_smallest_p() -> None:
    """A certain change is no error: its p-value is the smallest that is reported."""
    window, baseline = Halves.of(100_000, 30_000, 30_000, 25_000), Halves.of(1_000_000, 300_000, 300_000, 90_000)

    assert 1e-300 == same_odds(window, baseline)
