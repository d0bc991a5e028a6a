"""Shifts: by plain ranks, or by normal scores where tails are light."""

from __future__ import annotations

import math

import numpy as np
import pytest
from numpy.typing import NDArray
from scipy.stats import mannwhitneyu, norm, permutation_test, rankdata

from pegel.data.columns import Field, Kind, Schema
from pegel.detect.drift import drift_tests
from pegel.detect.location import location
from pegel.stats.cells import cell_of, count_sorted
from pegel.stats.layout import NumericLayout, build_layout

CLIP = 1 / 256


def frozen(values: NDArray[np.float64]) -> NumericLayout:
    """Freeze the cells of one field."""
    (field,) = build_layout(Schema((Field("x", Kind.NUMERIC),)), {"x": values}).features
    assert isinstance(field, NumericLayout)
    return field


def scores_of(first: NDArray[np.float64], second: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return the normal scores of the pooled midranks of all rows, those of `first` in front."""
    ranks = rankdata(np.concatenate([first, second]))
    return np.asarray(norm.ppf(np.clip((ranks - 0.5) / ranks.size, CLIP, 1 - CLIP)))


@pytest.mark.parametrize("discrete", [True, False])
@pytest.mark.parametrize("shift", [-0.2, 0.0, 0.1])
def test_normal_scores_are_those_of_the_rows(discrete: bool, shift: float) -> None:
    """On cells z is the difference of mean normal scores of rows over its permutation error, ties in cells included."""
    rng = np.random.default_rng(0)
    trained, now = rng.normal(size=5_000), rng.normal(shift, 1, 300)
    if discrete:
        trained, now = np.round(4 * trained), np.round(4 * now)
    layout = frozen(trained)
    # Rows that share a cell are tied.
    b, w = cell_of(trained, layout.edges).astype(float), cell_of(now, layout.edges).astype(float)
    scores = scores_of(w, b)
    error = math.sqrt(scores.var(ddof=1) * (1 / w.size + 1 / b.size))
    z = (scores[: w.size].mean() - scores[w.size :].mean()) / error
    counts = count_sorted(np.sort(trained), layout.edges), count_sorted(np.sort(now), layout.edges)
    found = drift_tests(layout, *counts)[0]

    assert layout.light_tails
    assert ("location", z) == (found.name, pytest.approx(found.statistic, rel=1e-9))
    assert found.statistic == location(*counts, light_tails=True).z


def test_the_p_value_is_that_of_permutations() -> None:
    """The p-value of normal scores is the share of permutations with a larger difference, within its error."""
    rng = np.random.default_rng(1)
    trained, now = np.round(3 * rng.normal(size=600)), np.round(3 * rng.normal(0.25, 1, 60))
    layout = frozen(trained)
    scores = scores_of(now, trained)
    counts = count_sorted(np.sort(trained), layout.edges), count_sorted(np.sort(now), layout.edges)
    drawn = permutation_test(
        (scores[:60], scores[60:]), lambda a, b: np.mean(a) - np.mean(b), n_resamples=4_000, rng=rng
    )

    assert location(*counts, light_tails=True).p_value == pytest.approx(drawn.pvalue, abs=0.02)


def test_plain_ranks_are_wilcoxons() -> None:
    """With heavy tails z has the p-value of Wilcoxon, Mann and Whitney."""
    rng = np.random.default_rng(2)
    trained, now = (
        np.round(3 * rng.standard_t(2, 5_000)).clip(-30, 30),
        np.round(3 * rng.standard_t(2, 300)).clip(-30, 30),
    )
    layout = frozen(trained)
    counts = count_sorted(np.sort(trained), layout.edges), count_sorted(np.sort(now), layout.edges)
    expected = mannwhitneyu(now, trained, use_continuity=False, method="asymptotic").pvalue

    assert not layout.light_tails
    assert drift_tests(layout, *counts)[0].p_value == pytest.approx(expected, rel=1e-3)


@pytest.mark.parametrize(("name", "better"), [("normal", True), ("standard_t", False)])
def test_each_is_better_where_it_is_used(name: str, better: bool) -> None:
    """A small shift of a normal stands out more by normal scores, one of heavy tails more by plain ranks."""
    rng = np.random.default_rng(3)

    def draw(n: int) -> NDArray[np.float64]:
        return rng.normal(size=n) if name == "normal" else rng.standard_t(3, n)

    trained = draw(20_000)
    layout = frozen(trained)
    baseline = count_sorted(np.sort(trained), layout.edges)
    windows = [count_sorted(np.sort(draw(500) + 0.15), layout.edges) for _ in range(200)]
    z = [np.mean([location(baseline, one, light_tails=light).z for one in windows]) for light in (True, False)]

    assert better == layout.light_tails == bool(z[0] > z[1])
