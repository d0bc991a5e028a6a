"""Relevance in units of the prediction and the order of importance: golden values of the specification."""

from __future__ import annotations

import math

import numpy as np
import pytest

from pegel.detect.attribution_change import beyond, changes, clean_ndcg, ndcg, ranks
from pegel.stats.attribution_sums import AttributionSums, PredictionScale

IMPORTANCE = np.array([0.5, 0.3, 0.15, 0.05])


def test_golden_relevance() -> None:
    """A mean beyond the margin of .05 sigma is certain at 3.13 standard errors; a mean size within it is not."""
    sigma = 1.2
    mean = beyond(0.12 / sigma, math.sqrt(0.18 / 500 + 0.16 / 20_000) / sigma, 0.05)
    size = beyond(0.02 / sigma, math.sqrt(0.08 / 500 + 0.07 / 20_000) / sigma, 0.05)

    assert 3.127716 == pytest.approx(mean, abs=1e-6)
    assert -3.128248 == pytest.approx(size, abs=1e-6)


def test_golden_ndcg() -> None:
    """The first two swapped, all of them reversed, and all twice as large."""
    assert 0.9060666185 == pytest.approx(ndcg(IMPORTANCE, IMPORTANCE[[1, 0, 2, 3]]), abs=1e-9)
    assert 0.6489812484 == pytest.approx(ndcg(IMPORTANCE, IMPORTANCE[::-1]), abs=1e-9)
    assert 1 == ndcg(IMPORTANCE, 2 * IMPORTANCE)


def test_without_importance_every_order_is_the_same() -> None:
    """A model that uses nothing has no order to lose."""
    assert 1 == ndcg(np.zeros(3), np.array([1.0, 2.0, 3.0]))


def test_clean_windows_have_nearly_the_order_of_the_baseline() -> None:
    """Its 1 % quantile over drawn means is that of resampled rows, and far above the .9 that others alarm at."""
    rng = np.random.default_rng(3)
    sizes = np.abs(rng.normal(0, [5, 3, 2.9, 0.2], (20_000, 4)))
    drawn = clean_ndcg(sizes.mean(axis=0), np.cov(sizes.T), 500)
    resampled = [ndcg(sizes.mean(axis=0), sizes[rng.integers(0, 20_000, 500)].mean(axis=0)) for _ in range(1_000)]

    assert np.quantile(resampled, 0.01) == pytest.approx(drawn, abs=2e-3)
    assert drawn > 0.95


def test_ranks_begin_with_the_most_important() -> None:
    """Of equal ones the first comes first."""
    assert [2, 1, 3, 4] == ranks(np.array([1.0, 3.0, 1.0, 0.5]))


def test_changes_are_in_standard_deviations_of_the_prediction() -> None:
    """Mean and size of one feature move as its attributions did, the others by nothing, the output by the sum."""
    rng, scale = np.random.default_rng(5), PredictionScale(0.0, 2.0)
    before = rng.normal(0, [1, 0.5], (20_000, 2))
    now = before[:2_000] + np.array([0.5, 0.0])
    after, earlier = (AttributionSums.of(scale.rows(part, part.sum(axis=1))) for part in (now, before))
    first, second, output = changes(after, earlier, margin=0.05)
    moved = now.mean(axis=0) - before.mean(axis=0)

    assert moved[0] / 2 == pytest.approx(first.mean, abs=1e-3)
    assert moved.sum() / 2 == pytest.approx(output.mean, abs=1e-3)
    assert math.hypot(0.5 / math.sqrt(2_000), 0.5 / math.sqrt(20_000)) == pytest.approx(first.mean_error, rel=0.05)
    assert first.z > 10
    assert second.z < 0
    assert first.p_relevant < 1e-9


@pytest.mark.parametrize(("change", "z"), [(0.2, math.inf), (0.0, -math.inf), (0.05, 0.0)])
def test_attributions_that_never_vary(change: float, z: float) -> None:
    """Without any spread a change beyond the margin is certain, and one within it is none."""
    assert z == beyond(change, 0.0, 0.05)
