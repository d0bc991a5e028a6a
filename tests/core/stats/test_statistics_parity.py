"""Single statistics against numpy, scipy and plain counting."""

from __future__ import annotations

from collections import Counter
from itertools import product

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray
from scipy import stats

from pegel.errors import LayoutMismatch
from pegel.stats.categories import Categories
from pegel.stats.comoments import Comoments
from pegel.stats.counters import Counters
from pegel.stats.distinct import Distinct
from pegel.stats.extremes import Extremes
from pegel.stats.histogram import Histogram
from pegel.stats.moment_sums import MomentSums
from pegel.stats.quantiles import Quantiles
from pegel.stats.vocabulary import Vocabulary

ANY = st.lists(st.floats(width=64), max_size=50).map(lambda values: np.array(values, dtype=np.float64))
CLASSES = np.array(["a", "b", "c", None], dtype=object)


@pytest.mark.parametrize("scale", [1e-3, 1.0, 1e6])
def test_moments(scale: float) -> None:
    """Mean, variance, skewness and kurtosis equal those of numpy and scipy, in any split."""
    values = 1e3 * scale + scale * np.random.default_rng(0).gamma(2.0, size=4_000)
    sums = MomentSums()
    for part in np.split(values, [7, 1_000, 1_000, 2_500]):
        sums.update(part)

    assert sums.get() == pytest.approx(
        {
            "count": values.size,
            "mean": values.mean(),
            "variance": values.var(ddof=1),
            "skewness": stats.skew(values),
            "kurtosis": stats.kurtosis(values, fisher=False),
        },
        rel=1e-9,
    )


@given(ANY)
@settings(deadline=None)
def test_moments_of_anything(values: NDArray[np.float64]) -> None:
    """Any values at all have moments or None, at both ends of the floats too; never NaN, infinity or an error."""
    sums = MomentSums()
    sums.update(values)
    found = sums.get()

    assert np.count_nonzero(np.isfinite(values)) == found["count"]
    assert all(value is None or np.isfinite(value) for value in found.values())


def test_undefined_moments_are_none() -> None:
    """Nothing has no mean, one value no variance, and equal values no shape."""
    nothing, one, equal = MomentSums(), MomentSums(), MomentSums()
    one.update(np.array([2.0]))
    equal.update(np.full(5, 2.0))

    assert [0, None, None, None, None] == list(nothing.get().values())
    assert [1, 2.0, None, None, None] == list(one.get().values())
    assert [5, 2.0, 0.0, None, None] == list(equal.get().values())


@given(ANY)
@settings(deadline=None)
def test_counters_and_extremes_against_plain_counting(values: NDArray[np.float64]) -> None:
    """Each value is of one kind, and the range is that of the finite ones."""
    counters, extremes = Counters(), Extremes()
    counters.update(values)
    extremes.update(values)
    kinds = Counter("nan" if x != x else "posinf" if x == np.inf else "neginf" if x == -np.inf else "" for x in values)  # noqa: PLR0124 - NaN
    inside = [x for x in values.tolist() if np.isfinite(x)]

    assert {"n": len(values), "null": 0, "unparseable": 0} | {
        k: kinds[k] for k in ("nan", "posinf", "neginf")
    } == counters.get()
    assert {"min": min(inside, default=None), "max": max(inside, default=None)} == extremes.get()


@pytest.mark.parametrize("value", [1.0, np.inf])
def test_a_number_that_is_missing(value: float) -> None:
    """A value that is marked missing and is there all the same contradicts itself; nothing is counted."""
    counters = Counters()

    with pytest.raises(ValueError, match="expected NaN wherever a value is marked missing"):
        counters.update(np.array([np.nan, value]), np.array([1, 2], dtype=np.uint8))

    assert 0 == counters.get()["n"]


@given(ANY, st.lists(st.floats(-10, 10), max_size=6, unique=True).map(sorted))
@settings(deadline=None)
def test_histogram_against_plain_counting(values: NDArray[np.float64], edges: list[float]) -> None:
    """A value falls into the cell whose upper edge is the first that is not below it; NaN and infinities into none."""
    edges = sorted(set(np.array(edges, dtype=np.float64) + 0.0))
    histogram = Histogram(np.array(edges, dtype=np.float64))
    histogram.update(values)
    cells = Counter(sum(edge < x for edge in edges) for x in values.tolist() if np.isfinite(x))

    assert [cells[i] for i in range(len(edges) + 1)] == histogram.counts.tolist()


@pytest.mark.parametrize("edges", [[1.0, 1.0], [2.0, 1.0], [0.0, np.inf], [np.nan]])
def test_edges_that_make_no_cells(edges: list[float]) -> None:
    """Edges that do not rise strictly, or are not finite, begin no histogram."""
    with pytest.raises(ValueError, match="expected finite, strictly increasing edges"):
        Histogram(np.array(edges))


def test_categories_against_plain_counting() -> None:
    """Frequent, other and unseen categories and nulls are counted apart; spelling is taken as it is."""
    names = [f"c{i:02}" for i in range(100)]
    categories = Categories(Vocabulary.build([*names, *names[:10] * 10]))
    categories.update(np.array(["c00", "c00", "c09", "c55", "c00 ", "C00", None, "\ud800"], dtype=object))
    found = Categories.from_bytes(categories.to_bytes()).get()

    assert (10, 2, 1, 0) == (len(found["top"]), found["top"]["c00"], found["top"]["c09"], found["top"]["c01"])
    assert (4, 3, 1) == (found["others"], found["unseen"], found["null"])


