"""Tests of location, scale, shape and counts against independent implementations on rows."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from scipy import stats

from pegel.detect.binary import binary
from pegel.detect.count_tests import CountTest
from pegel.detect.drift import drift_tests
from pegel.detect.location import auc, location
from pegel.detect.ranks import Counts
from pegel.detect.scale import CLIP, scale
from pegel.detect.shape import pool_ordered, shape
from pegel.stats import tails
from pegel.stats.cells import count_sorted
from pegel.stats.layout import Layout


def sample(seed: int, n: int, shift: float = 0.0) -> NDArray[np.float64]:
    """Draw values with many ties."""
    return np.round(np.random.default_rng(seed).normal(shift, 2, n))


def cells(values: Any) -> Counts:
    """Count values from -12 to 12 in a cell each."""
    edges = np.arange(-11.5, 12.0)
    return count_sorted(np.sort(np.asarray(values, dtype=np.float64)), edges)


@pytest.mark.parametrize(("seed", "shift"), [(1, 0.0), (2, 0.3), (3, -1.0)])
def test_location_is_mann_whitney(seed: int, shift: float) -> None:
    """Without skewness the location test is scipy's tie-corrected Mann-Whitney test, and its area under the curve."""
    window, baseline = sample(seed, 150, shift), sample(seed + 10, 150)
    expected = stats.mannwhitneyu(window, baseline, use_continuity=False, method="asymptotic")
    found = location(cells(baseline), cells(window))

    assert abs(found.skewness) < 1e-15
    assert expected.pvalue == pytest.approx(found.p_value, rel=1e-9)
    assert expected.statistic / 150**2 == pytest.approx(auc(cells(baseline), cells(window)), rel=1e-12)


def test_scale_is_klotz_on_rows() -> None:
    """The scale test is the standardised mean of squared normal scores of pooled midranks."""
    window, baseline = 1.2 * sample(1, 80), sample(2, 900)
    window = np.round(window)
    both = np.concatenate([window, baseline])
    ranks = (stats.rankdata(both) - 0.5) / both.size
    scores = stats.norm.ppf(np.clip(ranks, CLIP, 1 - CLIP)) ** 2
    spread = scores.std(ddof=1) * np.sqrt(1 / 80 + 1 / 900)
    found = scale(cells(baseline), cells(window))

    assert (scores[:80].mean() - scores[80:].mean()) / spread == pytest.approx(found.z, rel=1e-9)


def test_skewed_p_is_near_the_exact_one() -> None:
    """On a column of mostly zeros the p-value is near the exact mid-p, where a normal law is far too small."""
    found = location(np.array([1940, 60]), np.array([88, 12]))
    law = stats.hypergeom(2100, 72, 100)
    expected = law.sf(12) + law.pmf(12) / 2

    assert 0.5 < tails.upper(found.z, found.skewness) / expected < 2
    assert tails.upper(found.z, 0.0) < 0.05 * expected


def test_pearson_three_matches_scipy() -> None:
    """The skewed law is scipy's Pearson III, on both sides."""
    for z, skewness in [(3.0, 0.5), (3.0, -0.5), (-2.0, 0.8), (-2.0, -0.8), (5.0, 0.01)]:
        expected = stats.pearson3.sf(z, skewness)

        assert expected == pytest.approx(tails.upper(z, skewness), rel=1e-9)


@pytest.mark.parametrize("shift", [0.0, 1.0])
def test_shape_is_scipy(shift: float) -> None:
    """The divergence is that of scipy's contingency table, of the power of one third."""
    b, w = cells(sample(1, 3_000)), cells(sample(2, 200, shift))
    pools = pool_ordered(b, w)
    table = np.stack([np.bincount(pools, weights=side) for side in (w, b)])
    expected = stats.chi2_contingency(table, correction=False, lambda_=1 / 3)
    found = shape(b, w, pools)

    assert found is not None
    assert (expected.statistic, expected.dof) == pytest.approx((found.divergence, found.df), rel=1e-9)
    assert expected.pvalue == pytest.approx(found.p_value, rel=1e-9)


@pytest.mark.parametrize("seed", range(5))
def test_pools_are_large_enough(seed: int) -> None:
    """At least five rows are expected in each pool on both sides, whatever the counts."""
    rng = np.random.default_rng(seed)
    b, w = rng.poisson(3, 40) * 20, rng.poisson(1.5, 40)
    both = np.bincount(pool_ordered(b, w), weights=b + w)

    assert both.min() * min(b.sum(), w.sum()) / both.sum() >= 5 * (1 - 1e-12)


def test_binary_is_fishers_test() -> None:
    """Two values are tested by the smaller tail of Fisher's exact test, and of the other what is no more likely."""
    baseline, window = np.array([700, 300]), np.array([50, 40])
    law = stats.hypergeom(1_090, 340, 90)
    upper, lower = law.sf(39), law.cdf(np.arange(30))
    tails_ = [upper, lower[lower <= upper].max()]

    assert sum(tails_) == pytest.approx(binary(baseline, window).p_value, rel=1e-9)


def test_which_tests_are_run(layout: Layout) -> None:
    """Numbers have three tests, categories two, two values an exact one, a constant none."""
    delay, carrier = layout.features[0], layout.features[1]
    spread = np.full(delay.size, 100)
    two, one = np.zeros_like(spread), np.zeros_like(spread)
    two[[3, 9]], one[4] = 500, 1000

    assert ["location", "scale", "shape"] == [test.name for test in drift_tests(delay, spread, spread)]
    assert ["binary"] == [test.name for test in drift_tests(delay, two, two)]
    assert [] == drift_tests(delay, one, one)
    many = np.full(carrier.size, 100)
    assert ["shape", "single category"] == [test.name for test in drift_tests(carrier, many, many)]


def test_relevance() -> None:
    """A certain but tiny shift is irrelevant at a margin above it, and relevant below it."""
    size = 200_000
    baseline, window = np.array([size, size]), np.array([size - 2_500, size + 2_500])
    found = location(baseline, window)

    assert found.p_value < 1e-7
    assert found.p_relevant(0.02) > 0.01 > found.p_relevant(0.001)


def test_rates_have_a_margin_of_their_own() -> None:
    """A null rate that changes by less than a thousandth is irrelevant."""
    small = CountTest("nulls", 90, 100_000, 0, 100_000, two_sided=True, least_difference=0.001)
    large = CountTest("nulls", 110, 100_000, 0, 100_000, two_sided=True, least_difference=0.001)

    assert (1.0, 0.0) == (small.p_relevant(0.02), large.p_relevant(0.02))