def test_comoments() -> None:
    """Covariance and correlation of each pair equal numpy's over the rows that have both; means are of each field."""
    rng = np.random.default_rng(0)
    scores = rng.integers(-2_724, 2_725, (3_000, 4))
    scores[:, 3] = scores[:, 0] // 2 + scores[:, 1]
    present = rng.random((3_000, 4)) < [1, 0.9, 0.5, 1]
    sums = Comoments(4)
    sums.update(scores[:1_000], present[:1_000])
    sums.update(scores[1_000:], present[1_000:])
    found = sums.get()

    assert 3_000 == found["n"]
    for j, k in product(range(4), repeat=2):
        both = scores[present[:, j] & present[:, k]][:, [j, k]]
        assert len(both) == found["rows"][j][k]
        np.testing.assert_allclose(found["covariance"][j][k], np.cov(both.T)[0, 1], rtol=1e-9)
        np.testing.assert_allclose(found["correlation"][j][k], np.asarray(np.corrcoef(both.T))[0, 1], rtol=1e-9)
    np.testing.assert_allclose(found["means"], [scores[present[:, j], j].mean() for j in range(4)], rtol=1e-9)


def test_comoments_far_from_zero() -> None:
    """Sums whose products leave 64 bits behind still give the right covariance: two million rows of high scores."""
    scores = np.tile([[2_700, 2_720], [2_710, 2_724]], (1_000_000, 1))
    sums = Comoments(2)
    sums.update(scores)
    found = sums.get()

    assert 2_000_000**2 * 2_705 * 2_722 > 2**63
    np.testing.assert_allclose(found["covariance"], np.cov((scores - 2_700).T), rtol=1e-9)
    assert [[1.0, 1.0], [1.0, 1.0]] == found["correlation"]


def test_undefined_comoments_are_none() -> None:
    """Without rows nothing is defined, and a field that does not vary has no correlation."""
    sums = Comoments(2)
    empty = sums.get()
    sums.update(np.array([[1, 5], [2, 5]]))
    found = sums.get()

    assert (0, [None, None], [[None, None]] * 2) == (empty["n"], empty["means"], empty["covariance"])
    assert ([[0.5, 0.0], [0.0, 0.0]], [[1.0, None], [None, None]]) == (found["covariance"], found["correlation"])


@given(st.lists(st.floats(-5, 5), min_size=1, max_size=150).map(np.array))
@settings(deadline=None)
def test_few_values_have_exact_quantiles(values: NDArray[np.float64]) -> None:
    """Up to the size of the sketch a quantile is the inverse of the empirical distribution, as in numpy."""
    quantiles = Quantiles()
    quantiles.update(values)
    ranks = [0.0, 0.1, 0.5, 0.9, 1.0]
    found = quantiles.get(ranks)

    assert np.quantile(values, ranks, method="inverted_cdf").tolist() == list(found["quantiles"].values())


def test_many_values_have_quantiles_within_the_bound() -> None:
    """With 50,000 values in 20 parts n is exact, and each quantile has its rank within three times the stated error."""
    values = np.random.default_rng(0).standard_t(3, 50_000)
    whole = Quantiles()
    for part in np.split(values, 20):
        one = Quantiles()
        one.update(part)
        whole.merge(one)
    found = whole.get()
    off = [abs(np.mean(values <= value) - float(rank)) for rank, value in found["quantiles"].items()]

    assert 50_000 == found["n"]
    assert max(off) <= 3 * whole.rank_error <= 0.04


def test_quantiles_of_nothing() -> None:
    """Without finite values there are no quantiles."""
    quantiles = Quantiles()
    quantiles.update(np.array([np.nan, np.inf]))

    assert {"n": 0, "quantiles": {"0.5": None}} == quantiles.get([0.5])
    assert quantiles.rank(1.0) is None


@pytest.mark.parametrize("n", [0, 1, 384, 385, 5_000, 50_000])
def test_distinct_values(n: int) -> None:
    """The estimate is within four standard errors, and bit-equal however the values were split, repeated or ordered."""
    values = np.random.default_rng(n).permutation(np.arange(n, dtype=np.float64))
    whole, split = Distinct(), Distinct()
    whole.update(values)
    for part in (values[: n // 3], values[::-1], values[n // 3 :]):
        one = Distinct()
        one.update(part)
        split.merge(one)

    assert whole.get() == split.get() == Distinct.from_bytes(split.to_bytes()).get()
    assert n == pytest.approx(whole.get()["estimate"], rel=4 * 1.04 / 64)


def test_both_zeros_are_one_value() -> None:
    """0.0 and -0.0 are one value, and the smallest of them has no sign."""
    distinct, extremes = Distinct(), Extremes()
    for zero in (-0.0, 0.0):
        distinct.update(np.array([zero]))
        extremes.update(np.array([zero]))

    assert 1 == distinct.get()["estimate"]
    assert ("0.0", "0.0") == (str(extremes.low), str(extremes.high))


def test_one_statistic_is_not_read_as_another() -> None:
    """Bytes say what they are: those of a histogram are no counters, and the message shows what was given."""
    histogram = Histogram(np.array([0.0]))

    with pytest.raises(LayoutMismatch, match="expected a packed statistic 'counters', given b'PGST1histogram"):
        Counters.from_bytes(histogram.to_bytes())


def test_bytes_are_few() -> None:
    """A full histogram of 78 edges takes less than a kilobyte and a half, a distinct count about two."""
    values = np.random.default_rng(0).normal(size=50_000)
    histogram, distinct = Histogram(np.sort(values[:78])), Distinct()
    histogram.update(values)
    distinct.update(values)

    assert len(histogram.to_bytes()) < 1_500
    assert len(distinct.to_bytes()) < 2_300
